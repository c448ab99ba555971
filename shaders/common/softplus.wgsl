// softplus(x) = ln(1 + e^x) without overflow: the cross-entropy of a logit −x with "real".
fn softplus(x: f32) -> f32 {
    return max(x, 0.0) + log1p(exp(-abs(x)));
}
