// softplus(x) = ln(1 + e^x) without overflow: the cross-entropy of a logit −x with "real".
fn softplus(x: f32) -> f32 {
    return max(x, 0.0) + log1p(exp(-abs(x)));
}

// softplus(l) − t·l, the cross-entropy of σ(l) with a soft label t, in an order in which little
// cancels.
fn cross_entropy(l: f32, t: f32) -> f32 {
    return max(l, 0.0) - t * l + log1p(exp(-abs(l)));
}
