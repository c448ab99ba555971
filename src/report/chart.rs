//! A chart of the page: SVG that fits any width without JavaScript, and the values that the page's
//! script shows.
//!
//! Places across are percentages and places down are pixels, so that lines stretch with the page
//! while text does not.

use serde_json::{Value, json};

use super::curves::{Curve, kept, running_mean};
use crate::output::grouped;
use crate::output::plot::{Axis, Mapping, Scale, escape, number, points};

/// Height of the lines' area in pixels.
const HEIGHT: f64 = 190.0;
/// Units across the lines' area.
const ACROSS: f64 = 1000.0;

/// What a chart shows.
pub(super) struct Plot {
    /// Its name in the page.
    pub id: &'static str,
    pub title: String,
    /// What the values mean, in a sentence.
    pub note: &'static str,
    /// The step of each value.
    pub steps: Vec<u32>,
    /// Seconds of training at each step; empty where that is not to be shown.
    pub seconds: Vec<f64>,
    pub curves: Vec<Curve>,
    /// Labels of the y axis; chosen where there are none.
    pub ticks: Vec<f64>,
    /// Whether a running mean is worth drawing.
    pub smooth: bool,
    /// The last step of the x axis, which begins with 0.
    pub until: u32,
    /// Whether the y axis shows 0 in any case.
    pub from_zero: bool,
}

impl Plot {
    /// The chart as HTML, and its values for the script; none where no curve has a value.
    pub(super) fn draw(&self) -> Option<(String, Value)> {
        let numbers = || self.curves.iter().flat_map(|curve| curve.values.iter().copied());
        let last = *self.steps.last()?;
        numbers().find(|value| value.is_finite())?;
        let range = [0.0, f64::from(last.max(self.until).max(1))];
        let axis = |ticks: &[f64]| Axis { label: String::new(), scale: Scale::Linear, ticks: ticks.to_vec() };
        let (x_axis, y_axis) = (axis(&[]), axis(&self.ticks));
        let across = Mapping { scale: Scale::Linear, range, pixels: [0.0, ACROSS] };
        let up = Mapping::new(&y_axis, numbers().chain(self.from_zero.then_some(0.0)), [HEIGHT, 0.0]);
        let kept = kept(&self.curves, self.steps.len());
        let rule = |tick: f64| {
            let (y, label) = (up.at(tick), number(tick));
            let below = y + 4.0;
            format!(
                "<line class=\"rule\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"up\" x=\"-8\" y=\"{below:.1}\">{label}</text>\n"
            )
        };
        let label = |tick: f64| {
            let (x, y, label) = (across.at(tick) / ACROSS * 100.0, HEIGHT + 18.0, number(tick));
            format!("<text class=\"across\" x=\"{x:.2}%\" y=\"{y}\">{label}</text>\n")
        };
        let line = |class: &str, values: &[f64]| {
            let drawn = kept.iter().filter(|&&i| values[i].is_finite());
            let points = points(drawn.map(|&i| (across.at(self.steps[i].into()), up.at(values[i]))));
            format!("<polyline class=\"{class}\" points=\"{points}\"/>\n")
        };
        let [mut keys, mut pale, mut solid, mut dots] = [const { String::new() }; 4];
        for (i, curve) in self.curves.iter().enumerate() {
            let value = curve.values.last().map_or_else(String::new, |value| shown(*value));
            keys += &format!("<span class=\"key c{i}\">{} <b>{value}</b></span> ", escape(curve.name));
            let mean = running_mean(&curve.values).filter(|_| self.smooth);
            if mean.is_some() {
                pale += &line(&format!("pale c{i}"), &curve.values);
            }
            solid += &line(&format!("c{i}"), mean.as_ref().unwrap_or(&curve.values));
            dots += &format!("<circle class=\"dot c{i}\" r=\"4\"/>");
        }
        let rules: String = up.ticks(&y_axis).into_iter().map(rule).collect();
        let labels = across.ticks(&x_axis).into_iter().filter(|tick| tick.fract() == 0.0).map(label);
        let labels: String = labels.collect();
        let [words, title, note] = [&self.in_words(), self.title.as_str(), self.note].map(escape);
        let id = self.id;
        let html = format!(
            "<figure class=\"chart\" id=\"{id}\" tabindex=\"0\" role=\"group\" aria-label=\"{words}\">\n<figcaption><h3>{title}</h3>\
             <p class=\"values\">{keys}<span class=\"where\">step {last}</span></p></figcaption>\n\
             <svg class=\"plot\" height=\"{HEIGHT}\" aria-hidden=\"true\">\n{rules}{labels}\
             <svg width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 {ACROSS} {HEIGHT}\" preserveAspectRatio=\"none\">\n{pale}{solid}\
             </svg>\n<line class=\"at\" y2=\"100%\"/><line class=\"cursor\" y2=\"100%\"/>{dots}\n</svg>\n\
             <p class=\"note\">{note}</p>\n</figure>\n"
        );
        let series = self.curves.iter().map(|curve| kept.iter().map(|&i| curve.values[i]).collect::<Vec<_>>());
        let values = json!({
            "id": id,
            "x": range,
            "y": up.range,
            "steps": kept.iter().map(|&i| self.steps[i]).collect::<Vec<_>>(),
            "seconds": kept.iter().filter_map(|&i| self.seconds.get(i)).collect::<Vec<_>>(),
            "series": series.collect::<Vec<_>>(),
        });
        Some((html, values))
    }

    /// For who cannot see the lines.
    fn in_words(&self) -> String {
        let ends = self.curves.iter().map(|curve| {
            let numbers = || curve.values.iter().filter(|value| value.is_finite());
            match (numbers().next(), numbers().next_back()) {
                (Some(first), Some(last)) => format!("{} from {} to {}", curve.name, shown(*first), shown(*last)),
                _ => format!("{} not recorded", curve.name),
            }
        });
        let ends = ends.collect::<Vec<_>>().join(", ");
        format!("{}: {ends}. Arrow keys, Home and End move along the curves.", self.title)
    }
}

/// A value as the page shows it; the page's script does the same.
pub(super) fn shown(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => "–".to_string(),
        size if size >= 1000.0 => format!("{}{}", if value < 0.0 { "-" } else { "" }, grouped(size.round() as u64)),
        size if size >= 0.001 || size == 0.0 => format!("{value:.3}"),
        _ => format!("{value:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(values: Vec<f64>) -> Plot {
        let steps = (1..=values.len() as u32).collect();
        let curves = vec![Curve { name: "a < b", values }];
        let (seconds, ticks) = (Vec::new(), Vec::new());
        let (smooth, until, from_zero) = (true, 0, false);
        Plot {
            id: "loss",
            title: "Loss".to_string(),
            note: "D & G.",
            steps,
            seconds,
            curves,
            ticks,
            smooth,
            until,
            from_zero,
        }
    }

    #[test]
    fn a_chart_without_a_value_is_none() {
        assert!(plot(Vec::new()).draw().is_none());
        assert!(plot(vec![f64::NAN, f64::INFINITY]).draw().is_none());
    }

    #[test]
    fn lines_and_values_agree_and_text_is_escaped() {
        let (html, values) = plot(vec![1.0, f64::NAN, 3.0]).draw().unwrap();
        assert!(
            html.contains("a &lt; b <b>3.000</b>") && html.contains("D &amp; G.") && !html.contains("a < b"),
            "{html}"
        );
        assert!(html.contains("a &lt; b from 1.000 to 3.000"), "{html}");
        assert_eq!(values["steps"], json!([1, 2, 3]));
        assert_eq!(values["series"], json!([[1.0, null, 3.0]]));
        let line = html.lines().find(|line| line.starts_with("<polyline")).unwrap();
        assert!(line.contains("points=\"333.3,") && line.contains(" 1000.0,") && !html.contains("NaN"), "{line}");
    }

    #[test]
    fn a_single_record_has_a_place() {
        let (html, values) = plot(vec![0.5]).draw().unwrap();
        assert_eq!(values["x"], json!([0.0, 1.0]));
        assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
    }

    #[test]
    fn long_curves_are_thinned_and_smoothed() {
        let (html, values) = plot((0..50_000).map(|i| f64::from(i % 13)).collect()).draw().unwrap();
        assert!(values["steps"].as_array().unwrap().len() <= 2000 && html.len() < 80_000, "{}", html.len());
        assert_eq!(html.matches("<polyline").count(), 2);
    }

    #[test]
    fn values_are_short() {
        let all = [0.0, 0.12345, 12.0, 1234.5, -1_234_567.0, 1.26e-5, f64::NAN].map(shown);
        assert_eq!(all, ["0.000", "0.123", "12.000", "1,235", "-1,234,567", "1.3e-5", "–"]);
    }
}
