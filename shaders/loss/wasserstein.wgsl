// D: mean f − mean r; G: −mean f; the means of r and f are reported. D must be bounded: by clipping
// its weights, by a penalty or by spectral norm (Arjovsky et al. 2017).
// Dispatch: (1, 1, 1), from common/adversarial. Constants: BATCH, STRIDE, ROLE, STEP (index in
// `step`), COLUMN (of the row), RING_ROWS, RING_COLUMNS.
fn judge(l: f32, other: f32) -> vec3f {
    let slope = select(-1.0, 1.0, ROLE == FAKE);
    return vec3f(slope * l, slope, l);
}
