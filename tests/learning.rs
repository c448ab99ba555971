//! Training learns: after 400 steps of the `quick` preset, generated images have the statistics of
//! the data, and before training they have not. Whether a person reads digits in them is for a
//! person to judge: `assets/` holds grids.

use dcgan_gpu::data::DataSet;
use dcgan_gpu::device::Device;
use dcgan_gpu::engine::{Batch, Engine};
use dcgan_gpu::model::sources::preset;
use dcgan_gpu::shape::Shape;

/// Images as rows of values in [0, 1].
struct Sheet(Vec<Vec<f64>>);

impl Sheet {
    fn new(pixels: &[u8], image: usize) -> Self {
        Sheet(pixels.chunks(image).map(|image| image.iter().map(|&v| f64::from(v) / 255.0).collect()).collect())
    }

    fn mean_image(&self) -> Vec<f64> {
        let mean = |p: usize| self.0.iter().map(|image| image[p]).sum::<f64>() / self.0.len() as f64;
        (0..self.0[0].len()).map(mean).collect()
    }

    /// Mean distance between two different images: what collapses when a generator does.
    fn diversity(&self) -> f64 {
        let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        let pairs = self.0.iter().enumerate().flat_map(|(i, a)| self.0[..i].iter().map(move |b| distance(a, b)));
        let n = self.0.len() as f64;
        pairs.sum::<f64>() / (n * (n - 1.0) / 2.0)
    }

    /// The share of values that are neither ink nor paper.
    fn greyness(&self) -> f64 {
        let values = self.0.concat();
        values.iter().filter(|v| (0.2..0.8).contains(*v)).count() as f64 / values.len() as f64
    }
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let covariance =
        |a: &[f64], ma: f64, b: &[f64], mb: f64| -> f64 { a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum() };
    covariance(a, mean_a, b, mean_b) / (covariance(a, mean_a, a, mean_a) * covariance(b, mean_b, b, mean_b)).sqrt()
}

#[test]
fn quick_learns_what_digits_look_like() {
    let mut config = preset("quick").unwrap();
    config.seed = 1;
    let shape = Shape { height: 28, width: 28, channels: 1 };
    let data = DataSet::open("strokes", None, shape, config.seed).unwrap();
    let batch: Vec<u32> = (0..config.training.batch_size).collect();
    let mut bytes = vec![0; batch.len() * shape.bytes()];
    data.fill(9, &batch, &mut bytes);
    let real = Sheet::new(&bytes, shape.bytes());

    let mut engine = Engine::new(&Device::Host, &config, None).unwrap();
    let before = Sheet::new(&engine.sample(64).unwrap().pixels, shape.bytes());
    for step in 0..400 {
        data.fill(step, &batch, &mut bytes);
        engine.step(step, Batch::Bytes(&bytes)).unwrap();
    }
    let after = Sheet::new(&engine.sample(64).unwrap().pixels, shape.bytes());

    let likeness = |sheet: &Sheet| correlation(&sheet.mean_image(), &real.mean_image());
    let [l_before, l_after] = [&before, &after].map(likeness);
    assert!(l_before < 0.3 && l_after > 0.85, "likeness of the mean image: {l_before} before, {l_after} after");
    let [d_before, d_after] = [&before, &after].map(|sheet| sheet.diversity() / real.diversity());
    assert!(
        d_before < 0.1 && d_after > 0.6 && d_after < 1.3,
        "diversity: {d_before} of the data's before, {d_after} after"
    );
    let [g_before, g_after] = [&before, &after].map(Sheet::greyness);
    assert!(g_before > 0.9 && g_after < 0.25, "greyness: {g_before} before, {g_after} after");
}
