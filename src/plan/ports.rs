//! What crosses between a program and whoever runs it: inputs with what fills them, recorded
//! columns, outputs, and the tensors that are kept.

use serde::Serialize;

use super::view::View;
use crate::shape::Shape;

/// A named input. Its view need not start where one that a kernel binds does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Where it lies.
    pub view: View,
    /// What fills it before a submission that reads it.
    pub fill: Fill,
}

/// What fills a [`Port`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fill {
    /// The run's seed: its low word, then its high one.
    Seed,
    /// The step's number, from 0.
    Step,
    /// The two floats of [`crate::objective::Optimizer::rates`] for this network's update number
    /// `updates` · step + `part` + 1.
    Rate {
        /// `generator` or `discriminator`.
        network: &'static str,
        /// `adam` or `rmsprop`.
        optimizer: &'static str,
        /// Learning rate η.
        lr: f64,
        /// Decay β₁ of Adam's first moment.
        beta1: f64,
        /// Decay β₂ of its second moment.
        beta2: f64,
        /// How the learning rate falls, if it does.
        #[serde(skip_serializing_if = "Option::is_none")]
        falls: Option<Fall>,
        /// Which of the network's updates within a step it is.
        part: u32,
        /// How many there are.
        updates: u32,
    },
    /// N(0, 1) of [`crate::random::Draws`] with the run's seed, this source, and the step's number.
    Normal {
        /// The third word of Philox's counter.
        stream: u32,
        /// The fourth.
        part: u32,
    },
    /// The indices of this step's images among those in [`Fill::Images`]: of the data set, shuffled
    /// anew for each epoch, or 0, 1, 2 … of this step's.
    Shuffled {
        /// Which of D's updates within the step it is for.
        part: u32,
    },
    /// The classes of the images that [`Fill::Shuffled`] of the same part says.
    Labels {
        /// Which of D's updates within the step it is for.
        part: u32,
    },
    /// A float: what an average of parameters takes of them after each step, 1 − 0.5^(batch / h)
    /// with h = min(`half_life_images`, `ramp` · images seen, this step's among them).
    Average {
        /// Real images of a step.
        batch: u32,
        /// Images after which a change has reached half of the average.
        half_life_images: f64,
        /// The part of the images seen that the half-life is at most; 0 for no such bound.
        ramp: f64,
    },
    /// The bytes of images, four to a word: all of the data set, or those of this step.
    Images,
    /// What the caller wants.
    Given,
}

/// The fall of a learning rate to 0: it takes the part 1 − d, or ½(1 + cos πd), where d goes from 0
/// at step `from` · `end` to 1 at step `end`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the formula says what they are")]
pub struct Fall {
    /// `linear` or `cosine`.
    pub course: &'static str,
    pub from: f64,
    pub end: u32,
}

/// A named output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutputPort {
    /// Its name.
    pub name: String,
    /// Where it lies: `[pixels, batch, channels]`.
    pub view: View,
    /// The shape of one sample.
    pub shape: Shape,
    /// The values of a black and of a white pixel.
    pub range: [f32; 2],
    /// The plan that makes it.
    pub plan: usize,
}

/// The device's record of the last steps: a row for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ring {
    /// `[rows, width]`
    pub view: View,
    /// Steps that it holds; that of step n is number n mod rows.
    pub rows: u32,
    /// Words of a row.
    pub width: u32,
    /// The word that proves that the row's step was done; see [`crate::kernels::loss::stamp_of`].
    pub stamp: u32,
    /// What is recorded.
    pub columns: Vec<Recorded>,
}

/// A named value of each step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// A name of the table of columns ([`crate::model::columns`]).
    pub name: &'static str,
    /// The words of the row whose sum it is.
    pub words: Vec<u32>,
}

/// A tensor that learns or is kept: a checkpoint holds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stored {
    /// Such as `generator/parameter/3.weight`; see
    /// [`crate::model::tensors`].
    pub name: String,
    /// Where it lies. What a tensor has between its stored parts is zero.
    pub view: View,
    /// Its shape, in the layout of the kernels.
    pub shape: Vec<u32>,
    /// What it holds before the first step.
    pub begins: Begins,
    /// The network that it belongs to.
    pub owner: &'static str,
}

/// How a stored tensor begins. Random values are drawn by [`crate::random::Draws`] with the run's
/// seed and step 0.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields' names say it")]
pub enum Begins {
    /// The same value everywhere.
    Constant { value: f32 },
    /// A value for each row of the first dimension.
    Rows { values: Vec<f32> },
    /// `mean` + `std` · N(0, 1).
    Normal { mean: f32, std: f32, stream: u32 },
    /// Uniform in ±`bound`.
    Uniform { bound: f64, stream: u32 },
}
