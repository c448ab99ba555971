// D: mean softplus(f − r) over pairs of the batch, half of it told with r and half with f; G: mean
// softplus(r − f); the means of r and f are reported (Jolicoeur-Martineau 2019; R3GAN: Huang et al.
// 2024). `other` is the partner: f of r, and r of f.
// Dispatch: (1, 1, 1), from common/adversarial. Constants: BATCH, STRIDE, ROLE, STEP (index in
// `step`), COLUMN (of the row), RING_ROWS, RING_COLUMNS.
fn judge(l: f32, other: f32) -> vec3f {
    if ROLE == REAL {
        return vec3f(0.5 * softplus(other - l), -sigmoid(other - l), l);
    }
    if ROLE == FAKE {
        return vec3f(0.5 * softplus(l - other), sigmoid(l - other), l);
    }
    return vec3f(softplus(other - l), -sigmoid(other - l), l);
}
