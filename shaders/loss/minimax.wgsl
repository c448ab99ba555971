// D: mean softplus(l) − TARGET·l, for r and for f; G: −softplus(f), with derivative −σ(f): what D
// gains, G loses (Goodfellow et al. 2014, equation 1). D(x) is σ(l).
// Dispatch: (1, 1, 1), from common/adversarial. Constants: BATCH, STRIDE, ROLE, TARGET, STEP (index
// in `step`), COLUMN (of the row), RING_ROWS, RING_COLUMNS.
fn judge(l: f32, other: f32) -> vec3f {
    let s = sigmoid(l);
    if ROLE == GENERATOR {
        return vec3f(-softplus(l), -s, s);
    }
    return vec3f(cross_entropy(l, TARGET), s - TARGET, s);
}
