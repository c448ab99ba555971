//! Augmentation, on the host in f64: what it does to images, beside plain loops; that the direction
//! and the gradient follow from it; and how its draws are distributed.

mod common;

use common::{assert_close, largest};
use dcgan_gpu::device::host::Interpreter;
use dcgan_gpu::kernels::augment::{Augmentation, Augmented, Images, record_adjoint, record_forward, record_linear};
use dcgan_gpu::kernels::case::{SEED, floats, random, step_words};
use dcgan_gpu::plan::{Plan, Profile, Program, Recorder, Role, View};
use dcgan_gpu::random::{Source, philox, split, stream};
use dcgan_gpu::shape::Shape;

const OFF: Augmentation = Augmentation { translation: 0.0, cutout: 0.0, brightness: 0.0, contrast: 0.0, mirror: false };
const ALL: Augmentation =
    Augmentation { translation: 0.25, cutout: 0.5, brightness: 0.5, contrast: 0.75, mirror: true };
const FILL: [f32; 3] = [-1.0, 0.25, 2.0];
const STEP: u32 = 5;

/// An augmentation with its three plans: images `x` become `y`, directions `x` become `y`, upstream
/// gradients `x` become `y`.
struct Desk {
    cpu: Interpreter<f64>,
    x: View,
    y: View,
    forward: Plan,
    linear: Plan,
    adjoint: Plan,
}

impl Desk {
    fn new(how: Augmentation, images: Images, step: u32) -> Desk {
        let mut program = Program::default();
        let step = step_words(&mut program, step);
        let words = images.shape.values() * images.batch;
        let x = floats(&mut program, "x", 0, words, |z| z);
        let [y, means] = [("y", words), ("means", images.batch)]
            .map(|(label, words)| program.floats(label, Role::Scratch, words.into()));
        random(&mut program, y, 1, |z| z);
        let views = Augmented { x, step, means, y };
        let plan = |record: &dyn Fn(&mut Recorder)| {
            let mut recorder = Recorder::new(&Profile::HOST);
            record(&mut recorder);
            recorder.finish().expect("it is small")
        };
        Desk {
            cpu: Interpreter::new(&program),
            x,
            y,
            forward: plan(&|recorder| record_forward(recorder, &how, images, FILL, views)),
            linear: plan(&|recorder| record_linear(recorder, &how, images, views)),
            adjoint: plan(&|recorder| record_adjoint(recorder, &how, images, views)),
        }
    }

    fn run(&mut self, plan: fn(&Desk) -> &Plan, x: &[f64]) -> Vec<f64> {
        self.cpu.floats_mut(self.x).copy_from_slice(x);
        let plan = plan(self).clone();
        self.cpu.run(&plan);
        self.cpu.floats(self.y).to_vec()
    }

    fn forward(&mut self, x: &[f64]) -> Vec<f64> {
        self.run(|desk| &desk.forward, x)
    }

    fn linear(&mut self, x: &[f64]) -> Vec<f64> {
        self.run(|desk| &desk.linear, x)
    }

    fn adjoint(&mut self, x: &[f64]) -> Vec<f64> {
        self.run(|desk| &desk.adjoint, x)
    }
}

fn images([height, width, channels]: [u32; 3], batch: u32) -> Images {
    let source = Source { stream: stream::DEVICE + 3, part: 2 };
    Images { shape: Shape { height, width, channels }, batch, source }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Each alone, and all together, on awkward sizes.
fn trials() -> impl Iterator<Item = (Augmentation, Images)> {
    let each = [
        Augmentation { mirror: true, ..OFF },
        Augmentation { brightness: 0.5, ..OFF },
        Augmentation { contrast: 1.0, ..OFF },
        Augmentation { translation: 0.3, ..OFF },
        Augmentation { cutout: 0.5, ..OFF },
        Augmentation { cutout: 1.0, translation: 1.0, contrast: 0.5, ..OFF },
        ALL,
        OFF,
    ];
    let sizes = [([7, 5, 1], 9), ([4, 9, 3], 6), ([16, 16, 2], 1), ([1, 1, 3], 5), ([1, 12, 1], 7)];
    each.into_iter().flat_map(move |how| sizes.map(|(size, batch)| (how, images(size, batch))))
}

/// The same by plain loops, one after the other: `image` is [row][column][channel].
fn augmented(how: &Augmentation, images: Images, b: u32, mut image: Vec<Vec<Vec<f64>>>) -> Vec<Vec<Vec<f64>>> {
    let Images { shape, source: Source { stream, part }, .. } = images;
    let (height, width, channels) = (shape.height as i64, shape.width as i64, shape.channels as usize);
    // The second word of the seed is that of `step_words`.
    let block = |index| philox([split(SEED)[0], 7], [index, STEP, stream, part]);
    let ([flip, add, scale, _], [down, right, row, column]) = (block(2 * b), block(2 * b + 1));
    let symmetric = |word: u32, most: f32| ((word / 256) as f64 / 8_388_608.0 - 1.0) * f64::from(most);
    let below = |word: u32, bound: i64| (word as f64 / 4_294_967_296.0 * bound as f64).floor() as i64;
    let part_of = |part: f32, size: i64| (size as f32 * part + 0.5) as i64;

    if how.mirror && flip >= 1 << 31 {
        image.iter_mut().for_each(|row| row.reverse());
    }
    let add = symmetric(add, how.brightness);
    image.iter_mut().flatten().flatten().for_each(|value| *value += add);
    let mean = image.iter().flatten().flatten().sum::<f64>() / f64::from(shape.values());
    let scale = 1.0 + symmetric(scale, how.contrast);
    image.iter_mut().flatten().flatten().for_each(|value| *value = (*value - mean) * scale + mean);

    let fill: Vec<_> = FILL[..channels].iter().map(|&fill| f64::from(fill)).collect();
    let mut result = vec![vec![fill.clone(); width as usize]; height as usize];
    let [most_down, most_right] = [height, width].map(|size| part_of(how.translation, size));
    let [down, right] = [below(down, 2 * most_down + 1) - most_down, below(right, 2 * most_right + 1) - most_right];
    for (r, row) in (0..).zip(&image) {
        for (c, pixel) in (0..).zip(row) {
            if (0..height).contains(&(r + down)) && (0..width).contains(&(c + right)) {
                result[(r + down) as usize][(c + right) as usize].clone_from(pixel);
            }
        }
    }
    // As the official code cuts: from a centre to half a hole before it, clamped to the image.
    let [rows, columns] = [height, width].map(|size| part_of(how.cutout, size));
    let [row, column] = [below(row, height + (1 - rows % 2)), below(column, width + (1 - columns % 2))];
    for r in 0..rows {
        for c in 0..columns {
            let r = (r + row - rows / 2).clamp(0, height - 1);
            let c = (c + column - columns / 2).clamp(0, width - 1);
            result[r as usize][c as usize].clone_from(&fill);
        }
    }
    result
}

#[test]
fn images_are_what_plain_loops_make_of_them() {
    for (how, images) in trials() {
        let mut desk = Desk::new(how, images, STEP);
        let x = desk.cpu.floats(desk.x).to_vec();
        let y = desk.forward(&x);
        let (width, channels) = (images.shape.width as usize, images.shape.channels as usize);
        let place = |row: usize, column: usize, b: u32| {
            ((row * width + column) * images.batch as usize + b as usize) * channels
        };
        for b in 0..images.batch {
            let grid = |values: &[f64]| -> Vec<Vec<Vec<f64>>> {
                let pixel = |row, column| values[place(row, column, b)..][..channels].to_vec();
                let row = |row| (0..width).map(|column| pixel(row, column)).collect();
                (0..images.shape.height as usize).map(row).collect()
            };
            let expected: Vec<_> = augmented(&how, images, b, grid(&x)).into_iter().flatten().flatten().collect();
            let got: Vec<_> = grid(&y).into_iter().flatten().flatten().collect();
            assert_close(&format!("{how:?} of {images:?}, image {b}"), &got, &expected, |_| 1e-13);
        }
    }
}

/// Augmented images differ by what `linear` makes of the images' difference, and ⟨linear(x), dy⟩ =
/// ⟨x, adjoint(dy)⟩: so `adjoint` gives the gradient.
#[test]
fn the_direction_and_the_gradient_follow_from_the_images() {
    for (how, images) in trials() {
        let what = format!("{how:?} of {images:?}");
        let mut desk = Desk::new(how, images, STEP);
        let (x, dy) = (desk.cpu.floats(desk.x).to_vec(), desk.cpu.floats(desk.y).to_vec());
        let t: Vec<f64> = x.iter().zip(&dy).map(|(x, dy)| 1.5 * x * dy - dy).collect();
        let moved: Vec<f64> = x.iter().zip(&t).map(|(x, t)| x + 0.5 * t).collect();
        let (before, after) = (desk.forward(&x), desk.forward(&moved));
        let (direction, linear, gradient) = (desk.linear(&t), desk.linear(&x), desk.adjoint(&dy));
        let difference: Vec<_> = before.iter().zip(&after).map(|(before, after)| (after - before) / 0.5).collect();
        assert_close(&format!("{what}: the direction"), &difference, &direction, |_| 1e-13 * (1.0 + largest(&t)));
        let (by_output, by_input) = (dot(&linear, &dy), dot(&x, &gradient));
        let magnitude: f64 = x.iter().zip(&gradient).map(|(x, g)| (x * g).abs()).sum();
        assert_close(&format!("{what}: y·dy beside x·dx"), &[by_input], &[by_output], |_| 1e-12 * (1.0 + magnitude));
    }
}

/// How many images to draw, and how far counts may be from their expectation: a chance of 1e-9.
const MANY: u32 = 8192;
const DEVIATIONS: f64 = 6.1;

/// Asserts that each of `kinds` comes out equally often.
fn assert_uniform(what: &str, kinds: usize, drawn: impl Iterator<Item = usize>) {
    let mut counts = vec![0; kinds];
    drawn.for_each(|kind| counts[kind] += 1);
    let share = f64::from(MANY) / kinds as f64;
    let far = DEVIATIONS * (share * (1.0 - 1.0 / kinds as f64)).sqrt();
    assert!(counts.iter().all(|&count| (f64::from(count) - share).abs() < far), "{what}: {counts:?}");
}

/// Images of one channel after the augmentation, an image a row; those before count their pixels
/// from 1.
fn drawn(how: Augmentation, size: [u32; 2], change: impl Fn(Images) -> (Images, u32)) -> Vec<Vec<f64>> {
    let [height, width] = size;
    let (images, step) = change(images([height, width, 1], MANY));
    let mut desk = Desk::new(how, images, step);
    let x: Vec<_> = (0..desk.x.len).map(|i| f64::from(1 + i / MANY)).collect();
    let y = desk.forward(&x);
    (0..MANY as usize).map(|b| y[b..].iter().step_by(MANY as usize).copied().collect()).collect()
}

fn usual(images: Images) -> (Images, u32) {
    (images, STEP)
}

#[test]
fn half_of_the_images_are_mirrored() {
    let images = drawn(Augmentation { mirror: true, ..OFF }, [2, 3], usual);
    assert_uniform("mirrored or not", 2, images.iter().map(|image| usize::from(image[0] == 3.0)));
    assert!(
        images
            .iter()
            .all(|image| image[..] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0] || image[..] == [3.0, 2.0, 1.0, 6.0, 5.0, 4.0])
    );
}

/// Every shift up to the most in each direction, independently along the axes.
#[test]
fn all_shifts_are_equally_likely() {
    let (height, width) = (8, 12); // by up to 2 and 3 pixels
    let images = drawn(Augmentation { translation: 0.25, ..OFF }, [height, width], usual);
    let shift = |image: &Vec<f64>| {
        let place = image.iter().position(|&value| value > 0.0).expect("most of the image is still there");
        let (from, to) = (image[place] as i64 - 1, place as i64);
        let width = i64::from(width);
        let [down, right] = [to / width - from / width, to % width - from % width];
        assert!(down.abs() <= 2 && right.abs() <= 3, "{down} down, {right} to the right");
        ((down + 2) * 7 + right + 3) as usize
    };
    assert_uniform("shifts", 35, images.iter().map(shift));
}

/// Every centre of the image equally, or every corner of its pixels where the hole has an even
/// size.
#[test]
fn all_holes_are_equally_likely() {
    let images = drawn(Augmentation { cutout: 0.5, ..OFF }, [8, 5], usual); // 4 rows, 3 columns
    let hole = |image: &Vec<f64>| {
        let cut = |place: usize| image[place] < 0.0;
        let rows: Vec<_> = (0..8).filter(|row| (0..5).any(|column| cut(row * 5 + column))).collect();
        let columns: Vec<_> = (0..5).filter(|column| (0..8).any(|row| cut(row * 5 + column))).collect();
        assert_eq!((0..40).filter(|&place| cut(place)).count(), rows.len() * columns.len(), "a box: {image:?}");
        // Where the hole would begin, after what lies above or left of the image.
        let start = |cut: &[usize], hole: usize| if cut[0] == 0 { cut.len() } else { hole + cut[0] };
        let (row, column) = (start(&rows, 4), start(&columns, 3));
        ((2..=10).contains(&row) && (2..=6).contains(&column)).then(|| (row - 2) * 5 + column - 2).expect("in range")
    };
    assert_uniform("holes", 9 * 5, images.iter().map(hole));
}

/// Brightness and contrast are uniform in their ranges.
#[test]
fn values_are_uniform_in_their_ranges() {
    let (most, bins) = (0.5, 16);
    let bin = |value: f64| {
        assert!((-most..most).contains(&value), "{value} is outside ±{most}");
        ((value + most) / (2.0 * most) * bins as f64) as usize
    };
    let images = drawn(Augmentation { brightness: 0.5, ..OFF }, [1, 2], usual);
    assert_uniform("brightness", bins, images.iter().map(|image| bin(image[0] - 1.0)));
    // The mean of the pixels 1 and 2 stays, their distance of 1 becomes the factor.
    let images = drawn(Augmentation { contrast: 0.5, ..OFF }, [1, 2], usual);
    assert_uniform("contrast", bins, images.iter().map(|image| bin(image[1] - image[0] - 1.0)));
    assert!(images.iter().all(|image| (image[0] + image[1] - 3.0).abs() < 1e-12));
}

/// What is drawn first says nothing of what is drawn next.
#[test]
fn draws_are_independent() {
    let how = Augmentation { brightness: 0.5, mirror: true, ..OFF };
    let kind = |image: &Vec<f64>| {
        let is_mirrored = image[0] > image[1];
        let brightness = (image[0] + image[1] - 3.0) / 2.0;
        usize::from(is_mirrored) + 2 * usize::from(brightness > 0.0)
    };
    let one = drawn(how, [1, 2], usual);
    assert_uniform("mirrored and bright", 4, one.iter().map(kind));
    let others: [fn(Images) -> (Images, u32); 3] = [
        |images| (images, STEP + 1),
        |images| (Images { source: images.source.offset(1), ..images }, STEP),
        |images| (Images { source: Source { part: images.source.part + 1, ..images.source }, ..images }, STEP),
    ];
    for (what, change) in ["step", "stream", "part"].into_iter().zip(others) {
        let other = drawn(how, [1, 2], change);
        let pairs = one.iter().zip(&other).map(|(one, other)| kind(one) + 4 * kind(other));
        assert_uniform(&format!("pairs by another {what}"), 16, pairs);
    }
}

/// The table of a configuration: what it does not name is off, and what it misspells is refused.
#[test]
fn settings_are_read() {
    let read = |text: &str| toml::from_str::<Augmentation>(text);
    assert_eq!(read(""), Ok(OFF));
    assert!(OFF.is_off() && !ALL.is_off());
    assert_eq!(
        read("translation = 0.125\nmirror = true"),
        Ok(Augmentation { translation: 0.125, mirror: true, ..OFF })
    );
    assert!(read("rotation = 0.125").is_err());
    let text = toml::to_string(&ALL).expect("numbers");
    assert_eq!(read(&text), Ok(ALL));
}
