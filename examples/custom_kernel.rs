//! A kernel of one's own: a WGSL file and a twin, recorded into a plan, run on a device, and held
//! against the twin.
//!
//! `cargo run --release --example custom_kernel`

use dcgan_gpu::plan::{Bound, Kernel, Launch, Profile, Program, Recorder, Role};
use dcgan_gpu::twin::{Call, Real, Twinned};
use dcgan_gpu::{Device, Result, device, twinned};

/// Every invocation takes one element. `SIZE` becomes a constant in front of the file when a plan
/// is recorded.
static SQUARE: Kernel = Kernel::new(
    "mine/square",
    "@group(0) @binding(0) var<storage, read> x: array<f32>;       // [SIZE]
     @group(0) @binding(1) var<storage, read_write> y: array<f32>; // [SIZE]

     @compute @workgroup_size(64)
     fn main(@builtin(global_invocation_id) id: vec3u) {
         if id.x < SIZE {
             y[id.x] = x[id.x] * x[id.x];
         }
     }",
    &[],
    Bound::Relative(1e-7), // how far a device may be from the twin in f64
);

/// The same function on the host, found by the names of its bindings.
fn square<F: Real>(call: &mut Call<'_, F>) {
    let x = call.read("x");
    call.write("y").iter_mut().zip(x).for_each(|(y, &x)| *y = x * x);
}

static MINE: [Twinned; 1] = [twinned!(SQUARE, square)];

fn main() -> Result<()> {
    const SIZE: u32 = 1000;
    let mut program = Program::default();
    let [x, y] = ["x", "y"].map(|label| program.floats(label, Role::Activations, SIZE.into()));
    let values: Vec<f32> = (0..SIZE).map(|i| i as f32 * 0.1 - 50.0).collect();
    program.set_contents(x, values.iter().map(|value| value.to_bits()).collect());

    let constants = [("SIZE", SIZE.into())];
    let mut recorder = Recorder::new(&Profile::PORTABLE);
    recorder.scope("my first dispatch").dispatch(
        &SQUARE,
        Launch {
            constants: &constants,
            bindings: &[("x", x), ("y", y)],
            workgroups: [SIZE.div_ceil(SQUARE.workgroup_size(&constants)[0]), 1, 1],
            loop_trips: 0,
            terms: 0,
            flops: SIZE.into(),
        },
    );
    program.plans.push(recorder.finish()?);

    for description in device::list() {
        let device = Device::open(&description.choose)?;
        let mut session = device.load_with(program.clone(), &MINE)?;
        session.run(&[0])?;
        let squares = session.read_floats(y)?;
        // What each device computes is what the twin does.
        for (square, x) in squares.iter().zip(&values) {
            assert!((square - x * x).abs() <= 1e-6 * x * x, "{square} is not the square of {x}");
        }
        println!("{}: {:?} …", device.name(), &squares[..4]);
    }
    Ok(())
}
