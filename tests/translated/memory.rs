//! Programs in the test's memory, whose kernels something else executes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dcgan_gpu::device::{Session, Timing};
use dcgan_gpu::error::Result;
use dcgan_gpu::plan::{Dispatch, Program, View};

/// A compiled kernel.
pub trait Execute: std::fmt::Debug {
    /// Runs this many workgroups on the words that are bound, in the order of the bindings'
    /// indices.
    ///
    /// # Errors
    /// When it cannot be run, or ends in another way than by returning.
    fn execute(&self, workgroups: [u32; 3], bound: &mut [Vec<u32>]) -> Result<()>;
}

/// A program whose tensors are here.
#[derive(Debug)]
pub struct Memory<K> {
    program: Program,
    tensors: Vec<Vec<u32>>,
    /// By their WGSL.
    kernels: Arc<HashMap<String, K>>,
}

impl<K: Execute> Memory<K> {
    /// A program with the contents that it begins with.
    pub fn new(program: Program, kernels: Arc<HashMap<String, K>>) -> Self {
        let contents = program.tensors.iter().map(|spec| match &spec.contents {
            Some(words) => words.clone(),
            None => vec![0; spec.words as usize],
        });
        Memory { tensors: contents.collect(), program, kernels }
    }

    fn words(&mut self, view: View) -> &mut [u32] {
        &mut self.tensors[view.tensor.0 as usize][view.offset as usize..][..view.len as usize]
    }

    fn dispatch(&mut self, dispatch: &Dispatch) -> Result<()> {
        let reflection = dispatch.kernel.reflection(&dispatch.constants);
        let views: Vec<_> =
            reflection.bindings.iter().map(|binding| dispatch.bindings[binding.name.as_str()]).collect();
        let mut bound: Vec<_> = views.iter().map(|&view| self.words(view).to_vec()).collect();
        let kernel = &self.kernels[&dispatch.kernel.specialise(&dispatch.constants)];
        kernel.execute(dispatch.workgroups, &mut bound)?;
        for ((binding, view), words) in reflection.bindings.iter().zip(views).zip(bound) {
            if binding.written {
                self.words(view).copy_from_slice(&words);
            }
        }
        Ok(())
    }
}

impl<K: Execute> Session for Memory<K> {
    fn program(&self) -> &Program {
        &self.program
    }

    fn write(&mut self, view: View, words: &[u32]) {
        self.words(view)[..words.len()].copy_from_slice(words);
    }

    fn read(&mut self, view: View) -> Result<Vec<u32>> {
        Ok(self.words(view).to_vec())
    }

    fn run(&mut self, plans: &[usize]) -> Result<()> {
        for &plan in plans {
            for index in 0..self.program.plans[plan].dispatches.len() {
                self.run_dispatch(plan, index)?;
            }
        }
        Ok(())
    }

    fn run_dispatch(&mut self, plan: usize, index: usize) -> Result<()> {
        let dispatch = self.program.plans[plan].dispatches[index].clone();
        self.dispatch(&dispatch)
    }

    fn compile_time(&self) -> Duration {
        Duration::ZERO
    }

    fn timing(&self, _plan: usize) -> Timing {
        Timing::Host
    }

    fn time_dispatches(&mut self, plan: usize) -> Result<Vec<f64>> {
        (0..self.program.plans[plan].dispatches.len()).map(|index| self.time_dispatch(plan, index)).collect()
    }

    fn time_dispatch(&mut self, plan: usize, index: usize) -> Result<f64> {
        let start = Instant::now();
        self.run_dispatch(plan, index)?;
        Ok(start.elapsed().as_secs_f64())
    }
}
