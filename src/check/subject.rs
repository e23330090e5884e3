//! What can be checked: a function of arrays, a model, a recording.

use std::collections::BTreeMap;

use ndarray::ArrayD;

use crate::kernel::random::{fork, uniform};
use crate::op::{Leaf, Op};
use crate::params::{Param, Params};
use crate::real::Real;
use crate::run::Tensor;
use crate::shape::Shape;
use crate::tape::{Recorder, Recording, Step, Tape, Var};

use super::affine::is_affine;
use super::branches::{Branches, Choices};
use super::rounding::{Analysis, Rounding};
use super::surroundings::Surroundings;
use super::terms::{Values, depend, terms};

/// One input: what it is called, and the point at which it is checked.
pub(super) struct Block<T> {
    pub(super) name: String,
    pub(super) shape: Shape,
    pub(super) values: Vec<T>,
}

/// Something with inputs and a scalar that depends on them.
pub(super) trait Subject<T: Real> {
    fn blocks(&self) -> Vec<Block<T>>;

    /// What there is instead, where there are no blocks.
    fn lack(&self) -> String;

    /// The terms of the scalar of this order at a point.
    fn values(&mut self, order: usize, seed: u64, point: &[Vec<T>]) -> Vec<Values>;

    /// The same with the gradient for every input.
    fn derivative(&mut self, order: usize, seed: u64, point: &[Vec<T>]) -> Derivative<T>;

    /// How far rounding within moves the scalar and its derivative on a line: an input and a direction of it, with points.
    fn analyse(
        &mut self,
        order: usize,
        seed: u64,
        point: &[Vec<T>],
        line: (usize, &[T]),
        displaced: &[Vec<T>],
    ) -> Rounding;

    /// What every instruction that chooses decides at a point.
    fn branches(&mut self, order: usize, seed: u64, point: &[Vec<T>]) -> Branches;

    /// What stands around the inputs on the tape.
    fn surroundings(&mut self, order: usize, seed: u64, point: &[Vec<T>]) -> Surroundings;

    /// Records further tensors behind the function, used so many times, and reads them at a point.
    fn ask(&mut self, uses: usize, point: &[Vec<T>], question: &Question<'_, T>) -> Vec<Vec<T>>;

    /// The first value on the way to the scalar at the point that is not finite.
    fn not_finite(&mut self, order: usize, seed: u64, point: &[Vec<T>]) -> Option<String>;

    /// Forgets what was recorded before, so that the next recording is made from nothing; or tells that nothing can be
    /// recorded anew.
    fn forget(&mut self) -> bool;

    /// Records for training from now on, or tells why not.
    fn set_training(&mut self, seed: u64) -> Result<(), &'static str>;
}

/// Tensors made of a function's result and its inputs.
pub(super) type Question<'q, T> = dyn for<'t> Fn(Var<'t, T>, &[Var<'t, T>]) -> Vec<Var<'t, T>> + 'q;

/// What is recorded anew at every point.
pub(super) trait Records<T: Real> {
    fn blocks(&self) -> Vec<Block<T>>;

    fn lack(&self) -> String;

    /// Records for training from now on.
    fn train(&mut self, seed: u64);

    /// Forgets what was recorded before.
    fn forget(&mut self);

    /// Records the function at a point, so many times, and hands the sum on with the inputs.
    fn record<R>(
        &mut self,
        uses: usize,
        point: &[Vec<T>],
        then: impl for<'t> FnOnce(Var<'t, T>, &[Var<'t, T>]) -> R,
    ) -> R;
}

/// A subject made of what is recorded anew.
pub(super) struct Anew<S>(pub(super) S);

impl<T: Real, S: Records<T>> Subject<T> for Anew<S> {
    fn blocks(&self) -> Vec<Block<T>> {
        self.0.blocks()
    }

    fn lack(&self) -> String {
        self.0.lack()
    }

    fn values(&mut self, order: usize, seed: u64, point: &[Vec<T>]) -> Vec<Values> {
        self.0.record(1, point, |result, vars| read(scalar(result, vars, order, seed)))
    }

    fn derivative(&mut self, order: usize, seed: u64, point: &[Vec<T>]) -> Derivative<T> {
        self.0.record(1, point, |result, vars| derive(scalar(result, vars, order, seed), vars))
    }

    fn analyse(
        &mut self,
        order: usize,
        seed: u64,
        point: &[Vec<T>],
        (input, direction): (usize, &[T]),
        displaced: &[Vec<T>],
    ) -> Rounding {
        self.0.record(1, point, |result, vars| {
            Analysis::new(scalar(result, vars, order, seed), vars, input).run(direction, displaced)
        })
    }

    fn branches(&mut self, order: usize, seed: u64, point: &[Vec<T>]) -> Branches {
        self.0.record(1, point, |result, vars| Choices::new(scalar(result, vars, order, seed)).read(values_of))
    }

    fn surroundings(&mut self, order: usize, seed: u64, point: &[Vec<T>]) -> Surroundings {
        let blocks = self.blocks();
        self.0.record(1, point, |result, vars| {
            let inputs: Vec<_> = blocks.iter().zip(vars).map(|(block, var)| (&block.name[..], var.id())).collect();
            Surroundings::new(scalar(result, vars, order, seed), &inputs)
        })
    }

    fn ask(&mut self, uses: usize, point: &[Vec<T>], question: &Question<'_, T>) -> Vec<Vec<T>> {
        self.0.record(uses, point, |result, vars| values_of(&question(result, vars)))
    }

    fn not_finite(&mut self, order: usize, seed: u64, point: &[Vec<T>]) -> Option<String> {
        self.0
            .record(1, point, |result, vars| result.recording().first_not_finite(&[scalar(result, vars, order, seed)]))
    }

    fn forget(&mut self) -> bool {
        self.0.forget();
        true
    }

    fn set_training(&mut self, seed: u64) -> Result<(), &'static str> {
        self.0.train(seed);
        Ok(())
    }
}

/// A scalar at a point, with its derivative.
pub(super) struct Derivative<T> {
    pub(super) terms: Vec<Values>,
    /// One for each input.
    pub(super) gradients: Vec<Vec<T>>,
    /// For each input, which terms depend on it.
    pub(super) depends: Vec<Vec<bool>>,
    /// For each input, whether the scalar is an affine function of it.
    pub(super) affine: Vec<bool>,
}

/// The scalar to differentiate: the result itself, or for order k the derivative of order k − 1, each weighted with
/// random numbers and summed.
fn scalar<'t, T: Real>(result: Var<'t, T>, inputs: &[Var<'t, T>], order: usize, seed: u64) -> Var<'t, T> {
    let mut scalar = weighted(result, fork(seed, 1));
    for k in 1..order {
        let parts = scalar.gradients(inputs).into_iter().zip(2_u64..);
        let weighted = parts.map(|(part, number)| self::weighted(part, fork(seed, 1000 * k as u64 + number)));
        scalar = weighted.reduce(|a, b| a + b).unwrap_or(scalar);
    }
    scalar
}

pub(super) fn weighted<T: Real>(x: Var<'_, T>, seed: u64) -> Var<'_, T> {
    let shape = x.shape();
    if shape.size() == 1 {
        return x.reshape(Shape::scalar());
    }
    (x * weights(x, seed)).sum()
}

/// Random numbers for every element: between ½ and 1½, so that none is lost and no symmetry hides an error.
pub(super) fn weights<T: Real>(x: Var<'_, T>, seed: u64) -> Var<'_, T> {
    let shape = x.shape();
    x.constant(&array(&shape, (0..shape.size()).map(|i| T::of(0.5 + uniform(seed, i as u64))).collect()))
}

pub(super) fn array<T: Real>(shape: &Shape, values: Vec<T>) -> ArrayD<T> {
    ArrayD::from_shape_vec(&shape[..], values).expect("values fill their shape")
}

/// The values of tensors of one recording, in standard order.
fn values_of<T: Real>(vars: &[Var<'_, T>]) -> Vec<Vec<T>> {
    let values = vars.first().map_or_else(Vec::new, |var| var.recording().values(vars));
    values.into_iter().map(|array| array.into_iter().collect()).collect()
}

/// Reads the terms of a scalar.
fn read<T: Real>(scalar: Var<'_, T>) -> Vec<Values> {
    let terms = terms(scalar);
    let vars: Vec<_> = terms.iter().map(|term| scalar.at(term.id)).collect();
    let values = scalar.recording().values(&vars);
    terms.iter().zip(&values).map(|(term, value)| term.values(value)).collect()
}

/// Reads the terms of a scalar and its gradients.
fn derive<'t, T: Real>(scalar: Var<'t, T>, inputs: &[Var<'t, T>]) -> Derivative<T> {
    let terms = terms(scalar);
    let depends = inputs.iter().map(|&input| depend(&terms, input)).collect();
    let affine = inputs.iter().map(|&input| is_affine(scalar, input)).collect();
    let gradients = values_of(&scalar.gradients(inputs));
    Derivative { terms: read(scalar), gradients, depends, affine }
}

/// A function of arrays.
pub(super) struct Function<F, T: Real> {
    f: F,
    inputs: Vec<(Shape, Vec<T>)>,
    params: Params<T>,
    tape: Tape<T>,
    training: Option<u64>,
}

impl<F, T: Real> Function<F, T> {
    pub(super) fn new(f: F, inputs: &[&dyn Tensor<T>]) -> Self {
        let inputs = inputs.iter().map(|input| (Shape::new(input.lengths()), input.elements())).collect();
        Self { f, inputs, params: Params::new(), tape: Tape::new().lenient(), training: None }
    }
}

impl<F, T: Real> Records<T> for Function<F, T>
where
    F: for<'v, 't> Fn(&'v [Var<'t, T>]) -> Var<'t, T>,
{
    fn blocks(&self) -> Vec<Block<T>> {
        let name = |k: usize| {
            if self.inputs.len() == 1 { "input".to_owned() } else { format!("input {k}") }
        };
        let inputs = self.inputs.iter().enumerate();
        inputs.map(|(k, (shape, values))| Block { name: name(k), shape: *shape, values: values.clone() }).collect()
    }

    fn lack(&self) -> String {
        "there are no inputs".to_owned()
    }

    fn train(&mut self, seed: u64) {
        self.training = Some(seed);
    }

    fn forget(&mut self) {
        self.tape = Tape::new().lenient();
    }

    fn record<R>(
        &mut self,
        uses: usize,
        point: &[Vec<T>],
        then: impl for<'t> FnOnce(Var<'t, T>, &[Var<'t, T>]) -> R,
    ) -> R {
        let step = start(&mut self.tape, &self.params, self.training);
        let arrays = self.inputs.iter().zip(point).map(|((shape, _), values)| array(shape, values.clone()));
        let vars: Vec<_> = arrays.map(|x| step.constant(&x)).collect();
        let result = (1..uses).fold((self.f)(&vars), |sum, _| sum + (self.f)(&vars));
        then(result, &vars)
    }
}

fn start<'r, 'd, T: Real>(tape: &'r mut Tape<T>, params: &'r Params<T>, training: Option<u64>) -> Recording<'r, 'd, T> {
    match training {
        Some(seed) => tape.train(params, seed),
        None => tape.record(params),
    }
}

/// A loss over a store of parameters.
pub(super) struct Model<F, T: Real> {
    loss: F,
    params: Params<T>,
    handles: Vec<Param>,
    tape: Tape<T>,
    training: Option<u64>,
}

impl<F, T: Real> Model<F, T> {
    pub(super) fn new(params: &Params<T>, loss: F) -> Self {
        let params = params.clone();
        let handles = params.params().filter(|&param| !params.is_frozen(param)).collect();
        Self { loss, params, handles, tape: Tape::new().lenient(), training: None }
    }
}

impl<'d, F, T: Real> Records<T> for Model<F, T>
where
    F: for<'t> Fn(Step<'t, 'd, T>) -> Var<'t, T>,
{
    fn blocks(&self) -> Vec<Block<T>> {
        let block = |&param: &Param| {
            let value = self.params.value(param);
            let values = value.iter().copied().collect();
            Block { name: param.name().to_owned(), shape: Shape::new(value.shape()), values }
        };
        self.handles.iter().map(block).collect()
    }

    fn lack(&self) -> String {
        match self.params.params().len() {
            0 => "the store has no parameters".to_owned(),
            1 => "the only parameter is frozen".to_owned(),
            n => format!("all {n} parameters are frozen"),
        }
    }

    fn train(&mut self, seed: u64) {
        self.training = Some(seed);
    }

    fn forget(&mut self) {
        self.tape = Tape::new().lenient();
    }

    fn record<R>(
        &mut self,
        uses: usize,
        point: &[Vec<T>],
        then: impl for<'t> FnOnce(Var<'t, T>, &[Var<'t, T>]) -> R,
    ) -> R {
        for (&param, values) in self.handles.iter().zip(point) {
            self.params.value_mut(param).iter_mut().zip(values).for_each(|(to, &from)| *to = from);
        }
        let step = start(&mut self.tape, &self.params, self.training);
        let result = (1..uses).fold((self.loss)(&step), |sum, _| sum + (self.loss)(&step));
        let vars: Vec<_> = self.handles.iter().map(|&param| result.param(param)).collect();
        then(result, &vars)
    }
}

/// A recording as it stands.
pub(super) struct Recorded<'t, T: Real> {
    result: Var<'t, T>,
    leaves: Vec<(String, Var<'t, T>)>,
    /// By order and input, recorded once: one for each element would fill the memory.
    analyses: BTreeMap<(usize, usize), Analysis<'t, T>>,
    /// By order, for the same reason.
    choices: BTreeMap<usize, Choices<'t, T>>,
}

impl<'t, T: Real> Recorded<'t, T> {
    pub(super) fn new(result: Var<'t, T>) -> Self {
        Self { result, leaves: leaves(result.recording()), analyses: BTreeMap::new(), choices: BTreeMap::new() }
    }
}

/// The variables and unfrozen parameters of a recording, with their names.
fn leaves<T: Real>(recorder: Recorder<'_, T>) -> Vec<(String, Var<'_, T>)> {
    let log = recorder.live().log();
    let mut leaves = Vec::new();
    for id in 0..u32::try_from(log.len()).expect("ids are u32") {
        let entry = log.entry(id);
        let name = match entry.op {
            Op::Leaf(Leaf::Variable) => format!("variable %{id}"),
            Op::Leaf(Leaf::Parameter) => {
                let slot = &log.layout().params[entry.inputs[0] as usize];
                if slot.frozen {
                    continue;
                }
                slot.name.to_owned()
            }
            _ => continue,
        };
        leaves.push((name, Var::new(recorder, id)));
    }
    leaves
}

impl<'t, T: Real> Subject<T> for Recorded<'t, T> {
    fn blocks(&self) -> Vec<Block<T>> {
        let block = |(name, var): &(String, Var<'t, T>)| {
            let values = var.value().iter().copied().collect();
            Block { name: name.clone(), shape: var.shape(), values }
        };
        self.leaves.iter().map(block).collect()
    }

    fn lack(&self) -> String {
        "the recording has no `variable` and no parameter that is not frozen".to_owned()
    }

    fn values(&mut self, order: usize, seed: u64, point: &[Vec<T>]) -> Vec<Values> {
        let scalar = scalar(self.result, &self.vars(), order, seed);
        let terms = terms(scalar);
        let outputs: Vec<_> = terms.iter().map(|term| scalar.at(term.id)).collect();
        let values = self.replay(point, &outputs);
        terms.iter().zip(&values).map(|(term, value)| term.values(value)).collect()
    }

    fn derivative(&mut self, order: usize, seed: u64, point: &[Vec<T>]) -> Derivative<T> {
        let vars = self.vars();
        let scalar = scalar(self.result, &vars, order, seed);
        let terms = terms(scalar);
        let depends = vars.iter().map(|&var| depend(&terms, var)).collect();
        let affine = vars.iter().map(|&var| is_affine(scalar, var)).collect();
        let gradients = self.replay(point, &scalar.gradients(&vars));
        Derivative { terms: self.values(order, seed, point), gradients, depends, affine }
    }

    fn analyse(
        &mut self,
        order: usize,
        seed: u64,
        _: &[Vec<T>],
        (input, direction): (usize, &[T]),
        displaced: &[Vec<T>],
    ) -> Rounding {
        let (result, vars) = (self.result, self.vars());
        let record = || Analysis::new(scalar(result, &vars, order, seed), &vars, input);
        self.analyses.entry((order, input)).or_insert_with(record).run(direction, displaced)
    }

    fn branches(&mut self, order: usize, seed: u64, point: &[Vec<T>]) -> Branches {
        let (result, vars) = (self.result, self.vars());
        self.choices.entry(order).or_insert_with(|| Choices::new(scalar(result, &vars, order, seed)));
        self.choices[&order].read(|vars| self.replay(point, vars))
    }

    fn surroundings(&mut self, order: usize, seed: u64, _: &[Vec<T>]) -> Surroundings {
        let inputs: Vec<_> = self.leaves.iter().map(|(name, var)| (&name[..], var.id())).collect();
        Surroundings::new(scalar(self.result, &self.vars(), order, seed), &inputs)
    }

    fn ask(&mut self, _: usize, point: &[Vec<T>], question: &Question<'_, T>) -> Vec<Vec<T>> {
        self.replay(point, &question(self.result, &self.vars()))
    }

    fn not_finite(&mut self, order: usize, seed: u64, _: &[Vec<T>]) -> Option<String> {
        let scalar = scalar(self.result, &self.vars(), order, seed);
        scalar.recording().first_not_finite(&[scalar])
    }

    fn forget(&mut self) -> bool {
        false
    }

    fn set_training(&mut self, _: u64) -> Result<(), &'static str> {
        Err("a recording is checked as it stands\n  help: record it with `tape.train`")
    }
}

impl<'t, T: Real> Recorded<'t, T> {
    fn vars(&self) -> Vec<Var<'t, T>> {
        self.leaves.iter().map(|&(_, var)| var).collect()
    }

    /// Runs the recording again at a point; instructions of equal derivatives are found again.
    fn replay(&self, point: &[Vec<T>], outputs: &[Var<'t, T>]) -> Vec<Vec<T>> {
        let given: Vec<_> = self.vars().into_iter().zip(point.iter().map(|values| &values[..])).collect();
        let mut results = Vec::with_capacity(outputs.len());
        let recorder = self.result.recording();
        recorder.lenient(true, || recorder.replay(&given, outputs, |_, values| results.push(values.to_vec())));
        results
    }
}
