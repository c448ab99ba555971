// ring[row, COLUMN] = the largest |σ| of the layers, by bits: NaN and infinity win
// Dispatch: (1, 1, 1). Constants: LAYERS, PITCH (words from one σ to the next), STEP (index in
// `step`), COLUMN (of the row), RING_ROWS, RING_COLUMNS.
@group(0) @binding(0) var<storage, read> sigma: array<u32>;      // [LAYERS, PITCH], floats
@group(0) @binding(1) var<storage, read> step: array<u32>;       // [..]: seed, step, …
@group(0) @binding(2) var<storage, read_write> ring: array<f32>; // [RING_ROWS, RING_COLUMNS]

@compute @workgroup_size(1)
fn main() {
    var largest = 0u;
    for (var layer = 0u; layer < LAYERS; layer++) {
        largest = max(largest, sigma[layer * PITCH] & 0x7fffffffu);
    }
    ring[step[STEP] % RING_ROWS * RING_COLUMNS + COLUMN] = bitcast<f32>(largest);
}
