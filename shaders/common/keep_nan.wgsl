// y, or x where x is NaN: selections and clamps would turn NaN into a number and hide a divergence.
// NaN is found by its bits, because comparisons with it are false or folded away.
fn keep_nan(x: vec4f, y: vec4f) -> vec4f {
    return select(y, x, (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}
