//! What cannot be combined: each refusal names both settings and says what to do.

use super::{Config, Order};
use crate::layers::LayerSpec;
use crate::model::network::Layout;
use crate::objective::{Classes, DiscriminatorClasses, GeneratorClasses, Loss, RateSchedule};

/// What is wrong with the objective of a configuration, whatever the networks are.
pub(super) fn of_objective(config: &Config) -> Option<String> {
    let Config { objective, training, .. } = config;
    let loss = objective.loss.name();
    let (label_real, label_fake) = (training.label_real, training.label_fake);
    if !objective.loss.has_probabilities() && (label_real, label_fake) != (1.0, 0.0) {
        return Some(format!(
            "training.label_real = {label_real} and training.label_fake = {label_fake} mean nothing with \
             objective.loss = {loss}, which has no labels; set them to 1 and 0, or use non-saturating or minimax"
        ));
    }
    if objective.d_steps > 1 && training.order == Order::Simultaneous {
        return Some(format!(
            "objective.d_steps = {} does not go with training.order = simultaneous, in which both networks learn from \
             one pass; use --order alternating",
            objective.d_steps
        ));
    }
    if !training.batch_size.is_multiple_of(objective.pack) {
        return Some(format!(
            "training.batch_size = {} is no multiple of objective.pack = {}; use one that is",
            training.batch_size, objective.pack
        ));
    }
    if objective.clip.is_some() && objective.loss != Loss::Wasserstein {
        return Some(format!(
            "objective.clip belongs to objective.loss = wasserstein, not to {loss}; leave it out, or use a penalty or \
             spectral_norm to bound D"
        ));
    }
    if objective.clip.is_some() && objective.penalty.is_some() {
        return Some(
            "objective.clip and objective.penalty both bound D, and do not go together; keep one of them".to_string(),
        );
    }
    for (network, layers) in [("generator", &config.generator), ("discriminator", &config.discriminator)] {
        if let Some(RateSchedule { from, end, .. }) = layers.optimizer.and_then(|optimizer| optimizer.schedule) {
            let problem = match end {
                _ if !(0.0..=1.0).contains(&from) => format!("from = {from} is outside 0 to 1"),
                Some(0) => "end = 0 is no step; use 1 or more, or leave it out".to_string(),
                _ => continue,
            };
            return Some(format!("{network}.optimizer.schedule: {problem}"));
        }
    }
    let classes = config.classes.as_ref()?;
    let pooled = match classes.discriminator {
        DiscriminatorClasses::Planes => return None,
        DiscriminatorClasses::Projection => "projection",
        DiscriminatorClasses::Auxiliary => "auxiliary",
    };
    (objective.pack > 1).then(|| {
        format!(
            "objective.pack = {} shows D several images at once, which classes.discriminator = {pooled} cannot judge; \
             use planes, or pack = 1",
            objective.pack
        )
    })
}

/// What is wrong with the objective of a configuration on its networks.
pub(super) fn with_networks(config: &Config, [_, discriminator]: [&Layout; 2]) -> Option<String> {
    let objective = &config.objective;
    if let (Some(penalty), Some((index, layer))) = (objective.penalty, discriminator.curved()) {
        return Some(format!(
            "objective.penalty = {} needs a discriminator that is piecewise linear, and its layer {index} ({}) is not; \
             use leaky_relu for activations, and no batch norm: spectral_norm = true on its linear layers takes its \
             place",
            penalty.kind.name(),
            layer.name()
        ));
    }
    if let (Some(penalty), Some((layer, _))) =
        (objective.penalty, discriminator.layers.last().filter(|last| !last.0.is_linear()))
    {
        return Some(format!(
            "objective.penalty = {} needs a discriminator that ends in a linear layer, and its layer {} ({}) is not; \
             leave that layer out",
            penalty.kind.name(),
            discriminator.layers.len() - 1,
            layer.name()
        ));
    }
    let is_bounded = objective.clip.is_some() || objective.penalty.is_some() || is_bounded_by_spectral_norm(config);
    if objective.loss == Loss::Wasserstein && !is_bounded {
        return Some(
            "objective.loss = wasserstein needs a bounded discriminator; set objective.clip = 0.01, a penalty such as \
             --penalty wgan-gp, or spectral_norm = true on all of D's linear layers, without batch norm in D and without \
             classes.discriminator = projection"
                .to_string(),
        );
    }
    None
}

/// What is wrong with the use of classes, of networks as a configuration has them.
pub(super) fn of_classes(config: &Config) -> Option<String> {
    let classes = config.classes.as_ref()?;
    let has_batch_norm = config.generator.layers.iter().any(|layer| matches!(layer, LayerSpec::BatchNorm(_)));
    if classes.generator == GeneratorClasses::BatchNorm && !has_batch_norm {
        return Some(
            "classes.generator = batch_norm needs a generator with batch norm, and this one has none; use embedding"
                .to_string(),
        );
    }
    let ends_linear = config.discriminator.layers.last().is_some_and(|layer| layer.is_linear());
    (classes.discriminator != DiscriminatorClasses::Planes && !ends_linear).then(|| {
        "classes.discriminator needs a discriminator that ends in a dense layer or a convolution to one logit; use \
         planes"
            .to_string()
    })
}

/// Whether every linear layer of D is normalised, and nothing else has a scale that is learned.
fn is_bounded_by_spectral_norm(config: &Config) -> bool {
    let projects = |classes: &Classes| classes.discriminator == DiscriminatorClasses::Projection;
    let is_bounded = |layer: &LayerSpec| match layer {
        LayerSpec::BatchNorm(_) => false,
        layer => !layer.is_linear() || layer.has_spectral_norm(),
    };
    config.discriminator.layers.iter().all(is_bounded) && !config.classes.as_ref().is_some_and(projects)
}

#[cfg(test)]
mod tests {
    use crate::layers::LayerSpec;
    use crate::model::config::Config;
    use crate::model::sources::preset;
    use crate::objective::{Classes, DiscriminatorClasses, Loss, Penalty, PenaltyKind};

    /// What is wrong with the preset `quick`, changed.
    fn problem(change: impl Fn(&mut Config)) -> String {
        let mut config = preset("quick").unwrap();
        change(&mut config);
        config.layouts().map_or_else(|error| error.to_string(), |_| String::new())
    }

    /// The penalty passes ones back from the logits, which an activation behind them would change.
    #[test]
    fn a_penalty_begins_at_the_logits() {
        let penalised = |ending: &str| {
            problem(|config| {
                config.objective.penalty = Some(Penalty { kind: PenaltyKind::R1, weight: None });
                config.discriminator.layers.retain(|layer| !matches!(layer, LayerSpec::BatchNorm(_)));
                let ending: Option<LayerSpec> = (!ending.is_empty()).then(|| toml::from_str(ending).unwrap());
                config.discriminator.layers.extend(ending);
            })
        };
        assert_eq!(penalised(""), "");
        let refused = penalised("type = \"leaky_relu\"\nslope = 0.2");
        assert!(refused.contains("objective.penalty = r1") && refused.contains("(leaky_relu)"), "{refused}");
    }

    #[test]
    fn spectral_norm_bounds_a_critic_that_has_no_other_scale() {
        let wasserstein = |norm: bool, classes: Option<DiscriminatorClasses>| {
            problem(|config| {
                config.objective.loss = Loss::Wasserstein;
                config.classes = classes.map(|discriminator| Classes { discriminator, ..Classes::default() });
                config.discriminator.layers.retain(|layer| norm || !matches!(layer, LayerSpec::BatchNorm(_)));
                for layer in &mut config.discriminator.layers {
                    match layer {
                        LayerSpec::Dense(layer) => layer.spectral_norm = true,
                        LayerSpec::Conv(layer) => layer.spectral_norm = true,
                        _ => {}
                    }
                }
            })
        };
        assert_eq!(wasserstein(false, None), "");
        assert_eq!(wasserstein(false, Some(DiscriminatorClasses::Planes)), "");
        for refused in [wasserstein(true, None), wasserstein(false, Some(DiscriminatorClasses::Projection))] {
            assert!(refused.contains("needs a bounded discriminator"), "{refused}");
        }
    }
}
