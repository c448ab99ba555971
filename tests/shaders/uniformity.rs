//! Barriers in uniform control flow alone: browsers demand it, naga does not check it.
//!
//! A conservative analysis of naga's IR: a value is uniform if every invocation of a workgroup
//! certainly has the same. What a function is given may vary; one that has a barrier is a barrier
//! where it is called.

use std::collections::HashSet;

use naga::{
    AddressSpace, Binding, Block, BuiltIn, Expression, Function, Handle, LocalVariable, Module, Statement,
    StorageAccess,
};

/// Barriers of a module that some invocations might not reach.
pub fn problems(module: &Module) -> Vec<String> {
    let mut problems = Vec::new();
    let functions = module.functions.iter().map(|(_, function)| function);
    for function in functions.chain(module.entry_points.iter().map(|entry_point| &entry_point.function)) {
        let mut analysis = Analysis { module, function, varying: HashSet::new(), bad: false };
        loop {
            let known = analysis.varying.len();
            analysis.bad = false;
            analysis.walk(&function.body, false);
            if analysis.varying.len() == known {
                break;
            }
        }
        if analysis.bad {
            let name = function.name.as_deref().unwrap_or("the entry point");
            problems.push(format!("a barrier in control flow that is not uniform, in {name}"));
        }
    }
    problems
}

/// Whether a block has a barrier, or calls a function that has one.
fn has_barrier(module: &Module, block: &Block) -> bool {
    let inside = |block| has_barrier(module, block);
    block.iter().any(|statement| match statement {
        Statement::ControlBarrier(_) | Statement::MemoryBarrier(_) => true,
        Statement::Call { function, .. } => inside(&module.functions[*function].body),
        Statement::Block(block) => inside(block),
        Statement::If { accept, reject, .. } => inside(accept) || inside(reject),
        Statement::Loop { body, continuing, .. } => inside(body) || inside(continuing),
        Statement::Switch { cases, .. } => cases.iter().any(|case| inside(&case.body)),
        _ => false,
    })
}

struct Analysis<'a> {
    module: &'a Module,
    function: &'a Function,
    /// Local variables that may differ between invocations.
    varying: HashSet<Handle<LocalVariable>>,
    /// Whether a barrier is in control flow that may.
    bad: bool,
}

/// The jumps of a block that only some invocations may take.
#[derive(Clone, Copy, Default)]
struct Jumps {
    /// Out of the innermost loop, or to its next round.
    of_loop: bool,
    /// Out of the function.
    of_function: bool,
}

impl Jumps {
    fn join(&mut self, other: Jumps) {
        self.of_loop |= other.of_loop;
        self.of_function |= other.of_function;
    }
}

impl Analysis<'_> {
    /// Walks a block that is entered under a condition that may vary, or not; after a jump that
    /// only some invocations take, the rest of the block varies too.
    fn walk(&mut self, block: &Block, entered: bool) -> Jumps {
        let mut jumps = Jumps::default();
        for statement in block.iter() {
            let varies = entered || jumps.of_loop || jumps.of_function;
            match statement {
                Statement::ControlBarrier(_) | Statement::MemoryBarrier(_) => self.bad |= varies,
                Statement::Block(block) => jumps.join(self.walk(block, varies)),
                Statement::If { condition, accept, reject } => {
                    let varies = varies || self.varies(*condition);
                    jumps.join(self.walk(accept, varies));
                    jumps.join(self.walk(reject, varies));
                }
                Statement::Switch { selector, cases } => {
                    let varies = varies || self.varies(*selector);
                    for case in cases {
                        let inside = self.walk(&case.body, varies);
                        jumps.join(inside);
                    }
                }
                Statement::Loop { body, continuing, break_if } => {
                    // What leaves some invocations behind in one round makes all of the next rounds
                    // vary.
                    let mut varies = varies || break_if.is_some_and(|condition| self.varies(condition));
                    let mut inside = self.walk(body, varies);
                    varies |= inside.of_loop || inside.of_function;
                    if varies {
                        inside.join(self.walk(body, true));
                    }
                    self.walk(continuing, varies);
                    jumps.of_function |= inside.of_function;
                }
                Statement::Break | Statement::Continue => jumps.of_loop |= varies,
                Statement::Return { .. } | Statement::Kill => jumps.of_function |= varies,
                Statement::Store { pointer, value } if varies || self.varies(*value) || self.varies(*pointer) => {
                    self.varying.extend(self.local(*pointer));
                }
                Statement::Call { arguments, function, .. } => {
                    self.bad |= varies && has_barrier(self.module, &self.module.functions[*function].body);
                    let locals: Vec<_> = arguments.iter().filter_map(|&argument| self.local(argument)).collect();
                    self.varying.extend(locals);
                }
                _ => {}
            }
        }
        jumps
    }

    /// Whether a value may differ between the invocations of a workgroup.
    fn varies(&self, handle: Handle<Expression>) -> bool {
        let any = |handles: &[Handle<Expression>]| handles.iter().any(|&handle| self.varies(handle));
        match &self.function.expressions[handle] {
            Expression::Literal(_)
            | Expression::Constant(_)
            | Expression::ZeroValue(_)
            | Expression::GlobalVariable(_)
            | Expression::LocalVariable(_)
            | Expression::ArrayLength(_) => false,
            Expression::FunctionArgument(index) => !matches!(
                self.function.arguments[*index as usize].binding,
                Some(Binding::BuiltIn(BuiltIn::WorkGroupId | BuiltIn::NumWorkGroups | BuiltIn::WorkGroupSize))
            ),
            Expression::Load { pointer } => self.load_varies(*pointer),
            Expression::Access { base, index } => any(&[*base, *index]),
            Expression::AccessIndex { base, .. } => self.varies(*base),
            Expression::Splat { value, .. } => self.varies(*value),
            Expression::Swizzle { vector, .. } => self.varies(*vector),
            Expression::Compose { components, .. } => any(components),
            Expression::Unary { expr, .. } | Expression::As { expr, .. } => self.varies(*expr),
            Expression::Binary { left, right, .. } => any(&[*left, *right]),
            Expression::Select { condition, accept, reject } => any(&[*condition, *accept, *reject]),
            Expression::Relational { argument, .. } => self.varies(*argument),
            Expression::Math { arg, arg1, arg2, arg3, .. } => {
                self.varies(*arg) || [arg1, arg2, arg3].into_iter().flatten().any(|&arg| self.varies(arg))
            }
            _ => true,
        }
    }

    fn load_varies(&self, pointer: Handle<Expression>) -> bool {
        self.varies(pointer)
            || match self.function.expressions[self.root(pointer)] {
                Expression::LocalVariable(local) => self.varying.contains(&local),
                Expression::GlobalVariable(global) => match self.module.global_variables[global].space {
                    AddressSpace::Uniform => false,
                    AddressSpace::Storage { access } => access.contains(StorageAccess::STORE),
                    _ => true,
                },
                _ => true,
            }
    }

    /// The variable that a pointer leads into.
    fn root(&self, pointer: Handle<Expression>) -> Handle<Expression> {
        match self.function.expressions[pointer] {
            Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => self.root(base),
            _ => pointer,
        }
    }

    fn local(&self, pointer: Handle<Expression>) -> Option<Handle<LocalVariable>> {
        match self.function.expressions[self.root(pointer)] {
            Expression::LocalVariable(local) => Some(local),
            _ => None,
        }
    }
}
