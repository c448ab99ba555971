//! What the linear kernels are tried on.

use crate::kernels::case::{Trial, Ways};

/// Name, input `[height, width, channels]`, samples, layers.
type Layers = (&'static str, [u32; 3], u32, &'static [&'static str]);

/// In each family that the device has. Channels that are multiples of 4 take the vector kernels,
/// one or three on a side the narrow and the spread ones, others the thin ones; 33 and 37 samples,
/// 36 and 68 channels are a little more than one tile.
const FAMILIES: &[Layers] = &[
    ("dense vector", [1, 1, 36], 33, &[r#"type = "dense", units = 68"#]),
    ("dense odd", [1, 1, 5], 37, &[r#"type = "dense", units = 3"#]),
    ("dense to grid", [1, 1, 12], 3, &[r#"type = "dense", shape = [3, 5, 4]"#]),
    ("dense from grid", [3, 2, 5], 33, &[r#"type = "dense", units = 1"#]),
    ("dense 131000 inputs", [1, 1, 131_000], 3, &[r#"type = "dense", units = 4, bias = false"#]),
    ("dense 32001 inputs", [1, 1, 32_001], 1, &[r#"type = "dense", units = 3, bias = false"#]),
    (
        "conv 3x5 stride 2x1",
        [7, 6, 4],
        37,
        &[r#"type = "conv", channels = 36, kernel = [3, 5], stride = [2, 1], padding = [1, 0, 2, 1]"#],
    ),
    (
        "conv 3x5 stride 2x1 odd",
        [7, 6, 3],
        3,
        &[r#"type = "conv", channels = 5, kernel = [3, 5], stride = [2, 1], padding = [1, 0, 2, 1]"#],
    ),
    (
        "conv 5x5 same",
        [7, 5, 12],
        33,
        &[r#"type = "conv", channels = 68, kernel = 5, stride = 2, padding = "same", bias = false"#],
    ),
    ("conv one channel in", [9, 8, 1], 37, &[r#"type = "conv", channels = 12, kernel = 4, stride = 2, padding = 1"#]),
    ("conv one channel out", [6, 5, 12], 5, &[r#"type = "conv", channels = 1, kernel = 5, padding = "same""#]),
    ("conv three channels out", [6, 5, 36], 70, &[r#"type = "conv", channels = 3, kernel = 3, padding = 1"#]),
    ("conv three channels in", [5, 6, 3], 37, &[r#"type = "conv", channels = 68, kernel = 3, stride = 2"#]),
    ("conv upsample", [3, 4, 8], 1, &[r#"type = "conv", channels = 4, kernel = 3, padding = 1, upsample = 2"#]),
    ("conv batch 1", [5, 5, 4], 1, &[r#"type = "conv", channels = 4, kernel = 3"#]),
    ("conv 1x1 on many pixels", [37, 41, 4], 3, &[r#"type = "conv", channels = 8, kernel = 1"#]),
    (
        "transposed 4x4",
        [3, 4, 12],
        33,
        &[r#"type = "conv_transpose", channels = 36, kernel = 4, stride = 2, padding = 1, bias = false"#],
    ),
    (
        "transposed same",
        [4, 3, 4],
        3,
        &[r#"type = "conv_transpose", channels = 12, kernel = 5, stride = 2, padding = "same""#],
    ),
    (
        "transposed output padding",
        [3, 4, 5],
        5,
        &[r#"type = "conv_transpose", channels = 3, kernel = 3, stride = 2, padding = 1, output_padding = 1"#],
    ),
    (
        "transposed stride beyond kernel",
        [3, 2, 4],
        3,
        &[r#"type = "conv_transpose", channels = 4, kernel = 2, stride = 3, output_padding = 2"#],
    ),
    // More pixels than a dimension of a dispatch has workgroups.
    ("conv folded", [257, 256, 4], 1, &[r#"type = "conv", channels = 4, kernel = 1"#]),
    ("conv folded, one channel", [257, 256, 1], 1, &[r#"type = "conv", channels = 1, kernel = 1"#]),
    // Long sums, near what software Vulkan's loops allow.
    ("dense from very many channels", [1, 1, 131_000], 1, &[r#"type = "dense", units = 5"#]),
    ("conv on many pixels, thin", [96, 96, 6], 1, &[r#"type = "conv", channels = 6, kernel = 3, padding = 1"#]),
    ("dense from many channels", [8, 8, 512], 1, &[r#"type = "dense", units = 1"#]),
    ("transposed 7x7 from pixel", [1, 1, 5], 3, &[r#"type = "conv_transpose", channels = 4, kernel = 7"#]),
];

/// Layers that are larger than the largest tile, by a little.
const TUNED: &[Layers] = &[
    ("tuned conv", [3, 4, 68], 70, &[r#"type = "conv", channels = 132, kernel = 3, padding = 1, bias = false"#]),
    ("tuned conv to few", [3, 4, 68], 70, &[r#"type = "conv", channels = 3, kernel = 2, bias = false"#]),
    ("tuned conv from few", [3, 4, 3], 70, &[r#"type = "conv", channels = 68, kernel = 2, bias = false"#]),
];

/// A dense layer of 2053 × 2053 has more weights than 65,535 workgroups of flat kernels reach.
const OTHER: &[Layers] = &[
    ("dense folded", [1, 1, 2053], 1, &[r#"type = "dense", units = 2053"#]),
    (
        "a small generator",
        [1, 1, 5],
        3,
        &[
            r#"type = "dense", shape = [2, 3, 8], bias = false"#,
            r#"type = "batch_norm", per = "feature""#,
            r#"type = "relu""#,
            r#"type = "conv_transpose", channels = 4, kernel = 4, stride = 2, padding = 1, bias = false"#,
            r#"type = "batch_norm""#,
            r#"type = "leaky_relu", slope = 0.2"#,
            r#"type = "dropout", rate = 0.5"#,
            r#"type = "conv", channels = 3, kernel = 3, padding = 1"#,
            r#"type = "tanh""#,
        ],
    ),
];

pub(super) fn cases() -> Vec<Trial> {
    let lists = [(FAMILIES, Ways::Families), (TUNED, Ways::Variants), (OTHER, Ways::Default)];
    let trials = lists.into_iter().flat_map(|(list, ways)| {
        list.iter().map(move |&(name, input, batch, layers)| Trial::layers(name, input, batch, layers).run(ways))
    });
    trials.collect()
}
