//! Both networks for square images of a given size, as the DCGAN paper builds its own (Radford,
//! Metz and Chintala 2016): the generator starts from 4 to 7 pixels a side and doubles them with
//! transposed convolutions, halving its channels; the discriminator is its mirror.
//!
//! For 28×28 they are those of the preset `pytorch`, for 64×64 those of the PyTorch example.

use std::ops::RangeInclusive;

use toml::{Table, Value};

use crate::error::{Error, Result};

/// Pixels a side that networks are planned for.
const SIZES: RangeInclusive<u32> = 16..=256;

/// What a size is divisible by.
const STEP: u32 = 4;

/// The most pixels a side from which a generator starts.
const LARGEST_START: u32 = 7;

/// The most channels of a layer, and how many the discriminator's first layer has at most.
const MOST_CHANNELS: u32 = 512;
const FIRST_CHANNELS: u32 = 64;

/// The fewest channels from which a generator starts: of few levels, those it has are wider.
const START_CHANNELS: u32 = 256;

/// The layers of generator and discriminator for images of `size`×`size`×`channels`, as a
/// configuration writes them; without batch norm the discriminator's layers have biases.
///
/// # Errors
/// A usage error that names the nearest sizes when there is no plan for this one.
pub fn networks(size: u32, channels: u32, batch_norm_in_d: bool) -> Result<[Vec<Value>; 2]> {
    check(size)?;
    let levels = levels(size);
    let start = levels.last().map_or(size, |level| level.pixels);
    let deep = levels.len();
    let top = MOST_CHANNELS.min(FIRST_CHANNELS << (deep - 1));

    let widest = top.max(START_CHANNELS);
    let mut generator = vec![window("conv_transpose", widest, start, false, false)];
    for (level, Level { kernel, .. }) in (1..).zip(levels.iter().rev()) {
        generator.extend([layer("batch_norm"), layer("relu")]);
        let channels = if level == deep { channels } else { widest >> level };
        generator.push(window("conv_transpose", channels, *kernel, true, false));
    }
    generator.push(layer("tanh"));

    let (bias, mut discriminator) = (!batch_norm_in_d, Vec::new());
    for (level, Level { kernel, .. }) in levels.iter().enumerate() {
        discriminator.push(window("conv", top >> (deep - 1 - level), *kernel, true, bias));
        // As in the paper, the layer that reads the image has none.
        discriminator.extend((batch_norm_in_d && level > 0).then(|| layer("batch_norm")));
        let mut leaky = layer("leaky_relu");
        leaky.insert("slope".to_string(), Value::from(0.2));
        discriminator.push(leaky);
    }
    discriminator.push(window("conv", 1, start, false, bias));
    Ok([generator, discriminator].map(|layers| layers.into_iter().map(Value::Table).collect()))
}

fn layer(kind: &str) -> Table {
    Table::from_iter([("type".to_string(), Value::from(kind))])
}

/// A convolution or its transpose, which `halves` or doubles the pixels a side, or else meets all
/// of them at once. Biases are there unless a configuration says no.
fn window(kind: &str, channels: u32, kernel: u32, halves: bool, bias: bool) -> Table {
    let mut layer = layer(kind);
    let mut set = |key: &str, value: Value| drop(layer.insert(key.to_string(), value));
    set("channels", channels.into());
    set("kernel", kernel.into());
    if halves {
        set("stride", 2.into());
        set("padding", 1.into());
    }
    if !bias {
        set("bias", false.into());
    }
    layer
}

/// What halves the pixels a side, or doubles them.
struct Level {
    /// Pixels a side on the smaller side.
    pixels: u32,
    /// With stride 2 and padding 1, a kernel of 4 leads from 2n pixels to n, one of 3 from 2n − 1.
    kernel: u32,
}

/// The levels from `size` down to the start.
fn levels(size: u32) -> Vec<Level> {
    let (mut levels, mut size) = (Vec::new(), size);
    while size > LARGEST_START {
        let kernel = if size.is_multiple_of(2) { 4 } else { 3 };
        size = size.div_ceil(2);
        levels.push(Level { pixels: size, kernel });
    }
    levels
}

fn check(size: u32) -> Result<()> {
    if SIZES.contains(&size) && size.is_multiple_of(STEP) {
        return Ok(());
    }
    let (low, high) = (*SIZES.start(), *SIZES.end());
    let nearest = match size.clamp(low, high) {
        end if end != size => format!("the nearest is {end}"),
        _ => format!("the nearest are {} and {}", size / STEP * STEP, size.next_multiple_of(STEP)),
    };
    Err(Error::usage(format!(
        "networks are planned for sizes from {low} to {high} that are divisible by {STEP}, and not for {size}; {nearest}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::{Config, Layers};
    use crate::model::sources::preset;

    /// The preset `base` with planned networks.
    fn planned(base: &str, size: u32, channels: u32, batch_norm_in_d: bool) -> Config {
        let mut config = preset(base).unwrap();
        (config.image.height, config.image.width, config.image.channels) = (size, size, channels);
        let layers = |layers: Vec<Value>| Layers {
            layers: layers.into_iter().map(|v| v.try_into().unwrap()).collect(),
            optimizer: None,
        };
        [config.generator, config.discriminator] = networks(size, channels, batch_norm_in_d).unwrap().map(layers);
        config
    }

    /// The outputs of the layers with weights, as pixels a side and channels.
    fn shapes(config: &Config) -> [Vec<[u32; 2]>; 2] {
        config.layouts().unwrap().map(|layout| {
            let linear = layout.layers.iter().filter(|(layer, _)| layer.is_linear());
            let outputs = linear.map(|(layer, input)| layer.output(*input).unwrap());
            outputs.map(|shape| [shape.height, shape.channels]).collect()
        })
    }

    #[test]
    fn every_size_has_networks_that_fit() {
        let mut most = 0;
        for size in SIZES.step_by(STEP as usize) {
            for channels in [1, 3] {
                for batch_norm_in_d in [true, false] {
                    let config = planned("pytorch", size, channels, batch_norm_in_d);
                    let [generator, discriminator] = config.layouts().unwrap_or_else(|e| panic!("{size}: {e}"));
                    assert_eq!((generator.output, discriminator.output.values()), (config.image, 1), "{size}");
                    let norms = discriminator.layers.iter().filter(|(layer, _)| layer.name() == "batch_norm").count();
                    assert_eq!(norms > 0, batch_norm_in_d, "{size}");
                    most = most.max(generator.parameters.count() + discriminator.parameters.count());
                }
                let [up, down] = shapes(&planned("quick", size, channels, true));
                assert!((4..=7).contains(&up[0][0]), "{size}: {up:?}");
                let sides = |shapes: &[[u32; 2]]| shapes.iter().map(|[side, _]| *side).collect::<Vec<_>>();
                let mirrored: Vec<_> = sides(&up).into_iter().rev().skip(1).chain([1]).collect();
                assert_eq!(sides(&down), mirrored, "{size}: each level mirrors the other network's");
            }
        }
        assert!(most < 12 << 20, "{most} parameters");
    }

    #[test]
    fn known_sizes_have_the_networks_of_known_recipes() {
        let pytorch = preset("pytorch").unwrap();
        assert_eq!(planned("pytorch", 28, 1, true), pytorch);
        let [generator, discriminator] = shapes(&planned("pytorch", 64, 3, true));
        assert_eq!(generator, [[4, 512], [8, 256], [16, 128], [32, 64], [64, 3]]);
        assert_eq!(discriminator, [[32, 64], [16, 128], [8, 256], [4, 512], [1, 1]]);
        let [generator, discriminator] = shapes(&planned("pytorch", 256, 3, true));
        assert_eq!(generator, [[4, 512], [8, 256], [16, 128], [32, 64], [64, 32], [128, 16], [256, 3]]);
        assert_eq!(discriminator, [[128, 16], [64, 32], [32, 64], [16, 128], [8, 256], [4, 512], [1, 1]]);
        let [generator, discriminator] = shapes(&planned("pytorch", 36, 1, true));
        assert_eq!(generator, [[5, 256], [9, 128], [18, 64], [36, 1]]);
        assert_eq!(discriminator, [[18, 64], [9, 128], [5, 256], [1, 1]]);
    }

    #[test]
    fn other_sizes_are_refused_with_the_nearest() {
        for (size, nearest) in [
            (0, "the nearest is 16"),
            (12, "the nearest is 16"),
            (15, "the nearest is 16"),
            (17, "the nearest are 16 and 20"),
            (30, "the nearest are 28 and 32"),
            (255, "the nearest are 252 and 256"),
            (257, "the nearest is 256"),
            (u32::MAX, "the nearest is 256"),
        ] {
            let message = networks(size, 3, true).unwrap_err().to_string();
            assert!(message.ends_with(&format!("and not for {size}; {nearest}")), "{message}");
        }
    }
}
