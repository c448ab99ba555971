//! How fast training goes now, and how long the rest will take.

use std::collections::VecDeque;

/// Seconds of training that the speed is taken over.
const WINDOW: f64 = 30.0;

/// The speed of the last half minute or so of training, and the time that samples and checkpoints
/// take besides. All times are seconds on one clock.
#[derive(Debug)]
pub struct Pace {
    /// Seconds of training, and steps done then; the oldest first.
    readings: VecDeque<(f64, u32)>,
    /// Seconds of training so far, without pauses.
    busy: f64,
    /// Seconds that samples and checkpoints took.
    paused: f64,
    /// When the last news came.
    last: f64,
    /// Steps that were done before this process.
    first: u32,
    /// Whether the oldest reading is the start: its steps were slowed by what happens only once.
    cold: bool,
}

impl Pace {
    /// Training starts `now`, with `step` steps done.
    pub fn start(now: f64, step: u32) -> Self {
        Pace { readings: VecDeque::from([(0.0, step)]), busy: 0.0, paused: 0.0, last: now, first: step, cold: true }
    }

    /// `step` steps are done `now`. Fewer than before means that the run went back to a checkpoint.
    pub fn stepped(&mut self, now: f64, step: u32) {
        if self.readings.back().is_some_and(|&(_, before)| step < before) {
            *self = Pace::start(now, step);
            return;
        }
        self.busy += now - self.last;
        self.last = now;
        self.readings.push_back((self.busy, step));
        if self.cold && self.readings.len() > 2 {
            self.readings.pop_front();
            self.cold = false;
        }
        while self.readings.len() > 2 && self.readings[1].0 <= self.busy - WINDOW {
            self.readings.pop_front();
        }
    }

    /// Something else than training has ended `now`: a sample grid, a checkpoint.
    pub fn paused(&mut self, now: f64) {
        self.paused += now - self.last;
        self.last = now;
    }

    /// Steps a second while training, lately; `None` before the first.
    pub fn speed(&self) -> Option<f64> {
        let (&(from, begun), &(to, done)) = (self.readings.front()?, self.readings.back()?);
        (done > begun && to > from).then(|| f64::from(done - begun) / (to - from))
    }

    /// Seconds until step `total`, with as many pauses a step as there were.
    pub fn left(&self, total: u32) -> Option<f64> {
        let done = self.readings.back()?.1;
        let pause = self.paused / f64::from((done - self.first).max(1));
        Some(f64::from(total.saturating_sub(done)) * (1.0 / self.speed()? + pause))
    }
}

/// Seconds in the two largest units that they have: `42s`, `3m20s`, `1h05m`, `2d03h`.
pub fn in_words(seconds: f64) -> String {
    // Casts of floats saturate.
    let seconds = seconds.round() as u64;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(found: Option<f64>, expected: f64) {
        assert!(found.is_some_and(|found| (found - expected).abs() < 1e-9 * expected), "{found:?}, not {expected}");
    }

    #[test]
    fn a_resumed_start_counts_its_own_steps_alone() {
        let mut pace = Pace::start(100.0, 9000);
        assert_eq!((pace.speed(), pace.left(10_000)), (None, None));
        pace.stepped(101.0, 9010);
        near(pace.speed(), 10.0);
        near(pace.left(10_000), 99.0);
    }

    #[test]
    fn slow_first_steps_are_forgotten() {
        let mut pace = Pace::start(0.0, 0);
        pace.stepped(8.0, 1);
        near(pace.speed(), 0.125);
        for second in 1..=3 {
            pace.stepped(8.0 + f64::from(second), 1 + 50 * second);
            near(pace.speed(), 50.0);
        }
    }

    #[test]
    fn pauses_slow_the_rest_but_not_the_speed() {
        let mut pace = Pace::start(0.0, 0);
        for epoch in 1..=4 {
            // Ten seconds of training, then a grid and a checkpoint of five seconds together.
            let end = f64::from(epoch) * 15.0;
            pace.stepped(end - 5.0, epoch * 100);
            pace.paused(end - 3.0);
            pace.paused(end);
        }
        near(pace.speed(), 10.0);
        near(pace.left(1000), 600.0 * (0.1 + 0.05));
    }

    #[test]
    fn the_speed_is_that_of_the_last_half_minute() {
        let mut pace = Pace::start(0.0, 0);
        for second in 1..=1000 {
            pace.stepped(f64::from(second), second);
        }
        for second in 1..=30 {
            pace.stepped(1000.0 + f64::from(second), 1000 + 100 * second);
        }
        near(pace.speed(), 100.0);
        assert!(pace.readings.len() <= 32, "{}", pace.readings.len());
    }

    #[test]
    fn a_step_longer_than_the_window_still_has_a_speed() {
        let mut pace = Pace::start(0.0, 0);
        for step in 1..=5 {
            pace.stepped(f64::from(step) * 90.0, step);
        }
        near(pace.speed(), 1.0 / 90.0);
        assert_eq!(in_words(pace.left(45).unwrap()), "1h00m");
    }

    #[test]
    fn a_run_that_goes_back_starts_anew() {
        let mut pace = Pace::start(0.0, 0);
        pace.stepped(10.0, 100);
        pace.paused(50.0);
        pace.stepped(60.0, 40);
        assert_eq!(pace.left(200), None);
        pace.stepped(61.0, 60);
        near(pace.left(200), 7.0);
    }

    #[test]
    fn times_in_words() {
        for (seconds, words) in [(0.2, "0s"), (59.4, "59s"), (59.6, "1m00s"), (200.0, "3m20s"), (3599.6, "1h00m")] {
            assert_eq!(in_words(seconds), words);
        }
        assert_eq!(in_words(3900.0), "1h05m");
        assert_eq!(in_words(2.0 * 86_400.0 + 3.0 * 3600.0), "2d03h");
    }
}
