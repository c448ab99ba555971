//! Layers that read labels, against numbers worked out by hand.

use dcgan_gpu::device::host::Interpreter;
use dcgan_gpu::layers::LAYERS;
use dcgan_gpu::model::config::Layers;
use dcgan_gpu::plan::{Profile, View};
use dcgan_gpu::selftest::layer::{BACKWARD, FORWARD, LayerProgram, parse_layers};
use dcgan_gpu::shape::Shape;

/// A layer on a batch.
struct Case<'a> {
    line: &'a str,
    input: [u32; 3],
    labels: &'a [u32],
    /// Of each parameter, in order.
    parameters: &'a [&'a [f64]],
    x: &'a [f64],
    dy: &'a [f64],
}

/// What it gives.
struct Found {
    y: Vec<f64>,
    dx: Vec<f64>,
    /// Of each parameter, in order.
    gradients: Vec<Vec<f64>>,
}

impl Case<'_> {
    fn run(&self, batch: u32) -> Found {
        let [height, width, channels] = self.input;
        let layers = parse_layers(&[self.line]).expect("a valid layer");
        let case =
            LayerProgram::new(&Profile::HOST, Shape { height, width, channels }, batch, &layers).expect("it fits");
        let mut cpu = Interpreter::<f64>::new(&case.program);
        let fill = |cpu: &mut Interpreter<f64>, view: View, values: &[f64]| {
            cpu.floats_mut(view).copy_from_slice(values);
        };
        let slots = &case.layout.parameters.slots;
        assert_eq!(slots.len(), self.parameters.len(), "{}: parameters", self.line);
        for (slot, values) in slots.iter().zip(self.parameters) {
            fill(&mut cpu, slot.view(case.state.parameters), values);
        }
        cpu.floats_mut(case.gradients()).fill(0.0);
        if let Some(labels) = case.labels {
            cpu.write(labels, self.labels);
        }
        fill(&mut cpu, case.x, self.x);
        fill(&mut cpu, case.dy, self.dy);
        cpu.run(&case.program.plans[FORWARD]);
        cpu.run(&case.program.plans[BACKWARD]);
        Found {
            y: cpu.floats(case.y).to_vec(),
            dx: cpu.floats(case.dx).to_vec(),
            gradients: slots.iter().map(|slot| cpu.floats(slot.view(case.gradients())).to_vec()).collect(),
        }
    }
}

#[test]
fn an_embedding_puts_the_row_of_its_class_behind_a_sample() {
    let case = Case {
        line: r#"type = "embedding", classes = 3, size = 2"#,
        input: [1, 1, 1],
        labels: &[2, 0, 2],
        parameters: &[&[10.0, 11.0, 20.0, 21.0, 30.0, 31.0]],
        x: &[1.0, 2.0, 3.0],
        dy: &[0.5, 1.0, 2.0, 0.25, 4.0, 8.0, 0.125, 16.0, 32.0],
    };
    let Found { y, dx, gradients } = case.run(3);
    assert_eq!(y, [1.0, 30.0, 31.0, 2.0, 10.0, 11.0, 3.0, 30.0, 31.0]);
    assert_eq!(dx, [0.5, 0.25, 0.125]);
    assert_eq!(gradients, [[4.0, 8.0, 0.0, 0.0, 17.0, 34.0]]);
}

#[test]
fn label_planes_lie_behind_the_channels_of_each_image() {
    // Two pixels, a batch of two packs of two images with one channel each.
    let case = Case {
        line: r#"type = "label_planes", classes = 2, pack = 2"#,
        input: [2, 1, 2],
        labels: &[1, 0, 0, 1],
        parameters: &[],
        x: &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        dy: &(0..24).map(f64::from).collect::<Vec<_>>(),
    };
    let Found { y, dx, .. } = case.run(2);
    let planes = [[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
    let images = case.x.iter().zip(planes.iter().cycle());
    assert_eq!(y, images.flat_map(|(&x, [a, b])| [x, *a, *b]).collect::<Vec<_>>());
    assert_eq!(dx, [0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0]);
}

#[test]
fn a_class_affine_scales_and_shifts_by_class() {
    // Two pixels, two samples, one channel: x[pixel][sample].
    let case = Case {
        line: r#"type = "class_affine", classes = 3"#,
        input: [2, 1, 1],
        labels: &[2, 0],
        parameters: &[&[1.0, 5.0, -0.5], &[10.0, 20.0, 30.0]],
        x: &[1.0, 2.0, 3.0, 4.0],
        dy: &[1.0, 10.0, 100.0, 1000.0],
    };
    let Found { y, dx, gradients } = case.run(2);
    assert_eq!(y, [30.5, 14.0, 31.5, 18.0]);
    assert_eq!(dx, [0.5, 20.0, 50.0, 2000.0]);
    assert_eq!(gradients, [[4020.0, 0.0, 301.0], [1010.0, 0.0, 101.0]]);
}

#[test]
fn a_class_affine_per_feature_has_one_for_each_pixel() {
    let case = Case {
        line: r#"type = "class_affine", classes = 2, per = "feature""#,
        input: [2, 1, 1],
        labels: &[1, 1, 0],
        parameters: &[&[1.0, 2.0, 3.0, 4.0], &[0.0, 0.0, 0.5, 0.25]],
        x: &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        dy: &[1.0, 1.0, 1.0, 1.0, 1.0, 2.0],
    };
    let Found { y, dx, gradients } = case.run(3);
    assert_eq!(y, [4.5, 8.5, 6.0, 20.25, 25.25, 18.0]);
    assert_eq!(dx, [4.0, 4.0, 2.0, 5.0, 5.0, 6.0]);
    assert_eq!(gradients, [[3.0, 12.0, 3.0, 9.0], [1.0, 2.0, 2.0, 2.0]]);
}

#[test]
fn a_projection_adds_the_product_with_the_row_of_its_class() {
    // Two pixels, two samples, two channels; a dense layer [pixel][channel], its bias, and the
    // rows.
    let case = Case {
        line: r#"type = "projection", classes = 2, layer = { type = "dense", units = 1 }"#,
        input: [2, 1, 2],
        labels: &[1, 0],
        parameters: &[&[1.0, 0.0, 0.0, 1.0], &[0.5], &[1.0, 2.0, 10.0, 20.0]],
        x: &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        dy: &[1.0, -1.0],
    };
    let Found { y, dx, gradients } = case.run(2);
    // Sample 0 has the pixels (1, 2) and (5, 6), sample 1 (3, 4) and (7, 8).
    assert_eq!(y, [1.0 + 6.0 + 0.5 + 60.0 + 160.0, 3.0 + 8.0 + 0.5 + 10.0 + 24.0]);
    assert_eq!(dx, [11.0, 20.0, -2.0, -2.0, 10.0, 21.0, -1.0, -3.0]);
    assert_eq!(gradients[0], [-2.0, -2.0, -2.0, -2.0]);
    assert_eq!(gradients[1], [0.0]);
    assert_eq!(gradients[2], [-10.0, -12.0, 6.0, 8.0]);
}

#[test]
fn a_batch_norm_without_scale_and_shift_normalises_alone() {
    let case = Case {
        line: r#"type = "batch_norm", affine = false, epsilon = 1e-30"#,
        input: [1, 1, 1],
        labels: &[],
        parameters: &[],
        x: &[1.0, 5.0],
        dy: &[1.0, 3.0],
    };
    let Found { y, dx, .. } = case.run(2);
    assert_eq!(y, [-1.0, 1.0]);
    assert_eq!(dx, [0.0, 0.0]);
}

/// What does not fit is refused in words.
#[test]
fn layers_that_do_not_fit_are_refused() {
    for (line, input, problem) in [
        (r#"type = "embedding", classes = 0, size = 1"#, [1, 1, 1], "classes 0 is outside 1 to 65536"),
        (r#"type = "class_affine", classes = 65537"#, [1, 1, 1], "classes 65537 is outside 1 to 65536"),
        (r#"type = "embedding", classes = 2, size = 0"#, [1, 1, 1], "size 0 adds nothing"),
        (r#"type = "embedding", classes = 2, size = 4294967295"#, [1, 1, 1], "gives 1×1×4294967295 values"),
        (r#"type = "embedding", classes = 65536, size = 65536"#, [1, 1, 1], "needs 4294967296 weights"),
        (r#"type = "embedding", classes = 2, size = 1"#, [2, 1, 1], "needs a vector"),
        (r#"type = "label_planes", classes = 2, pack = 2"#, [1, 1, 3], "3 channels are no pack of 2 images"),
        (r#"type = "label_planes", classes = 2, pack = 0"#, [1, 1, 3], "3 channels are no pack of 0 images"),
        (
            r#"type = "projection", classes = 2, layer = { type = "dense", units = 2 }"#,
            [1, 1, 3],
            "projection's layer must be a dense layer or convolution to one logit",
        ),
        (
            r#"type = "projection", classes = 2, layer = { type = "relu" }"#,
            [1, 1, 1],
            "projection's layer must be a dense layer or convolution to one logit",
        ),
    ] {
        let layers = parse_layers(&[line]).expect("a valid layer");
        let [height, width, channels] = input;
        let refused = LayerProgram::new(&Profile::HOST, Shape { height, width, channels }, 2, &layers);
        let message = refused.expect_err(line).to_string();
        assert!(message.contains(problem), "{line}: {message}");
    }
}

/// A run keeps its layers, those inside of others too.
#[test]
fn layers_are_read_as_they_are_written() {
    for example in LAYERS.iter().flat_map(|layer| layer.examples) {
        let layers = parse_layers(example.layers).expect("valid layers");
        let text = toml::to_string(&Layers { layers: layers.clone(), optimizer: None }).expect("it is TOML");
        assert_eq!(toml::from_str::<Layers>(&text).expect("it is read").layers, layers, "{text}");
    }
    let text = |line| {
        toml::to_string(&Layers { layers: parse_layers(&[line]).expect("valid"), optimizer: None }).expect("it is TOML")
    };
    assert!(!text(r#"type = "batch_norm""#).contains("affine"), "a file of before names no key of after");
    assert!(!text(r#"type = "label_planes", classes = 2"#).contains("pack"));
}
