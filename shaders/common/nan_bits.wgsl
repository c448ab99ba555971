// Bits that make NaN of any float they are put over: those of a NaN where x is none or infinite,
// else 0.
fn nan_bits(x: f32) -> u32 {
    return select(0u, 0x7fc00000u, (bitcast<u32>(x) & 0x7fffffffu) >= 0x7f800000u);
}

fn put_over(bits: u32, x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) | bits);
}
