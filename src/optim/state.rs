//! What an optimiser has come to, as data: to keep, to go on from, to write to a file (`io::safetensors`).

use crate::error::{Error, ErrorKind};
use crate::params::Slot;
use crate::real::Real;
use crate::shape::Shape;

use super::allowed::Allowed;

/// The state of an optimiser at one moment; see [`Optimizer::state`](super::Optimizer::state).
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let _ = params.add("x", [2], || 1.0);
/// let mut gradient = params.gradient();
/// gradient.flat_mut().fill(4.0);
/// let mut optimizer = Sgd::new(0.1).momentum(0.9);
/// optimizer.step(&mut params, &gradient);
///
/// let state = optimizer.state();
/// assert_eq!(state.vector("velocity"), Some(&[4.0, 4.0][..]));
/// let mut other = Sgd::new(0.1).momentum(0.9);
/// other.restore(&state, &params)?;
/// assert_eq!(other.iteration(), 1);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct State<T> {
    rule: String,
    iteration: u64,
    learning_rate: f64,
    tensors: Vec<Progress>,
    vectors: Vec<(String, Vec<T>)>,
    pending: u64,
    skipped: u64,
}

/// How far the training of one tensor has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// The path, such as `mlp.0.weight`.
    pub name: String,
    /// The shape.
    pub shape: Shape,
    /// How many updates it has had: fewer than the optimiser made steps if it was frozen or added later.
    pub iterations: u64,
}

impl<T: Real> State<T> {
    /// A state from its parts, for formats of one's own (`io::safetensors` has one): the name of the rule, the number of steps, the learning rate, the
    /// tensors in the order of the store, and the named vectors with the values of one tensor after the other.
    ///
    /// # Errors
    ///
    /// If a vector has more or fewer values than the tensors together, if a tensor has had more updates than there were
    /// steps, or if the learning rate is not a finite number ≥ 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::{Progress, State};
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [2], || 1.0);
    /// let x = Progress { name: "x".into(), shape: [2].into(), iterations: 3 };
    /// let velocity = vec![("velocity".to_owned(), vec![0.5, -0.5])];
    /// let state = State::from_parts("Sgd", 3, 0.1, vec![x], velocity)?;
    /// let mut optimizer = Sgd::new(1.0).momentum(0.9);
    /// optimizer.restore(&state, &params)?;
    /// assert_eq!((optimizer.iteration(), optimizer.learning_rate()), (3, 0.1));
    /// assert!(State::from_parts("Sgd", 3, 0.1, vec![], vec![("velocity".to_owned(), vec![0.5])]).is_err());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn from_parts(
        rule: impl Into<String>,
        iteration: u64,
        learning_rate: f64,
        tensors: Vec<Progress>,
        vectors: Vec<(String, Vec<T>)>,
    ) -> Result<Self, Error> {
        let rule = rule.into();
        let wrong = |kind, message: String| Err(Error::new(kind, format!("state of {rule}: {message}")));
        if !Allowed::NonNegative.holds(learning_rate) {
            let range = Allowed::NonNegative.text();
            let message = format!("learning_rate is {learning_rate}, expected {range}");
            return wrong(ErrorKind::Value, message);
        }
        if let Some(Progress { name, iterations, .. }) = tensors.iter().find(|tensor| tensor.iterations > iteration) {
            let message = format!("`{name}` has had {iterations} updates in {iteration} iterations");
            return wrong(ErrorKind::Value, message);
        }
        let mut sizes = tensors.iter().map(|tensor| tensor.shape.size());
        let size = sizes.try_fold(0, usize::checked_add);
        if let Some((name, values)) = vectors.iter().find(|(_, values)| Some(values.len()) != size) {
            let found = values.len();
            let size = size.map_or_else(|| "more than can be counted".to_owned(), |size| size.to_string());
            let message = format!("vector `{name}` has {found} values, the tensors have {size}");
            return wrong(ErrorKind::Shape, message);
        }
        Ok(Self { rule, iteration, learning_rate, tensors, vectors, pending: 0, skipped: 0 })
    }

    /// The same with so many gradients [accumulated](super::Descent::accumulate) since the last update, whose sum is the
    /// vector `accumulated`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::{Progress, State};
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let _ = params.add("x", [1], || 1.0);
    /// let x = Progress { name: "x".into(), shape: [1].into(), iterations: 3 };
    /// let sum = vec![("accumulated".to_owned(), vec![4.0])];
    /// let state = State::from_parts("Sgd", 3, 0.5, vec![x], sum)?.with_pending(1);
    /// let (mut gradient, mut optimizer) = (params.gradient(), Sgd::new(1.0).accumulate(2));
    /// optimizer.restore(&state, &params)?;
    /// gradient.flat_mut().fill(2.0);
    /// optimizer.step(&mut params, &gradient);
    /// assert_eq!(params.flat(), [1.0 - 0.5 * (4.0 + 2.0) / 2.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn with_pending(mut self, gradients: u64) -> Self {
        self.pending = gradients;
        self
    }

    /// The same with so many steps [skipped](super::Descent::skip_not_finite).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::optim::State;
    ///
    /// let state = State::<f64>::from_parts("Sgd", 3, 0.5, vec![], vec![])?.with_skipped(2);
    /// assert_eq!(state.skipped(), 2);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn with_skipped(mut self, steps: u64) -> Self {
        self.skipped = steps;
        self
    }

    /// The gradients accumulated since the last update.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// The steps skipped because their gradient was not finite.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The name of the rule, such as `AdamW`.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The number of steps made.
    #[must_use]
    pub fn iteration(&self) -> u64 {
        self.iteration
    }

    /// The learning rate η.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// The tensors in the order of the store; none before the first step.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("x", [2], || 1.0);
    /// let (mut gradient, mut optimizer) = (params.gradient(), Adam::new(0.1));
    /// assert!(optimizer.state().tensors().is_empty());
    /// gradient.flat_mut().fill(4.0);
    /// optimizer.step(&mut params, &gradient);
    /// let state = optimizer.state();
    /// assert_eq!((state.tensors()[0].name.as_str(), state.tensors()[0].iterations), ("x", 1));
    /// ```
    #[must_use]
    pub fn tensors(&self) -> &[Progress] {
        &self.tensors
    }

    /// The names and values of the vectors, each with the values of one tensor after the other.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let state = Adam::<f64>::new(0.1).state();
    /// assert_eq!(state.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["first_moment", "second_moment"]);
    /// ```
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &[T])> {
        self.vectors.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// The values of the vector of this name.
    #[must_use]
    pub fn vector(&self, name: &str) -> Option<&[T]> {
        self.iter().find(|&(other, _)| other == name).map(|(_, values)| values)
    }

    /// Whether it is the state before a first step, which fits any store.
    pub(super) fn is_unused(&self) -> bool {
        self.iteration == 0 && self.tensors.is_empty()
    }

    /// Whether a rule of this name that keeps these vectors, and takes the mean of so many gradients, can go on from it on
    /// these tensors.
    pub(super) fn fits(&self, rule: &str, names: &[&str], accumulate: u64, slots: &[Slot]) -> Result<(), Error> {
        let wrong = |kind, message: String| Err(Error::new(kind, format!("{rule}: {message}")));
        if self.rule != rule {
            return wrong(ErrorKind::Name, format!("the state is of {}", self.rule));
        }
        if !self.iter().map(|(name, _)| name).eq(names.iter().copied()) {
            let own = self.iter().map(|(name, _)| name).collect::<Vec<_>>();
            let message = format!(
                "the state keeps {}, the optimiser keeps {}\n  help: build the optimiser with the options it was saved with",
                list(&own),
                list(names)
            );
            return wrong(ErrorKind::Name, message);
        }
        if self.pending >= accumulate {
            let message = format!(
                "the state has summed {} gradients, the optimiser takes the mean of {accumulate}\n  help: build the optimiser with the options it was saved with",
                self.pending
            );
            return wrong(ErrorKind::Value, message);
        }
        if self.is_unused() {
            return Ok(());
        }
        for (tensor, slot) in self.tensors.iter().zip(slots) {
            let Progress { name, shape, .. } = tensor;
            if name != slot.name {
                let message = format!("the state has `{name}` where the parameters have `{}`", slot.name);
                return wrong(ErrorKind::Name, message);
            }
            if *shape != slot.shape {
                let message = format!("`{name}` has shape {}, found {shape} in the state", slot.shape);
                return wrong(ErrorKind::Shape, message);
            }
        }
        let (own, other) = (self.tensors.len(), slots.len());
        if let Some(tensor) = self.tensors.get(other) {
            let message = format!("the state has `{}`, which the parameters have not", tensor.name);
            return wrong(ErrorKind::Name, message);
        }
        if let Some(slot) = slots.get(own) {
            let message = format!("the parameters have `{}`, which the state has not", slot.name);
            return wrong(ErrorKind::Name, message);
        }
        Ok(())
    }
}

/// Names in a sentence.
pub(super) fn list(names: &[&str]) -> String {
    if names.is_empty() { "no vectors".to_owned() } else { names.join(", ") }
}
