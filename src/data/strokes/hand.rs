//! How one person, this time, writes a skeleton: proportions, slant, tremor, and the width of the
//! pen.
//!
//! The spreads of the random parameters were chosen by measuring MNIST (slant, aspect, thickness)
//! and by looking at the digits beside MNIST's.

use std::f32::consts::{PI, TAU};

use super::curve::Span;
use super::dice::Dice;
use super::pen::Sample;
use super::skeletons::{Knot, Skeleton, Stroke};

/// One way of writing: everything that stays the same over the strokes of a digit. Lengths are in
/// heights of a digit.
pub struct Hand {
    /// How far a knot strays from the skeleton (standard deviation).
    jitter: f32,
    /// Moves the waist of the digit down, or up where negative.
    waist: f32,
    /// Widens the lower half at the cost of the upper one.
    taper: f32,
    /// The linear map that gives the digit its width, slant and rotation, row by row.
    linear: [[f32; 2]; 2],
    /// The elastic distortion.
    waves: [Wave; 3],
    pen: Pen,
}

impl Hand {
    /// A hand of its own kind.
    pub fn new(dice: &mut Dice) -> Self {
        let (width, slant, turn) = (1.08 + dice.bell(0.18), 0.10 + dice.bell(0.23), dice.bell(0.10));
        Hand {
            jitter: dice.uniform(0.010, 0.035),
            waist: dice.bell(0.18),
            taper: dice.bell(0.15),
            linear: [[width, -slant - turn], [turn * width, 1.0]],
            waves: std::array::from_fn(|_| Wave::new(dice)),
            pen: Pen::new(dice),
        }
    }

    /// Writes `skeleton`: for each stroke the path of the pen, `pieces` straight pieces from knot
    /// to knot. Positions are in heights of a digit, radii in pixels of MNIST.
    pub fn write(&self, skeleton: &Skeleton, pieces: usize, dice: &mut Dice) -> Vec<Vec<Sample>> {
        skeleton.iter().map(|stroke| self.trace(&self.stray(stroke, dice), pieces)).collect()
    }

    /// The knots that this hand passes when it aims at those of `stroke`.
    fn stray(&self, stroke: &Stroke, dice: &mut Dice) -> Vec<Knot> {
        let pass = |knot: &Knot| {
            let (x, y) = (knot.x + dice.bell(self.jitter), knot.y + dice.bell(self.jitter));
            Knot { x: x * (1.0 + self.taper * (2.0 * y - 1.0)), y: y + self.waist * y * (1.0 - y), corner: knot.corner }
        };
        stroke.iter().map(pass).collect()
    }

    fn trace(&self, knots: &[Knot], pieces: usize) -> Vec<Sample> {
        let mut path = Vec::with_capacity(knots.len() * pieces);
        for span in 0..knots.len() - 1 {
            let curve = Span::between(knots, span);
            // A span's end is the next one's start; only the last span keeps it.
            let steps = if span + 2 == knots.len() { pieces + 1 } else { pieces };
            path.extend((0..steps).map(|step| {
                let t = step as f32 / pieces as f32;
                let [x, y] = self.distort(curve.point(t));
                Sample { x, y, radius: self.pen.radius(curve.direction(t), span as f32 + t) }
            }));
        }
        path
    }

    fn distort(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let mut to = self.linear.map(|row| row[0] * x + row[1] * y);
        for wave in &self.waves {
            let [dx, dy] = wave.displacement(x, y);
            to = [to[0] + dx, to[1] + dy];
        }
        to
    }
}

/// A plane wave that displaces what lies under it; a few of them make a smooth elastic distortion.
struct Wave {
    frequency: [f32; 2],
    phase: f32,
    amplitude: [f32; 2],
}

impl Wave {
    fn new(dice: &mut Dice) -> Self {
        Wave {
            frequency: std::array::from_fn(|_| dice.bell(3.0)),
            phase: dice.uniform(0.0, TAU),
            amplitude: std::array::from_fn(|_| dice.bell(0.027)),
        }
    }

    fn displacement(&self, x: f32, y: f32) -> [f32; 2] {
        let height = libm::sinf(self.frequency[0] * x + self.frequency[1] * y + self.phase);
        self.amplitude.map(|amplitude| amplitude * height)
    }
}

/// The width of the line: a pen that is broader in one direction than in the other, pressed more
/// and less on the way.
struct Pen {
    /// Half the line's width, in pixels of MNIST.
    radius: f32,
    /// The direction in which the pen draws its broadest line, and by how much broader.
    nib: [f32; 2],
    stress: f32,
    /// How the pressure varies along a stroke: amplitude, radians from knot to knot, and phase.
    pressure: f32,
    rhythm: f32,
    phase: f32,
}

impl Pen {
    fn new(dice: &mut Dice) -> Self {
        let (sin, cos) = libm::sincosf(dice.uniform(0.0, PI));
        let root = 1.13 + dice.bell(0.15);
        Pen {
            // Squared, because MNIST has more lines much thicker than its mean than lines much
            // thinner.
            radius: root * root,
            nib: [cos, sin],
            stress: dice.uniform(0.0, 0.25),
            pressure: dice.uniform(0.0, 0.14),
            rhythm: dice.uniform(0.4, 1.4),
            phase: dice.uniform(0.0, TAU),
        }
    }

    /// The radius where the pen moves in `direction`, `along` knots into the stroke.
    fn radius(&self, direction: [f32; 2], along: f32) -> f32 {
        let cosine = direction[0] * self.nib[0] + direction[1] * self.nib[1];
        let swell = self.pressure * libm::sinf(self.rhythm * along + self.phase);
        self.radius * (1.0 + swell + self.stress * (cosine * cosine - 0.5))
    }
}
