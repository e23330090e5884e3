//! An exhaustive check of one op: over shapes, broadcasts, layouts and edge values, to second order.

use std::fmt;
use std::ops::Range;

use ndarray::{ArrayD, IxDyn};

use super::cases::{Case, OpReport, Outcome, is_undecided, is_wrong};
use super::layout::Layout;
use super::panic::Panicked;
use super::report::Report;
use super::{Check, gradients};
use crate::kernel::random::{fork, uniform};
use crate::real::Real;
use crate::run::Tensor;
use crate::tape::Var;

/// Numbers are drawn this far away from kinks.
const AWAY: f64 = 0.05;

/// How often a case at random numbers is drawn, until it is decided.
const DRAWS: u64 = 6;

/// Shapes that an elementwise op meets.
const SHAPES: [&[usize]; 9] = [&[], &[3], &[2, 3], &[2, 3, 2], &[1, 3], &[2, 1], &[1, 1, 1], &[0], &[2, 0]];

/// Shapes of two operands that broadcast.
const BROADCASTS: [[&[usize]; 2]; 7] = [
    [&[2, 3], &[]],
    [&[2, 3], &[1]],
    [&[2, 3], &[3]],
    [&[2, 3], &[1, 3]],
    [&[2, 3], &[2, 1]],
    [&[2, 1], &[1, 3]],
    [&[2, 3, 2], &[3, 1]],
];

type Record<'a, T> = Box<dyn for<'v, 't> Fn(&'v [Var<'t, T>]) -> Var<'t, T> + 'a>;

/// A check of one op that is set up and not yet run; see [`op`](fn@op).
#[must_use = "a check does nothing until `assert` or `report` runs it"]
pub struct OpCheck<'a, T: Real> {
    record: Record<'a, T>,
    operands: usize,
    domains: Vec<Option<Range<f64>>>,
    kinks: Vec<f64>,
    edges: Vec<f64>,
    shapes: Option<Vec<Vec<Vec<usize>>>>,
    broadcasts: bool,
    order: usize,
    seed: u64,
    tolerance: Option<f64>,
}

/// Checks an op of so many operands everywhere: for authors of ops. The closure records it.
///
/// * Shapes: a number, vectors, matrices, rank 3, axes of length 1 and 0; operands of one shape, and such that broadcast. An op
///   that is not elementwise says which [`shapes`](OpCheck::shapes) it takes.
/// * Layouts: operands transposed, reversed, and every second element of a larger tensor; all of them, and each by itself.
/// * Values: random ones of the [`domain`](OpCheck::domain), and edges: ±0, ±1, tiny and huge ones, kinks. At edges a derivative
///   may be infinite, a kink or inconclusive, but not wrong. Random ones at which nothing is wrong, but a derivative is
///   inconclusive or at a kink, are drawn again, up to 6 times in all: a case fails that is never confirmed.
/// * Derivatives of first and second order, with [structure](super::Report::structure) and
///   [identities](super::Report::identities).
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// check::op(1, |v: &[Var<'_, f64>]| v[0].softplus()).assert();
/// check::op(2, |v: &[Var<'_, f64>]| v[0].matmul(v[1])).shapes(&[&[&[2, 3], &[3, 4]], &[&[0, 3], &[3, 1]]]).assert();
/// check::op(1, |v: &[Var<'_, f64>]| v[0].ln()).domain(0, 0.1..3.0).assert();
/// ```
pub fn op<'a, T: Real>(
    operands: usize,
    record: impl for<'v, 't> Fn(&'v [Var<'t, T>]) -> Var<'t, T> + 'a,
) -> OpCheck<'a, T> {
    let (tiny, huge) = (T::epsilon().as_f64().powi(2), T::epsilon().as_f64().powf(-0.5));
    OpCheck {
        record: Box::new(record),
        operands,
        domains: vec![None; operands],
        kinks: Vec::new(),
        edges: vec![0.0, -0.0, 1.0, -1.0, tiny, -tiny, huge, -huge],
        shapes: None,
        broadcasts: true,
        order: 2,
        seed: 0,
        tolerance: None,
    }
}

impl<T: Real> OpCheck<'_, T> {
    /// Where the numbers of an operand are drawn, −2 to 2 by default. Edges outside are left out, and its ends are edges.
    ///
    /// # Panics
    ///
    /// If there is no such operand, or the range is empty or infinite.
    #[track_caller]
    pub fn domain(mut self, operand: usize, range: Range<f64>) -> Self {
        let count = self.operands;
        assert!(operand < count, "check::op: domain of operand {operand}, the op has {count}, counted from 0");
        let sensible = range.start < range.end && range.start.is_finite() && range.end.is_finite();
        assert!(sensible, "check::op: domain {range:?} of operand {operand}, expected a finite range from low to high");
        self.domains[operand] = Some(range);
        self
    }

    /// Values at which the op is not smooth: random numbers keep away from them, and they are edges.
    pub fn kinks(mut self, at: &[f64]) -> Self {
        self.kinks.extend_from_slice(at);
        self
    }

    /// Further edge values.
    pub fn edges(mut self, values: &[f64]) -> Self {
        self.edges.extend_from_slice(values);
        self
    }

    /// The shapes of the operands, one list for each way to call the op, instead of those of an elementwise op.
    ///
    /// # Panics
    ///
    /// If there is no list, or one that is not of one shape for each operand.
    #[track_caller]
    pub fn shapes(mut self, lists: &[&[&[usize]]]) -> Self {
        let example = vec!["&[2, 3]"; self.operands].join(", ");
        assert!(
            !lists.is_empty(),
            "check::op: no shapes, so there is nothing to check\n  help: give a list for each way to call the op: `.shapes(&[&[{example}]])`"
        );
        for list in lists {
            let (found, expected) = (list.len(), self.operands);
            assert!(
                found == expected,
                "check::op: {found} shapes {list:?}, expected one for each of {expected} operands"
            );
        }
        self.shapes = Some(lists.iter().map(|list| list.iter().map(|shape| shape.to_vec()).collect()).collect());
        self
    }

    /// Leaves out operands of different shapes, for an elementwise op that does not broadcast.
    pub fn same_shapes(mut self) -> Self {
        self.broadcasts = false;
        self
    }

    /// Derivatives up to this order; the default is 2.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn order(mut self, order: usize) -> Self {
        assert!(order > 0, "check::op: order 0, expected at least 1");
        self.order = order;
        self
    }

    /// The seed of all random numbers; the default is 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The relative difference that is allowed; see [`Check::tolerance`](super::Check::tolerance).
    ///
    /// # Panics
    ///
    /// If it is not above 0 and below 1.
    #[track_caller]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        super::expect_tolerance(tolerance);
        self.tolerance = Some(tolerance);
        self
    }

    /// Runs the check and panics with the report if something is wrong.
    ///
    /// # Panics
    ///
    /// If a derivative is wrong, or could not be checked at an ordinary point, or the op panics.
    #[track_caller]
    pub fn assert(self) {
        self.report().assert();
    }

    /// Runs the check.
    #[must_use]
    pub fn report(self) -> OpReport {
        let shapes = self.shapes.clone().unwrap_or_else(|| self.elementwise());
        let mut cases = Vec::new();
        for (number, list) in (0_u64..).zip(&shapes) {
            let seed = fork(self.seed, number);
            let names: Vec<_> = list.iter().map(|shape| format!("{shape:?}")).collect();
            for layout in Layout::ALL {
                let name =
                    if names.is_empty() { layout.to_string() } else { format!("{}, {layout}", names.join(" and ")) };
                cases.push(self.ordinary_case(name, list, &vec![layout; list.len()], seed));
            }
            for operand in (0..list.len()).filter(|_| list.len() > 1) {
                let mut layouts = vec![Layout::Standard; list.len()];
                layouts[operand] = Layout::Transposed;
                let name = format!("{}, operand {operand} transposed", names.join(" and "));
                cases.push(self.ordinary_case(name, list, &layouts, seed));
            }
        }
        cases.extend(self.edge_cases(&shapes));
        OpReport { cases, elementwise: self.shapes.is_none().then_some(self.operands) }
    }

    /// The shapes of an elementwise op's operands.
    fn elementwise(&self) -> Vec<Vec<Vec<usize>>> {
        let equal = SHAPES.iter().map(|shape| vec![shape.to_vec(); self.operands]);
        let pairs = (0..self.operands).flat_map(|operand| {
            BROADCASTS.iter().map(move |[large, small]| {
                let shape = |k: usize| if k == operand { small.to_vec() } else { large.to_vec() };
                (0..self.operands).map(shape).collect()
            })
        });
        let broadcasts = self.broadcasts && self.operands > 1;
        equal.chain(pairs.filter(|_| broadcasts)).collect()
    }

    /// Random numbers of an operand's domain, away from kinks.
    fn ordinary(&self, operand: usize, shape: &[usize], seed: u64) -> ArrayD<T> {
        let Range { start, end } = self.domains[operand].clone().unwrap_or(-2.0..2.0);
        let stream = fork(seed, 100 + operand as u64);
        let away = |x: &f64| self.kinks.iter().all(|kink| (x - kink).abs() > AWAY * (end - start).min(1.0));
        let mut numbers = (0..).map(|i| start + (end - start) * uniform(stream, i)).filter(away);
        ArrayD::from_shape_simple_fn(IxDyn(shape), || T::of(numbers.next().expect("there is no end of numbers")))
    }

    fn all_ordinary(&self, shapes: &[Vec<usize>], seed: u64) -> Vec<ArrayD<T>> {
        shapes.iter().enumerate().map(|(k, shape)| self.ordinary(k, shape, seed)).collect()
    }

    /// The edge values of an operand.
    fn edges_of(&self, operand: usize) -> Vec<f64> {
        let all = self.edges.iter().chain(&self.kinks).copied();
        match &self.domains[operand] {
            None => all.collect(),
            Some(domain) => {
                let inside = all.filter(|x| (domain.start..=domain.end).contains(x));
                inside.chain([domain.start, domain.end]).collect()
            }
        }
    }

    /// Each operand at each of its edges beside ordinary ones, and all of them at once: an edge at which the op is not finite
    /// hides no other. Where operands have several elements, they are at one edge all together, and at all of them mixed.
    fn edge_cases(&self, shapes: &[Vec<Vec<usize>>]) -> Vec<Case> {
        let list = match &self.shapes {
            None => vec![vec![1]; self.operands],
            // The first that has elements.
            Some(_) => match shapes.iter().find(|list| list.iter().flatten().all(|&n| n > 0)) {
                Some(list) => list.clone(),
                None => return Vec::new(),
            },
        };
        let ordinary = self.all_ordinary(&list, self.seed);
        let edges: Vec<_> = (0..self.operands).map(|operand| self.edges_of(operand)).collect();
        let longest = edges.iter().map(Vec::len).max().unwrap_or(0);
        let filled = |operand: usize, first: usize, step: usize| {
            let (edges, mut next) = (&edges[operand], (first..).step_by(step.max(1)));
            let mut edge = || edges[if step == 0 { first } else { next.next().expect("no end") } % edges.len()];
            ArrayD::from_shape_simple_fn(IxDyn(&list[operand]), || T::of(edge()))
        };
        let standard = vec![Layout::Standard; list.len()];
        let case = |name: String, arrays: &[ArrayD<T>]| self.case(name, arrays, &standard, self.seed, true);
        let mut cases = Vec::new();
        for operand in (0..self.operands).filter(|&operand| !edges[operand].is_empty()) {
            let with = |at_edges| {
                let mut arrays = ordinary.clone();
                arrays[operand] = at_edges;
                arrays
            };
            for (k, edge) in edges[operand].iter().enumerate() {
                cases.push(case(format!("operand {operand} at edge {edge:?}"), &with(filled(operand, k, 0))));
            }
            let size = ordinary[operand].len();
            for first in (0..edges[operand].len()).step_by(size).filter(|_| size > 1) {
                let arrays = with(filled(operand, first, 1));
                cases.push(case(format!("operand {operand} at edges {first}, {}, … mixed", first + 1), &arrays));
            }
        }
        if self.operands > 1 && edges.iter().all(|edges| !edges.is_empty()) {
            for k in 0..longest {
                let arrays: Vec<_> = (0..self.operands).map(|operand| filled(operand, k, 0)).collect();
                let at: Vec<_> = edges.iter().map(|edges| format!("{:?}", edges[k % edges.len()])).collect();
                cases.push(case(format!("all operands at edges {}", at.join(" and ")), &arrays));
            }
        }
        cases
    }

    /// Runs one case at random numbers, with others where these leave it undecided: in f32 a derivative that is small by chance
    /// is below what differences can tell.
    fn ordinary_case(&self, name: String, shapes: &[Vec<usize>], layouts: &[Layout], seed: u64) -> Case {
        let draw =
            |seed: u64, check: u64| self.case(name.clone(), &self.all_ordinary(shapes, seed), layouts, check, false);
        let mut case = draw(seed, self.seed);
        for again in 1..DRAWS {
            if !matches!(&case.outcome, Outcome::Failed(report) if is_undecided(report)) {
                break;
            }
            case = draw(fork(seed, again), fork(self.seed, again));
        }
        case
    }

    /// Runs one case.
    fn case(&self, name: String, arrays: &[ArrayD<T>], layouts: &[Layout], seed: u64, edge: bool) -> Case {
        let sources: Vec<_> = arrays.iter().zip(layouts).map(|(x, layout)| layout.source(x)).collect();
        let inputs: Vec<_> = sources.iter().map(|x| x as &dyn Tensor<T>).collect();
        let outcome = match self.run(&inputs, layouts, seed) {
            Ok(None) => Outcome::Passed,
            Ok(Some(report)) if report.passed() => Outcome::Passed,
            Ok(Some(report)) if edge && !is_wrong(&report) => Outcome::Unconfirmed(Box::new(report)),
            Ok(Some(report)) => Outcome::Failed(Box::new(report)),
            Err(panicked) => Outcome::Panicked(panicked.in_short()),
        };
        Case { name, outcome }
    }

    /// Checks the function at these arrays; without elements it is only run.
    fn run(&self, inputs: &[&dyn Tensor<T>], layouts: &[Layout], seed: u64) -> Result<Option<Report>, Panicked> {
        let check = gradients(|v| (self.record)(&views(v, layouts)), inputs);
        let mut check = check.order(self.order).seed(seed);
        check.tolerance = self.tolerance.unwrap_or(check.tolerance);
        if inputs.iter().all(|input| input.elements().is_empty()) {
            let point: Vec<_> = inputs.iter().map(|input| input.elements()).collect();
            let derive = |check: &mut Check<'_, T>| {
                (1..=self.order).for_each(|order| drop(check.subject.derivative(order, seed, &point)));
            };
            return check.watch(derive).map(|()| None);
        }
        let mut check = if layouts.contains(&Layout::Sliced) { check.directions(1) } else { check };
        check.watch(Check::run).map(Some)
    }
}

fn views<'t, T: Real>(sources: &[Var<'t, T>], layouts: &[Layout]) -> Vec<Var<'t, T>> {
    sources.iter().zip(layouts).map(|(&x, layout)| layout.view(x)).collect()
}

impl<T: Real> fmt::Debug for OpCheck<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpCheck")
            .field("operands", &self.operands)
            .field("domains", &self.domains)
            .field("kinks", &self.kinks)
            .field("edges", &self.edges)
            .field("shapes", &self.shapes)
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}
