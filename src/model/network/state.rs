//! The flat tensors of a network, and what of them is stored.

use super::Layout;
use crate::kernels::spectral;
use crate::layers::VariableKind;
use crate::model::parameters::Init;
use crate::objective::OptimizerKind;
use crate::plan::{Program, Role, Stored, View};

/// The flat tensors of a network, which all its traversals share.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// Parameters.
    pub parameters: View,
    /// What is kept and no parameter: running statistics and singular vectors.
    pub kept: View,
    /// What layers compute with in the place of the weights that they learn.
    pub normalised: Option<Normalised>,
    /// What training adds.
    pub optimizer: Option<Optimized>,
}

/// What belongs to a network's spectrally normalised weights; see
/// [`crate::model::spectral::Spectral`].
#[derive(Clone, Copy, Debug)]
pub struct Normalised {
    /// W / σ of each layer.
    pub weights: View,
    /// Their gradients, for training: they accumulate over passes.
    pub gradients: Option<View>,
    /// `[layers, SIGMA_PITCH]`: each layer's σ.
    pub sigma: View,
    /// Partial sums.
    pub partial: View,
}

/// The flat tensors of a network's optimizer.
#[derive(Clone, Copy, Debug)]
pub struct Optimized {
    /// Parameters.
    pub w: View,
    /// Gradients.
    pub g: View,
    /// Means of gradients, of an optimizer that has them.
    pub m: Option<View>,
    /// Means of their squares.
    pub v: View,
}

/// A moving average of a network's parameters, with what it is sampled with.
#[derive(Clone, Copy, Debug)]
pub struct Averaged {
    /// The parameters, where those of [`State`] have theirs.
    pub parameters: View,
    /// Running statistics, estimated anew for them.
    pub kept: View,
}

/// What the stored names of an average have between network and layer: its parameters, and its
/// running statistics.
pub const AVERAGE: [&str; 2] = ["average", "average_state"];

impl State {
    /// As [`State::with_optimizer`] with Adam for training.
    pub fn new(program: &mut Program, layout: &Layout, init: &Init, training: bool) -> Self {
        State::with_optimizer(program, layout, init, training.then_some(OptimizerKind::Adam))
    }

    /// The state of a network that only samples, from the average of its parameters.
    pub fn of_average(program: &mut Program, layout: &Layout, init: &Init) -> Self {
        State::named(program, layout, init, None, AVERAGE)
    }

    /// Adds an average of the parameters, which begins as they do, and lists it as stored.
    pub fn add_average(&self, program: &mut Program, layout: &Layout, init: &Init) -> Averaged {
        let mut flat =
            |what: &str, role, words: u64| program.floats(format!("{}/{what}", layout.name), role, words.max(1));
        let parameters = flat("average", Role::Parameters, layout.parameters.words);
        let kept = flat("running of average", Role::RunningStatistics, layout.state.words);
        let [learned, running] = AVERAGE;
        let of_state = |kind| (kind == VariableKind::Running).then_some(running);
        program.stored.extend(layout.parameters.stored(layout.name, |_| Some(learned), parameters, Some(init)));
        program.stored.extend(layout.state.stored(layout.name, of_state, kept, Some(init)));
        Averaged { parameters, kept }
    }

    /// Adds a network's flat tensors to a program, the optimizer's only for training, and lists
    /// what is stored in them.
    pub fn with_optimizer(
        program: &mut Program,
        layout: &Layout,
        init: &Init,
        optimizer: Option<OptimizerKind>,
    ) -> Self {
        State::named(program, layout, init, optimizer, ["parameter", STATE])
    }

    /// As [`State::with_optimizer`]; parameters and running statistics are stored under these
    /// names.
    fn named(
        program: &mut Program,
        layout: &Layout,
        init: &Init,
        optimizer: Option<OptimizerKind>,
        [learned_name, running_name]: [&'static str; 2],
    ) -> Self {
        let training = optimizer.is_some();
        let Layout { name, parameters: learned, state: other, normalised, .. } = layout;
        let mut flat = |what: &str, role, words: u64| program.floats(format!("{name}/{what}"), role, words.max(1));
        let parameters = flat("parameters", Role::Parameters, learned.words);
        let kept = flat("running", Role::RunningStatistics, other.words);
        let optimizer = optimizer.map(|kind| Optimized {
            w: parameters,
            g: flat("gradients", Role::Gradients, learned.words),
            m: (kind == OptimizerKind::Adam).then(|| flat("first moments", Role::AdamMoments, learned.words)),
            v: flat("second moments", Role::AdamMoments, learned.words),
        });
        let normalised = layout.partial_words().map(|partial_words| Normalised {
            weights: flat("normalised weights", Role::Scratch, normalised.words),
            gradients: training.then(|| flat("gradients of normalised weights", Role::Gradients, normalised.words)),
            sigma: flat("sigma", Role::Scratch, u64::from(spectral::SIGMA_PITCH) * normalised.slots.len() as u64),
            partial: flat("partial sums of sigma", Role::Scratch, partial_words),
        });
        program.stored.extend(learned.stored(name, |_| Some(learned_name), parameters, Some(init)));
        let mut store = |what, view| program.stored.extend(learned.stored(name, |_| Some(what), view, None));
        if let Some(Optimized { m, v, .. }) = optimizer {
            match m {
                Some(m) => {
                    store(FIRST_MOMENT, m);
                    store("adam_v", v);
                }
                None => store("rmsprop_v", v),
            }
        }
        let of_state = |kind| Some(if kind == VariableKind::Running { running_name } else { STATE });
        program.stored.extend(other.stored(name, of_state, kept, Some(init)));
        State { parameters, kept, normalised, optimizer }
    }
}

/// What the names of state that is no parameter have between network and layer.
const STATE: &str = "state";
/// What the names of G's and D's first moments have between network and layer.
const FIRST_MOMENT: &str = "adam_m";

/// Whether a stored tensor is a first moment of `owner`: its gradient, smoothed over steps.
pub fn is_first_moment(stored: &Stored, owner: &str) -> bool {
    stored.owner == owner && stored.name.split('/').nth(1) == Some(FIRST_MOMENT)
}
