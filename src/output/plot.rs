//! Line charts as SVG: text that browsers and repositories show, without a drawing library.

/// Width and height of a small chart with its labels, in pixels.
pub const SMALL: (f64, f64) = (320.0, 230.0);
/// Space around the lines: left, top, right, bottom.
const MARGIN: (f64, f64, f64, f64) = (58.0, 26.0, 16.0, 40.0);
/// Lines in turn: blue, orange, green and purple that colour-blind readers can tell apart (Okabe,
/// Ito 2008).
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];
/// Most labels of an axis.
const MOST_TICKS: usize = 8;

/// How values are laid out along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences take equal space.
    Linear,
    /// Equal ratios take equal space; values must be positive.
    Log,
}

impl Scale {
    /// Whether a value has a place.
    fn has(self, value: f64) -> bool {
        value.is_finite() && (self == Scale::Linear || value > 0.0)
    }
}

/// One axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What it shows, with its unit.
    pub label: String,
    /// Its scale.
    pub scale: Scale,
    /// Values with a label; chosen where there are none.
    pub ticks: Vec<f64>,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend; none where it is empty.
    pub label: String,
    /// Points in drawing order.
    pub points: Vec<(f64, f64)>,
    /// Points of a pale line behind it: the single values that `points` are means of.
    pub behind: Vec<(f64, f64)>,
}

/// A place on the x axis that has no point, and why.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Where.
    pub x: f64,
    /// Why, in a word or two.
    pub label: String,
}

/// Lines over one pair of axes.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Across.
    pub x: Axis,
    /// Up.
    pub y: Axis,
    /// The lines.
    pub series: Vec<Series>,
    /// Places without points.
    pub marks: Vec<Mark>,
}

/// A complete SVG file with `columns` charts beside each other, each of `size` (width and height in
/// pixels), under a title.
pub fn svg(title: &str, charts: &[Chart], columns: usize, size: (f64, f64)) -> String {
    let rows = charts.len().div_ceil(columns.max(1));
    let (width, height) = (columns as f64 * size.0, rows as f64 * size.1 + 34.0);
    let (middle, title) = (width / 2.0, escape(title));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{middle}\" y=\"22\" text-anchor=\"middle\" font-size=\"14\">{title}</text>\n"
    );
    for (i, chart) in charts.iter().enumerate() {
        let (x, y) = ((i % columns) as f64 * size.0, (i / columns) as f64 * size.1 + 34.0);
        text += &format!("<g transform=\"translate({x} {y})\">\n");
        chart.draw(&mut text, size);
        text += "</g>\n";
    }
    text + "</svg>\n"
}

impl Chart {
    fn draw(&self, text: &mut String, size: (f64, f64)) {
        let (left, top) = (MARGIN.0, MARGIN.1);
        let (right, bottom) = (size.0 - MARGIN.2, size.1 - MARGIN.3);
        let all = |pick: fn(&(f64, f64)) -> f64| {
            self.series.iter().flat_map(move |s| s.points.iter().chain(&s.behind).map(pick))
        };
        let marked = self.marks.iter().map(|mark| mark.x);
        let across = Mapping::new(&self.x, all(|p| p.0).chain(marked), [left, right]);
        let up = Mapping::new(&self.y, all(|p| p.1), [bottom, top]);
        let (above, middle, below) = (top - 10.0, f64::midpoint(left, right), bottom + 32.0);
        let (x_label, y_label) = (escape(&self.x.label), escape(&self.y.label));
        *text += &format!(
            "<text x=\"{left}\" y=\"{above}\" font-size=\"12\">{y_label}</text>\n\
             <text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{x_label}</text>\n"
        );
        for tick in across.ticks(&self.x) {
            let (x, y, label) = (across.at(tick), bottom + 15.0, number(tick));
            *text += &format!(
                "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"#e4e4e4\"/><text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>\n"
            );
        }
        for tick in up.ticks(&self.y) {
            let (x, y, label) = (left - 6.0, up.at(tick), number(tick));
            let below = y + 4.0;
            *text += &format!(
                "<path d=\"M{left} {y:.1}H{right}\" stroke=\"#e4e4e4\"/><text x=\"{x}\" y=\"{below:.1}\" text-anchor=\"end\">{label}</text>\n"
            );
        }
        *text += &format!("<path d=\"M{left} {top}V{bottom}H{right}\" fill=\"none\" stroke=\"#555555\"/>\n");
        for mark in &self.marks {
            let (x, y, label) = (across.at(mark.x), top + 4.0, escape(&mark.label));
            let beside = x - 4.0;
            *text += &format!(
                "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"#999999\" stroke-dasharray=\"3 3\"/>\
                 <text transform=\"translate({beside:.1} {y}) rotate(-90)\" text-anchor=\"end\" fill=\"#777777\">{label}</text>\n"
            );
        }
        let colours = || self.series.iter().zip(COLOURS.iter().cycle());
        for (series, colour) in colours().filter(|(series, _)| !series.behind.is_empty()) {
            *text += &line(&places(&series.behind, &across, &up), colour, "stroke-opacity=\"0.3\"");
        }
        for (series, colour) in colours() {
            let places = places(&series.points, &across, &up);
            *text += &line(&places, colour, "stroke-width=\"1.8\"");
            // Dots where they are few enough to be told apart.
            for (x, y) in places.iter().filter(|_| places.len() <= 40) {
                *text += &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.8\" fill=\"{colour}\"/>\n");
            }
        }
        self.draw_legend(text, size.0 - MARGIN.2);
    }

    /// The legend sits to the right of the y axis's label: one below the other in a small chart,
    /// over the lines, else in a row.
    fn draw_legend(&self, text: &mut String, right: f64) {
        let labels: Vec<_> = self.series.iter().map(|series| series.label.as_str()).collect();
        let width = |label: &str| 32.0 + 6.0 * label.chars().count() as f64;
        let widths = labels.iter().map(|label| width(label)).sum::<f64>();
        let in_a_row = widths < right * 0.6;
        let (mut x, mut y) = (right - if in_a_row { widths } else { 92.0 }, MARGIN.1 - 16.0);
        for (label, colour) in labels.iter().zip(COLOURS.iter().cycle()).filter(|(label, _)| !label.is_empty()) {
            let (beside, below, name) = (x + 18.0, y + 4.0, escape(label));
            *text += &format!(
                "<path d=\"M{x} {y}h14\" stroke=\"{colour}\" stroke-width=\"2\"/><text x=\"{beside}\" y=\"{below}\">{name}</text>\n"
            );
            if in_a_row {
                x += width(label);
            } else {
                y += 13.0;
            }
        }
    }
}

/// Where the points are that have a place.
fn places(points: &[(f64, f64)], across: &Mapping, up: &Mapping) -> Vec<(f64, f64)> {
    let drawable = points.iter().filter(|(x, y)| across.has(*x) && up.has(*y));
    drawable.map(|&(x, y)| (across.at(x), up.at(y))).collect()
}

fn line(places: &[(f64, f64)], colour: &str, style: &str) -> String {
    let points = points(places.iter().copied());
    format!("<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" {style} stroke-linejoin=\"round\"/>\n")
}

/// Pixels as a polyline lists them.
pub(crate) fn points(places: impl Iterator<Item = (f64, f64)>) -> String {
    places.map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

/// Values to pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapping {
    pub(crate) scale: Scale,
    /// The smallest and the largest value.
    pub(crate) range: [f64; 2],
    pub(crate) pixels: [f64; 2],
}

impl Mapping {
    /// A mapping of all `values` and given ticks, with some air around them.
    pub(crate) fn new(axis: &Axis, values: impl Iterator<Item = f64>, pixels: [f64; 2]) -> Self {
        let scale = axis.scale;
        let usable = values.chain(axis.ticks.iter().copied()).filter(|v| scale.has(*v));
        let [low, high] = usable.fold([f64::INFINITY, -f64::INFINITY], |[low, high], v| [low.min(v), high.max(v)]);
        // Something to divide by, and air between the lines and the frame.
        let [low, high] = if low <= high { [low, high] } else { [1.0, 1.0] };
        let range = match scale {
            Scale::Linear => {
                let air = if high > low { (high - low) * 0.05 } else { high.abs().max(1.0) * 0.5 };
                [low - air, high + air]
            }
            Scale::Log => {
                let air = if high > low { (high / low).powf(0.06) } else { 2.0 };
                [low / air, high * air]
            }
        };
        Mapping { scale, range, pixels }
    }

    pub(crate) fn has(&self, value: f64) -> bool {
        self.scale.has(value)
    }

    pub(crate) fn at(&self, value: f64) -> f64 {
        let place = |v: f64| if self.scale == Scale::Log { v.ln() } else { v };
        let [low, high] = self.range.map(place);
        self.pixels[0] + (place(value) - low) / (high - low) * (self.pixels[1] - self.pixels[0])
    }

    /// The values to label: those given, or round ones inside the range.
    pub(crate) fn ticks(&self, axis: &Axis) -> Vec<f64> {
        if !axis.ticks.is_empty() {
            return axis.ticks.clone();
        }
        let [low, high] = self.range;
        let inside = |v: &f64| (low..=high).contains(v);
        // Within a small ratio both scales are nearly the same.
        if self.scale == Scale::Linear || high / low < 5.0 {
            let step = round_step((high - low) / 5.0);
            return (0..=MOST_TICKS).map(|i| ((low / step).ceil() + i as f64) * step).filter(inside).collect();
        }
        let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
        let of = |digits: &[f64]| -> Vec<f64> {
            decades.clone().flat_map(|e| digits.iter().map(move |d| d * 10_f64.powi(e))).filter(inside).collect()
        };
        let choices = [&[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0][..], &[1.0, 2.0, 5.0], &[1.0]];
        let found = choices.map(of).into_iter().find(|ticks| ticks.len() <= MOST_TICKS);
        // More than eight decades: every so many.
        found.unwrap_or_else(|| of(&[1.0]).into_iter().step_by(3).collect())
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below `rough`.
fn round_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|digit| digit * power).find(|step| *step >= rough).unwrap_or(rough)
}

/// A tick's label: three significant digits, without trailing zeros; thousands grouped as `12k`.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_string();
    }
    if value.abs() >= 1e6 {
        return format!("{}M", number(value / 1e6));
    }
    if value.abs() >= 1e4 {
        return format!("{}k", number(value / 1e3));
    }
    let decimals = (2 - value.abs().log10().floor() as i32).clamp(0, 9) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

/// Text for the content and the attributes of SVG and HTML.
pub(crate) fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(scale: Scale) -> Axis {
        Axis { label: "a < b & \"c\"".to_string(), scale, ticks: Vec::new() }
    }

    fn ticks(scale: Scale, low: f64, high: f64) -> Vec<f64> {
        let axis = axis(scale);
        Mapping::new(&axis, [low, high].into_iter(), [0.0, 100.0]).ticks(&axis)
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(Scale::Linear, 0.0, 10.0), [0.0, 5.0, 10.0]);
        assert_eq!(ticks(Scale::Linear, -0.9, 1.2), [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert_eq!(ticks(Scale::Log, 1600.0, 2300.0), [1600.0, 1800.0, 2000.0, 2200.0]);
        assert_eq!(ticks(Scale::Log, 0.02, 3.0), [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0]);
        assert_eq!(ticks(Scale::Log, 1.0, 1e5), [1.0, 10.0, 100.0, 1e3, 1e4, 1e5]);
        for (low, high) in [(1.0, 1.0), (5e-4, 6e-4), (1e-9, 1e9), (110.0, 190.0)] {
            for scale in [Scale::Linear, Scale::Log] {
                let count = ticks(scale, low, high).len();
                assert!((2..=MOST_TICKS + 1).contains(&count), "{count} ticks for {low}..{high}, {scale:?}");
            }
        }
    }

    #[test]
    fn labels_are_short() {
        let labels = [0.0, 0.05, 0.125, 1.0, 1.5, 28.0, 1024.0, 20_000.0, 3e6, -2.5].map(number);
        assert_eq!(labels, ["0", "0.05", "0.125", "1", "1.5", "28", "1024", "20k", "3M", "-2.5"]);
    }

    #[test]
    fn equal_ratios_take_equal_space() {
        let axis = axis(Scale::Log);
        let mapping = Mapping::new(&axis, [1.0, 100.0].into_iter(), [0.0, 300.0]);
        let steps = [1.0, 10.0, 100.0].map(|v| mapping.at(v));
        assert!((steps[1] - steps[0] - (steps[2] - steps[1])).abs() < 1e-9, "{steps:?}");
        assert!(steps[0] > 0.0 && steps[2] < 300.0, "{steps:?}");
    }

    #[test]
    fn a_chart_is_well_formed_whatever_is_in_it() {
        let points = |n: usize| (0..n).map(|i| (i as f64, (i * i) as f64)).collect();
        let series = |label: &str, points| Series { label: label.to_string(), points, behind: Vec::new() };
        let chart = |scale, series| Chart {
            x: axis(scale),
            y: axis(scale),
            series,
            marks: vec![Mark { x: 3.0, label: "not <run>".to_string() }],
        };
        let charts = [
            chart(Scale::Linear, vec![series("losses", points(1000)), series("", points(3))]),
            chart(Scale::Log, vec![series("with a zero & no number", vec![(0.0, f64::NAN), (1.0, 2.0), (2.0, 4.0)])]),
            chart(Scale::Log, Vec::new()),
        ];
        let text = svg("t", &charts, 2, SMALL);
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
        assert_eq!(text.matches("<g ").count(), 3);
        assert_eq!(text.matches("<g ").count(), text.matches("</g>").count());
        assert_eq!(text.matches("<text").count(), text.matches("</text>").count());
        assert_eq!(text.matches("<polyline").count(), 3);
        assert_eq!(text.matches("<circle").count(), 3 + 2, "dots for short lines alone, and for what has a place");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        assert!(!text.contains("not <run>") && text.contains("not &lt;run&gt;") && text.contains("&amp;"), "{text}");
    }
}
