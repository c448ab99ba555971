//! What a feature network is: a small classifier whose last hidden layer says what an image looks
//! like.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::layers::LayerSpec;
use crate::layers::conv::Conv;
use crate::layers::dense::Dense;
use crate::layers::leaky_relu::LeakyRelu;
use crate::layers::window::{Padding, Pair};
use crate::model::network::{Layout, State};
use crate::model::parameters::{Distribution, Init};
use crate::model::tensors::Tensors;
use crate::plan::{Program, Stored};
use crate::shape::Shape;

/// What networks of this program are called in tensors' names.
pub(super) const NAME: &str = "features";

/// Changes whenever the same data give another network: its layers, how it learns, what it learns
/// from. Part of the name under which networks are kept.
pub const FEATURES_VERSION: u32 = 1;

/// Values of a feature vector.
const FEATURES: u32 = 64;
/// Channels of the first convolution, and the most of any.
const CHANNELS: [u32; 2] = [32, 128];
/// Convolutions halve images down to this size.
const SMALLEST: u32 = 7;
/// Slope of the leaky ReLUs.
const SLOPE: f32 = 0.2;
/// Values of a layer that are possible, and of a feature vector: eigenvalues of its covariance are
/// computed.
const MOST_FEATURES: u32 = 2048;

/// How weights begin: as Glorot and Bengio 2010 have them.
const INIT: Init = Init { weights: Distribution::GlorotUniform, std: 0.0 };

/// What a network learnt to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// The classes of labelled data, with what they are called.
    Classes(Vec<String>),
    /// By how many quarter turns an image was rotated, 0 to 3 (Gidaris et al. 2018).
    Rotations,
}

impl Task {
    /// How many answers there are.
    pub fn answers(&self) -> u32 {
        match self {
            Task::Classes(names) => names.len() as u32,
            Task::Rotations => 4,
        }
    }

    /// The names of the classes; none of rotations.
    pub fn classes(&self) -> &[String] {
        match self {
            Task::Classes(names) => names,
            Task::Rotations => &[],
        }
    }
}

/// A network without its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// What it tells.
    pub task: Task,
    /// The size of the images that it sees.
    pub image: Shape,
    /// The value of a black pixel; a white one is 1.
    pub black: f32,
    /// From images to a logit for each answer. What the last one takes are the features.
    pub layers: Vec<LayerSpec>,
}

/// How well a network does what it learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trained {
    /// The [`FEATURES_VERSION`].
    pub version: u32,
    /// The [`digest`](crate::data::DataSet::digest) of the images that it learnt from.
    pub data: String,
    /// Steps of training.
    pub steps: u32,
    /// The share of images, which it did not learn from, that it answers right.
    pub accuracy: f64,
    /// How many those are.
    pub tested: u32,
}

/// A network with its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureNetwork {
    /// What it is.
    pub description: Description,
    /// Where it comes from; none of networks from elsewhere.
    pub trained: Option<Trained>,
    /// Weights in the layouts of the kernels, named as [`Description::stored`] has them.
    pub tensors: Tensors,
}

impl Description {
    /// The network that learns from images of this size.
    pub fn planned(image: Shape, task: Task) -> Self {
        let leaky = || LayerSpec::LeakyRelu(LeakyRelu { slope: SLOPE });
        let dense =
            |units| LayerSpec::Dense(Dense { units: Some(units), shape: None, bias: true, spectral_norm: false });
        let image = task.seen(image);
        let mut layers = Vec::new();
        let (mut side, mut channels) = (image.height.max(image.width), CHANNELS[0]);
        while side > SMALLEST || layers.is_empty() {
            layers.push(LayerSpec::Conv(Conv {
                channels,
                kernel: Pair::Both(5),
                stride: Pair::Both(2),
                padding: Padding::All(2),
                upsample: 1,
                bias: true,
                spectral_norm: false,
            }));
            layers.push(leaky());
            (side, channels) = (side.div_ceil(2), (2 * channels).min(CHANNELS[1]));
        }
        let answers = task.answers();
        layers.extend([dense(FEATURES), leaky(), dense(answers)]);
        Description { task, image, black: 0.0, layers }
    }

    /// The layers with the shapes between them.
    ///
    /// # Errors
    /// A usage error when they do not fit each other, the images or the task.
    pub fn layout(&self) -> Result<Layout> {
        let layout = Layout::new(NAME, self.image, &self.layers)?;
        let answers = self.task.answers();
        if layout.output != Shape::vector(answers) {
            let message = format!("{NAME}: the last layer gives {}; {answers} answers are told apart", layout.output);
            return Err(Error::usage(message));
        }
        let Some((last, features)) = layout.layers.last().filter(|(last, _)| last.is_linear()) else {
            return Err(Error::usage(format!("{NAME}: the last layer is to be linear: it gives logits")));
        };
        if features.values() > MOST_FEATURES {
            let message = format!(
                "{NAME}: the last layer ({}) takes {} values; at most {MOST_FEATURES} features are possible",
                last.name(),
                features.values()
            );
            return Err(Error::usage(message));
        }
        Ok(layout)
    }

    /// What is stored of it.
    ///
    /// # Errors
    /// As [`Description::layout`].
    pub fn stored(&self) -> Result<Vec<Stored>> {
        let mut program = Program::default();
        place(&mut program, &self.layout()?, false);
        program.stored.retain(|stored| !stored.name.contains("/adam_"));
        Ok(program.stored)
    }

    /// The images of another size, `[count][height][width][channels]`, as the network sees them:
    /// their centres, where it sees less of them.
    ///
    /// # Panics
    /// When they are smaller than what it sees.
    pub fn seen<'a>(&self, pixels: &'a [u8], from: Shape) -> Cow<'a, [u8]> {
        centres(pixels, from, self.image)
    }

    /// Refuses images of a size that the network does not see.
    ///
    /// # Errors
    /// A data error with both sizes.
    pub fn check(&self, images: Shape) -> Result<()> {
        if self.task.seen(images) != self.image {
            let message = format!("the features are of images of {}, and these are of {images}", self.image);
            return Err(Error::data(format!("{message}; give --features of that size, or none")));
        }
        Ok(())
    }
}

impl Task {
    /// What is seen of images of this size: of rotated ones the square in their middle.
    fn seen(&self, image: Shape) -> Shape {
        let side = image.height.min(image.width);
        match self {
            Task::Classes(_) => image,
            Task::Rotations => Shape { height: side, width: side, ..image },
        }
    }
}

/// Adds a network's tensors to a program, those of its optimizer too for training.
pub(super) fn place(program: &mut Program, layout: &Layout, training: bool) -> State {
    State::new(program, layout, &INIT, training)
}

/// The middle `to` of images of `from`.
fn centres(pixels: &[u8], from: Shape, to: Shape) -> Cow<'_, [u8]> {
    if from == to {
        return Cow::Borrowed(pixels);
    }
    let (top, left) = ((from.height - to.height) / 2, (from.width - to.width) / 2);
    let line = (to.width * to.channels) as usize;
    let mut cut = Vec::with_capacity(pixels.len() / from.bytes() * to.bytes());
    for image in pixels.chunks_exact(from.bytes()) {
        for row in top..top + to.height {
            let first = ((row * from.width + left) * from.channels) as usize;
            cut.extend_from_slice(&image[first..][..line]);
        }
    }
    Cow::Owned(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_fit_their_images() {
        for (height, width, channels) in [(28, 28, 1), (64, 64, 3), (1, 1, 1), (5, 200, 3), (256, 256, 3)] {
            let image = Shape { height, width, channels };
            for task in [Task::Rotations, Task::Classes(vec!["a".into(), "b".into(), "c".into()])] {
                let description = Description::planned(image, task.clone());
                let layout = description.layout().unwrap();
                assert_eq!(layout.output, Shape::vector(task.answers()));
                assert_eq!(layout.layers.last().unwrap().1, Shape::vector(FEATURES));
                description.check(image).unwrap();
                assert!(description.check(Shape { height: height + 300, width: width + 300, channels }).is_err());
            }
        }
    }

    #[test]
    fn rotations_see_the_middle() {
        let image = Shape { height: 2, width: 4, channels: 1 };
        let description = Description::planned(image, Task::Rotations);
        assert_eq!(description.image, Shape { height: 2, width: 2, channels: 1 });
        assert_eq!(&*description.seen(&[0, 1, 2, 3, 4, 5, 6, 7], image), [1, 2, 5, 6]);
    }

    #[test]
    fn what_gives_no_logits_is_refused() {
        let mut description = Description::planned(Shape { height: 8, width: 8, channels: 1 }, Task::Rotations);
        description.layers.pop();
        assert!(description.layout().unwrap_err().to_string().contains("4 answers"));
        description
            .layers
            .push(Description::planned(description.image, Task::Classes(vec!["a".into()])).layers.pop().unwrap());
        description.task = Task::Classes(vec!["a".into()]);
        description.layout().unwrap();
        description.layers.push(LayerSpec::LeakyRelu(LeakyRelu { slope: 0.2 }));
        assert!(description.layout().unwrap_err().to_string().contains("linear"));
    }
}
