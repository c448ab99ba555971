//! Distances between sets of features against numpy, scipy and `prdc`: `make.py` says how
//! `golden.json` was made.

use dcgan_gpu::eval::metrics::{Features, Moments, frechet, kernel, neighbours, sliced};
use serde::Deserialize;

/// How far a distance may be from its reference, relative to that.
const BOUND: f64 = 1e-6;

#[derive(Deserialize)]
struct Golden {
    directions: usize,
    cases: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    case: Case,
    expected: Expected,
}

/// From what the features of both sides follow; `make.py` explains it.
#[derive(Deserialize)]
struct Case {
    name: String,
    seed: u64,
    count: [usize; 2],
    dim: usize,
    scale: [i64; 2],
    shift: i64,
    clusters: i64,
    duplicates: bool,
    copies: bool,
    flat: usize,
}

#[derive(Deserialize)]
struct Expected {
    frechet: f64,
    frechet_by_roots: Option<f64>,
    kernel: f64,
    precision: f64,
    recall: f64,
    density: f64,
    coverage: f64,
    sliced: Option<f64>,
}

/// The generator of Numerical Recipes; its upper bits.
struct Lcg(u64);

impl Lcg {
    fn byte(&mut self) -> i64 {
        self.0 = (self.0 * 1_664_525 + 1_013_904_223) % (1 << 32);
        (self.0 >> 24) as i64
    }
}

impl Case {
    fn features(&self) -> [Features; 2] {
        let mut lcg = Lcg(self.seed);
        let real = self.side(0, &mut lcg, None);
        let generated = self.side(1, &mut lcg, Some(&real));
        [real, generated].map(|rows| {
            let values: Vec<f32> = rows.into_iter().flatten().map(|value| value as f32 / 256.0).collect();
            Features::new(values, self.dim).unwrap()
        })
    }

    /// In 1/256.
    fn side(&self, side: usize, lcg: &mut Lcg, real: Option<&[Vec<i64>]>) -> Rows {
        let (count, dim) = (self.count[side], self.dim);
        let sums: Vec<Vec<i64>> =
            (0..count).map(|_| (0..dim).map(|_| (0..4).map(|_| lcg.byte()).sum::<i64>() - 510).collect()).collect();
        let mut rows = Rows::new();
        for i in 0..count {
            let value = |j: usize| {
                if self.flat > 0 && j.is_multiple_of(self.flat) {
                    return 256;
                }
                let mixed = 2 * sums[i][j] + sums[i][(j + 1) % dim];
                let cluster = ((i % 3) * (j + 1) % 3) as i64 - 1;
                mixed * self.scale[side] + self.shift * side as i64 + self.clusters * cluster
            };
            let own: Vec<i64> = (0..dim).map(value).collect();
            let is_copy = self.copies && i.is_multiple_of(5);
            let row = real.filter(|_| is_copy).map_or(own, |real| real[i].clone());
            rows.push(if self.duplicates && i % 7 == 3 { rows[i - 1].clone() } else { row });
        }
        rows
    }

    fn directions(&self, count: usize) -> Vec<Vec<f64>> {
        let mut lcg = Lcg(1000 + self.seed);
        let mut direction = || {
            let d: Vec<i64> = (0..self.dim).map(|_| lcg.byte() - 127).collect();
            let length = (d.iter().map(|v| v * v).sum::<i64>() as f64).sqrt();
            d.into_iter().map(|value| value as f64 / length).collect()
        };
        (0..count).map(|_| direction()).collect()
    }
}

type Rows = Vec<Vec<i64>>;

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden.json")).unwrap()
}

/// Runs `compare` for every case with what it found wrong, by name.
fn compare(found: impl Fn(&Case, &Expected, [Features; 2]) -> Vec<(&'static str, f64, f64)>) {
    let mut wrong = Vec::new();
    for Pair { case, expected } in golden().cases {
        for (what, value, reference) in found(&case, &expected, case.features()) {
            let off = (value - reference).abs() / reference.abs();
            // Where the reference is 0, so is the value.
            if !(off <= BOUND || value == reference) {
                wrong.push(format!("{what} of {:?}: {value}, not {reference} ({off:.1e})", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn frechet_distances_are_those_of_scipy() {
    compare(|_, expected, [real, generated]| {
        let value = frechet::distance(&real, &generated).unwrap().value;
        let [of_real, of_generated] = [&real, &generated].map(|side| Moments::of(side).unwrap());
        let back = of_generated.frechet(&of_real).unwrap();
        let mut found = vec![("Fréchet", value, expected.frechet), ("Fréchet, swapped", back, expected.frechet)];
        found.extend(expected.frechet_by_roots.map(|reference| ("Fréchet by roots", value, reference)));
        found
    });
}

#[test]
fn kernel_distances_are_those_of_numpy() {
    compare(|_, expected, [real, generated]| {
        let score = kernel::distance(&real, &generated).unwrap();
        vec![("kernel", score.value, expected.kernel)]
    });
}

#[test]
fn overlaps_are_those_of_prdc() {
    compare(|_, expected, [real, generated]| {
        let overlap = neighbours::measure(&real, &generated).unwrap();
        vec![
            ("precision", overlap.precision.value, expected.precision),
            ("recall", overlap.recall.value, expected.recall),
            ("density", overlap.density.value, expected.density),
            ("coverage", overlap.coverage.value, expected.coverage),
        ]
    });
}

#[test]
fn sliced_distances_are_those_of_numpy() {
    let count = golden().directions;
    compare(|case, expected, [real, generated]| match expected.sliced {
        Some(reference) => {
            let (value, _) = sliced::along(&case.directions(count), &real, &generated).unwrap();
            vec![("sliced", value, reference)]
        }
        None => {
            assert!(sliced::along(&case.directions(count), &real, &generated).is_err(), "{}", case.name);
            Vec::new()
        }
    });
}

/// The cases differ in what matters: were all of them alike, little would be shown.
#[test]
fn the_cases_are_what_they_are_called() {
    let golden = golden();
    let has = |holds: fn(&Pair) -> bool| golden.cases.iter().any(holds);
    assert!(has(|pair| pair.case.count[0] != pair.case.count[1]) && has(|pair| pair.case.count[0] < pair.case.dim));
    assert!(has(|pair| pair.expected.precision == 0.0) && has(|pair| pair.expected.precision > 0.9));
    assert!(has(|pair| pair.expected.kernel < 0.0) && has(|pair| pair.expected.kernel > 1.0));
    let doubled = golden.cases.iter().find(|pair| pair.case.duplicates && pair.case.copies).unwrap();
    let [real, generated] = doubled.case.features();
    let zeros = |set: &Features, queries: &Features, count| {
        let found = neighbours::nearest(set, queries, count).unwrap();
        found.iter().filter(|row| row[count - 1].distance == 0.0).count()
    };
    // A copy at every fifth place but those that repeat the row before them, which may be one too.
    assert!(zeros(&real, &real, 2) >= 200 / 7 * 2 && zeros(&real, &generated, 1) >= 200 / 5 - 200 / 35 - 1);
}
