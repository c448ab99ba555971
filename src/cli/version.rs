//! `--version`: what this program is built from, and what of the processor it can use.

/// The release, its commit and wgpu's version as far as the build knew them, then a line on the
/// processor.
pub fn long() -> String {
    let (release, details) = (env!("CARGO_PKG_VERSION"), env!("BUILD_DETAILS"));
    let details = if details.is_empty() { String::new() } else { format!(" ({details})") };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let s = if threads == 1 { "" } else { "s" };
    let features: String = features().iter().map(|name| format!(", {name}")).collect();
    format!("{release}{details}\nprocessor: {}, {threads} thread{s}{features}", std::env::consts::ARCH)
}

/// The vector instructions that the host's kernels choose by.
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
fn features() -> Vec<&'static str> {
    let found = [
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("AVX-512", is_x86_feature_detected!("avx512f")),
    ];
    found.into_iter().filter_map(|(name, there)| there.then_some(name)).collect()
}

/// Elsewhere what there is belongs to the architecture.
#[cfg(not(any(target_arch = "x86_64", target_arch = "x86")))]
fn features() -> Vec<&'static str> {
    Vec::new()
}
