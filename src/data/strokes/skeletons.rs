//! Where the pen goes: several ways to write each digit, as points in a box one unit high, x to the
//! right and y down.
//!
//! These are the digits of a careful writer, at the slant that each digit has on average in MNIST;
//! everything that differs from one writing to the next comes from the hand.

/// A point that the pen passes; its place is in heights of the digit.
#[derive(Clone, Copy)]
pub struct Knot {
    pub x: f32,
    pub y: f32,
    /// Whether the pen turns sharply here; otherwise it passes in a curve.
    pub corner: bool,
}

/// The points of one stroke, between putting the pen down and lifting it.
pub type Stroke = [Knot];

/// The strokes of one way to write a digit.
pub type Skeleton = [&'static Stroke];

/// A point that the pen passes in a curve, in hundredths of the height.
const fn o(x: i16, y: i16) -> Knot {
    knot(x, y, false)
}

/// A point where the pen turns sharply, in hundredths of the height.
const fn v(x: i16, y: i16) -> Knot {
    knot(x, y, true)
}

const fn knot(x: i16, y: i16, corner: bool) -> Knot {
    Knot { x: x as f32 / 100.0, y: y as f32 / 100.0, corner }
}

/// The ways to write each digit; one that is common stands more than once.
pub const DIGITS: [&[&Skeleton]; 10] = [
    &[ZERO_OVAL, ZERO_OVAL, ZERO_ROUND, ZERO_ROUND, ZERO_WIDE, ZERO_OPEN, ZERO_CROSSED, ZERO_FROM_RIGHT],
    &[ONE_BAR, ONE_BAR, ONE_BAR, ONE_BAR, ONE_BAR, ONE_BENT, ONE_BENT, ONE_FLAG, ONE_BASE, ONE_SERIFED],
    &[TWO_PLAIN, TWO_LOOP, TWO_LOOP, TWO_ROUND_LOOP, TWO_SHARP, TWO_SWASH, TWO_WIDE, TWO_ARCHED, TWO_TALL_LOOP],
    &[THREE_ROUND, THREE_ROUND, THREE_LOOP, THREE_FLAT, THREE_SHALLOW, THREE_SHARP, THREE_SMALL_TOP, THREE_WIDE],
    &[FOUR_OPEN, FOUR_OPEN, FOUR_CUP, FOUR_CUP, FOUR_CLOSED, FOUR_TALL, FOUR_LINKED, FOUR_WIDE],
    &[FIVE_TWO_STROKES, FIVE_CONTINUOUS, FIVE_SLIDING, FIVE_SHORT_BAR, FIVE_ROUND, FIVE_LONG_BAR, FIVE_CURLED],
    &[SIX_PLAIN, SIX_PLAIN, SIX_STRAIGHT, SIX_TIGHT, SIX_CURLED, SIX_WIDE, SIX_SPIRAL],
    &[SEVEN_PLAIN, SEVEN_PLAIN, SEVEN_CURVED, SEVEN_CURVED, SEVEN_SERIF, SEVEN_CROSSED, SEVEN_HOOKED, SEVEN_WIDE],
    &[EIGHT_CROSSING, EIGHT_CROSSING, EIGHT_RINGS, EIGHT_OPEN, EIGHT_NARROW, EIGHT_WIDE, EIGHT_BIG_BASE],
    &[NINE_STRAIGHT, NINE_STRAIGHT, NINE_CURVED, NINE_HOOKED, NINE_CORNERED, NINE_ROUND, NINE_WIDE, NINE_CURLED],
];

const ZERO_OVAL: &Skeleton = &[
    &[o(50, 1), o(27, 13), o(10, 42), o(8, 75), o(22, 97), o(45, 90), o(64, 62), o(68, 28), o(57, 5), o(44, 3)],
];
const ZERO_ROUND: &Skeleton = &[
    &[o(56, 2), o(29, 9), o(10, 35), o(8, 68), o(26, 95), o(54, 96), o(80, 72), o(85, 38), o(71, 9), o(50, 2)],
];
const ZERO_WIDE: &Skeleton = &[
    &[o(66, 8), o(38, 3), o(12, 24), o(2, 57), o(16, 88), o(46, 97), o(76, 78), o(92, 45), o(84, 16), o(60, 5)],
];
const ZERO_OPEN: &Skeleton = &[
    &[o(36, 6), o(16, 26), o(3, 55), o(8, 86), o(30, 99), o(56, 83), o(72, 48), o(66, 15), o(44, 0), o(24, 8)],
];
const ZERO_CROSSED: &Skeleton = &[
    &[o(65, 14), o(45, 5), o(21, 24), o(7, 58), o(13, 91), o(36, 98),
      o(64, 72), o(72, 36), o(64, 9), o(46, 0), o(35, 8)],
];
const ZERO_FROM_RIGHT: &Skeleton = &[
    &[o(71, 8), o(50, 2), o(22, 17), o(7, 52), o(14, 88), o(38, 98), o(65, 79), o(76, 44), o(69, 13)],
];

const ONE_BAR: &Skeleton = &[&[o(20, 0), o(17, 35), o(12, 70), o(9, 100)]];
const ONE_BENT: &Skeleton = &[&[o(23, 0), o(18, 30), o(10, 68), o(8, 100)]];
const ONE_FLAG: &Skeleton = &[&[o(8, 22), o(22, 13), v(34, 0), o(30, 35), o(26, 70), o(23, 100)]];
const ONE_BASE: &Skeleton = &[
    &[o(13, 19), v(37, 0), o(34, 35), o(29, 68), o(26, 97)],
    &[o(0, 99), o(25, 97), o(54, 97)],
];
const ONE_SERIFED: &Skeleton = &[&[o(0, 30), o(18, 18), v(36, 0), o(31, 36), o(25, 70), o(20, 100)]];

const TWO_PLAIN: &Skeleton = &[
    &[o(6, 22), o(19, 5), o(40, 1), o(57, 14), o(55, 37), o(36, 64), v(6, 95), o(32, 94), o(66, 93)],
];
const TWO_LOOP: &Skeleton = &[
    &[o(8, 19), o(25, 3), o(47, 6), o(55, 27), o(44, 57), o(25, 85),
      o(8, 95), o(3, 84), o(14, 77), o(33, 86), o(53, 96), o(76, 93)],
];
const TWO_ROUND_LOOP: &Skeleton = &[
    &[o(12, 14), o(33, 0), o(56, 8), o(61, 33), o(48, 65), o(28, 90),
      o(10, 98), o(0, 86), o(10, 70), o(30, 73), o(52, 86), o(80, 88)],
];
const TWO_SHARP: &Skeleton = &[
    &[o(4, 12), o(24, 2), o(48, 5), o(54, 22), o(38, 52), v(4, 92), o(26, 91), o(46, 95), o(70, 98)],
];
const TWO_SWASH: &Skeleton = &[
    &[o(2, 30), o(11, 9), o(34, 0), o(55, 13), o(51, 41), o(31, 69),
      v(3, 97), o(21, 83), o(42, 86), o(60, 95), o(82, 84)],
];
const TWO_WIDE: &Skeleton = &[
    &[o(2, 12), o(28, 2), o(58, 4), o(68, 20), o(52, 48), o(26, 74), v(2, 94), o(34, 86), o(66, 89), o(94, 96)],
];
const TWO_ARCHED: &Skeleton = &[
    &[o(10, 34), o(12, 12), o(34, 0), o(56, 12), o(58, 42), o(46, 72),
      o(24, 95), o(4, 92), o(8, 75), o(30, 74), o(54, 86), o(72, 98)],
];
const TWO_TALL_LOOP: &Skeleton = &[
    &[o(20, 8), o(40, 0), o(54, 14), o(50, 42), o(36, 72), o(18, 96),
      o(4, 95), o(6, 80), o(22, 78), o(42, 82), o(70, 74)],
];

const THREE_ROUND: &Skeleton = &[
    &[o(6, 12), o(26, 1), o(48, 9), o(49, 29), o(36, 44), v(20, 48),
      o(42, 50), o(58, 66), o(51, 88), o(28, 99), o(2, 92)],
];
const THREE_LOOP: &Skeleton = &[
    &[o(4, 10), o(25, 1), o(47, 8), o(50, 25), o(37, 42), o(22, 49), o(19, 43),
      o(31, 43), o(53, 55), o(57, 76), o(40, 95), o(17, 99), o(0, 87)],
];
const THREE_FLAT: &Skeleton = &[
    &[o(3, 4), o(26, 2), v(54, 1), o(41, 20), v(24, 40), o(46, 42), o(59, 61), o(53, 85), o(30, 98), o(2, 92)],
];
const THREE_SHALLOW: &Skeleton = &[
    &[o(10, 3), o(34, 0), o(53, 10), o(47, 31), v(25, 45), o(44, 52), o(49, 70), o(38, 87), o(20, 96), o(0, 99)],
];
const THREE_SHARP: &Skeleton = &[
    &[o(10, 6), o(36, 4), v(66, 0), o(48, 18), v(30, 36), o(50, 42), o(58, 60), o(44, 82), o(22, 95), o(0, 97)],
];
const THREE_SMALL_TOP: &Skeleton = &[
    &[o(16, 14), o(34, 2), o(52, 8), o(48, 26), v(28, 40), o(54, 46),
      o(66, 66), o(54, 90), o(28, 99), o(6, 92), o(2, 80)],
];
const THREE_WIDE: &Skeleton = &[
    &[o(4, 10), o(32, 0), o(60, 8), o(58, 28), v(28, 46), o(58, 52), o(70, 70), o(54, 90), o(26, 97), o(0, 86)],
];

const FOUR_OPEN: &Skeleton = &[
    &[o(13, 4), o(8, 27), v(4, 52), o(28, 52), o(62, 48)],
    &[o(55, 0), o(51, 32), o(46, 66), o(45, 100)],
];
const FOUR_CUP: &Skeleton = &[
    &[o(9, 5), o(3, 28), o(6, 47), o(23, 53), o(42, 44), o(53, 30)],
    &[o(59, 2), o(54, 33), o(48, 67), o(45, 100)],
];
const FOUR_CLOSED: &Skeleton = &[
    &[o(44, 0), o(25, 29), v(3, 60), o(35, 60), o(68, 58)],
    &[o(46, 2), o(45, 34), o(43, 67), o(43, 100)],
];
const FOUR_TALL: &Skeleton = &[
    &[o(14, 10), o(8, 32), v(3, 54), o(28, 56), o(70, 50)],
    &[o(46, 0), o(42, 34), o(36, 67), o(33, 100)],
];
const FOUR_LINKED: &Skeleton = &[
    &[o(7, 4), o(2, 25), o(7, 42), o(26, 46), o(46, 34), v(58, 3), o(53, 34), o(48, 67), o(48, 100)],
];
const FOUR_WIDE: &Skeleton = &[
    &[o(16, 8), o(8, 32), v(2, 58), o(36, 56), o(86, 50)],
    &[o(64, 0), o(58, 32), o(52, 66), o(49, 100)],
];

const FIVE_TWO_STROKES: &Skeleton = &[
    &[o(16, 5), o(13, 22), v(10, 42), o(29, 37), o(50, 50), o(53, 73), o(38, 95), o(3, 97)],
    &[o(14, 5), o(36, 3), o(64, 0)],
];
const FIVE_CONTINUOUS: &Skeleton = &[
    &[o(63, 2), o(42, 3), v(21, 5), o(16, 22), v(12, 43), o(33, 39), o(50, 54), o(50, 78), o(31, 97), o(1, 92)],
];
const FIVE_SLIDING: &Skeleton = &[
    &[o(71, 0), o(52, 4), o(32, 9), o(21, 23), o(26, 39), o(43, 53), o(48, 73), o(33, 94), o(12, 97), o(1, 83)],
];
const FIVE_SHORT_BAR: &Skeleton = &[
    &[o(19, 7), o(12, 25), o(12, 42), o(30, 46), o(47, 60), o(44, 82), o(24, 98), o(0, 93)],
    &[o(19, 8), o(35, 5), o(53, 0)],
];
const FIVE_ROUND: &Skeleton = &[
    &[o(7, 4), o(6, 22), v(6, 44), o(27, 32), o(53, 43), o(60, 68), o(45, 92), o(20, 98), o(1, 84)],
    &[o(7, 4), o(29, 5), o(55, 3)],
];
const FIVE_LONG_BAR: &Skeleton = &[
    &[o(24, 8), o(19, 22), v(14, 38), o(34, 38), o(47, 54), o(45, 76), o(28, 93), o(0, 98)],
    &[o(23, 9), o(52, 6), o(92, 0)],
];
const FIVE_CURLED: &Skeleton = &[
    &[o(78, 4), o(52, 8), v(24, 8), o(17, 24), v(16, 40), o(41, 42),
      o(54, 60), o(45, 84), o(24, 97), o(3, 90), o(7, 78)],
];

const SIX_PLAIN: &Skeleton = &[
    &[o(34, 0), o(14, 19), o(1, 48), o(3, 79), o(21, 98), o(42, 91), o(49, 71), o(36, 56), o(17, 62), o(6, 79)],
];
const SIX_STRAIGHT: &Skeleton = &[
    &[o(18, 0), o(8, 28), o(0, 59), o(6, 88), o(25, 99), o(43, 86), o(41, 65), o(24, 58), o(6, 74)],
];
const SIX_TIGHT: &Skeleton = &[
    &[o(40, 0), o(20, 19), o(5, 47), o(0, 77), o(13, 97), o(31, 94), o(40, 79), o(31, 67), o(15, 73), o(8, 88)],
];
const SIX_CURLED: &Skeleton = &[
    &[o(49, 7), o(32, 1), o(12, 18), o(-1, 50), o(5, 83), o(27, 99),
      o(50, 90), o(55, 66), o(39, 48), o(19, 53), o(6, 72)],
];
const SIX_WIDE: &Skeleton = &[
    &[o(26, 0), o(8, 28), o(2, 60), o(10, 90), o(38, 99), o(66, 86), o(70, 64), o(52, 54), o(30, 66), o(24, 84)],
];
const SIX_SPIRAL: &Skeleton = &[
    &[o(38, 0), o(16, 24), o(3, 56), o(8, 88), o(30, 98), o(50, 84), o(52, 64), o(36, 58), o(22, 72), o(28, 86)],
];

const SEVEN_PLAIN: &Skeleton = &[&[o(-9, 8), o(18, 6), v(46, 4), o(38, 35), o(28, 68), o(23, 100)]];
const SEVEN_CURVED: &Skeleton = &[
    &[o(-8, 14), o(8, 5), o(29, 6), o(45, 4), o(47, 18), o(35, 43), o(26, 71), o(25, 100)],
];
const SEVEN_SERIF: &Skeleton = &[&[o(-7, 25), v(-4, 6), o(19, 7), v(50, 2), o(42, 32), o(32, 66), o(29, 100)]];
const SEVEN_CROSSED: &Skeleton = &[
    &[o(-9, 6), o(17, 5), v(47, 2), o(38, 34), o(27, 67), o(20, 100)],
    &[o(10, 50), o(31, 48), o(55, 46)],
];
const SEVEN_HOOKED: &Skeleton = &[
    &[o(2, 34), o(8, 14), o(22, 8), o(36, 18), o(52, 12), v(64, 0), o(52, 34), o(40, 68), o(32, 100)],
];
const SEVEN_WIDE: &Skeleton = &[&[o(0, 20), v(4, 6), o(32, 8), o(60, 6), o(66, 20), o(52, 48), o(40, 74), o(36, 100)]];

const EIGHT_CROSSING: &Skeleton = &[
    &[o(50, 10), o(34, 0), o(15, 8), o(13, 27), o(30, 46), o(45, 66), o(40, 90),
      o(20, 100), o(4, 87), o(9, 66), o(30, 45), o(50, 26), o(52, 11)],
];
const EIGHT_RINGS: &Skeleton = &[
    &[o(30, 46), o(14, 36), o(10, 17), o(25, 2), o(43, 8), o(48, 27), o(32, 46)],
    &[o(30, 46), o(10, 58), o(5, 81), o(24, 99), o(47, 91), o(51, 66), o(31, 46)],
];
const EIGHT_OPEN: &Skeleton = &[
    &[o(58, 5), o(35, 1), o(15, 13), o(18, 33), o(36, 50), o(44, 70),
      o(33, 93), o(14, 99), o(3, 84), o(14, 63), o(37, 42), o(60, 17)],
];
const EIGHT_NARROW: &Skeleton = &[
    &[o(42, 4), o(25, 3), o(12, 17), o(16, 36), o(29, 52), o(33, 75), o(23, 96),
      o(8, 97), o(4, 79), o(16, 58), o(33, 37), o(44, 15), o(38, 3)],
];
const EIGHT_WIDE: &Skeleton = &[
    &[o(56, 14), o(38, 2), o(14, 8), o(10, 28), o(34, 46), o(60, 64), o(58, 90),
      o(30, 100), o(4, 88), o(10, 64), o(38, 46), o(66, 26), o(54, 10)],
];
const EIGHT_BIG_BASE: &Skeleton = &[
    &[o(48, 4), o(28, 6), o(20, 22), o(36, 38), o(58, 58), o(56, 86),
      o(28, 99), o(4, 84), o(12, 58), o(36, 38), o(54, 22), o(48, 6)],
];

const NINE_STRAIGHT: &Skeleton = &[
    &[o(46, 12), o(30, 2), o(10, 12), o(2, 32), o(14, 46), o(34, 38), v(48, 10), o(46, 40), o(42, 70), o(39, 100)],
];
const NINE_CURVED: &Skeleton = &[
    &[o(50, 10), o(32, 1), o(12, 11), o(4, 31), o(17, 44), o(37, 36), o(50, 15), o(52, 30), o(42, 62), o(24, 100)],
];
const NINE_HOOKED: &Skeleton = &[
    &[o(51, 13), o(34, 1), o(12, 9), o(4, 30), o(17, 45), o(39, 38),
      v(53, 10), o(55, 42), o(49, 77), o(30, 98), o(8, 90)],
];
const NINE_CORNERED: &Skeleton = &[
    &[o(52, 6), o(32, 2), o(12, 15), o(5, 36), o(21, 45), o(40, 29), v(53, 4), o(42, 37), o(30, 69), o(23, 100)],
];
const NINE_ROUND: &Skeleton = &[
    &[o(47, 27), o(45, 9), o(27, 1), o(8, 13), o(6, 36), o(22, 47),
      o(40, 39), o(49, 20), o(50, 40), o(45, 70), o(41, 100)],
];
const NINE_WIDE: &Skeleton = &[
    &[o(60, 14), o(38, 0), o(12, 10), o(2, 34), o(20, 52), o(46, 42), o(62, 12), o(60, 42), o(50, 72), o(44, 100)],
];
const NINE_CURLED: &Skeleton = &[
    &[o(52, 8), o(30, 4), o(10, 20), o(10, 40), o(30, 42), o(50, 22),
      v(58, 6), o(54, 38), o(46, 74), o(28, 97), o(8, 96), o(2, 84)],
];
