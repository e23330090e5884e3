//! The reverse sweep: recording the derivative of a recording.
//!
//! A sweep walks back from an output over the instructions that lie between it and what is differentiated for, and asks
//! each op's rule for its part. Rules record ops like anybody else, so a derivative can be differentiated again, and
//! what nobody reads is never computed.

use std::panic::Location;

use crate::real::Real;
use crate::tape::sweeps::{Request, Weighted};
use crate::tape::{Recorder, Var, two_recordings};

mod recompute;
mod sweep;

pub(crate) use sweep::{Cotangents, sweep};

/// The derivatives of Σ c⊙y over pairs of an output y and its cotangent c, in one sweep; `op` is who asks.
#[track_caller]
pub(crate) fn pull_back<'t, T: Real>(
    recorder: Recorder<'t, T>,
    op: &str,
    outputs: &[(Var<'t, T>, Var<'t, T>)],
    xs: &[Var<'t, T>],
) -> Vec<Var<'t, T>> {
    if let Some((y, _)) = outputs.first() {
        check_recording(op, *y, outputs.iter().flat_map(|(y, c)| [y, c]).chain(xs));
    }
    let request = Request {
        outputs: outputs.iter().map(|(y, c)| (y.id(), Some(c.id()))).collect(),
        inputs: xs.iter().map(|x| x.id()).collect(),
    };
    answer(recorder, request, xs)
}

#[track_caller]
fn check_recording<'v, 't: 'v, T: Real>(op: &str, own: Var<'t, T>, others: impl IntoIterator<Item = &'v Var<'t, T>>) {
    for other in others {
        if !std::ptr::eq(own.live(), other.live()) {
            two_recordings(op, own, *other);
        }
    }
}

/// Records the sweep and hands out what it found for each of `xs`; zeros where nothing depends on it.
#[track_caller]
fn answer<'t, T: Real>(recorder: Recorder<'t, T>, request: Request, xs: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
    let start = recorder.live().log().len();
    let answers = sweep(recorder, request, Location::caller());
    let mut derivatives = Vec::with_capacity(xs.len());
    for (x, answer) in xs.iter().zip(answers) {
        derivatives.push(match answer {
            Some(id) => x.at(id).as_answer(start, xs.len() == 1),
            None => recorder.zeros(x.shape()),
        });
    }
    derivatives
}

/// What is said of directions that are not as many as the variables.
pub(crate) fn other_count(directions: usize, variables: usize) -> String {
    format!(
        "{directions} directions for {variables} variables\n  help: give one for each, of zeros where nothing moves"
    )
}

/// What is said of a direction whose shape is not the variable's.
pub(crate) fn other_shape(direction: &[usize], variable: &[usize]) -> String {
    format!(
        "the direction has shape {direction:?}, the variable {variable:?}\n  help: a direction has a number for each one of the variable"
    )
}

impl<'t, T: Real> Var<'t, T> {
    /// The derivative of this scalar for `x`, recorded as further instructions: it can be read, used and differentiated
    /// like any tensor. Zero where this scalar does not depend on `x`.
    ///
    /// `x` may be any tensor of the recording, also one in the middle. What was computed from `x` *before* counts as a
    /// function of `x`; for the derivative of a function at a point of its own see [`grad_of`](Var::grad_of).
    ///
    /// # Panics
    ///
    /// If this is no scalar, or `x` belongs to another recording.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let third = grad(|x| (x * x * x).sum().gradient(x).sum().gradient(x).sum(), &array![5.0]);
    /// assert_eq!(third, array![6.0]);
    /// ```
    #[track_caller]
    pub fn gradient(self, x: Self) -> Self {
        self.gradients(&[x])[0]
    }

    /// The derivatives of this scalar for several tensors, in one sweep; see [`gradient`](Var::gradient).
    ///
    /// # Panics
    ///
    /// If this is no scalar, or one belongs to another recording.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let params = Params::<f64>::new();
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// let (x, y) = (step.variable(&[2.0]), step.variable(&[3.0]));
    /// let g = (x * y).sum().gradients(&[x, y]);
    /// assert_eq!((g[0].item(), g[1].item()), (3.0, 2.0));
    /// ```
    #[track_caller]
    pub fn gradients(self, xs: &[Self]) -> Vec<Self> {
        self.expect_scalar("gradient");
        self.pull_back(xs, None)
    }

    /// The derivatives of Σ c⊙y for several tensors, y being this one: the transposed Jacobian times `c`.
    ///
    /// # Panics
    ///
    /// If `c` has another shape, or one belongs to another recording.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let c = array![1.0, 10.0];
    /// let g = vjp(|x| x * x, &array![2.0, 3.0], &c);
    /// assert_eq!(g, array![4.0, 60.0]);
    /// ```
    #[track_caller]
    pub fn vjp(self, xs: &[Self], c: Self) -> Vec<Self> {
        self.expect_cotangent(c);
        self.pull_back(xs, Some(c))
    }

    /// The derivative of this tensor along `dx`, a direction of `x`: the Jacobian times `dx`.
    ///
    /// Recorded as the derivative of a [`vjp`](Var::vjp) for its cotangent, in which it is linear; the value of the vjp
    /// itself is never computed.
    ///
    /// # Panics
    ///
    /// If `dx` has another shape than `x`, or one belongs to another recording.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let dy = jvp(|x| x * x, &array![2.0, 3.0], &array![1.0, 0.0]);
    /// assert_eq!(dy, array![4.0, 0.0].into_dyn());
    /// ```
    #[track_caller]
    pub fn jvp(self, x: Self, dx: Self) -> Self {
        self.jvps(&[x], &[dx])
    }

    /// The derivative of this tensor along one direction for each of several tensors, all at once: Σ Jₖ·dxₖ; see
    /// [`jvp`](Var::jvp). Zero where this tensor depends on none of them.
    ///
    /// # Panics
    ///
    /// If there are more or fewer directions than tensors, one has another shape than its tensor, or one belongs to another
    /// recording.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// let step = tape.record(&params);
    /// let (x, y) = (step.variable(&[2.0]), step.variable(&[3.0]));
    /// let dz = (x * y).jvps(&[x, y], &[step.input(&[1.0]), step.input(&[10.0])]);
    /// assert_eq!(dz.item(), 23.0); // 3·1 + 2·10
    /// ```
    #[track_caller]
    pub fn jvps(self, xs: &[Self], dxs: &[Self]) -> Self {
        if xs.len() != dxs.len() {
            self.fail("jvp", &other_count(dxs.len(), xs.len()));
        }
        for (x, dx) in xs.iter().zip(dxs) {
            let (own, other) = (x.shape(), dx.shape());
            if own != other {
                self.fail("jvp", &other_shape(&other, &own));
            }
        }
        let u = self.literal(0.0).broadcast_to(self.shape()).alias();
        let reverse = self.pull_back(xs, Some(u));
        let along: Vec<_> = reverse.into_iter().zip(dxs.iter().copied()).collect();
        pull_back(self.recording(), "jvp", &along, &[u])[0]
    }

    /// The derivative of a scalar function at this point. The function gets the value under an identity of its own, so
    /// that other uses of it count as constants.
    ///
    /// # Panics
    ///
    /// If the function's result is no scalar.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// // ∂/∂z (z·x) at z = x is x, and its derivative is 1, not 2
    /// let g = grad(|x| x.grad_of(|z| (z * x).sum()).sum(), &array![3.0]);
    /// assert_eq!(g, array![1.0]);
    /// ```
    #[track_caller]
    pub fn grad_of(self, f: impl FnOnce(Self) -> Self) -> Self {
        let z = self.alias();
        f(z).gradient(z)
    }

    #[track_caller]
    fn pull_back(self, xs: &[Self], c: Option<Self>) -> Vec<Self> {
        let request = Request {
            outputs: Weighted::from_slice(&[(self.id(), c.map(Self::id))]),
            inputs: xs.iter().map(|x| x.id()).collect(),
        };
        check_recording("gradient", self, xs.iter().chain(&c));
        answer(self.recording(), request, xs)
    }

    /// The derivative that a sweep found, as something that nothing else depends on: not shared with later sweeps, and of
    /// an identity of its own where the sweep did not record it, has answered with it already, or has other answers, which
    /// may be made of it.
    #[track_caller]
    fn as_answer(self, start: usize, only: bool) -> Self {
        let mut log = self.live().log_mut();
        let own = only && self.id() as usize >= start && !log.sweeps.is_answer(self.id());
        if own {
            log.sweeps.answer(self.id());
            return self;
        }
        drop(log);
        self.alias()
    }

    #[track_caller]
    pub(crate) fn expect_cotangent(self, c: Self) {
        let (own, other) = (self.shape(), c.shape());
        if own != other {
            self.fail("vjp", &format!("the cotangent has shape {other}, the output {own}\n  help: a cotangent has a weight for each number of the output"));
        }
    }

    #[track_caller]
    pub(crate) fn expect_scalar(self, op: &str) {
        let shape = self.shape();
        if shape.size() != 1 {
            self.fail(
                op,
                &format!("{shape} is no scalar\n  help: reduce it with `sum()` or `mean()`, or give a cotangent of its shape to `vjp`"),
            );
        }
    }
}
