// D: mean ½(r − 1)² + mean ½f²; G: mean ½(f − 1)²; on logits, with the means of r and f reported
// (Mao et al. 2017, with a = 0 and b = c = 1).
// Dispatch: (1, 1, 1), from common/adversarial. Constants: BATCH, STRIDE, ROLE, TARGET (1 where the
// loss draws the logit to 1, else 0), STEP (index in `step`), COLUMN, RING_ROWS, RING_COLUMNS.
fn judge(l: f32, other: f32) -> vec3f {
    let far = l - TARGET;
    return vec3f(0.5 * far * far, far, l);
}
