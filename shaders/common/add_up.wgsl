// The sum of what the invocations of a workgroup have, by a fixed tree; each gets it. THREADS is that
// of the kernel, which calls this once.
var<workgroup> parts: array<vec2f, THREADS>;

fn add_up(local: u32, part: vec2f) -> vec2f {
    parts[local] = part;
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if local < half {
            parts[local] += parts[local + half];
        }
    }
    workgroupBarrier();
    return parts[0];
}
