// Philox4x32-10 (Salmon et al., SC 2011): four random words from a 128-bit counter and a 64-bit
// key.
fn multiply_wide(a: u32, b: u32) -> vec2u { // [low, high] of the 64-bit product
    let a0 = a & 0xffffu;
    let a1 = a >> 16u;
    let b0 = b & 0xffffu;
    let b1 = b >> 16u;
    let middle = a1 * b0 + ((a0 * b0) >> 16u);
    let carry = (middle & 0xffffu) + a0 * b1;
    return vec2u(a * b, a1 * b1 + (middle >> 16u) + (carry >> 16u));
}

fn philox(seed: vec2u, start: vec4u) -> vec4u {
    var key = seed;
    var counter = start;
    for (var round = 0u; round < 10u; round++) {
        let p0 = multiply_wide(0xD2511F53u, counter.x);
        let p1 = multiply_wide(0xCD9E8D57u, counter.z);
        counter = vec4u(p1.y ^ counter.y ^ key.x, p1.x, p0.y ^ counter.w ^ key.y, p0.x);
        key += vec2u(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}
