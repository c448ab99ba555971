//! Whether a run goes well, in plain words: what is wrong, what it means, and which flag to try.

use crate::model::columns::{D_FAKE, D_REAL, Values};
use crate::model::config::Training;
use crate::run::records::Quality;

/// Windows of steps in a row in which D must win before that is said.
const WINDOWS: u32 = 2;
/// How near to their labels D(x) and D(G(z)) are where D wins.
const CERTAIN: f64 = 0.02;
/// G's largest smoothed gradient below which nothing moves: Adam's ε is of this size.
const VANISHED: f32 = 1e-8;
/// A diversity that is worth a word where it was twice as high before.
const POOR: f64 = 0.5;
/// A diversity that is worth a word in any case, after [`LEARNT`] steps.
const NONE: f64 = 0.1;
/// Steps after which samples should not be all the same any more.
const LEARNT: u32 = 1000;

/// Watches a run. A complaint is made once, and again only after things were better.
#[derive(Debug, Default)]
pub struct Health {
    steps: u32,
    d_real: f64,
    d_fake: f64,
    windows_won: u32,
    best_diversity: f64,
    told: [bool; 3],
}

/// What can be wrong; its number is a place in [`Health::told`].
#[derive(Clone, Copy)]
enum Illness {
    DWins,
    VanishedGradient,
    Collapse,
}

impl Health {
    /// Watches from here on; samples were as diverse as `best_diversity` before, 0 where there were
    /// none.
    pub fn new(best_diversity: f64) -> Self {
        Health { best_diversity, ..Health::default() }
    }

    /// Notes what a step recorded.
    pub fn step(&mut self, values: &Values) {
        self.steps += 1;
        self.d_real += values.get(D_REAL);
        self.d_fake += values.get(D_FAKE);
    }

    /// Looks at the steps since the last call; `generator_moment` is G's largest smoothed gradient.
    pub fn check(&mut self, training: &Training, generator_moment: f32) -> Vec<String> {
        let steps = f64::from(self.steps.max(1));
        let (real, fake) = (self.d_real / steps, self.d_fake / steps);
        let certain =
            real > f64::from(training.label_real) - CERTAIN && fake < f64::from(training.label_fake) + CERTAIN;
        self.windows_won = if certain && self.steps > 0 { self.windows_won + 1 } else { 0 };
        (self.steps, self.d_real, self.d_fake) = (0, 0.0, 0.0);
        let wins = self.complain(Illness::DWins, self.windows_won >= WINDOWS, || {
            format!(
                "D wins: it takes real images for real at {real:.3} and generated ones at {fake:.3}, so G learns little; try \
                 --label-real 0.9, --instance-noise 0.05 or a smaller --lr"
            )
        });
        let vanished = self.complain(Illness::VanishedGradient, generator_moment < VANISHED, || {
            format!(
                "G's gradient has vanished: its largest smoothed value is {generator_moment:.0e}, so G does not learn; start \
                 again with another --seed, a smaller --lr or --preset stabilized"
            )
        });
        wins.into_iter().chain(vanished).collect()
    }

    /// Looks at the quality of samples.
    pub fn samples(&mut self, quality: &Quality) -> Option<String> {
        let now = quality.diversity;
        let fell = now < POOR && now < self.best_diversity / 2.0;
        let best = self.best_diversity.max(now);
        self.best_diversity = best;
        self.complain(Illness::Collapse, fell || (now < NONE && quality.step >= LEARNT), || {
            format!(
                "samples are too much alike: their mean distance is {now:.2} of that of real images, it was {best:.2} at best: \
                 G may be collapsing to few images; try a smaller --lr, --instance-noise 0.05 or a larger --batch-size"
            )
        })
    }

    fn complain(&mut self, illness: Illness, is_ill: bool, say: impl FnOnce() -> String) -> Option<String> {
        let told = std::mem::replace(&mut self.told[illness as usize], is_ill);
        (is_ill && !told).then(say)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sources::preset;

    fn values(d_real: f32, d_fake: f32) -> Values {
        [(D_REAL, d_real), (D_FAKE, d_fake)].into_iter().collect()
    }

    fn quality(step: u32, diversity: f64) -> Quality {
        Quality { step, diversity, distance: 0.1, fd: None, samples: None }
    }

    #[test]
    fn a_winning_discriminator_is_told_once() {
        let training = preset("pytorch").unwrap().training;
        let mut health = Health::default();
        let mut window = |d_real, d_fake| {
            (0..100).for_each(|_| health.step(&values(d_real, d_fake)));
            health.check(&training, 1e-3)
        };
        assert!(window(0.999, 0.001).is_empty(), "one window may be chance");
        let told = window(0.999, 0.001);
        assert!(told.len() == 1 && told[0].contains("0.999") && told[0].contains("--label-real"), "{told:?}");
        assert!(window(0.999, 0.001).is_empty(), "once");
        assert!(window(0.8, 0.2).is_empty());
        assert!(window(0.999, 0.001).is_empty());
        assert_eq!(window(0.999, 0.001).len(), 1, "again after it was better");
    }

    #[test]
    fn smoothed_labels_move_what_certain_is() {
        let training = preset("stabilized").unwrap().training;
        let mut health = Health::default();
        let told: Vec<_> = (0..2)
            .flat_map(|_| {
                (0..100).for_each(|_| health.step(&values(0.895, 0.105)));
                health.check(&training, 1e-3)
            })
            .collect();
        assert_eq!(told.len(), 1);
    }

    #[test]
    fn a_vanished_gradient_is_told() {
        let training = preset("pytorch").unwrap().training;
        let mut health = Health::default();
        health.step(&values(0.7, 0.3));
        assert!(health.check(&training, 1e-4).is_empty());
        assert!(health.check(&training, 0.0)[0].contains("vanished"));
    }

    #[test]
    fn a_fall_of_diversity_is_told_and_a_slow_start_is_not() {
        let mut health = Health::default();
        assert_eq!(health.samples(&quality(100, 0.01)), None, "G has hardly begun");
        assert_eq!(health.samples(&quality(200, 0.9)), None);
        assert_eq!(health.samples(&quality(300, 0.6)), None);
        assert!(health.samples(&quality(400, 0.3)).unwrap().contains("0.30"));
        assert!(Health::default().samples(&quality(2000, 0.05)).is_some(), "never began to differ");
    }
}
