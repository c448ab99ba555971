// partial[s] = max over share s of |x|, as bits: NaN and infinity come out at or above 0x7f800000,
// never as numbers
// Dispatch: (SHARES, 1, 1). Constants: SIZE, SHARE (elements of a share).
// Method: without its sign, a larger float has larger bits, so integers are compared. A fixed tree
// ends it.
@group(0) @binding(0) var<storage, read> x: array<u32>;             // [SIZE], floats
@group(0) @binding(1) var<storage, read_write> partial: array<u32>; // [SHARES], floats

const THREADS = 64u;

var<workgroup> most: array<u32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let first = group.x * SHARE;
    var largest = 0u;
    for (var i = first + local; i < min(first + SHARE, SIZE); i += THREADS) {
        largest = max(largest, x[i] & 0x7fffffffu);
    }
    most[local] = largest;
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if local < half {
            most[local] = max(most[local], most[local + half]);
        }
    }
    if local == 0u {
        partial[group.x] = most[0];
    }
}
