//! Translation to what drivers take: SPIR-V, MSL, HLSL and GLSL; the first and the last judged by
//! Khronos' own tools.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use dcgan_gpu::plan::ENTRY_POINT;
use naga::ShaderStage::Compute;
use naga::back::{glsl, hlsl, msl, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use rayon::prelude::*;

use super::{Specialised, common};

/// As the engine has them: no index clamps. Its own tests watch the indices.
const POLICIES: BoundsCheckPolicies = BoundsCheckPolicies {
    index: BoundsCheckPolicy::Unchecked,
    buffer: BoundsCheckPolicy::Unchecked,
    image_load: BoundsCheckPolicy::Unchecked,
    binding_array: BoundsCheckPolicy::Unchecked,
};

/// Translates all; panics with the reports of those that fail.
pub fn check(all: &[Specialised]) {
    let [spirv_val, glslang] = ["spirv-val", "glslangValidator"].map(tool);
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Constants make many specialisations that translate to the same text.
    let files = all.par_iter().enumerate().map(|(number, specialised)| {
        msl(specialised);
        hlsl(specialised);
        let file = |text: Vec<u8>, extension: &str| (text, folder.path().join(format!("{number}.{extension}")));
        [file(spirv(specialised), "spv"), file(glsl(specialised).into_bytes(), "comp")]
    });
    let files: Vec<_> = files.collect();
    let distinct: BTreeMap<Vec<u8>, PathBuf> = files.into_iter().flatten().collect();
    let mut jobs: Vec<(&str, &[&str], Vec<&Path>)> = Vec::new();
    let mut texts = Vec::new();
    for (text, path) in &distinct {
        std::fs::write(path, text).expect("the temporary folder is writable");
        match text.strip_prefix(&SPIRV_MAGIC) {
            None => texts.push(path.as_path()),
            Some(rest) => {
                let vulkan: &[&str] = if rest.starts_with(&SPIRV_1_0) { &VULKAN_1_0 } else { &VULKAN_1_1 };
                jobs.extend(spirv_val.map(|tool| (tool, vulkan, vec![path.as_path()])));
            }
        }
    }
    // glslangValidator takes longer to start than to check a file, and checks many independently.
    jobs.extend(glslang.iter().flat_map(|&tool| texts.chunks(64).map(move |paths| (tool, GLSL_STAGE, paths.to_vec()))));
    let failures: Vec<String> =
        jobs.par_iter().filter_map(|(tool, arguments, paths)| judge(tool, arguments, paths)).collect();
    assert!(failures.is_empty(), "{} of {} files:\n{}", failures.len(), distinct.len(), failures.join("\n"));
}

/// The first word of SPIR-V, and the second of version 1.0.
const SPIRV_MAGIC: [u8; 4] = 0x0723_0203_u32.to_le_bytes();
const SPIRV_1_0: [u8; 4] = 0x0001_0000_u32.to_le_bytes();
const VULKAN_1_0: [&str; 2] = ["--target-env", "vulkan1.0"];
const VULKAN_1_1: [&str; 2] = ["--target-env", "vulkan1.1"];
const GLSL_STAGE: &[&str] = &["-S", "comp"];

/// The tool, if it is there or must be.
fn tool(name: &'static str) -> Option<&'static str> {
    if Command::new(name).arg("--version").output().is_ok() {
        return Some(name);
    }
    let hint = "install spirv-tools and glslang-tools, or set DCGAN_GPU_TESTS=skip to run without";
    assert!(common::may_skip(), "{name} is not installed; {hint}");
    eprintln!("skipped: {name} is not installed, and DCGAN_GPU_TESTS=skip is set");
    None
}

/// The tool's report, unless it is content with all files.
fn judge(tool: &str, arguments: &[&str], paths: &[&Path]) -> Option<String> {
    let output = Command::new(tool).args(arguments).args(paths).output().expect("the tool runs");
    let text = || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (!output.status.success()).then(|| format!("{tool}: {}", text()))
}

/// SPIR-V 1.0, or 1.3 where subgroups need it.
fn spirv(specialised: &Specialised) -> Vec<u8> {
    let options = spv::Options {
        lang_version: if specialised.uses_subgroups() { (1, 3) } else { (1, 0) },
        bounds_check_policies: POLICIES,
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: false,
        ..Default::default()
    };
    let pipeline = spv::PipelineOptions { shader_stage: Compute, entry_point: ENTRY_POINT.to_string() };
    let words = spv::write_vec(&specialised.module, &specialised.info, &options, Some(&pipeline));
    let words = words.unwrap_or_else(|error| panic!("{}: SPIR-V: {error}", specialised.kernel.name));
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// Metal 2.4.
fn msl(specialised: &Specialised) {
    let options = msl::Options {
        lang_version: (2, 4),
        bounds_check_policies: POLICIES,
        zero_initialize_workgroup_memory: false,
        force_loop_bounding: false,
        ..Default::default()
    };
    let written = msl::write_string(&specialised.module, &specialised.info, &options, &msl::PipelineOptions::default());
    let (_, translation) = written.unwrap_or_else(|error| panic!("{}: MSL: {error}", specialised.kernel.name));
    for name in translation.entry_point_names {
        name.unwrap_or_else(|error| panic!("{}: MSL: {error}", specialised.kernel.name));
    }
}

/// HLSL for shader model 5.1, or 6.0 where subgroups need it.
fn hlsl(specialised: &Specialised) {
    let options = hlsl::Options {
        shader_model: if specialised.uses_subgroups() { hlsl::ShaderModel::V6_0 } else { hlsl::ShaderModel::V5_1 },
        zero_initialize_workgroup_memory: false,
        restrict_indexing: false,
        force_loop_bounding: false,
        ..Default::default()
    };
    let (mut text, pipeline) = (String::new(), hlsl::PipelineOptions::default());
    let written = hlsl::Writer::new(&mut text, &options, &pipeline).write(&specialised.module, &specialised.info, None);
    let reflection = written.unwrap_or_else(|error| panic!("{}: HLSL: {error}", specialised.kernel.name));
    for name in reflection.entry_point_names {
        name.unwrap_or_else(|error| panic!("{}: HLSL: {error}", specialised.kernel.name));
    }
}

/// GLSL ES 3.10, or desktop GLSL 4.50 where subgroups need it.
fn glsl(specialised: &Specialised) -> String {
    let version = match specialised.uses_subgroups() {
        true => glsl::Version::Desktop(450),
        false => glsl::Version::new_gles(310),
    };
    let options = glsl::Options { version, zero_initialize_workgroup_memory: false, ..Default::default() };
    let pipeline =
        glsl::PipelineOptions { shader_stage: Compute, entry_point: ENTRY_POINT.to_string(), multiview: None };
    let Specialised { kernel, module, info } = specialised;
    let mut text = String::new();
    let writer = glsl::Writer::new(&mut text, module, info, &options, &pipeline, POLICIES);
    let written = writer.and_then(|mut writer| writer.write());
    written.unwrap_or_else(|error| panic!("{}: GLSL: {error}", kernel.name));
    text
}

/// The judges can say no, also about one file among many.
#[test]
fn validators_reject_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, contents: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, contents).expect("the temporary folder is writable");
        path
    };
    let [head, good, bad] =
        ["#version 310 es\nlayout(local_size_x = 64) in;\n", "void main() {}\n", "void main() { x = 1; }\n"];
    let [good, bad] =
        [("good.comp", good), ("bad.comp", bad)].map(|(name, text)| file(name, (head.to_string() + text).as_bytes()));
    if let Some(tool) = tool("glslangValidator") {
        assert_eq!(judge(tool, GLSL_STAGE, &[&good]), None);
        assert!(judge(tool, GLSL_STAGE, &[&good, &bad, &good]).is_some_and(|report| report.contains("'x'")));
    }
    if let Some(tool) = tool("spirv-val") {
        let cut = file("cut.spv", &[&SPIRV_MAGIC[..], &SPIRV_1_0, &[0; 12]].concat());
        assert!(judge(tool, &VULKAN_1_0, &[&cut]).is_some());
    }
}
