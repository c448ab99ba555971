//! Networks for other image sizes and widths, derived from a preset as the DCGAN paper derives its
//! own: more stages of stride 2, each with twice the channels of the next larger one.

use crate::error::{Error, Result};
use crate::layers::LayerSpec;
use crate::layers::conv::Conv;
use crate::layers::conv_transpose::ConvTranspose;
use crate::layers::dense::Dense;
use crate::layers::window::Pair;
use crate::model::config::Config;
use crate::shape::Shape;

/// The fewest pixels a side from which a generator starts.
const SMALLEST_START: u32 = 4;

/// `base` for images of `size`×`size` pixels, with `width` times the channels between input and
/// output.
///
/// # Errors
/// A usage error where the networks have no stages of stride 2 that could be repeated, or the size
/// is no power of 2 times 4 to 7 pixels more than theirs.
pub fn derived(base: &Config, size: u32, width: f64) -> Result<Config> {
    let mut config = base.clone();
    if [base.image.height, base.image.width] != [size; 2] {
        deepen(&mut config, size).ok_or_else(|| {
            Error::usage(format!("no network for images of {size}×{size} can be derived from {}", base.name))
        })?;
    }
    for layers in [&mut config.generator.layers, &mut config.discriminator.layers] {
        let last = layers.iter().rposition(|layer| channels(layer).is_some());
        for layer in &mut layers[..last.unwrap_or(0)] {
            multiply(layer, width);
        }
    }
    config.layouts()?;
    Ok(config)
}

/// Adds the stages that lead from the smallest possible start to `size`.
fn deepen(config: &mut Config, size: u32) -> Option<()> {
    let [generator, discriminator] = config.layouts().ok()?;
    let inputs = |layers: &[(LayerSpec, Shape)]| -> Vec<Shape> { layers.iter().map(|(_, input)| *input).collect() };
    let (g_inputs, d_inputs) = (inputs(&generator.layers), inputs(&discriminator.layers));
    let (g, d) = (&mut config.generator.layers, &mut config.discriminator.layers);

    let first = g.iter().position(is_stage)?;
    let last = d.iter().rposition(is_stage)?;
    let start = g_inputs[first];
    let stages = g.iter().filter(|layer| is_stage(layer)).count() as u32;
    let deepest = (size / SMALLEST_START).checked_ilog2()?;
    let all = (stages..=deepest).rev().find(|&all| size.is_multiple_of(1 << all))?;
    let (added, pixels) = (all - stages, size >> all);

    // The generator: wider before the first stage, whose copies halve the channels down to what it
    // takes.
    let stage = g[first..stage_end(g, first)].to_vec();
    for (layer, input) in g[..first].iter_mut().zip(&g_inputs) {
        multiply(layer, f64::from(1 << added));
        enter(layer, *input, start, pixels)?;
    }
    for n in 0..added {
        let mut copy = stage.clone();
        change(&mut copy[0], |_| start.channels << n);
        g.splice(first..first, copy);
    }

    // The discriminator: copies of the last stage double its channels; what reads the whole grid
    // follows its size.
    let end = stage_end(d, last);
    let stage = d[last..end].to_vec();
    let grid = d_inputs.get(end)?;
    for layer in &mut d[end..] {
        if let LayerSpec::Conv(conv) = layer
            && conv.kernel.each() == [grid.height, grid.width]
        {
            conv.kernel = Pair::Both(pixels);
        }
    }
    for n in (1..=added).rev() {
        let mut copy = stage.clone();
        change(&mut copy[0], |_| grid.channels << n);
        d.splice(end..end, copy);
    }
    (config.image.height, config.image.width) = (size, size);
    Some(())
}

/// Lets the layer that makes the generator's first grid make one of `pixels`×`pixels`.
fn enter(layer: &mut LayerSpec, input: Shape, grid: Shape, pixels: u32) -> Option<()> {
    match layer {
        LayerSpec::Dense(Dense { shape: Some([height, width, _]), .. }) => (*height, *width) = (pixels, pixels),
        LayerSpec::ConvTranspose(ConvTranspose { kernel, .. }) if input.pixels() == 1 => {
            (kernel.each() == [grid.height, grid.width]).then_some(())?;
            *kernel = Pair::Both(pixels);
        }
        _ => {}
    }
    Some(())
}

fn is_stage(layer: &LayerSpec) -> bool {
    matches!(layer, LayerSpec::Conv(Conv { stride, .. }) | LayerSpec::ConvTranspose(ConvTranspose { stride, .. })
        if stride.each() == [2, 2])
}

/// The layer after a stage: the next one with weights of its own, or the end.
fn stage_end(layers: &[LayerSpec], stage: usize) -> usize {
    let rest = layers[stage + 1..].iter().position(|layer| channels(layer).is_some());
    rest.map_or(layers.len(), |more| stage + 1 + more)
}

fn channels(layer: &LayerSpec) -> Option<u32> {
    channels_mut(&mut layer.clone()).copied()
}

fn channels_mut(layer: &mut LayerSpec) -> Option<&mut u32> {
    match layer {
        LayerSpec::Dense(Dense { units: Some(n), .. } | Dense { shape: Some([_, _, n]), .. }) => Some(n),
        LayerSpec::Conv(conv) => Some(&mut conv.channels),
        LayerSpec::ConvTranspose(conv) => Some(&mut conv.channels),
        _ => None,
    }
}

fn change(layer: &mut LayerSpec, to: impl FnOnce(u32) -> u32) {
    if let Some(n) = channels_mut(layer) {
        *n = to(*n);
    }
}

fn multiply(layer: &mut LayerSpec, factor: f64) {
    change(layer, |n| (f64::from(n) * factor).round().max(1.0) as u32);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sources::{PRESETS, preset};

    fn shapes(config: &Config) -> [Vec<String>; 2] {
        config.layouts().unwrap().map(|layout| {
            let linear = layout.layers.iter().filter(|(layer, _)| channels(layer).is_some());
            linear.map(|(layer, input)| layer.output(*input).unwrap().to_string()).collect()
        })
    }

    #[test]
    fn larger_images_get_the_stages_of_the_paper() {
        let config = derived(&preset("pytorch").unwrap(), 64, 1.0).unwrap();
        let [generator, discriminator] = shapes(&config);
        assert_eq!(generator, ["4×4×1024", "8×8×512", "16×16×256", "32×32×128", "64×64×1"]);
        assert_eq!(discriminator, ["32×32×64", "16×16×128", "8×8×256", "4×4×512", "1×1×1"]);
        let norms = config.generator.layers.iter().filter(|layer| layer.name() == "batch_norm").count();
        assert_eq!(norms, 4, "a stage brings its batch norm");
    }

    #[test]
    fn layers_of_stride_one_stay_before_the_stages() {
        let [generator, discriminator] = shapes(&derived(&preset("tf-tutorial").unwrap(), 128, 0.5).unwrap());
        let halved = ["4×4×1024", "4×4×512", "8×8×256", "16×16×128", "32×32×64", "64×64×32", "128×128×1"];
        assert_eq!(generator, halved);
        assert_eq!(discriminator, ["64×64×32", "32×32×64", "16×16×128", "8×8×256", "4×4×512", "1×1×1"]);
    }

    #[test]
    fn every_preset_has_every_size_and_width() {
        for (name, _) in PRESETS {
            let base = preset(name).unwrap();
            let own = base.image.height;
            assert_eq!(derived(&base, own, 1.0).unwrap(), base);
            for (size, width) in [(own, 0.5), (own, 2.0), (32, 1.0), (64, 1.0), (128, 1.0)] {
                // No stages are taken away, and those of wgan-gp, which lead from 4 pixels to 7, do
                // not double.
                if size < own || (name == "wgan-gp" && size > own) {
                    continue;
                }
                let config = derived(&base, size, width).unwrap_or_else(|e| panic!("{name} {size} {width}: {e}"));
                assert_eq!((config.image.height, config.image.width), (size, size));
            }
        }
    }

    #[test]
    fn what_cannot_be_derived_is_refused() {
        let base = preset("pytorch").unwrap();
        for size in [1, 30, 31] {
            let message = derived(&base, size, 1.0).unwrap_err().to_string();
            assert_eq!(message, format!("no network for images of {size}×{size} can be derived from pytorch"));
        }
    }
}
