// ring[row, COLUMN] = 1 + step mod 2²³, exact in f32 and never 0; ring[row, COLUMN + 1] = one
// parameter of each network
// Dispatch: (1, 1, 1). Constants: STEP (index in `step`), COLUMN (of the row), RING_ROWS,
// RING_COLUMNS.
// Method: the last dispatch reads what the updates write, so it runs after them.
@group(0) @binding(0) var<storage, read> step: array<u32>;      // [..]: seed, step, …
@group(0) @binding(1) var<storage, read> g: array<f32>;         // [..]: G's parameters
@group(0) @binding(2) var<storage, read> d: array<f32>;         // [..]: D's parameters
@group(0) @binding(3) var<storage, read_write> ring: array<f32>; // [RING_ROWS, RING_COLUMNS]

@compute @workgroup_size(1)
fn main() {
    let row = step[STEP] % RING_ROWS * RING_COLUMNS;
    ring[row + COLUMN] = f32(1u + (step[STEP] & 0x7fffffu));
    ring[row + COLUMN + 1u] = g[0] + d[0];
}
