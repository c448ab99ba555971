//! Differentiable augmentation (DiffAugment, Zhao et al. 2020) of single images, before they are
//! packed: what D sees of real and generated images alike.
//!
//! Each image is mirrored, brightened, given contrast, shifted and cut, in this order. The draw is
//! a pure function of (seed, step, stream, part, image): the forward pass, the tangent and the
//! gradient remake it, and nothing of it is stored.

mod twins;

use serde::{Deserialize, Serialize};

use super::case::{self, Trial};
use super::{ADD_UP, AUGMENTATION, FLAT_INDEX, Flat, PHILOX, SEED_WORD, STEP_WORD, Topic, tree_trips};
use crate::plan::{Bound, Constant, Kernel, Launch, Recorder, Role, View};
use crate::random::{Source, stream};
use crate::shape::Shape;
use crate::twinned;

/// The mean of each image, or of what the adjoint moves back.
pub static MEANS: Kernel = kernel!("augment/means", [PHILOX, AUGMENTATION, ADD_UP], Bound::Sum);
/// The augmented images.
pub static APPLY: Kernel = kernel!("augment/apply", [FLAT_INDEX, PHILOX, AUGMENTATION], Bound::Relative(1e-6));
/// The gradient with respect to the images.
pub static ADJOINT: Kernel = kernel!("augment/adjoint", [FLAT_INDEX, PHILOX, AUGMENTATION], Bound::Relative(1e-6));

pub(super) const TOPIC: Topic = Topic {
    kernels: &[twinned!(MEANS, twins::means), twinned!(APPLY, twins::apply), twinned!(ADJOINT, twins::adjoint)],
    cases,
};

/// Loop trips of a draw: the rounds of two Philox blocks.
const DRAW_TRIPS: u32 = 20;

/// What happens to images, and how strongly; what is 0 or false is off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// Images are shifted by up to this part of their size, down or up and right or left; 0 to 1.
    #[serde(default)]
    pub translation: f32,
    /// A box of this part of the size, whose centre is anywhere in the image, is cut; 0 to 1.
    #[serde(default)]
    pub cutout: f32,
    /// The most that is added to, or taken from, all values of an image.
    #[serde(default)]
    pub brightness: f32,
    /// The factor of differences from the image's mean is within this of 1.
    #[serde(default)]
    pub contrast: f32,
    /// Half of the images are mirrored, left to right.
    #[serde(default)]
    pub mirror: bool,
}

impl Augmentation {
    /// Whether nothing happens to images: then there is nothing to record.
    pub fn is_off(&self) -> bool {
        *self == Augmentation::default()
    }
}

/// Which images, and which random numbers are drawn for them.
#[derive(Clone, Copy, Debug)]
pub struct Images {
    /// Of one image; at most 3 channels.
    pub shape: Shape,
    /// Images.
    pub batch: u32,
    /// What shares it is augmented alike.
    pub source: Source,
}

/// What all of the functions here read and write.
#[derive(Clone, Copy, Debug)]
pub struct Augmented {
    /// `[pixels, batch, channels]`: images, directions, or the upstream gradient.
    pub x: View,
    /// `[..]`: seed, step, …
    pub step: View,
    /// `[batch]`: scratch.
    pub means: View,
    /// `[pixels, batch, channels]`: augmented images, directions, or the images' gradient.
    pub y: View,
}

/// Records `y = augment(x)`; pixels that are vacated or cut take the value of `fill` for their
/// channel.
pub fn record_forward(recorder: &mut Recorder, how: &Augmentation, images: Images, fill: [f32; 3], views: Augmented) {
    record_means(recorder, how, images, false, views);
    let Augmented { x, step, means, y } = views;
    let [fill0, fill1, fill2] = fill;
    let fill = [("FILL0", fill0.into()), ("FILL1", fill1.into()), ("FILL2", fill2.into())];
    let launch = Flat {
        items: y.len,
        constants: &[&constants(how, images)[..], &[("SIZE", y.len.into())], &fill].concat(),
        bindings: &[("x", x), ("means", means), ("step", step), ("y", y)],
        loop_trips: DRAW_TRIPS,
        flops: 4 * u64::from(y.len),
        ..Flat::default()
    };
    launch.record(recorder, &APPLY);
}

/// Records the linear part of [`record_forward`], by the same draw: what becomes of a direction.
pub fn record_linear(recorder: &mut Recorder, how: &Augmentation, images: Images, views: Augmented) {
    record_forward(recorder, &Augmentation { brightness: 0.0, ..*how }, images, [0.0; 3], views);
}

/// Records the adjoint of [`record_linear`], by the same draw: from the gradient of the augmented
/// images, `x`, to that of the images, `y`.
pub fn record_adjoint(recorder: &mut Recorder, how: &Augmentation, images: Images, views: Augmented) {
    record_means(recorder, how, images, true, views);
    let Augmented { x, step, means, y } = views;
    let launch = Flat {
        items: y.len,
        constants: &[&constants(how, images)[..], &[("SIZE", y.len.into())]].concat(),
        bindings: &[("dy", x), ("means", means), ("step", step), ("dx", y)],
        loop_trips: DRAW_TRIPS,
        flops: 3 * u64::from(y.len),
        ..Flat::default()
    };
    launch.record(recorder, &ADJOINT);
}

/// Records the means that contrast needs: of images, or of what is kept of an upstream gradient.
fn record_means(recorder: &mut Recorder, how: &Augmentation, images: Images, masked: bool, views: Augmented) {
    if how.contrast <= 0.0 {
        return;
    }
    let Augmented { x, step, means, .. } = views;
    let constants = &[&constants(how, images)[..], &[("MASKED", u32::from(masked).into())]].concat();
    let trips = tree_trips(&MEANS, constants, images.shape.values());
    let launch = Launch {
        constants,
        bindings: &[("x", x), ("step", step), ("means", means)],
        workgroups: [images.batch, 1, 1],
        loop_trips: trips + if masked { DRAW_TRIPS } else { 0 },
        // Additions that a value goes through, and the division.
        terms: trips + 1,
        flops: x.len.into(),
    };
    recorder.dispatch(&MEANS, launch);
}

/// Those that all three kernels share.
fn constants(how: &Augmentation, images: Images) -> Vec<(&'static str, Constant)> {
    let Images { shape: Shape { height, width, channels }, batch, source: Source { stream, part } } = images;
    assert!(channels <= 3, "images have a fill value for each of at most 3 channels, not {channels}");
    // In f32, where 0.7 · 5 is 3.5; rounded half up.
    let pixels = |part: f32, size: u32| ((size as f32 * part).round() as u32).min(size);
    vec![
        ("BATCH", batch.into()),
        ("HEIGHT", height.into()),
        ("WIDTH", width.into()),
        ("CHANNELS", channels.into()),
        ("MIRROR", u32::from(how.mirror).into()),
        ("BRIGHTNESS", how.brightness.into()),
        ("CONTRAST", how.contrast.into()),
        ("SHIFT_ROWS", pixels(how.translation, height).into()),
        ("SHIFT_COLUMNS", pixels(how.translation, width).into()),
        ("HOLE_ROWS", pixels(how.cutout, height).into()),
        ("HOLE_COLUMNS", pixels(how.cutout, width).into()),
        ("SEED", SEED_WORD.into()),
        ("STEP", STEP_WORD.into()),
        ("STREAM", stream.into()),
        ("PART", part.into()),
    ]
}

fn cases() -> Vec<Trial> {
    let off = Augmentation::default();
    let all = Augmentation { translation: 0.25, cutout: 0.5, brightness: 0.5, contrast: 0.5, mirror: true };
    let case = |(name, how, [height, width, channels], batch): (&str, Augmentation, [u32; 3], u32)| {
        let shape = Shape { height, width, channels };
        Trial::program(format!("{name} of {batch} {shape}"), |program, recorder| {
            let step = case::step_words(program, 9);
            let words = shape.values() * batch;
            let x = case::floats(program, "x", 0, words, |z| 1.0 + z);
            let means = case::floats(program, "means", 1, batch, |z| z);
            let images = Images { shape, batch, source: Source { stream: stream::DEVICE + 3, part: 2 } };
            let mut views = |label| {
                let y = program.floats(label, Role::Activations, words.into());
                Augmented { x, step, means, y }
            };
            record_forward(recorder.scope("forward"), &how, images, [-1.0, 0.25, 2.0], views("y"));
            record_linear(recorder.scope("linear"), &how, images, views("linear y"));
            record_adjoint(recorder.scope("adjoint"), &how, images, views("dx"));
        })
    };
    [
        ("mirror", Augmentation { mirror: true, ..off }, [5, 4, 3], 7),
        ("brightness", Augmentation { brightness: 0.5, ..off }, [5, 4, 3], 7),
        ("contrast", Augmentation { contrast: 0.5, ..off }, [5, 4, 3], 7),
        ("translation", Augmentation { translation: 0.3, ..off }, [4, 7, 3], 7),
        ("cutout", Augmentation { cutout: 0.5, ..off }, [5, 8, 1], 7),
        ("augmentation", all, [28, 28, 1], 5),
        ("augmentation", all, [9, 13, 3], 33),
        ("augmentation", all, [16, 5, 2], 1),
        ("augmentation", all, [1, 1, 1], 64),
        ("augmentation", all, [67, 70, 3], 2),
    ]
    .map(case)
    .into()
}
