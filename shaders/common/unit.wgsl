// A number uniform in [0, 1) from a random word: its upper 24 bits, exact in f32.
fn unit(word: u32) -> f32 {
    return f32(word >> 8u) * (1.0 / 16777216.0);
}
