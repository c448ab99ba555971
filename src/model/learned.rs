//! All that a run learns and keeps: what its checkpoints hold.

use super::config::Config;
use super::network::{Averaged, Layout, State};
use crate::error::Result;
use crate::kernels::loss::lecam::{MEANS, STORED_MEANS};
use crate::plan::{Begins, Program, Role, Stored, View};

/// The tensors of a run that its checkpoints hold, placed in a program that lists them as stored.
#[derive(Clone, Copy, Debug)]
pub struct Learned {
    /// Of G and of D.
    pub networks: [State; 2],
    /// The moving average of G, where there is one.
    pub average: Option<Averaged>,
    /// `[MEANS]`: the running means of the LeCam regulariser, where there is one.
    pub lecam: Option<View>,
}

impl Learned {
    /// Places what a run of this configuration, with these networks, learns.
    pub fn place(program: &mut Program, config: &Config, layouts: &[Layout; 2]) -> Self {
        let [g, d] = config.optimizers();
        let mut network = |layout, kind| State::with_optimizer(program, layout, &config.init, Some(kind));
        let networks = [network(&layouts[0], g.kind), network(&layouts[1], d.kind)];
        let average = config.average.map(|_| networks[0].add_average(program, &layouts[0], &config.init));
        let lecam = (config.objective.lecam > 0.0).then(|| lecam_means(program));
        Learned { networks, average, lecam }
    }
}

/// What a checkpoint of a run of this configuration holds.
///
/// # Errors
/// As [`Config::layouts`].
pub fn stored(config: &Config) -> Result<Vec<Stored>> {
    let mut program = Program::default();
    Learned::place(&mut program, config, &config.layouts()?);
    Ok(program.stored)
}

/// Adds the running means of the LeCam regulariser, of which a checkpoint keeps those of both
/// kinds.
fn lecam_means(program: &mut Program) -> View {
    let means = program.floats("discriminator/lecam", Role::RunningStatistics, MEANS.into());
    program.stored.push(Stored {
        name: "discriminator/state/lecam".to_string(),
        view: View { len: STORED_MEANS, ..means },
        shape: vec![STORED_MEANS],
        begins: Begins::Constant { value: 0.0 },
        owner: "discriminator",
    });
    means
}
