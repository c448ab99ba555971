//! The rules that nothing else enforces: what breaks them computes wrong results on some driver, in
//! silence.

use naga::{AddressSpace, Arena, Expression, Handle, MathFunction, Module, ScalarKind, TypeInner, VectorSize};

use super::{Specialised, uniformity};

const MAX_WORKGROUP_BYTES: u32 = 16_384;
const MAX_INVOCATIONS: u32 = 256;
const MAX_STORAGE_BUFFERS: usize = 8;
const MAX_HEADER_LINES: usize = 6;

/// All broken rules of a specialisation.
pub fn problems(specialised: &Specialised) -> Vec<String> {
    let name = specialised.kernel.name;
    let mut problems = module_problems(&specialised.module);
    let native = specialised.kernel.source.contains("native only");
    if specialised.uses_subgroups() != native {
        problems.push("says `native only` in its header if, and only if, it uses subgroups".to_string());
    }
    problems.iter().map(|problem| format!("{name}: {problem}")).collect()
}

/// The broken rules of a module.
pub fn module_problems(module: &Module) -> Vec<String> {
    let mut problems = uniformity::problems(module);
    let mut layouter = naga::proc::Layouter::default();
    layouter.update(module.to_ctx()).expect("types have layouts");
    let mut workgroup_bytes = 0;
    let mut storage_buffers = 0;
    for (_, variable) in module.global_variables.iter() {
        match variable.space {
            AddressSpace::WorkGroup => workgroup_bytes += layouter[variable.ty].size,
            AddressSpace::Storage { .. } | AddressSpace::Uniform => {
                storage_buffers += 1;
                if holds(module, variable.ty, &|inner| matches!(inner, TypeInner::Vector { size: VectorSize::Tri, .. }))
                {
                    problems.push(format!("{:?} holds vec3, which is padded to 16 bytes", variable.name));
                }
            }
            _ => {}
        }
        let float_atomic = |inner: &TypeInner| matches!(inner, TypeInner::Atomic(s) if s.kind == ScalarKind::Float);
        if holds(module, variable.ty, &float_atomic) {
            problems.push(format!("{:?} holds float atomics, whose order is not fixed", variable.name));
        }
    }
    if workgroup_bytes > MAX_WORKGROUP_BYTES {
        problems.push(format!("{workgroup_bytes} bytes of workgroup memory; portable are {MAX_WORKGROUP_BYTES}"));
    }
    if storage_buffers > MAX_STORAGE_BUFFERS {
        problems.push(format!("{storage_buffers} buffers; portable are {MAX_STORAGE_BUFFERS}"));
    }
    let invocations: u32 = module.entry_points[0].workgroup_size.iter().product();
    if invocations > MAX_INVOCATIONS {
        problems.push(format!("{invocations} invocations a workgroup; portable are {MAX_INVOCATIONS}"));
    }
    let functions = module.functions.iter().map(|(_, function)| function);
    for function in functions.chain(module.entry_points.iter().map(|entry_point| &entry_point.function)) {
        for (_, expression) in function.expressions.iter() {
            match *expression {
                Expression::Math { fun: MathFunction::Tanh, .. } => {
                    problems.push("built-in tanh, which is NaN or inexact on some drivers".to_string());
                }
                Expression::Binary {
                    op: naga::BinaryOperator::NotEqual | naga::BinaryOperator::Equal,
                    left,
                    right,
                } if same(&function.expressions, left, right) => {
                    problems.push("compares a value with itself; NaN is found by its bits alone".to_string());
                }
                _ => {}
            }
        }
    }
    problems
}

/// Whether a type or a part of it is one that `is` names.
fn holds(module: &Module, ty: Handle<naga::Type>, is: &dyn Fn(&TypeInner) -> bool) -> bool {
    let inner = &module.types[ty].inner;
    is(inner)
        || match inner {
            TypeInner::Array { base, .. } => holds(module, *base, is),
            TypeInner::Struct { members, .. } => members.iter().any(|member| holds(module, member.ty, is)),
            _ => false,
        }
}

/// Whether two expressions are written alike.
fn same(all: &Arena<Expression>, a: Handle<Expression>, b: Handle<Expression>) -> bool {
    use Expression::{Access, AccessIndex, Load};
    a == b
        || match (&all[a], &all[b]) {
            (Load { pointer: a }, Load { pointer: b }) => same(all, *a, *b),
            (Access { base: a, index: i }, Access { base: b, index: j }) => same(all, *a, *b) && same(all, *i, *j),
            (AccessIndex { base: a, index: i }, AccessIndex { base: b, index: j }) => same(all, *a, *b) && i == j,
            (a, b) => {
                matches!(a, Expression::GlobalVariable(_) | Expression::Literal(_))
                    && format!("{a:?}") == format!("{b:?}")
            }
        }
}

/// What a shader's text lacks for its reader.
pub fn text_problems(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let header: Vec<_> = text.lines().take_while(|line| line.starts_with("//")).collect();
    if !(2..=MAX_HEADER_LINES).contains(&header.len()) {
        problems.push(format!("a header of {} lines; it has 2 to {MAX_HEADER_LINES}", header.len()));
    }
    for part in ["Dispatch:", "Constants:"] {
        if !header.iter().any(|line| line.contains(part)) {
            problems.push(format!("the header does not state `{part}`"));
        }
    }
    for line in text.lines().filter(|line| line.contains("@binding")) {
        let comment = line.split_once("// ").map_or("", |(_, comment)| comment);
        if !(comment.starts_with('[') && comment.contains(']')) {
            problems.push(format!("no shape, such as `// [BATCH, C_IN]`, after `{line}`"));
        }
    }
    problems
}

/// Modules that break a rule each, with a part of the message.
pub const BROKEN: &[(&str, &str)] = &[
    ("var<workgroup> a: array<f32, 4097>; @compute @workgroup_size(1) fn main() { a[0] = 1.0; }", "workgroup memory"),
    ("@compute @workgroup_size(16, 17) fn main() {}", "272 invocations"),
    ("@group(0) @binding(0) var<storage> a: array<vec3f>; @compute @workgroup_size(1) fn main() { _ = a[0]; }", "vec3"),
    (
        "@group(0) @binding(0) var<storage, read_write> a: array<f32>; @compute @workgroup_size(1) fn main() { a[0] = tanh(a[1]); }",
        "tanh",
    ),
    (
        "@group(0) @binding(0) var<storage, read_write> a: array<f32>; @compute @workgroup_size(1) fn main() { if a[1] != a[1] { a[0] = 1.0; } }",
        "itself",
    ),
    (
        "@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) { if i < 3u { workgroupBarrier(); } }",
        "not uniform",
    ),
    (
        "@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) { if i > 60u { return; } workgroupBarrier(); }",
        "not uniform",
    ),
    (
        "@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) { for (var k = i; k < 64u; k++) { workgroupBarrier(); } }",
        "not uniform",
    ),
    (
        "@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) { var n = 3u; if i > 4u { n = 4u; } for (var k = 0u; k < n; k++) { workgroupBarrier(); } }",
        "not uniform",
    ),
    (
        "var<workgroup> w: u32; @compute @workgroup_size(64) fn main() { loop { if w == 0u { break; } workgroupBarrier(); } }",
        "not uniform",
    ),
    (
        "@group(0) @binding(0) var<storage, read> a: array<u32>; @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) { for (var k = 0u; k < a[i]; k++) { workgroupBarrier(); } }",
        "not uniform",
    ),
    (
        "fn f() { workgroupBarrier(); } fn g() { f(); } @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) { if i < 4u { g(); } }",
        "not uniform",
    ),
    (
        "fn f(i: u32) { if i < 4u { workgroupBarrier(); } } @compute @workgroup_size(64) fn main() { f(3u); }",
        "not uniform",
    ),
];

/// Texts that break a rule each.
pub const BROKEN_TEXT: &[(&str, &str)] = &[
    ("fn main() {}", "a header of 0 lines"),
    ("// y = x\n// Method: none.\n", "`Dispatch:`"),
    (
        "// y = x\n// Dispatch: 1. Constants: none.\n@group(0) @binding(0) var<storage> x: array<f32>; // the input\n",
        "no shape",
    ),
];
