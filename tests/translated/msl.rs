//! MSL, compiled as C++ against the headers in `metal/` and executed on the processor.
//!
//! MSL is C++ with a library, address spaces and attributes. clang checks and compiles naga's text
//! as it is; what it says of arguments (`[[buffer(2)]]`) decides what they are given, as on Metal.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use dcgan_gpu::error::{Error, Result};
use dcgan_gpu::plan::ENTRY_POINT;
use naga::ShaderStage;
use naga::back::msl;
use rayon::prelude::*;
use tempfile::TempDir;

use crate::memory::Execute;
use crate::work::{Language, POLICIES, Specialised};

/// The headers that are put before and below the kernels.
const HEADERS: [(&str, &str); 3] = [
    ("metal_stdlib", include_str!("metal/metal_stdlib")),
    ("simd/simd.h", include_str!("metal/simd/simd.h")),
    ("grid.h", include_str!("metal/grid.h")),
];

/// Kernels that are compiled as one program.
const BATCH: usize = 32;

/// The language, with its compiler.
pub struct Msl {
    compiler: String,
}

/// A kernel in a program with others.
#[derive(Clone, Debug)]
pub struct Kernel {
    name: &'static str,
    program: PathBuf,
    number: u32,
    /// Where the program is, for as long as one of its kernels is in use.
    _folder: Arc<TempDir>,
}

impl Msl {
    /// Finds the compiler.
    ///
    /// # Errors
    /// When it is missing.
    pub fn open() -> Result<Msl> {
        let compiler = std::env::var("CLANGXX").unwrap_or_else(|_| "clang++".to_string());
        let found = Command::new(&compiler).arg("--version").output();
        found.map_err(|e| {
            Error::device(format!("cannot run {compiler}: {e}; use tests/translated/run, or name it in CLANGXX"))
        })?;
        Ok(Msl { compiler })
    }

    /// Compiles a program of several kernels.
    fn build(&self, folder: &Path, batch: usize, kernels: &[(Specialised, String)]) -> Result<PathBuf> {
        let (source, program) = (folder.join(format!("{batch}.cpp")), folder.join(batch.to_string()));
        write(&source, &program_text(kernels))?;
        let output = Command::new(&self.compiler)
            .args(["-std=c++17", "-O1", "-fno-exceptions", "-fno-rtti", "-nostdlib++"])
            .args(["-Xclang", "-cl-single-precision-constant"])
            // Attributes are Metal's, and arrays without a length are written with one of 1.
            .args(["-Wno-unknown-attributes", "-Wno-array-bounds"])
            .arg("-I")
            .arg(folder)
            .arg(&source)
            .arg("-o")
            .arg(&program)
            .arg("-lm")
            .output()
            .map_err(|e| Error::device(format!("cannot run {}: {e}", self.compiler)))?;
        if !output.status.success() {
            let names: Vec<_> = kernels.iter().map(|(kernel, _)| kernel.name).collect();
            let report = String::from_utf8_lossy(&output.stderr);
            return Err(Error::device(format!("{names:?}: {} refuses their MSL: {report}", self.compiler)));
        }
        Ok(program)
    }
}

impl Language for Msl {
    type Compiled = Kernel;

    fn name(&self) -> String {
        "MSL as C++ on the processor".to_string()
    }

    /// As wgpu's Metal back end does it: Metal 2.4, buffers counted in the order of the bindings.
    fn translate(&self, kernel: &Specialised) -> String {
        let target = |(slot, &(binding, mutable)): (u8, &(naga::ResourceBinding, bool))| {
            (binding, msl::BindTarget { buffer: Some(slot), mutable, ..Default::default() })
        };
        let resources = msl::EntryPointResources {
            resources: (0..).zip(&kernel.storage).map(target).collect(),
            sizes_buffer: u8::try_from(kernel.storage.len()).ok(),
            ..Default::default()
        };
        let options = msl::Options {
            lang_version: (2, 4),
            per_entry_point_map: msl::EntryPointResourceMap::from([(ENTRY_POINT.to_string(), resources)]),
            fake_missing_bindings: false,
            bounds_check_policies: POLICIES,
            zero_initialize_workgroup_memory: false,
            force_loop_bounding: false,
            emit_int_div_checks: false,
            ..Default::default()
        };
        let pipeline = msl::PipelineOptions {
            entry_point: Some((ShaderStage::Compute, ENTRY_POINT.to_string())),
            ..Default::default()
        };
        let written = msl::write_string(&kernel.module, &kernel.info, &options, &pipeline);
        let (text, translation) = written.unwrap_or_else(|error| panic!("{}: MSL: {error}", kernel.name));
        for name in translation.entry_point_names {
            assert_eq!(name.unwrap_or_else(|error| panic!("{}: MSL: {error}", kernel.name)), NAME);
        }
        text
    }

    fn compile(&self, kernels: &[(Specialised, String)]) -> Result<Vec<Kernel>> {
        let folder = tempfile::tempdir().map_err(|e| Error::device(format!("no temporary folder: {e}")))?;
        let folder = Arc::new(folder);
        for (name, text) in HEADERS {
            write(&folder.path().join(name), text)?;
        }
        let batches = kernels.par_chunks(BATCH).enumerate().map(|(batch, kernels)| {
            let program = self.build(folder.path(), batch, kernels)?;
            let kernel = |(number, (kernel, _)): (u32, &(Specialised, String))| Kernel {
                name: kernel.name,
                program: program.clone(),
                number,
                _folder: folder.clone(),
            };
            Ok((0..).zip(kernels).map(kernel).collect())
        });
        Ok(batches.collect::<Result<Vec<Vec<Kernel>>>>()?.concat())
    }
}

/// What naga calls the entry point, since C++ has a `main` of its own.
const NAME: &str = "main_";

fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder.and_then(|()| std::fs::write(path, text)).map_err(|e| Error::io("write", path, &e))
}

/// C++ with these kernels, each in a namespace, and the table that `grid.h` expects.
fn program_text(kernels: &[(Specialised, String)]) -> String {
    let (mut text, mut table) = ("#include \"grid.h\"\n".to_string(), String::new());
    for (number, (kernel, msl)) in kernels.iter().enumerate() {
        let Call { arguments, shared } = call(msl).unwrap_or_else(|line| panic!("{}: what is {line}?", kernel.name));
        let _ = writeln!(text, "namespace kernel_{number} {{\n{msl}");
        let mut rows = String::new();
        for (index, class) in shared.iter().enumerate() {
            let _ = writeln!(text, "alignas(16) static unsigned char shared_{index}[sizeof({class})];");
            let _ = write!(rows, "{{kernel_{number}::shared_{index}, sizeof kernel_{number}::shared_{index}}}, ");
        }
        let _ = writeln!(
            text,
            "static void invoke(const Invocation& invocation, const Buffer* buffers) {{ {NAME}({}); }}\n}}",
            arguments.join(", ")
        );
        let [x, y, z] = kernel.reflection.workgroup_size;
        let has_barriers = msl.contains("_barrier(");
        let _ = writeln!(table, "{{kernel_{number}::invoke, {{{x}, {y}, {z}}}, {has_barriers}, {{{rows}}}}},");
    }
    let _ = writeln!(text, "const Kernel kernels[] = {{\n{table}}};");
    text
}

/// How a kernel is called.
struct Call {
    /// C++ expressions.
    arguments: Vec<String>,
    /// The types of variables in workgroup memory.
    shared: Vec<String>,
}

/// Reads the parameters of a kernel, one a line, by their attributes; those without one are in
/// workgroup memory. Fails with a line that is something else.
fn call(msl: &str) -> std::result::Result<Call, &str> {
    let head = format!("kernel void {NAME}(");
    let parameters = msl.lines().skip_while(|line| !line.contains(&head)).skip(1).take_while(|line| *line != ") {");
    let (mut arguments, mut shared) = (Vec::new(), Vec::new());
    for line in parameters {
        let parameter = line.trim_start_matches([',', ' ']);
        let attribute = parameter.split_once("[[").and_then(|(_, rest)| rest.strip_suffix("]]"));
        let buffer = attribute.and_then(|attribute| attribute.strip_prefix("buffer(")?.strip_suffix(')'));
        let class = parameter.strip_prefix("threadgroup ").and_then(|rest| Some(rest.split_once("& ")?.0));
        arguments.push(match (buffer, attribute, class) {
            (Some(slot), ..) => format!("buffers[{slot}]"),
            (None, Some(position), _) => format!("invocation.{position}"),
            (None, None, Some(class)) => {
                shared.push(class.to_string());
                format!("Buffer{{shared_{}}}", shared.len() - 1)
            }
            (None, None, None) => return Err(line),
        });
    }
    Ok(Call { arguments, shared })
}

impl Execute for Kernel {
    fn execute(&self, workgroups: [u32; 3], bound: &mut [Vec<u32>]) -> Result<()> {
        let failed = |cause: String| Error::device(format!("{} failed: {cause}", self.name));
        let [x, y, z] = workgroups;
        let mut input = vec![self.number, x, y, z, bound.len() as u32];
        for words in bound.iter() {
            input.push(words.len() as u32);
            input.extend(words);
        }
        let mut child = Command::new(&self.program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| failed(e.to_string()))?;
        // All of it is read before anything is written; what goes wrong meanwhile is in the status.
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(bytemuck::cast_slice(&input));
        }
        let output = child.wait_with_output().map_err(|e| failed(e.to_string()))?;
        let message = String::from_utf8_lossy(&output.stderr);
        let mut words = bytemuck::pod_collect_to_vec::<u8, u32>(&output.stdout).into_iter();
        if !output.status.success() || words.len() != bound.iter().map(Vec::len).sum::<usize>() {
            return Err(failed(format!("{}: {message}", output.status)));
        }
        bound.iter_mut().flatten().zip(&mut words).for_each(|(word, new)| *word = new);
        Ok(())
    }
}
