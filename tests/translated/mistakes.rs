//! Mistakes that a translation could make: the comparison finds each of them.

use dcgan_gpu::error::{Error, Result};
use dcgan_gpu::selftest::Case;

use crate::work::{Kernels, Language};

/// A mistake in a kernel's text: the case, the kernel, what stands there, what is put in its place
/// where it stands first, and a part of the message that must name it.
pub type Mistake = (&'static str, &'static str, &'static str, &'static str, &'static str);

const DIFFERS: &str = "the twin gives";
const UNWRITTEN: &str = "is not written";
const OUTSIDE: &str = "is outside the view";
const UNREACHED: &str = "a barrier that not all invocations of a workgroup reach";

/// A case with weights that pass through workgroup memory.
const CONV: &str = "conv 3x5 stride 2x1 of 37 (tile)";

/// Those of HLSL.
pub const HLSL: &[Mistake] = &[
    ("leaky relu of 1", "activation/leaky_relu", "> ZeroValuefloat4()", "< ZeroValuefloat4()", DIFFERS),
    ("leaky relu of 1", "activation/leaky_relu", "SLOPE *", "SLOPE +", DIFFERS),
    ("sigmoid of 3", "activation/sigmoid", ">= SIZE", "> SIZE", OUTSIDE),
    ("batch norm per channel of 37", "batch_norm/moments", "max((", "min((", DIFFERS),
    ("dropout of 37", "dropout/apply", "< 10u", "< 9u", DIFFERS),
    ("dropout of 37", "dropout/apply", ">> 16u", ">> 15u", DIFFERS),
    ("adam, update 1 of 64", "adam/update", "sqrt(second)", "second", DIFFERS),
    ("adam, update 1 of 64", "adam/update", "g.Store4(", "m.Store4(", DIFFERS),
    ("adam, update 1 of 64", "adam/update", "step_.Load(12)", "step_.Load(16)", DIFFERS),
    ("largest of 4160", "reduce/largest", "GroupMemoryBarrierWithGroupSync();", "", DIFFERS),
    (CONV, "linear/forward_tile", "GroupMemoryBarrierWithGroupSync();", "", DIFFERS),
    (CONV, "linear/forward_tile", "group.z * FOLD", "group.z + FOLD", UNWRITTEN),
    (CONV, "linear/forward_tile", "y.Store4(", "if (local.x > 0u) y.Store4(", UNWRITTEN),
];

/// One of HLSL's where subgroups have exactly 8 invocations.
pub const HLSL_LANES: &[Mistake] =
    &[("conv 3x5 stride 2x1 of 37 (lane)", "linear/forward_lane", "WaveReadLaneAt(", "0.5 * (", DIFFERS)];

/// Those of MSL.
pub const MSL: &[Mistake] = &[
    ("leaky relu of 1", "activation/leaky_relu", "_e20 > metal", "_e20 < metal", DIFFERS),
    ("leaky relu of 1", "activation/leaky_relu", "SLOPE *", "SLOPE +", DIFFERS),
    ("sigmoid of 3", "activation/sigmoid", ">= SIZE", "> SIZE", OUTSIDE),
    ("batch norm per channel of 37", "batch_norm/moments", "metal::max(", "metal::min(", DIFFERS),
    ("dropout of 37", "dropout/apply", "< 10u", "< 9u", DIFFERS),
    ("dropout of 37", "dropout/apply", ">> 16u", ">> 15u", DIFFERS),
    ("adam, update 1 of 64", "adam/update", "metal::sqrt(second)", "second", DIFFERS),
    ("adam, update 1 of 64", "adam/update", "g[_e2] = ", "m[_e2] = ", DIFFERS),
    ("adam, update 1 of 64", "adam/update", "step[3]", "step[4]", DIFFERS),
    (
        "largest of 4160",
        "reduce/largest",
        "metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);",
        "",
        DIFFERS,
    ),
    (CONV, "linear/forward_tile", "metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);", "", DIFFERS),
    (CONV, "linear/forward_tile", "group.z * FOLD", "group.z + FOLD", UNWRITTEN),
    ("largest of 4160", "reduce/largest", "uint first =", "if (local == 0u) return; uint first =", UNREACHED),
    (CONV, "linear/forward_tile", "y[(((q", "if (local.x > 0u) y[(((q", UNWRITTEN),
];

/// Makes each mistake and runs its case; fails with the first that is not found.
pub fn are_found<L: Language>(language: &L, cases: &[Case], mistakes: &[Mistake]) -> Result<()> {
    for &(case, wrong, from, to, message) in mistakes {
        let case = cases.iter().position(|c| c.name == case).unwrap_or_else(|| panic!("no case {case}"));
        let case = &cases[case..=case];
        let edit = |name: &str, text: String| {
            if name != wrong {
                return text;
            }
            assert!(text.contains(from), "{wrong} has no `{from}`:\n{text}");
            text.replacen(from, to, 1)
        };
        let checked = Kernels::new(language, case, edit)?.check(case);
        let failures = checked.map_or_else(|error| vec![error.to_string()], |summary| summary.failures);
        let named = |failure: &String| failure.contains(wrong) && failure.contains(message);
        if !(failures.len() == 1 && failures.iter().all(named)) {
            let name = &case[0].name;
            return Err(Error::device(format!("{name}: `{to}` in {wrong} is not found: {failures:?}")));
        }
    }
    println!("{}: {} mistakes are found", language.name(), mistakes.len());
    Ok(())
}
