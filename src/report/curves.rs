//! A run's curves: which points are drawn, and the picture of them that lies in the run folder.

use std::path::Path;

use crate::error::Result;
use crate::model::columns::{GROUPS, Group};
use crate::model::judged::FRECHET;
use crate::output::plot::{Axis, Chart, Scale, Series, svg};
use crate::output::{Overwrite, grouped, save_text};
use crate::run::files::{CURVES, METRICS, QUALITY};
use crate::run::records::{Quality, Record, read_quality, read_some_metrics};

/// Lines of `metrics.jsonl` that are drawn at most in a run's own picture, 25 for each pixel.
const MOST_READ: usize = 1 << 14;
/// Most points of a long curve.
const MOST_POINTS: usize = 2000;
/// Records from which on a curve is drawn as its running mean, over pale single values.
const SMOOTHED_FROM: usize = 100;
/// A running mean is taken over this part of all records.
const SMOOTHED_PART: usize = 50;

/// One curve: its name, and the value at each record.
pub(super) struct Curve {
    pub name: &'static str,
    pub values: Vec<f64>,
}

impl Curve {
    pub(super) fn new<T>(name: &'static str, records: &[T], value: impl Fn(&T) -> f64) -> Self {
        Curve { name, values: records.iter().map(value).collect() }
    }
}

/// The curves of a chart.
pub(super) fn curves(group: &Group, records: &[Record]) -> Vec<Curve> {
    let told = group.told(records.iter().map(|record| &record.values));
    told.into_iter().map(|column| Curve::new(column.curve, records, |r| r.values.get(column.name))).collect()
}

/// Draws all that a run recorded so far as its `losses.svg`.
///
/// # Errors
/// An I/O error naming the file.
pub fn save_curves(run: &Path) -> Result<()> {
    let records = read_some_metrics(&run.join(METRICS), MOST_READ)?;
    let quality = read_quality(&run.join(QUALITY))?;
    save_text(&losses_svg(&records, &quality), &run.join(CURVES), Overwrite::Always)
}

/// The curves of what D and G recorded, and of the distance in features where those judge, as an
/// SVG file: `losses.svg` of a run folder.
///
/// Long runs are thinned out to the smallest and the largest value of each stretch, so spikes stay.
/// 100,000 records take about 20 ms.
pub fn losses_svg(records: &[Record], quality: &[Quality]) -> String {
    let charts = GROUPS.iter().map(|group| (group, curves(group, records))).filter(|(_, curves)| !curves.is_empty());
    let charts = charts.map(|(group, curves)| {
        let kept = kept(&curves, records.len());
        let series = curves.iter().map(|curve| {
            let points = |values: &[f64]| kept.iter().map(|&i| (f64::from(records[i].step), values[i])).collect();
            let label = curve.name.to_string();
            match running_mean(&curve.values) {
                Some(means) => Series { label, points: points(&means), behind: points(&curve.values) },
                None => Series { label, points: points(&curve.values), behind: Vec::new() },
            }
        });
        Chart {
            x: Axis { label: "step".to_string(), scale: Scale::Linear, ticks: Vec::new() },
            y: Axis { label: group.axis.to_string(), scale: Scale::Linear, ticks: group.ticks.to_vec() },
            series: series.collect(),
            marks: Vec::new(),
        }
    });
    let judged: Vec<_> = quality.iter().filter_map(|line| Some((line, line.fd?))).collect();
    let estimates = judged.first().map(|(line, _)| Chart {
        x: Axis { label: "step".to_string(), scale: Scale::Linear, ticks: Vec::new() },
        y: Axis { label: FRECHET.to_string(), scale: Scale::Linear, ticks: Vec::new() },
        series: vec![Series {
            label: line.samples.map_or(String::new(), |samples| format!("n = {}", grouped(samples.into()))),
            points: judged.iter().map(|(line, fd)| (line.step.into(), *fd)).collect(),
            behind: Vec::new(),
        }],
        marks: Vec::new(),
    });
    let title = match records.last() {
        Some(last) => format!("curves of {} steps", last.step),
        None => "curves: nothing recorded yet".to_string(),
    };
    svg(&title, &charts.chain(estimates).collect::<Vec<_>>(), 1, (640.0, 260.0))
}

/// The indices of the records that are drawn, in order: all of a short run; of a long one the
/// first, the last, and those where a curve is at its smallest or largest within its stretch.
pub(super) fn kept(curves: &[Curve], records: usize) -> Vec<usize> {
    if records <= MOST_POINTS {
        return (0..records).collect();
    }
    let stretches = (MOST_POINTS - 2) / (2 * curves.len().max(1));
    let mut kept = vec![0, records - 1];
    for stretch in 0..stretches {
        let range = stretch * records / stretches..(stretch + 1) * records / stretches;
        for curve in curves {
            let numbers = range.clone().filter(|&i| curve.values[i].is_finite());
            let by_value = |a: &usize, b: &usize| curve.values[*a].total_cmp(&curve.values[*b]);
            kept.extend(numbers.clone().min_by(by_value));
            kept.extend(numbers.max_by(by_value));
        }
    }
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// How many records a running mean is taken over; none for few records.
pub(super) fn smoothing(records: usize) -> Option<usize> {
    // Odd, so that as many lie before a record as after it.
    (records >= SMOOTHED_FROM).then(|| (records / SMOOTHED_PART).max(5) | 1)
}

/// For each value the mean of it and of its neighbours that are numbers, fewer at the ends; none
/// for few values.
pub(super) fn running_mean(values: &[f64]) -> Option<Vec<f64>> {
    let half = smoothing(values.len())? / 2;
    let mut sums = Vec::with_capacity(values.len() + 1);
    let mut sum = (0.0, 0_u32);
    sums.push(sum);
    for value in values {
        if value.is_finite() {
            sum = (sum.0 + value, sum.1 + 1);
        }
        sums.push(sum);
    }
    let mean = |i: usize| {
        let ((low, before), (high, to)) = (sums[i.saturating_sub(half)], sums[(i + half + 1).min(values.len())]);
        if values[i].is_finite() { (high - low) / f64::from(to - before) } else { f64::NAN }
    };
    Some((0..values.len()).map(mean).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::columns::{D_FAKE, D_LOSS, D_REAL, G_LOSS};

    fn record(step: u32, d_loss: f64) -> Record {
        let values = [(D_LOSS, d_loss), (G_LOSS, 1.0), (D_REAL, 0.75), (D_FAKE, 0.25)].into_iter().collect();
        Record { step, epoch: 1, values, images_per_second: 100.0, seconds: 1.0 }
    }

    #[test]
    fn a_long_curve_keeps_its_spikes_and_ends() {
        let mut records: Vec<_> = (1..=100_000).map(|step| record(step, 1.0 + f64::from(step % 7) * 1e-3)).collect();
        for (index, d_loss) in [(54_321, 40.0), (77_777, -3.0), (10_000, f64::NAN)] {
            records[index] = record(records[index].step, d_loss);
        }
        let kept = kept(&curves(&GROUPS[0], &records), records.len());
        assert!(kept.len() <= MOST_POINTS && kept.len() > MOST_POINTS / 3, "{}", kept.len());
        assert!(kept.is_sorted_by(|a, b| a < b));
        for index in [0, 54_321, 77_777, 99_999] {
            assert!(kept.contains(&index), "{index}");
        }
        assert!(!kept.contains(&10_000), "no place for NaN");
        let svg = losses_svg(&records, &[]);
        assert!(svg.len() < 200_000 && !svg.contains("NaN"), "{} bytes", svg.len());
    }

    #[test]
    fn a_short_curve_is_drawn_whole() {
        let records: Vec<_> = (1..=60).map(|step| record(step * 10, 1.0)).collect();
        assert_eq!(kept(&curves(&GROUPS[0], &records), 60), (0..60).collect::<Vec<_>>());
        let svg = losses_svg(&records, &[]);
        assert_eq!(svg.matches("<polyline").count(), 4, "two curves in each chart");
        assert!(svg.contains("curves of 600 steps"));
    }

    #[test]
    fn the_distance_in_features_has_a_chart_of_its_own() {
        let records = [record(10, 1.0)];
        let line = |step, fd| Quality { step, diversity: 0.5, distance: 0.1, fd, samples: fd.map(|_| 1000) };
        let without = losses_svg(&records, &[line(5, None), line(10, None)]);
        assert_eq!(without, losses_svg(&records, &[]));
        let with = losses_svg(&records, &[line(5, Some(40.0)), line(10, Some(30.0))]);
        assert!(with.contains("Fréchet distance") && with.contains("n = 1,000"), "{with}");
        assert_eq!(with.matches("<polyline").count(), without.matches("<polyline").count() + 1);
    }

    #[test]
    fn a_run_without_a_record_has_a_picture_too() {
        let svg = losses_svg(&[], &[]);
        assert!(svg.starts_with("<svg ") && svg.contains("nothing recorded yet") && !svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn running_means_are_centred_and_pass_over_nan() {
        assert_eq!(running_mean(&[1.0; 99]), None);
        let mut values: Vec<_> = (0..100).map(f64::from).collect();
        values[50] = f64::NAN;
        let means = running_mean(&values).unwrap();
        assert_eq!(means[10], 10.0, "a straight line stays one");
        assert_eq!(means[0], 1.0, "0, 1 and 2");
        assert_eq!(means[49], (47.0 + 48.0 + 49.0 + 51.0) / 4.0);
        assert!(means[50].is_nan());
    }
}
