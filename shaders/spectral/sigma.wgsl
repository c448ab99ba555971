// sigma = Σ_r u[r] · x[r] with x = Wv = Σ_s partial[s], s ascending; 1 where that is 0
// Dispatch: (1, 1, 1). Constants: SIZE (rows), SPLITS.
// Method: a fixed tree. σ is 0 where v is, before the first iteration, and where W is: dividing by 1
// leaves W as it is.
@group(0) @binding(0) var<storage, read> u: array<f32>;           // [SIZE]
@group(0) @binding(1) var<storage, read> partial: array<f32>;     // [SPLITS, SIZE]
@group(0) @binding(2) var<storage, read_write> sigma: array<f32>; // [1]

const THREADS = 256u;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) local: u32) {
    var sum = 0.0;
    for (var i = local; i < SIZE; i += THREADS) {
        var x = 0.0;
        for (var s = 0u; s < SPLITS; s++) {
            x += partial[s * SIZE + i];
        }
        sum += u[i] * x;
    }
    let total = add_up(local, vec2f(sum, 0.0)).x;
    if local == 0u {
        let is_zero = (bitcast<u32>(total) & 0x7fffffffu) == 0u;
        sigma[0] = select(total, 1.0, is_zero);
    }
}
