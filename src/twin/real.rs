//! The float types that twins are generic over: f32 is what a GPU computes in, f64 is the
//! reference.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use super::{Call, Twin};

/// f32 or f64, with the elementary functions that kernels use: those of `libm`, whose bits do not
/// depend on the system.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + Sum
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Rounds an f64.
    fn of(value: f64) -> Self;
    /// Widens to f64.
    fn wide(self) -> f64;
    /// The bits of the nearest f32.
    fn bits(self) -> u32;
    /// The f32 of these bits.
    fn of_bits(bits: u32) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// e to the power of self.
    fn exp(self) -> Self;
    /// ln(1 + self), accurate near zero.
    fn ln_1p(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;

    /// Runs the twin's instance for this type.
    fn run(twin: &Twin, call: &mut Call<'_, Self>);

    /// From an integer count.
    fn count(n: usize) -> Self {
        Self::of(n as f64)
    }

    /// The logistic function, without overflow.
    fn sigmoid(self) -> Self {
        let e = (-self.abs()).exp();
        (if self < Self::ZERO { e } else { Self::ONE }) / (Self::ONE + e)
    }

    /// ln(1 + e^x) without overflow.
    fn softplus(self) -> Self {
        self.max(Self::ZERO) + (-self.abs()).exp().ln_1p()
    }

    /// Leaky ReLU: itself where positive, `slope` times itself elsewhere.
    #[inline(always)]
    fn leaky(self, slope: Self) -> Self {
        if self > Self::ZERO { self } else { slope * self }
    }

    /// Absolute value.
    fn abs(self) -> Self {
        if self < Self::ZERO { -self } else { self }
    }

    /// The larger of two numbers.
    fn max(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
}

macro_rules! real {
    ($float:ident, $instance:ident, $exp:ident, $ln_1p:ident, $tanh:ident) => {
        impl Real for $float {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            fn of(value: f64) -> Self {
                value as $float
            }
            fn wide(self) -> f64 {
                f64::from(self)
            }
            fn bits(self) -> u32 {
                (self as f32).to_bits()
            }
            fn of_bits(bits: u32) -> Self {
                $float::from(f32::from_bits(bits))
            }
            fn sqrt(self) -> Self {
                $float::sqrt(self)
            }
            fn exp(self) -> Self {
                libm::$exp(self)
            }
            fn ln_1p(self) -> Self {
                libm::$ln_1p(self)
            }
            fn tanh(self) -> Self {
                libm::$tanh(self)
            }
            fn run(twin: &Twin, call: &mut Call<'_, Self>) {
                (twin.$instance)(call);
            }
        }
    };
}

real!(f32, single, expf, log1pf, tanhf);
real!(f64, double, exp, log1p, tanh);
