//! What each word of a step's record is for.

use crate::kernels::loss::{Column, LossOf, RING_COLUMNS, RING_ROWS, STAMP_COLUMN};
use crate::model::columns;
use crate::model::config::Config;
use crate::objective::{DiscriminatorClasses, Place};
use crate::plan::{Recorded, Ring, View};

/// The record of the steps of this configuration.
pub(super) fn ring(view: View, config: &Config) -> Ring {
    let objective = &config.objective;
    let [real, fake, generator] = LossOf::ALL.map(|of| of as u32);
    let [d_real, d_fake] = match objective.loss.has_probabilities() {
        true => [columns::D_REAL, columns::D_FAKE],
        false => [columns::LOGIT_REAL, columns::LOGIT_FAKE],
    };
    let mut recorded = vec![
        (columns::D_LOSS, vec![real, fake]),
        (columns::G_LOSS, vec![generator]),
        (d_real, vec![real + 1]),
        (d_fake, vec![fake + 1]),
    ];
    for place in objective.penalised() {
        let name = match place {
            Place::Real => columns::R1,
            Place::Fake => columns::R2,
            Place::Between | Place::Around => columns::GRADIENT_PENALTY,
        };
        recorded.push((name, vec![place.column() as u32]));
    }
    if objective.lecam > 0.0 {
        recorded.push((columns::LECAM, vec![Column::LecamReal as u32, Column::LecamFake as u32]));
    }
    let d_is_normalised = config.discriminator.layers.iter().any(|layer| layer.has_spectral_norm());
    if d_is_normalised {
        recorded.push((columns::SIGMA, vec![Column::Sigma as u32]));
    }
    if config.classes.as_ref().is_some_and(|classes| classes.discriminator == DiscriminatorClasses::Auxiliary) {
        let words = [Column::ClassReal, Column::ClassFake, Column::ClassGenerator].map(|column| vec![column as u32]);
        recorded.extend([columns::CLASS_REAL, columns::CLASS_FAKE, columns::CLASS_GENERATOR].into_iter().zip(words));
    }
    let columns = recorded.into_iter().map(|(name, words)| Recorded { name, words }).collect();
    Ring { view, rows: RING_ROWS, width: RING_COLUMNS, stamp: STAMP_COLUMN, columns }
}
