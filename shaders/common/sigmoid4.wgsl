// The logistic function of four numbers without overflow: e^-|x| never exceeds 1.
fn sigmoid4(x: vec4f) -> vec4f {
    let e = exp(-abs(x));
    return select(e, vec4f(1.0), x >= vec4f()) / (1.0 + e);
}
