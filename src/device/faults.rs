//! Device faults on purpose: the seam through which tests make a device fail at a chosen moment.
//!
//! Nothing strikes unless a test armed a fault, and only the Rust interface can: no flag, no
//! environment variable. Where an adapter can be made to fail in earnest it is: a lost device is
//! one that was destroyed, and the same code that finds a driver's failure has to find it.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// When a device is opened, or opened again.
    Open,
    /// When the tensors of a program are allocated.
    Allocate,
    /// When dispatches are submitted.
    Submit,
    /// When the host waits for the device.
    Wait,
    /// When words are copied back.
    Read,
}

/// All points, in the order of their numbers.
pub const POINTS: [At; 5] = [At::Open, At::Allocate, At::Submit, At::Wait, At::Read];

/// What happens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The device is lost, and stays so.
    Lost,
    /// Memory does not suffice. In the middle of work that loses the device too.
    OutOfMemory,
    /// The device hangs: nothing that was submitted ends.
    TimedOut,
    /// The work is left out and nothing says so.
    SilentlyDropped,
}

/// All faults.
pub const FAULTS: [What; 4] = [What::Lost, What::OutOfMemory, What::TimedOut, What::SilentlyDropped];

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceFault {
    /// Where it strikes.
    pub at: At,
    /// What happens.
    pub what: What,
    /// Which passage of that point it strikes, counted from 1 since [`arm`].
    pub nth: u64,
}

static ARMED: AtomicBool = AtomicBool::new(false);
static STATE: Mutex<State> = Mutex::new(State { faults: Vec::new(), passed: [0; POINTS.len()] });
static TURN: Mutex<()> = Mutex::new(());

thread_local! {
    static ARMED_HERE: Cell<bool> = const { Cell::new(false) };
}

struct State {
    faults: Vec<DeviceFault>,
    passed: [u64; POINTS.len()],
}

/// Armed faults; dropping it disarms them.
#[derive(Debug)]
pub struct Armed {
    _turn: MutexGuard<'static, ()>,
}

/// Arms faults for the whole process, or none, to count passages or to keep others' faults away.
/// Waits while somebody else has some armed.
pub fn arm(faults: impl IntoIterator<Item = DeviceFault>) -> Armed {
    assert!(!ARMED_HERE.replace(true), "this thread has faults armed already");
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    *state() = State { faults: faults.into_iter().collect(), passed: [0; POINTS.len()] };
    ARMED.store(true, Ordering::SeqCst);
    Armed { _turn: turn }
}

impl Armed {
    /// How often a point was passed since arming.
    pub fn passed(&self, at: At) -> u64 {
        state().passed[at as usize]
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        ARMED.store(false, Ordering::SeqCst);
        ARMED_HERE.set(false);
    }
}

/// Passes [`At::Open`]: the error with which opening fails, in words.
pub(super) fn refuse_to_open() -> Option<String> {
    strike(At::Open).filter(|what| *what != What::SilentlyDropped).map(|what| format!("{what:?} (injected)"))
}

/// Notes that a point is passed, and says what is to happen there.
pub(super) fn strike(at: At) -> Option<What> {
    if !ARMED.load(Ordering::Relaxed) {
        return None;
    }
    let mut state = state();
    state.passed[at as usize] += 1;
    let nth = state.passed[at as usize];
    state.faults.iter().find(|fault| fault.at == at && fault.nth == nth).map(|fault| fault.what)
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}
