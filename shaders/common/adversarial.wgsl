// The entry point of every adversarial loss: means over the batch of what `judge` of the loss gives
// for each logit, (value, derivative, what is reported as D(x)), by one workgroup and a fixed tree.
// What D gives besides its logit has no part in it.
// A logit that is NaN or infinite makes NaN of its derivative and of both means, by bits: max and
// select would make a number of it.
@group(0) @binding(0) var<storage, read> logits: array<f32>;    // [BATCH, STRIDE]: the first of each
@group(0) @binding(1) var<storage, read> others: array<f32>;    // [BATCH, STRIDE]: what each is paired with
@group(0) @binding(2) var<storage, read> step: array<u32>;      // [..]: seed, step, …
@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>; // [BATCH, STRIDE]
@group(0) @binding(4) var<storage, read_write> ring: array<f32>; // [RING_ROWS, RING_COLUMNS]

// What a logit belongs to.
const REAL = 0u;
const FAKE = 1u;
const GENERATOR = 2u;

const THREADS = 64u;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) local: u32) {
    var sum = vec2f();
    for (var b = local; b < BATCH; b += THREADS) {
        let l = logits[b * STRIDE];
        let other = others[b * STRIDE];
        let bits = nan_bits(l) | nan_bits(other);
        let judged = judge(l, other);
        sum += vec2f(put_over(bits, judged.x), put_over(bits, judged.z));
        dlogits[b * STRIDE] = put_over(bits, judged.y / f32(BATCH));
        for (var other = 1u; other < STRIDE; other++) {
            dlogits[b * STRIDE + other] = 0.0;
        }
    }
    let total = add_up(local, sum);
    if local == 0u {
        let row = step[STEP] % RING_ROWS * RING_COLUMNS;
        ring[row + COLUMN] = total.x / f32(BATCH);
        ring[row + COLUMN + 1u] = total.y / f32(BATCH);
    }
}
