// D: mean relu(1 − r) + mean relu(1 + f); G: −mean f; the means of r and f are reported (Miyato et
// al. 2018, equations 16 and 17).
// Dispatch: (1, 1, 1), from common/adversarial. Constants: BATCH, STRIDE, ROLE, STEP (index in
// `step`), COLUMN (of the row), RING_ROWS, RING_COLUMNS.
fn judge(l: f32, other: f32) -> vec3f {
    if ROLE == REAL {
        return vec3f(max(1.0 - l, 0.0), select(0.0, -1.0, l < 1.0), l);
    }
    if ROLE == FAKE {
        return vec3f(max(1.0 + l, 0.0), select(0.0, 1.0, l > -1.0), l);
    }
    return vec3f(-l, -1.0, l);
}
