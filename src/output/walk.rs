//! Paths and planes through latent space. Everything is computed in f64 with a pure-Rust `libm`, so
//! that every platform walks through the same bits.

/// Two latents whose angle has a smaller sine than this count as parallel.
const PARALLEL: f64 = 1e-6;

/// How to get from one latent to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// Along the straight line: (1 − t)·a + t·b.
    Linear,
    /// Along the great circle (Shoemake, "Animating Rotation with Quaternion Curves", SIGGRAPH
    /// 1985): sin((1 − t)Ω)/sin Ω · a + sin(tΩ)/sin Ω · b, where Ω is the angle between `a` and
    /// `b`.
    ///
    /// Gaussian latents of many dimensions lie close to a sphere; this stays on it where the
    /// straight line cuts through the inside. Where no great circle is defined (parallel, opposite
    /// or zero vectors) it is that line.
    Spherical,
}

impl Interpolation {
    /// The point at `t`: exactly `a` at 0, exactly `b` at 1.
    ///
    /// # Panics
    /// If the lengths of `a` and `b` differ.
    pub fn at(self, a: &[f32], b: &[f32], t: f64) -> Vec<f32> {
        if self == Interpolation::Spherical {
            let angle = libm::acos((dot(a, b) / (norm(a) * norm(b))).clamp(-1.0, 1.0));
            let sine = libm::sin(angle);
            // Not when the angle is NaN.
            if sine > PARALLEL {
                return combine(libm::sin((1.0 - t) * angle) / sine, a, libm::sin(t * angle) / sine, b);
            }
        }
        combine(1.0 - t, a, t, b)
    }
}

/// The `keys` in order, with `frames_between` latents from each to the next; `looping` goes on from
/// the last key to just before the first. Of K keys and F frames between, that is (K − 1)(F + 1) +
/// 1 latents, or K(F + 1) when looping.
///
/// # Panics
/// If the lengths of the keys differ.
pub fn walk(keys: &[Vec<f32>], frames_between: usize, how: Interpolation, looping: bool) -> Vec<Vec<f32>> {
    let back = if looping { keys.first().filter(|_| keys.len() > 1) } else { None };
    let stops = keys.iter().zip(keys.iter().skip(1).chain(back));
    let frames = frames_between + 1;
    let mut path: Vec<_> =
        stops.flat_map(|(a, b)| (0..frames).map(move |i| how.at(a, b, i as f64 / frames as f64))).collect();
    if back.is_none() {
        path.extend(keys.last().cloned());
    }
    path
}

/// A sheet of `rows`·`cols` latents, row by row, over the plane through `origin` in the directions
/// `u` (along a row) and `v` (down a column): origin + x·û + y·v̂, with x and y evenly spaced from
/// −`extent` to `extent`.
///
/// û and v̂ are `u` and `v` made orthogonal by Gram–Schmidt and of length √d, that of a typical
/// Gaussian latent of d dimensions, so `extent` counts in such lengths. With odd `rows` and `cols`
/// the middle cell is `origin` itself. A direction that is zero, or a `v` parallel to `u`, gives
/// nothing to move along and leaves the sheet constant that way.
///
/// # Panics
/// If the lengths of `origin`, `u` and `v` differ.
pub fn plane(origin: &[f32], u: &[f32], v: &[f32], rows: usize, cols: usize, extent: f64) -> Vec<Vec<f32>> {
    let wide = |x: &[f32]| x.iter().copied().map(f64::from).collect::<Vec<f64>>();
    let length = (origin.len() as f64).sqrt();
    let (mut u, mut v) = (wide(u), wide(v));
    normalise(&mut u, 0.0);
    let (overlap, before) = (dot(&v, &u), norm(&v));
    v.iter_mut().zip(&u).for_each(|(v, u)| *v -= overlap * u);
    normalise(&mut v, PARALLEL * before);

    // Whole numbers first: the middle of an odd count is exactly 0.
    let place = |index: usize, count: usize| match count {
        1 => 0.0,
        _ => (2 * index as i64 - (count - 1) as i64) as f64 / (count - 1) as f64 * extent * length,
    };
    let latent = |x: f64, y: f64| {
        let components = origin.iter().zip(&u).zip(&v);
        components.map(|((&origin, u), v)| (f64::from(origin) + x * u + y * v) as f32).collect()
    };
    let cells = (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col)));
    cells.map(|(row, col)| latent(place(col, cols), place(row, rows))).collect()
}

/// p·a + q·b.
fn combine(p: f64, a: &[f32], q: f64, b: &[f32]) -> Vec<f32> {
    assert_eq!(a.len(), b.len(), "latents of different lengths");
    a.iter().zip(b).map(|(&a, &b)| (p * f64::from(a) + q * f64::from(b)) as f32).collect()
}

/// ⟨a, b⟩, of f32 or f64 vectors.
fn dot<T: Copy + Into<f64>>(a: &[T], b: &[T]) -> f64 {
    assert_eq!(a.len(), b.len(), "latents of different lengths");
    a.iter().zip(b).map(|(&a, &b)| a.into() * b.into()).sum()
}

/// ‖a‖ = √⟨a, a⟩.
fn norm<T: Copy + Into<f64>>(a: &[T]) -> f64 {
    dot(a, a).sqrt()
}

/// Makes `a` a unit vector, or zero if its norm is not above `negligible`.
fn normalise(a: &mut [f64], negligible: f64) {
    let norm = norm(a);
    let scale = if norm > negligible { 1.0 / norm } else { 0.0 };
    a.iter_mut().for_each(|a| *a *= scale);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lerp(a: &[f32], b: &[f32], t: f64) -> Vec<f32> {
        Interpolation::Linear.at(a, b, t)
    }

    fn slerp(a: &[f32], b: &[f32], t: f64) -> Vec<f32> {
        Interpolation::Spherical.at(a, b, t)
    }

    fn assert_near(found: &[f32], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
            assert!((f64::from(found) - expected).abs() < 1e-6, "component {i}: {found}, not {expected}");
        }
    }

    const A: [f32; 4] = [0.3, -1.2, 0.8, 2.1];
    const B: [f32; 4] = [-0.7, 0.4, 1.9, 0.6];

    #[test]
    fn both_interpolations_end_exactly_at_their_keys() {
        for how in [Interpolation::Linear, Interpolation::Spherical] {
            assert_eq!(how.at(&A, &B, 0.0), A);
            assert_eq!(how.at(&A, &B, 1.0), B);
        }
        assert_near(&lerp(&[0.0, 2.0], &[4.0, -2.0], 0.25), &[1.0, 1.0]);
    }

    #[test]
    fn slerp_follows_the_great_circle() {
        for i in 0..=12 {
            let t = f64::from(i) / 12.0;
            let angle = t * std::f64::consts::FRAC_PI_2;
            assert_near(&slerp(&[2.0, 0.0, 0.0], &[0.0, 0.0, 2.0], t), &[2.0 * angle.cos(), 0.0, 2.0 * angle.sin()]);
        }
        // An obtuse angle, equal norms: the norm stays, the angle from a grows evenly.
        let (a, b) = ([3.0f32, 0.0], [-1.5f32, 1.5 * 3f32.sqrt()]);
        for t in [0.1, 0.5, 0.9] {
            let point = slerp(&a, &b, t);
            assert!((norm(&point) - 3.0).abs() < 1e-6);
            assert!((f64::from(point[1]).atan2(f64::from(point[0])) - t * 120f64.to_radians()).abs() < 1e-6);
        }
        // The midpoint halves the angle: (a + b) / (2 cos(Ω/2)).
        let half = (dot(&A, &B) / (norm(&A) * norm(&B))).acos() / 2.0;
        let middle: Vec<f64> = A.iter().zip(B).map(|(&a, b)| f64::from(a + b) / (2.0 * half.cos())).collect();
        assert_near(&slerp(&A, &B, 0.5), &middle);
    }

    #[test]
    fn slerp_without_a_great_circle_is_lerp() {
        let opposite = A.map(|a| -a);
        let twice = A.map(|a| 2.0 * a);
        for (a, b) in [(A, A), (A, twice), (A, opposite), (A, [0.0; 4]), ([0.0; 4], B), ([0.0; 4], [0.0; 4])] {
            assert_eq!(slerp(&a, &b, 0.3), lerp(&a, &b, 0.3));
        }
    }

    #[test]
    fn walks_pass_their_keys() {
        let keys = [vec![0.0], vec![4.0], vec![-4.0]];
        let path = |keys, between, looping| walk(keys, between, Interpolation::Linear, looping).concat();
        assert_eq!(path(&keys, 3, false), [0.0, 1.0, 2.0, 3.0, 4.0, 2.0, 0.0, -2.0, -4.0]);
        assert_eq!(path(&keys, 1, true), [0.0, 2.0, 4.0, 0.0, -4.0, -2.0]);
        assert_eq!(path(&keys, 0, false), [0.0, 4.0, -4.0]);
        assert_eq!(path(&keys, 0, true), [0.0, 4.0, -4.0]);
        assert_eq!(path(&keys[1..2], 5, false), [4.0]);
        assert_eq!(path(&keys[1..2], 5, true), [4.0], "one key loops on itself");
        assert_eq!(path(&[], 5, true), [0.0; 0]);
        let round = walk(&[A.to_vec(), B.to_vec()], 7, Interpolation::Spherical, true);
        assert_eq!((round.len(), &round[8][..]), (16, &B[..]));
        assert_eq!(round[4], round[12], "half-way out and half-way back");
    }

    #[test]
    fn planes_are_centred_orthogonal_and_even() {
        let u = [0.5, 0.1, -2.0, 1.0];
        let sheet = plane(&A, &u, &B, 3, 5, 0.5);
        assert_eq!(sheet.len(), 15);
        assert_eq!(sheet[7], A);
        let from_centre = |cell: usize| -> Vec<f64> {
            sheet[cell].iter().zip(A).map(|(&x, a)| f64::from(x) - f64::from(a)).collect()
        };
        let (right, below) = (from_centre(9), from_centre(12));
        assert!((norm(&right) - 1.0).abs() < 1e-6, "half of √4");
        assert!((norm(&below) - 1.0).abs() < 1e-6);
        assert!(dot(&right, &below).abs() < 1e-6);
        let along_u: f64 = right.iter().zip(u).map(|(r, u)| r * f64::from(u)).sum();
        assert!((along_u - norm(&u)).abs() < 1e-6, "columns run along u");
        assert!(below.iter().zip(B).map(|(d, b)| d * f64::from(b)).sum::<f64>() > 0.0, "rows run towards v");
        assert_near(&sheet[8], &std::array::from_fn::<_, 4, _>(|i| f64::from(A[i]) + right[i] / 2.0));
        assert_near(&sheet[14], &std::array::from_fn::<_, 4, _>(|i| f64::from(A[i]) + right[i] + below[i]));
    }

    #[test]
    fn a_plane_without_two_directions_is_constant_along_the_missing_one() {
        assert_eq!(plane(&[1.0], &[-3.0], &[0.7], 2, 3, 2.0).concat(), [3.0, 1.0, -1.0, 3.0, 1.0, -1.0]);
        let thirds = A.map(|a| a / 3.0);
        let sheet = plane(&A, &A, &thirds, 2, 2, 1.0);
        assert_eq!((&sheet[0], &sheet[1]), (&sheet[2], &sheet[3]), "parallel but for rounding");
        assert_eq!(plane(&A, &[0.0; 4], &[0.0; 4], 1, 2, 1.0), [A, A]);
        assert_eq!(plane(&A, &B, &[0.0; 4], 1, 1, 1.0), [A]);
    }
}
