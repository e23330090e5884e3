//! How far rounding within moves a result and its derivative: a running error analysis over the tape.
//!
//! A value v that is rounded moves the result by |v̄|·|v|·ε, where v̄ is its cotangent, and what is summed is rounded as
//! often as it has parts, by the size that these have without their signs. A recording holds every v, and a reverse sweep
//! every v̄.

use std::collections::BTreeMap;

use ndarray::ArrayD;

use super::terms::terms;
use crate::kernel::random::uniform;
use crate::op::{Activation, Args, Arithmetic, Elementary, Leaf, Op, Values};
use crate::real::Real;
use crate::tape::Var;
use crate::tape::log::{Entry, Id, Log};

/// How often the operands of an op of several steps are moved, with random signs.
const PATTERNS: u64 = 3;

/// How far rounding within may have moved what was computed.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Rounding {
    /// The result, as far as it is made of what a displacement moves: the rest is rounded alike everywhere.
    pub(super) result: f64,
    /// The derivative that the tape claims.
    pub(super) derivative: f64,
}

/// A scalar and its derivative for one input, recorded down to every value on the way.
pub(super) struct Analysis<'t, T: Real> {
    input: Var<'t, T>,
    direction: Var<'t, T>,
    result: Way<'t, T>,
    /// `None` where the user's own op may have no further derivative.
    derivative: Option<Way<'t, T>>,
}

/// What was computed on the way from the inputs to a scalar.
struct Way<'t, T: Real> {
    /// All of it, in order, and what all of it was computed from.
    chain: Vec<Var<'t, T>>,
    sources: Vec<Var<'t, T>>,
    /// What of it is rounded.
    values: Vec<Var<'t, T>>,
    cotangents: Vec<Var<'t, T>>,
    /// What the values were computed from.
    operands: Vec<Var<'t, T>>,
}

impl<'t, T: Real> Way<'t, T> {
    /// The way from `inputs` to `scalar`; what follows `ends` is no part of it.
    fn new(scalar: Var<'t, T>, ends: &[Id], inputs: &[Var<'t, T>]) -> Self {
        let (chain, mut sources, ids, mut operands) = {
            let log = scalar.live().log();
            let wanted = before(&log, ends);
            let counts = behind(&log, inputs, scalar.id());
            let rounds = |id: &Id| !matches!(kind(log.entry(*id).op), Kind::Exact);
            let on_the_way = (0..).zip(wanted.iter().zip(&counts)).filter(|(_, (wanted, counts))| **wanted && **counts);
            let chain: Vec<Id> = on_the_way.map(|(id, _)| id).collect();
            // Labels and seeds have no values that could move.
            let has_value = |id: &Id| !matches!(log.entry(*id).op, Op::Leaf(Leaf::Seed | Leaf::Indices));
            let sources = chain.iter().flat_map(|&id| log.operands(log.entry(id)).iter().copied());
            let sources: Vec<_> = sources.filter(has_value).collect();
            let ids: Vec<Id> = chain.iter().copied().filter(rounds).collect();
            let operands: Vec<_> = ids.iter().flat_map(|&id| parts(&log, id).iter().copied()).collect();
            (chain, sources, ids, operands)
        };
        for ids in [&mut sources, &mut operands] {
            ids.sort_unstable();
            ids.dedup();
        }
        let vars = |ids: Vec<Id>| ids.into_iter().map(|id| scalar.at(id)).collect::<Vec<_>>();
        let values = vars(ids);
        let cotangents = scalar.gradients(&values);
        Self { chain: vars(chain), sources: vars(sources), cotangents, values, operands: vars(operands) }
    }

    /// Which elements of each value have a part that moves, from what of the input moves and what is seen to: also where it
    /// is rounded away, as x is in 1 + x. Op by op, what moves is moved by more than all operands, to see what follows it.
    fn moved(
        &self,
        input: &Var<'t, T>,
        direction: &[T],
        seen: &BTreeMap<Id, Vec<bool>>,
        sources: &[ArrayD<T>],
    ) -> BTreeMap<Id, Vec<bool>> {
        let value = |(var, x): (&Var<'t, T>, &ArrayD<T>)| (var.id(), x.iter().copied().collect());
        let values = Operands(self.sources.iter().zip(sources).map(value).collect());
        let mut moved = BTreeMap::from([(input.id(), direction.iter().map(|part| *part != T::zero()).collect())]);
        for var in &self.chain {
            let (log, id) = (var.live().log(), var.id());
            let operands = log.operands(log.entry(id));
            let mut follows: Vec<bool> = seen.get(&id).cloned().unwrap_or_else(|| vec![false; var.shape().size()]);
            let goes = |id: &Id, i: usize| moved.get(id).is_some_and(|parts: &Vec<bool>| parts[i]);
            // A view is read where it stands.
            if let (Op::View(_), [source]) = (log.entry(id).op, operands) {
                follows.iter_mut().enumerate().for_each(|(i, follows)| *follows |= goes(source, i));
            }
            // The user's own op may refuse what is far away.
            if !matches!(log.entry(id).op, Op::Custom(_) | Op::View(_) | Op::Recompute(_) | Op::Leaf(_))
                && operands.iter().any(|id| moved.contains_key(id))
            {
                let known = || operands.iter().filter(|id| values.0.contains_key(id));
                let sizes = known().flat_map(|id| &values.0[id]).map(|x| x.abs()).filter(|x| x.is_finite());
                let far = T::of(2.0) * sizes.fold(T::one(), T::max);
                let here = values.eval(&log, id, follows.len());
                for sign in [T::one(), -T::one()] {
                    let there = |id: &Id| {
                        let shifted = |(i, &x): (usize, &T)| if goes(id, i) { x + sign * far } else { x };
                        (*id, values.0[id].iter().enumerate().map(shifted).collect())
                    };
                    let there = Operands(known().map(there).collect()).eval(&log, id, follows.len());
                    let pairs = here.iter().zip(&there);
                    follows.iter_mut().zip(pairs).for_each(|(follows, (here, there))| *follows |= here != there);
                }
            }
            moved.insert(id, follows);
        }
        moved
    }

    fn outputs(&self) -> Vec<Var<'t, T>> {
        [&self.values[..], &self.cotangents, &self.operands].concat()
    }

    /// How far the scalar is rounded, from the values of the outputs: by what was computed in elements that `counts` names.
    fn error(&self, outputs: &[ArrayD<T>], counts: impl Fn(usize, usize) -> bool) -> f64 {
        let n = self.values.len();
        let operand = |(var, x): (&Var<'t, T>, &ArrayD<T>)| (var.id(), x.iter().copied().collect());
        let operands = Operands(self.operands.iter().zip(&outputs[2 * n..]).map(operand).collect());
        let mut error = 0.0;
        for (k, var) in self.values.iter().enumerate() {
            let log = var.live().log();
            let sizes = sizes(&log, var.id(), &outputs[k], &operands);
            let products = sizes.iter().zip(&outputs[n + k]).enumerate();
            // What has no say may be infinite.
            let moved = products.filter(|&(i, (_, cotangent))| *cotangent != T::zero() && counts(k, i));
            error += moved.map(|(_, (size, cotangent))| size * cotangent.as_f64().abs()).sum::<f64>();
        }
        if error.is_nan() { f64::INFINITY } else { T::epsilon().as_f64() * error }
    }
}

impl<'t, T: Real> Analysis<'t, T> {
    /// Records what is needed for the derivative of `scalar` for one of `inputs`.
    pub(super) fn new(scalar: Var<'t, T>, inputs: &[Var<'t, T>], input: usize) -> Self {
        let ends: Vec<_> = terms(scalar).iter().map(|term| term.id).collect();
        let input = inputs[input];
        let direction = input.constant(&ArrayD::zeros(&input.shape()[..]));
        let gradient = scalar.gradient(input);
        let result = Way::new(scalar, &ends, &[input]);
        let derivative =
            (!has_custom(scalar, gradient)).then(|| Way::new((gradient * direction).sum(), &[gradient.id()], inputs));
        Self { input, direction, result, derivative }
    }

    /// Analyses a line through the point in a direction, on which `displaced` are points.
    pub(super) fn run(&self, direction: &[T], displaced: &[Vec<T>]) -> Rounding {
        let recording = self.input.recording();
        let read = |given: &[(Var<'t, T>, &[T])], outputs: &[Var<'t, T>]| {
            let mut results = Vec::with_capacity(outputs.len());
            recording.replay(given, outputs, |shape, values| {
                results.push(ArrayD::from_shape_vec(&shape[..], values.to_vec()).expect("a value fills its shape"));
            });
            results
        };
        let way = &self.result;
        let here = read(&[(self.direction, direction)], &way.chain);
        let still = |value: &Var<'t, T>| (value.id(), vec![false; value.shape().size()]);
        let mut seen: BTreeMap<Id, Vec<bool>> = way.chain.iter().map(still).collect();
        for point in displaced {
            let there = read(&[(self.input, point)], &way.chain);
            for (var, (there, here)) in way.chain.iter().zip(there.iter().zip(&here)) {
                let seen = seen.get_mut(&var.id()).expect("all are there").iter_mut();
                seen.zip(there.iter().zip(here)).for_each(|(seen, (there, here))| *seen |= there != here);
            }
        }
        let moved = way.moved(&self.input, direction, &seen, &read(&[], &way.sources));
        let result =
            way.error(&read(&[(self.direction, direction)], &way.outputs()), |k, i| moved[&way.values[k].id()][i]);
        let derivative = self.derivative.as_ref().map_or(0.0, |way| {
            let here = read(&[(self.direction, direction)], &way.outputs());
            way.error(&here, |_, _| true)
        });
        Rounding { result, derivative }
    }
}

/// Whether the user's own ops are called between a scalar and its gradient.
fn has_custom<T: Real>(scalar: Var<'_, T>, gradient: Var<'_, T>) -> bool {
    let log = scalar.live().log();
    let (own, all) = (before(&log, &[scalar.id()]), before(&log, &[gradient.id()]));
    let custom = |id: usize| all[id] && !own.get(id).is_some_and(|&own| own);
    (0..all.len()).any(|id| custom(id) && matches!(entry(&log, id).op, Op::Custom(_)))
}

fn entry<T: Real>(log: &Log<T>, at: usize) -> &Entry {
    log.entry(Id::try_from(at).expect("ids are u32"))
}

/// What the instructions at `ends` are computed from, themselves among it.
pub(super) fn before<T: Real>(log: &Log<T>, ends: &[Id]) -> Vec<bool> {
    let mut wanted = vec![false; ends.iter().max().map_or(0, |&last| last as usize + 1)];
    for &id in ends {
        wanted[id as usize] = true;
    }
    for id in (0..wanted.len()).rev() {
        if wanted[id] {
            log.operands(entry(log, id)).iter().for_each(|&operand| wanted[operand as usize] = true);
        }
    }
    wanted
}

/// What depends on `inputs`, themselves not among it: they are exact.
///
/// What reaches an operand of the user's own op, but no derivative for `inputs` does, is left out: the op may have none.
fn behind<T: Real>(log: &Log<T>, inputs: &[Var<'_, T>], last: Id) -> Vec<bool> {
    let n = last as usize + 1;
    let is_input = |id: Id| inputs.iter().any(|input| input.id() == id);
    let (mut depends, mut derives) = (vec![false; n], vec![false; n]);
    for id in 0..=last {
        let (at, entry) = (id as usize, log.entry(id));
        let from = |reached: &[bool]| log.operands(entry).iter().any(|&x| reached[x as usize] || is_input(x));
        depends[at] = from(&depends) && !is_input(id);
        derives[at] = from(&derives) && entry.op.is_differentiable();
    }
    let mut refused = vec![false; n];
    for id in (0..=last).rev() {
        let entry = log.entry(id);
        if matches!(entry.op, Op::Custom(_)) || refused[id as usize] && entry.op.is_differentiable() {
            for &x in log.operands(entry) {
                refused[x as usize] |= !derives[x as usize] && !is_input(x);
            }
        }
    }
    depends.iter().zip(&refused).map(|(depends, refused)| *depends && !refused).collect()
}

/// How an op rounds.
enum Kind {
    /// Not at all: it copies, chooses, or answers with whole numbers.
    Exact,
    /// Its result.
    Plain,
    /// The sum of products of its operands, part by part.
    Sum,
    /// In several steps, as if its operands had been rounded, too.
    Steps,
}

fn kind(op: Op) -> Kind {
    use Elementary::{Abs, Ceil, Floor, Neg, Round, Sign};
    match op {
        Op::Elementary(Abs | Ceil | Floor | Neg | Round | Sign)
        | Op::Arithmetic(Arithmetic::Maximum | Arithmetic::Minimum)
        | Op::Activation(Activation::Relu)
        | Op::Selection(_)
        | Op::Comparison(_)
        | Op::Extreme(_)
        | Op::ArgExtreme(_)
        | Op::OneHot(_)
        | Op::Leaf(_)
        | Op::View(_)
        | Op::Recompute(_)
        | Op::BroadcastTo(_)
        | Op::Permute(_)
        | Op::Slice(_)
        | Op::Embed(_)
        | Op::Concat(_)
        | Op::Triangle(_)
        | Op::Gather(_) => Kind::Exact,
        Op::Sum(_) | Op::CumSum(_) | Op::Matmul(_) | Op::Affine(_) => Kind::Sum,
        Op::Softmax(_)
        | Op::LogSoftmax(_)
        | Op::LogSumExp(_)
        | Op::CrossEntropy(_)
        | Op::Standardize(_)
        | Op::Norm(_)
        | Op::Custom(_)
        | Op::Function(_) => Kind::Steps,
        #[cfg(feature = "linalg")]
        Op::Solve(_) | Op::Inverse(_) | Op::Cholesky(_) | Op::LogDet(_) => Kind::Steps,
        _ => Kind::Plain,
    }
}

/// The operands whose values tell how an instruction rounds.
fn parts<T: Real>(log: &Log<T>, id: Id) -> &[Id] {
    let entry = log.entry(id);
    match (kind(entry.op), entry.op) {
        // The other ones are labels.
        (_, Op::CrossEntropy(_)) => &log.operands(entry)[..1],
        (Kind::Sum | Kind::Steps, _) => log.operands(entry),
        _ => &[],
    }
}

struct Operands<T>(BTreeMap<Id, Vec<T>>);

impl<T: Real> Operands<T> {
    /// These operands of an instruction with every element changed, which is told its number.
    fn map(&self, ids: &[Id], f: impl Fn(usize, T) -> T) -> Self {
        let value = |id: &Id| (*id, self.0[id].iter().enumerate().map(|(i, &x)| f(i, x)).collect());
        Self(ids.iter().map(value).collect())
    }

    fn eval(&self, log: &Log<T>, id: Id, size: usize) -> Vec<T> {
        let mut out = vec![T::zero(); size];
        // What refuses its operands is NaN, and rounds without bounds.
        let _ = Args::new(log, id, self).eval(&mut out);
        out
    }
}

impl<T> Values<T> for Operands<T> {
    fn value(&self, id: Id) -> &[T] {
        &self.0[&id]
    }

    fn source(&self, entry: &Entry, operand: usize) -> Id {
        entry.inputs[operand]
    }
}

/// How large, for each element of a value, that is which was rounded to it.
fn sizes<T: Real>(log: &Log<T>, id: Id, value: &ArrayD<T>, operands: &Operands<T>) -> Vec<f64> {
    let (op, ids, n) = (log.entry(id).op, parts(log, id), value.len());
    let size = |x: &T| x.as_f64().abs();
    match kind(op) {
        Kind::Exact => vec![0.0; n],
        Kind::Plain => value.iter().map(size).collect(),
        Kind::Sum => operands.map(ids, |_, x| x.abs()).eval(log, id, n).iter().map(size).collect(),
        Kind::Steps => {
            // The logarithm of a sum that is rounded near 1.
            let logarithm = matches!(op, Op::LogSoftmax(_) | Op::LogSumExp(_) | Op::CrossEntropy(_));
            let least = if logarithm { 1.0 } else { 0.0 };
            let mut sizes: Vec<_> = value.iter().map(|x| size(x) + least).collect();
            for pattern in 0..PATTERNS {
                let part = T::epsilon().sqrt();
                let sign = |i: usize| if uniform(pattern, i as u64) < 0.5 { -part } else { part };
                let moved = operands.map(ids, |i, x| x + x * sign(i)).eval(log, id, n);
                for (size, (there, here)) in sizes.iter_mut().zip(moved.iter().zip(value)) {
                    *size = size.max(here.as_f64().abs() + least + ((*there - *here) / part).as_f64().abs());
                }
            }
            sizes
        }
    }
}
