// y = x / max(‖x‖, ε) with x = Σ_s partial[s], s ascending
// Dispatch: (1, 1, 1). Constants: SIZE, SPLITS, EPSILON.
// Method: each invocation keeps its elements of x in y until a fixed tree has added the squares.
@group(0) @binding(0) var<storage, read> partial: array<f32>; // [SPLITS, SIZE]
@group(0) @binding(1) var<storage, read_write> y: array<f32>; // [SIZE]

const THREADS = 256u;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) local: u32) {
    var square = 0.0;
    for (var i = local; i < SIZE; i += THREADS) {
        var x = 0.0;
        for (var s = 0u; s < SPLITS; s++) {
            x += partial[s * SIZE + i];
        }
        y[i] = x;
        square += x * x;
    }
    let total = add_up(local, vec2f(square, 0.0)).x;
    let norm = vec4f(sqrt(total));
    let divisor = keep_nan(norm, max(norm, vec4f(EPSILON))).x;
    for (var i = local; i < SIZE; i += THREADS) {
        y[i] /= divisor;
    }
}
