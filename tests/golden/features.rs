//! A feature network of PyTorch's, in our file's format, says of images what it says in PyTorch.

use dcgan_gpu::device::Device;
use dcgan_gpu::eval::extract::Extractor;
use dcgan_gpu::eval::file::Filed;
use dcgan_gpu::shape::Shape;
use serde_json::Value;

use crate::common::golden;

const SHAPE: Shape = Shape { height: 6, width: 7, channels: 3 };
const IMAGES: u32 = 5;

fn numbers(value: &Value) -> Vec<f64> {
    let rows = value.as_array().expect("a matrix").iter().flat_map(|row| row.as_array().expect("a row"));
    rows.map(|number| number.as_f64().expect("a number")).collect()
}

#[test]
fn features_are_those_of_pytorch() {
    let filed = Filed::parse(golden("features.safetensors")).unwrap();
    let expected: Value = serde_json::from_slice(&golden("features.json")).unwrap();
    let pixels: Vec<u8> = (0..IMAGES * SHAPE.values()).map(|i| (i * 37 % 251) as u8).collect();
    let mut extractor = Extractor::new(&Device::Host, filed.network).unwrap();
    let seen = extractor.see(&pixels, SHAPE).unwrap();
    let features: Vec<f64> = seen.features.iter().map(|&value| f64::from(value)).collect();
    for (what, found, expected) in
        [("features", features, &expected["features"]), ("likely", seen.likely, &expected["likely"])]
    {
        let expected = numbers(expected);
        assert_eq!(found.len(), expected.len(), "{what}");
        let largest = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(largest < 1e-5, "{what} differ by {largest}");
    }
}
