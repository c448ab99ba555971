//! How classes reach both networks: layers that know the label, put into the lists of a
//! configuration.

use serde::{Deserialize, Serialize};

/// How labels are used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Classes {
    /// How G learns the class.
    pub generator: GeneratorClasses,
    /// How D judges it.
    pub discriminator: DiscriminatorClasses,
    /// Values of a learned vector beside the latents, where G has one for each class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding: Option<u32>,
    /// Weight of the class loss of an auxiliary classifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f32>,
    /// The classes of the data, told when a run begins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// How G learns the class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GeneratorClasses {
    /// Gain and bias of each batch norm are those of the class (Miyato, Koyama 2018).
    #[default]
    BatchNorm,
    /// A learned vector of the class lies beside the latents (Mirza, Osindero 2014).
    Embedding,
}

/// How D judges the class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscriminatorClasses {
    /// The logit has a part that is linear in the last features, with weights of the class (Miyato,
    /// Koyama 2018).
    #[default]
    Projection,
    /// Images have a plane for each class (Mirza, Osindero 2014).
    Planes,
    /// D tells the class, too (Odena et al. 2017, AC-GAN).
    Auxiliary,
}

/// The classes that stand for those of data which are not known yet: as many as digits have.
const UNTOLD: u32 = 10;

impl Classes {
    /// How many there are.
    pub fn count(&self) -> u32 {
        if self.names.is_empty() { UNTOLD } else { self.names.len() as u32 }
    }

    /// Values of the class's vector beside the latents.
    pub fn embedding_size(&self) -> u32 {
        self.embedding.unwrap_or(32)
    }

    /// Weight of the class loss.
    pub fn class_weight(&self) -> f32 {
        self.weight.unwrap_or(1.0)
    }
}
