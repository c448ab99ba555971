// ln(1 + u) for u in [0, 1]: where 1 + u rounds, the quotient (1 + u) − 1 corrects it (Kahan's
// log1p).
fn log1p(u: f32) -> f32 {
    let v = 1.0 + u;
    let rounded = v - 1.0;
    return select(log(v) * (u / rounded), u, rounded == 0.0);
}
