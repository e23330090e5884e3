//! The derivative of a loss for all parameters, computed into a gradient.

use std::panic::Location;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::grad::sweep;
use crate::params::Gradient;
use crate::real::Real;
use crate::tape::log::Id;
use crate::tape::sweeps::{Ids, Request, Weighted};
use crate::tape::{Recorder, Target, Var};

impl<T: Real> Var<'_, T> {
    /// Computes the derivative of this scalar for every learned value of the store and returns the scalar.
    ///
    /// Overwrites the gradient and marks it fresh. Parameters that the scalar does not depend on get 0 (the gradient
    /// [can tell](Gradient::unreached) which these are); frozen ones are not differentiated for and read 0. New values of
    /// buffers noted in the recording come along and are taken over by the next optimiser step.
    ///
    /// # Panics
    ///
    /// If this is no scalar, or the gradient is of another store.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", [2], || 3.0);
    /// let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    /// let step = tape.record(&params);
    /// let loss = step.param(w).square().sum();
    /// assert_eq!(loss.backward(&mut gradient), 18.0);
    /// assert_eq!(gradient.flat(), [6.0, 6.0]);
    /// ```
    #[track_caller]
    pub fn backward(self, gradient: &mut Gradient<T>) -> T {
        self.differentiate(gradient, "backward", false)
    }

    /// The same, adding to what the gradient holds: several batches, one step.
    ///
    /// # Panics
    ///
    /// If this is no scalar, or the gradient is of another store.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("w", [1], || 3.0);
    /// let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    /// for batch in [[1.0], [10.0]] {
    ///     let step = tape.record(&params);
    ///     (step.param(w) * step.constant(&array![batch[0]])).sum().backward_add(&mut gradient);
    /// }
    /// assert_eq!(gradient.flat(), [11.0]);
    /// ```
    #[track_caller]
    pub fn backward_add(self, gradient: &mut Gradient<T>) -> T {
        self.differentiate(gradient, "backward_add", true)
    }

    #[track_caller]
    fn differentiate(self, gradient: &mut Gradient<T>, name: &str, add: bool) -> T {
        self.expect_scalar(name);
        let recorder = self.recording();
        recorder.differentiate(Weighted::from_slice(&[(self.id(), None)]), &[self.id()], gradient, name, add);
        recorder.live().runner().value(&recorder.live().log(), recorder.live(), self.id())[0]
    }
}

impl<T: Real> Recorder<'_, T> {
    /// Computes the derivative of the weighted outputs for every learned value, and these values too.
    #[track_caller]
    pub(crate) fn differentiate(
        self,
        outputs: Weighted,
        values: &[Id],
        gradient: &mut Gradient<T>,
        name: &str,
        add: bool,
    ) {
        let live = self.live();
        let (mut indices, mut inputs) = (Ids::new(), Ids::new());
        {
            let log = live.log();
            if let Err(message) = gradient.fits(log.layout()) {
                panic!("{name}: {message}");
            }
            for (index, slot) in (0_u32..).zip(&log.layout().params) {
                if let Some(id) = log.param_id(index).filter(|_| !slot.frozen) {
                    indices.push(index);
                    inputs.push(id);
                }
            }
        }
        let answers = sweep(self, Request { outputs, inputs }, Location::caller());
        let reached = indices.into_iter().zip(answers).filter_map(|(index, answer)| Some((index as usize, answer?)));
        let mut wanted = Ids::from_slice(values);
        wanted.extend(live.log().updates().iter().map(|&(_, id)| id));
        if add {
            let reached: SmallVec<[_; 16]> = reached.collect();
            wanted.extend(reached.iter().map(|&(_, id)| id));
            self.run(&wanted);
            let (log, runner) = (live.log(), live.runner());
            gradient.begin(log.layout());
            reached.iter().for_each(|&(index, id)| gradient.add(index, runner.value(&log, live, id)));
        } else {
            let layout = Arc::clone(live.log().layout());
            let (parts, values) = gradient.overwrite(&layout, reached);
            self.run_into(&wanted, Some(Target { values, parts: &parts }));
        }
        let (log, runner) = (live.log(), live.runner());
        for &(buffer, id) in log.updates() {
            gradient.update(buffer as usize, runner.value(&log, live, id));
        }
        gradient.finish();
    }
}
