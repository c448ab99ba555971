// D: mean softplus(l) − TARGET·l, the cross-entropy of σ(l) with a soft label, for r and for f; G:
// the same of f with label 1. Derivative σ(l) − TARGET; D(x) is σ(l) (Goodfellow et al. 2014).
// Dispatch: (1, 1, 1), from common/adversarial. Constants: BATCH, STRIDE, ROLE, TARGET, STEP (index
// in `step`), COLUMN (of the row), RING_ROWS, RING_COLUMNS.
fn judge(l: f32, other: f32) -> vec3f {
    let s = sigmoid(l);
    return vec3f(cross_entropy(l, TARGET), s - TARGET, s);
}
