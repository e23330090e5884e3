//! The loop.

use std::time::{Duration, Instant};

use super::history::History;
use super::report::{Best, Report};
use super::work::Work;
use crate::optim::Stuck;
use crate::optim::stop::{Needs, Reason, Status, Stop};
use crate::optim::vector::all_finite;
use crate::params::{Gradient, Params, Snapshot};
use crate::real::Real;
use crate::train::Progress;

/// What a run is told beside its work.
pub(super) struct Options<'a, T> {
    pub(super) stop: Stop,
    pub(super) norms: bool,
    pub(super) progress: bool,
    pub(super) validation: Option<Validation<'a, T>>,
    pub(super) observer: Option<Observer<'a, T>>,
}

/// What looks at each iterate.
pub(super) type Observer<'a, T> = Box<dyn FnMut(&Params<T>, &Status) + 'a>;

/// A function of the parameters.
pub(super) type Metric<'a, T> = Box<dyn FnMut(&Params<T>) -> f64 + 'a>;

/// A metric and how many iterations or epochs lie between its measurements.
pub(super) struct Validation<'a, T> {
    pub(super) metric: Metric<'a, T>,
    pub(super) every: u64,
}

/// A run that takes longer shows how far it is.
const LONG: Duration = Duration::from_secs(1);

pub(super) fn run<T: Real, W: Work<T>>(
    work: &mut W,
    options: &mut Options<'_, T>,
    params: &mut Params<T>,
) -> Report<T> {
    let mut run = Run {
        needs: needs(options),
        gradient: params.gradient(),
        status: Status::start(),
        history: History::default(),
        kept: Kept::new(params),
        evaluations: 0,
        start: Instant::now(),
        shown: None,
    };
    options.stop.reset();
    let reason = run.go(work, options, params);
    run.finish(work, reason, params)
}

fn needs<T>(options: &Options<'_, T>) -> Needs {
    let needs = options.stop.needs();
    Needs {
        gradient_norm: needs.gradient_norm || options.norms,
        step_norm: needs.step_norm || options.norms,
        time: needs.time,
    }
}

struct Run<T> {
    needs: Needs,
    gradient: Gradient<T>,
    status: Status,
    history: History,
    kept: Kept<T>,
    evaluations: u64,
    start: Instant,
    shown: Option<Progress>,
}

impl<T: Real> Run<T> {
    fn go<W: Work<T>>(&mut self, work: &mut W, options: &mut Options<'_, T>, params: &mut Params<T>) -> Reason {
        let mut known = None;
        // Whether an epoch has just ended: a source that has no more says so twice.
        let mut ended = false;
        loop {
            if W::BATCHES {
                self.status.fresh = false;
                if let Some(reason) = self.ask(options) {
                    return reason;
                }
            }
            let value = if let Some(value) = known.take() {
                value
            } else {
                work.begin(params);
                let Some(value) = work.evaluate(params, &mut self.gradient) else {
                    if ended {
                        return Reason::NoMoreData;
                    }
                    ended = true;
                    self.status.epoch += 1;
                    self.validate(self.status.epoch, options, params);
                    continue;
                };
                ended = false;
                self.evaluations += 1;
                value
            };
            if !value.is_finite() && work.passes_over() {
                self.note(work, value);
                match self.advance(work, value, params) {
                    Ok(_) => continue,
                    Err(stuck) => return Reason::Stuck(stuck.to_string()),
                }
            }
            if !(value.is_finite() && all_finite(params.flat())) {
                return Reason::NotFinite(self.explain(work, value, params));
            }
            self.measure(work, value, params);
            if let Some(observer) = &mut options.observer {
                observer(params, &self.status);
            }
            if !W::BATCHES {
                self.validate(self.status.iteration, options, params);
            }
            self.kept.keep(self.status, !W::BATCHES && options.validation.is_none(), params);
            if let Some(reason) = self.ask(options) {
                return reason;
            }
            self.show(options);
            match self.advance(work, value, params) {
                Ok(value) => known = value,
                Err(stuck) => return Reason::Stuck(stuck.to_string()),
            }
        }
    }

    fn advance<W: Work<T>>(&mut self, work: &mut W, value: f64, params: &mut Params<T>) -> Result<Option<f64>, Stuck> {
        let (advanced, evaluations) = work.advance(params, &mut self.gradient, value);
        self.evaluations += evaluations;
        self.status.iteration += u64::from(advanced.is_ok());
        advanced
    }

    /// Asks the criteria, which see each validation once.
    fn ask(&mut self, options: &mut Options<'_, T>) -> Option<Reason> {
        let reason = options.stop.ask(&self.status);
        self.status.validation = None;
        reason
    }

    fn measure<W: Work<T>>(&mut self, work: &W, value: f64, params: &Params<T>) {
        let Self { needs, status, history, kept, .. } = self;
        (status.previous, status.value, status.fresh) = (status.value, value, true);
        if needs.gradient_norm {
            status.gradient_norm = self.gradient.norm();
        }
        if needs.step_norm && !history.is_empty() {
            status.step_norm = kept.newest().distance(params);
        }
        if needs.time {
            status.elapsed = self.start.elapsed();
        }
        self.note(work, value);
        let Self { status, kept, .. } = self;
        let stands =
            (status.value == status.previous || status.step_norm == 0.0) && kept.newest().distance(params) == 0.0;
        if stands && self.gradient.flat().iter().any(|&g| g != T::zero()) {
            // No step was made: that the value stands tells nothing.
            (status.previous, status.step_norm) = (f64::NAN, f64::NAN);
        }
    }

    /// Writes the iterate down.
    fn note<W: Work<T>>(&mut self, work: &W, value: f64) {
        let Self { status, history, .. } = self;
        let first = history.is_empty();
        history.values.push(value);
        history.gradient_norms.push(if value.is_finite() { status.gradient_norm } else { f64::NAN });
        history.step_sizes.push(if first { f64::NAN } else { work.step_size() });
        history.step_norms.push(if value.is_finite() { status.step_norm } else { f64::NAN });
    }

    fn validate(&mut self, count: u64, options: &mut Options<'_, T>, params: &Params<T>) {
        let Some(Validation { metric, every }) = &mut options.validation else { return };
        if count.is_multiple_of(*every) {
            let metric = metric(params);
            self.status.validation = Some(metric);
            self.history.validation.push((self.status.iteration, metric));
            self.kept.offer(metric, self.status.iteration, params);
        }
    }

    /// Shows how far it is, once it has taken long.
    fn show(&mut self, options: &Options<'_, T>) {
        if !options.progress {
            return;
        }
        if self.shown.is_none() && self.start.elapsed() >= LONG {
            self.shown = Some(Progress::endless("iteration"));
        }
        if let Some(progress) = &mut self.shown {
            let Status { iteration, value, .. } = self.status;
            progress.at(usize::try_from(iteration).unwrap_or(usize::MAX), format_args!("value {value:.6e}"));
        }
    }

    /// Where NaN or infinity comes from; goes back to the last finite parameters.
    fn explain<W: Work<T>>(&mut self, work: &mut W, value: f64, params: &mut Params<T>) -> String {
        let at = self.status.iteration;
        if let Some(message) = not_finite(params) {
            if self.history.is_empty() {
                return format!("{message} at the start");
            }
            work.end(params);
            params.restore(self.kept.newest());
            let why = work.first_not_finite(params);
            let why = why
                .map_or_else(|| "the step was too long for its numbers".to_owned(), |why| format!("before it, {why}"));
            return format!("{message} after iteration {at}; {why}");
        }
        let why = work.first_not_finite(params);
        work.end(params);
        if !self.history.is_empty() {
            params.restore(self.kept.newest());
        }
        why.unwrap_or_else(|| format!("the value is {value} in iteration {at}"))
    }

    fn finish<W: Work<T>>(mut self, work: &mut W, reason: Reason, params: &mut Params<T>) -> Report<T> {
        work.end(params);
        let back = if reason.wants_best() { self.kept.best_before(self.status.iteration) } else { None };
        if let Some(best) = back {
            params.restore(best);
        }
        let measured = !self.history.is_empty();
        // Not where the value was measured: gone back, or no longer looking ahead.
        let moved = matches!(reason, Reason::NotFinite(_)) || (measured && self.kept.newest().distance(params) > 0.0);
        let mut value = self.status.value;
        if moved && measured && !W::BATCHES {
            value = work.evaluate(params, &mut self.gradient).unwrap_or(value);
            self.evaluations += 1;
        }
        let report = Report {
            reason,
            value,
            gradient_norm: if measured { self.gradient.norm() } else { f64::NAN },
            iterations: self.status.iteration,
            epochs: self.status.epoch,
            evaluations: self.evaluations,
            time: self.start.elapsed(),
            history: self.history,
            best: self.kept.into_best(),
        };
        if let Some(progress) = self.shown {
            progress.finish(&report);
        }
        report
    }
}

/// The parameters of the newest iterate that is finite, and of the best.
struct Kept<T> {
    newest: Snapshot<T>,
    best: Snapshot<T>,
    /// The best value or metric, and its iteration.
    record: Option<(f64, u64)>,
    /// Whether the newest iterate is kept as the best.
    newest_is_best: bool,
}

impl<T: Real> Kept<T> {
    fn new(params: &Params<T>) -> Self {
        Self { newest: params.snapshot(), best: params.snapshot(), record: None, newest_is_best: false }
    }

    /// Keeps the parameters, once.
    fn keep(&mut self, now: Status, by_value: bool, params: &Params<T>) {
        self.newest_is_best = by_value && self.record.is_none_or(|(best, _)| now.value < best);
        if self.newest_is_best {
            self.record = Some((now.value, now.iteration));
            self.best.update(params);
        } else {
            self.newest.update(params);
        }
    }

    /// Keeps the parameters as the best if their metric is.
    fn offer(&mut self, metric: f64, iteration: u64, params: &Params<T>) {
        if !metric.is_nan() && self.record.is_none_or(|(best, _)| metric < best) {
            self.record = Some((metric, iteration));
            self.best.update(params);
        }
    }

    fn newest(&self) -> &Snapshot<T> {
        if self.newest_is_best { &self.best } else { &self.newest }
    }

    /// The best, if it is of an earlier iteration.
    fn best_before(&self, now: u64) -> Option<&Snapshot<T>> {
        self.record.filter(|&(_, iteration)| iteration < now).map(|_| &self.best)
    }

    fn into_best(self) -> Option<Best<T>> {
        self.record.map(|(value, iteration)| Best { value, iteration, params: self.best })
    }
}

/// The first parameter that is not finite.
fn not_finite<T: Real>(params: &Params<T>) -> Option<String> {
    params.iter().find_map(|entry| {
        let at = entry.values.iter().position(|x| !x.is_finite())?;
        Some(format!("`{}` is {} at {}", entry.name, entry.values[at], entry.shape.coordinates(at)))
    })
}
