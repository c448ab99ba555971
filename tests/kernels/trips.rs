//! The loop trips that dispatches declare, counted: every loop of every shader gets a counter.
//!
//! Software Vulkan stops an invocation's loops after 65,535 trips and says nothing, so recording
//! refuses what would come near; that is worth as much as the numbers that descriptors declare.

use std::collections::{BTreeMap, HashMap};

use dcgan_gpu::device::Device;
use dcgan_gpu::plan::{ALIGNMENT, Constants, Element, Kernel, Program, Role, View};
use dcgan_gpu::selftest::Case;

use crate::{all_cases, common};

/// Loops of at most so many trips, known when a shader is compiled, are unrolled by drivers: their
/// trips need not be declared.
const UNROLLED: u32 = 32;

/// This part of a declaration of more than [`MANY`] trips is taken at least: half, where every
/// other trip is one of an inner loop that is unrolled.
const TIGHT: f64 = 0.5;
const MANY: u32 = 1000;

/// Cases of more declared trips take long and say little: see [`STOPPED`].
const LONG: u32 = 4096;

/// Where software Vulkan stops. A user's kernel has bounds checks in its loops, which keep some
/// from being unrolled, so that no count is certain from here on.
const STOPPED: u32 = 65_535;

/// Leaves the most trips of an invocation in `trips`: of the loops that may run as loops, and of
/// all.
const COUNTERS: &str = "
var<private> lasting_trips: u32;
var<private> all_trips: u32;
fn report_trips() {
    atomicMax(&trips[0], lasting_trips);
    atomicMax(&trips[1], all_trips);
}
";

/// Where the block that begins at or after `from` begins and ends: the places behind its `{` and of
/// its `}`.
fn block(text: &str, from: usize) -> (usize, usize) {
    let mut depth = 0;
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate().skip(from) {
        match byte {
            b'{' => {
                depth += 1;
                if depth == 1 {
                    start = at + 1;
                }
            }
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return (start, at);
                }
            }
            _ => {}
        }
    }
    panic!("a block has no end: {}", &text[from..])
}

/// Whether a loop has few trips that are known when the shader is compiled: `head` is all between
/// `for` and `{`.
fn is_unrolled(head: &str, kernel: &Kernel, constants: &Constants) -> bool {
    let parts: Vec<_> = head.trim().trim_start_matches('(').trim_end_matches(')').split(';').map(str::trim).collect();
    let [first, condition, step] = parts[..] else { return false };
    let Some((name, bound)) = condition.split_once(" < ") else { return false };
    if first != format!("var {name} = 0u") || step != format!("{name}++") {
        return false;
    }
    let text = format!("{}\nconst TRIPS: u32 = {bound};", kernel.specialise(constants));
    let Ok(module) = naga::front::wgsl::parse_str(&text) else { return false };
    let trips = module.constants.iter().find(|(_, constant)| constant.name.as_deref() == Some("TRIPS"));
    let value = trips.map(|(_, constant)| &module.global_expressions[constant.init]);
    matches!(value, Some(naga::Expression::Literal(naga::Literal::U32(trips))) if *trips <= UNROLLED)
}

/// The kernel with a counter in every loop, and the number of its loops.
fn counted(kernel: &'static Kernel, constants: &Constants) -> (&'static Kernel, usize) {
    let text = kernel.specialise(&Constants::new());
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_string() + "\n";
    let mut text: String = text.lines().map(code).collect();
    let mut loops = 0;
    let mut at = 0;
    while let Some(found) = ["for (", "while ", "loop {"].iter().filter_map(|word| text[at..].find(word)).min() {
        let head = at + found;
        let (body, _) = block(&text, head);
        let few = text[head..].starts_with("for (") && is_unrolled(&text[head + 3..body - 1], kernel, constants);
        text.insert_str(body, if few { " all_trips++;" } else { " all_trips++; lasting_trips++;" });
        loops += 1;
        at = body;
    }
    let main = text.find("fn main(").expect("an entry point");
    let (_, end) = block(&text, main);
    let body = text[main..end].replace("return;", "report_trips(); return;");
    let binding = kernel.reflection(constants).bindings.len();
    let text = format!(
        "@group(0) @binding({binding}) var<storage, read_write> trips: array<atomic<u32>>;{COUNTERS}{}{body}report_trips();\n{}",
        &text[..main],
        &text[end..]
    );
    let (name, text) = (format!("counted {}", kernel.name), text);
    (Box::leak(Box::new(Kernel::new(name.leak(), text.leak(), &[], kernel.bound))), loops)
}

/// A case with its kernels counted: the program, the loops of each dispatch's kernel, and where its
/// counters are.
fn instrumented(case: &Case, known: &mut HashMap<String, (&'static Kernel, usize)>) -> (Program, View, Vec<usize>) {
    let mut program = case.program.clone();
    let count = case.dispatches().count() as u64;
    let trips = program.tensor("trips", Role::Scratch, Element::U32, count * u64::from(ALIGNMENT));
    let mut loops = Vec::new();
    for (number, dispatch) in (0..).zip(program.plans.iter_mut().flat_map(|plan| &mut plan.dispatches)) {
        let key = format!("{} {:?}", dispatch.kernel.name, dispatch.constants);
        let (kernel, its) = *known.entry(key).or_insert_with(|| counted(dispatch.kernel, &dispatch.constants));
        dispatch.kernel = kernel;
        dispatch.bindings.insert("trips", trips.slice(number * ALIGNMENT, ALIGNMENT));
        loops.push(its);
    }
    (program, trips, loops)
}

/// What was found of a kernel over all its dispatches.
#[derive(Default)]
struct Found {
    loops: usize,
    /// The most trips that were declared, and counted.
    declared: u32,
    counted: u32,
}

fn check(device: &Device) {
    let mut known = HashMap::new();
    let mut kernels: BTreeMap<&str, Found> = BTreeMap::new();
    let mut wrong: BTreeMap<&str, String> = BTreeMap::new();
    let cases = all_cases(&device.profile());
    for case in cases.iter().filter(|case| case.dispatches().all(|dispatch| dispatch.loop_trips <= LONG)) {
        let (program, trips, loops) = instrumented(case, &mut known);
        let plans: Vec<_> = (0..program.plans.len()).collect();
        let mut session = device.load(program).expect("the device works");
        session.run(&plans).expect("the device works");
        let words = session.read(trips).expect("the device works");
        for ((dispatch, counters), loops) in case.dispatches().zip(words.chunks(ALIGNMENT as usize)).zip(loops) {
            let (name, declared, lasting, all) = (dispatch.kernel.name, dispatch.loop_trips, counters[0], counters[1]);
            if all >= STOPPED {
                continue;
            }
            let exact = dispatch.constants.contains_key("GROUPS_X");
            let loose = declared > MANY && f64::from(lasting) < TIGHT * f64::from(declared);
            if lasting > declared || declared > all || (exact && declared != all) || (!exact && loose) {
                let what = format!("{name} of {}: {}; {:?}", case.name, dispatch.scope, dispatch.constants);
                wrong.entry(name).or_insert(format!(
                    "{what} declares {declared} loop trips and takes {lasting}, with unrolled ones {all}"
                ));
            }
            let found = kernels.entry(name).or_default();
            found.loops = found.loops.max(loops);
            (found.declared, found.counted) = (found.declared.max(declared), found.counted.max(all.min(declared)));
        }
    }
    let wrong: Vec<_> = wrong.into_values().collect();
    assert!(wrong.is_empty(), "on {}:\n{}", device.name(), wrong.join("\n"));
    for (name, Found { loops, declared, counted }) in kernels {
        println!("{name}: {loops} loops, at most {counted} trips of {declared} declared on {}", device.name());
        assert!(loops == 0 || counted > 0, "no case runs the loops of {name}");
    }
}

#[test]
fn dispatches_declare_the_loop_trips_that_they_take() {
    for device in common::adapters() {
        check(&device);
    }
}
