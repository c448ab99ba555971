//! The layers that know the class, put into the networks of a configuration.

use super::Config;
use crate::error::{Error, Result};
use crate::layers::LayerSpec;
use crate::layers::class_affine::ClassAffine;
use crate::layers::embedding::Embedding;
use crate::layers::label_planes::LabelPlanes;
use crate::layers::projection::Projection;
use crate::objective::{Classes, DiscriminatorClasses, GeneratorClasses};

/// The layers of G and of D as they are placed.
///
/// # Errors
/// A usage error when a configuration names a layer that is put in here.
pub(super) fn layers(config: &Config) -> Result<[Vec<LayerSpec>; 2]> {
    for (name, network) in [("generator", &config.generator), ("discriminator", &config.discriminator)] {
        if let Some(layer) = network.layers.iter().find(|layer| layer.labels().is_some()) {
            return Err(Error::usage(format!(
                "the {name} has a layer of type {}, which reads labels; leave it out, and use [classes], which puts it in",
                layer.name()
            )));
        }
    }
    let (mut g, mut d) = (config.generator.layers.clone(), config.discriminator.layers.clone());
    if let Some(classes) = &config.classes {
        let count = classes.count();
        g = in_generator(classes, count, g);
        in_discriminator(classes.discriminator, count, config.objective.pack, &mut d);
    }
    Ok([g, d])
}

/// The classes for which D has an output besides its logit.
pub(super) fn told_classes(config: &Config) -> u32 {
    let auxiliary = |classes: &&Classes| classes.discriminator == DiscriminatorClasses::Auxiliary;
    config.classes.as_ref().filter(auxiliary).map_or(0, Classes::count)
}

fn in_generator(classes: &Classes, count: u32, layers: Vec<LayerSpec>) -> Vec<LayerSpec> {
    match classes.generator {
        GeneratorClasses::Embedding => {
            let embedding = Embedding { classes: count, size: classes.embedding_size() };
            std::iter::once(LayerSpec::Embedding(embedding)).chain(layers).collect()
        }
        GeneratorClasses::BatchNorm => layers
            .into_iter()
            .flat_map(|layer| match layer {
                LayerSpec::BatchNorm(mut norm) => {
                    norm.affine = false;
                    let affine = ClassAffine { classes: count, per: norm.per };
                    vec![LayerSpec::BatchNorm(norm), LayerSpec::ClassAffine(affine)]
                }
                other => vec![other],
            })
            .collect(),
    }
}

fn in_discriminator(how: DiscriminatorClasses, count: u32, pack: u32, layers: &mut Vec<LayerSpec>) {
    match how {
        DiscriminatorClasses::Planes => {
            layers.insert(0, LayerSpec::LabelPlanes(LabelPlanes { classes: count, pack }));
        }
        DiscriminatorClasses::Projection => {
            if let Some(layer) = layers.pop() {
                layers.push(LayerSpec::Projection(Projection { classes: count, layer: Box::new(layer) }));
            }
        }
        DiscriminatorClasses::Auxiliary => match layers.last_mut() {
            Some(LayerSpec::Dense(layer)) if layer.units.is_some() => layer.units = Some(1 + count),
            Some(LayerSpec::Dense(layer)) => layer.shape = Some([1, 1, 1 + count]),
            Some(LayerSpec::Conv(layer)) => layer.channels = 1 + count,
            Some(LayerSpec::ConvTranspose(layer)) => layer.channels = 1 + count,
            _ => {}
        },
    }
}
