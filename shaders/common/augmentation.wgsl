// What happens to image b: every kernel that needs it draws it anew, from two Philox blocks. Places
// are (row, column). Constants: HEIGHT, WIDTH, MIRROR (0 or 1), BRIGHTNESS, CONTRAST, SHIFT_ROWS,
// SHIFT_COLUMNS, HOLE_ROWS, HOLE_COLUMNS, STREAM, PART.
const IMAGE = vec2u(HEIGHT, WIDTH);
const PIXELS = HEIGHT * WIDTH;
const MOST_SHIFT = vec2u(SHIFT_ROWS, SHIFT_COLUMNS);
const HOLE = vec2u(HOLE_ROWS, HOLE_COLUMNS);

struct Draw {
    mirrored: bool,
    brightness: f32, // is added
    contrast: f32,   // times the difference from the mean, is added
    shift: vec2i,    // down and to the right
    hole: vec2i,     // its first row and column
}

// Uniform in [−1, 1), exact in f32.
fn symmetric(word: u32) -> f32 {
    return f32(word >> 8u) * (1.0 / 8388608.0) - 1.0;
}

// Uniform in 0 … bound − 1.
fn below(words: vec2u, bound: vec2u) -> vec2i {
    return vec2i(vec2u(multiply_wide(words.x, bound.x).y, multiply_wide(words.y, bound.y).y));
}

// The centre of a hole of odd size is one of the pixels, that of an even one a corner of them.
fn draw(seed: vec2u, number: u32, b: u32) -> Draw {
    let values = philox(seed, vec4u(2u * b, number, STREAM, PART));
    let places = philox(seed, vec4u(2u * b + 1u, number, STREAM, PART));
    return Draw(
        MIRROR == 1u && values.x >= 0x80000000u,
        BRIGHTNESS * symmetric(values.y),
        CONTRAST * symmetric(values.z),
        below(places.xy, 2u * MOST_SHIFT + 1u) - vec2i(MOST_SHIFT),
        below(places.zw, IMAGE + 1u - HOLE % 2u) - vec2i(HOLE / 2u),
    );
}

// Negative numbers become large ones.
fn is_inside(place: vec2i, size: vec2u) -> bool {
    return all(vec2u(place) < size);
}

fn mirror(d: Draw, place: vec2i) -> vec2i {
    return select(place, vec2i(place.x, i32(WIDTH) - 1 - place.y), d.mirrored);
}

fn place_of(pixel: u32) -> vec2i {
    return vec2i(vec2u(pixel / WIDTH, pixel % WIDTH));
}

fn pixel_at(place: vec2i) -> u32 {
    return u32(place.x) * WIDTH + u32(place.y);
}

// Whether a place of the result is not cut.
fn is_kept(d: Draw, place: vec2i) -> bool {
    return !is_inside(place - d.hole, HOLE);
}

// The pixel of the image that comes to pixel q of the result; PIXELS where none does.
fn source(d: Draw, q: u32) -> u32 {
    let place = place_of(q);
    let origin = place - d.shift;
    let is_there = is_inside(origin, IMAGE) && is_kept(d, place);
    return select(PIXELS, pixel_at(mirror(d, origin)), is_there);
}

// The pixel of the result that pixel p of the image goes to; PIXELS where it is lost.
fn destination(d: Draw, p: u32) -> u32 {
    let place = mirror(d, place_of(p)) + d.shift;
    let is_there = is_inside(place, IMAGE) && is_kept(d, place);
    return select(PIXELS, pixel_at(place), is_there);
}
