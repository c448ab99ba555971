//! What a run is, in words and numbers: the rows of a report.

use super::chart::shown;
use super::run::Run;
use crate::model::columns::GROUPS;
use crate::model::judged::{FRECHET, JudgedBy};
use crate::output::grouped;
use crate::run::records::{Quality, best, means, median};

/// Records at the end over which losses are averaged.
pub(super) const LAST: usize = 100;

/// Classes that are named.
const MOST_CLASSES: usize = 64;

/// Name and value of what there is to say.
pub(super) fn of(run: &Run) -> Vec<(String, String)> {
    let setting = |keys: &[&str]| run.setting_text(keys);
    let size = |key| setting(&["image", key]);
    let colour = size("channels").map(|channels| if channels == "1" { "grey" } else { "colour" });
    let image = size("height").zip(size("width")).zip(colour);
    let image = image.map(|((height, width), colour)| format!("{height}×{width}, {colour}"));
    let records = &run.records;
    let last = &records[records.len().saturating_sub(LAST)..];
    let speed = median(records.iter().map(|record| record.images_per_second));
    let epoch = records.last().map(|record| record.epoch).filter(|epoch| *epoch > 0);
    let batch = setting(&["training", "batch_size"]);
    let mut rows = vec![
        ("Preset", setting(&["name"])),
        ("Data", setting(&["data"])),
        ("Weights from", run.ancestor()),
        ("Images", image),
        ("Seed", setting(&["seed"])),
        ("Batch", batch.zip(setting(&["training", "order"])).map(|(batch, order)| format!("{batch}, {order} updates"))),
        ("Objective", objective(run)),
        ("Classes", classes(run)),
        ("Device", run.device().or_else(|| Some("not known before the first checkpoint".to_string()))),
        ("Kernels tuned for", run.tuned_for.clone()),
        ("Program", run.program_version().map(|version| format!("dcgan-gpu {version}"))),
        ("Steps", Some(steps(run.steps(), run.total_steps()))),
        ("Epochs", epoch.map(|epoch| grouped(epoch.into()))),
        ("Training time", run.seconds().map(duration)),
        ("Judged by", (!run.quality.is_empty()).then(|| JudgedBy::told(run.judge().as_ref()))),
        ("Best samples", best(&run.quality).map(|best| in_words(&best))),
        ("Speed", speed.is_finite().then(|| format!("{} images/s (median)", shown(speed)))),
    ];
    let over = match last.len() {
        1 => "in the only record".to_string(),
        count => format!("means of the last {count} records"),
    };
    let means = means(last);
    rows.extend(GROUPS.iter().map(|group| {
        let values = group.columns.iter().map(|column| means.get(column.name)).filter(|value| value.is_finite());
        let values: Vec<_> = values.map(shown).collect();
        (group.about, (!values.is_empty()).then(|| format!("{}, {over}", values.join(" and "))))
    }));
    rows.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?))).collect()
}

/// How good samples are, in what judges their run.
pub fn in_words(quality: &Quality) -> String {
    let what = match quality.samples {
        Some(samples) => format!("{FRECHET} {} (n = {})", shown(quality.score()), grouped(samples.into())),
        None => format!("distance {}", shown(quality.score())),
    };
    format!("{what}, diversity {}, at step {}", shown(quality.diversity), grouped(quality.step.into()))
}

/// The loss and what is penalised, where a run says so.
fn objective(run: &Run) -> Option<String> {
    let setting = |keys: &[&str]| run.setting_text(&[&["objective"], keys].concat());
    let penalty = setting(&["penalty", "kind"]).map(|kind| format!(", {kind} penalty"));
    Some(setting(&["loss"])? + &penalty.unwrap_or_default())
}

/// The names of classes, in the order of the rows of a grid.
fn classes(run: &Run) -> Option<String> {
    let names = run.setting(&["classes", "names"])?.as_array()?;
    let mut shown: Vec<_> = names.iter().take(MOST_CLASSES).filter_map(|name| name.as_str()).collect();
    let more = (names.len() > MOST_CLASSES).then(|| format!("and {} more", names.len() - MOST_CLASSES));
    shown.extend(more.as_deref());
    Some(shown.join(", "))
}

/// How far the run is.
pub(super) fn steps(done: u32, total: Option<u64>) -> String {
    match total {
        Some(total) if u64::from(done) < total => format!("{} of {}", grouped(done.into()), grouped(total)),
        _ => grouped(done.into()),
    }
}

/// Seconds in units that fit.
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", grouped(whole / 3600), whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        assert_eq!(
            [7.54, 59.4, 60.0, 725.2, 12_000.0].map(duration),
            ["7.5 s", "59.4 s", "1 min 0 s", "12 min 5 s", "3 h 20 min"]
        );
    }
}
