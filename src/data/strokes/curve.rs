//! Smooth curves through the knots of a skeleton.

use super::skeletons::Knot;

/// The cubic curve from one knot to the next (Hermite's form, t from 0 to 1): its start and its
/// derivative there, its end and its derivative there.
pub struct Span([[f32; 2]; 4]);

impl Span {
    /// Span number `span`, between `knots[span]` and `knots[span + 1]`, of a centripetal
    /// Catmull–Rom spline: unlike the uniform one it neither overshoots nor loops where knots are
    /// close.
    pub fn between(knots: &[Knot], span: usize) -> Self {
        let (start, end) = (knots[span], knots[span + 1]);
        let interval = root_distance(start, end);
        let chord = [end.x - start.x, end.y - start.y];
        let start_slope = match span.checked_sub(1) {
            Some(before) if !start.corner => slope(knots[before], start, end).map(|s| s * interval),
            _ => chord,
        };
        let end_slope = match knots.get(span + 2) {
            Some(&after) if !end.corner => slope(start, end, after).map(|s| s * interval),
            _ => chord,
        };
        Span([[start.x, start.y], start_slope, [end.x, end.y], end_slope])
    }

    /// The point at `t`.
    pub fn point(&self, t: f32) -> [f32; 2] {
        let (t2, t3) = (t * t, t * t * t);
        let end = 3.0 * t2 - 2.0 * t3;
        self.mix([1.0 - end, t3 - 2.0 * t2 + t, end, t3 - t2])
    }

    /// The unit vector along the curve at `t`; zero where the curve stands still.
    pub fn direction(&self, t: f32) -> [f32; 2] {
        let t2 = t * t;
        let end = 6.0 * (t - t2);
        let [x, y] = self.mix([-end, 3.0 * t2 - 4.0 * t + 1.0, end, 3.0 * t2 - 2.0 * t]);
        let length = (x * x + y * y).sqrt().max(f32::MIN_POSITIVE);
        [x / length, y / length]
    }

    fn mix(&self, weights: [f32; 4]) -> [f32; 2] {
        std::array::from_fn(|k| {
            let [a, b, c, d]: [f32; 4] = std::array::from_fn(|i| weights[i] * self.0[i][k]);
            a + b + c + d
        })
    }
}

/// The derivative of the spline at `here`, per unit of √distance, the spline's own parameter.
fn slope(before: Knot, here: Knot, after: Knot) -> [f32; 2] {
    let (earlier, later) = (root_distance(before, here), root_distance(here, after));
    let along = |b: f32, h: f32, a: f32| (h - b) / earlier - (a - b) / (earlier + later) + (a - h) / later;
    [along(before.x, here.x, after.x), along(before.y, here.y, after.y)]
}

/// √distance, kept away from zero for knots that fall together.
fn root_distance(a: Knot, b: Knot) -> f32 {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    (dx * dx + dy * dy).sqrt().max(1e-6).sqrt()
}
