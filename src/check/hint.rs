//! What a wrong derivative looks like: the slips that everybody makes.

use std::f64::consts::{LN_2, LN_10, LOG2_E, LOG10_E, PI, TAU};
use std::fmt;

use ndarray::{ArrayD, Axis, IxDyn, Slice};

use super::surroundings::Surroundings;
use crate::shape::Shape;

/// Factors that are known slips.
const KNOWN: [(f64, &str); 12] = [
    (2.0, "a factor ½ is missing, or something is counted twice"),
    (0.5, "a factor 2 is missing, or one of two uses"),
    (-2.0, "sign and a factor of 2"),
    (-0.5, "sign and a factor of ½"),
    (LN_2, "ln 2: another base of the logarithm"),
    (LOG2_E, "1/ln 2: another base of the logarithm"),
    (LN_10, "ln 10: another base of the logarithm"),
    (LOG10_E, "1/ln 10: another base of the logarithm"),
    (PI / 180.0, "π/180: degrees"),
    (180.0 / PI, "180/π: degrees"),
    (PI, "π"),
    (TAU, "2π"),
];

/// What the wrong derivatives of an input look like, by their numbers: a guess that says where to look first.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Hint {
    /// What they have in common with the right ones.
    pub slip: Option<Slip>,
    /// Where the wrong ones stand, if not everywhere.
    pub place: Option<String>,
}

/// A slip that shows in the numbers.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Slip {
    /// The right derivative times −1.
    Sign,
    /// The right derivative times a number.
    Factor {
        /// That number.
        factor: f64,
        /// What it may be, such as the length of an axis.
        meaning: Option<String>,
    },
    /// The derivative is 0 where the right one is not.
    Zero {
        /// The instruction that lets no derivative pass, where it is one.
        by: Option<String>,
    },
    /// The function does not change, though the derivative says that it should.
    Still,
    /// The right derivative, transposed in its last two axes.
    Transposed,
    /// The right derivative, back to front along an axis.
    Reversed {
        /// That axis.
        axis: usize,
    },
    /// The right derivative, moved by one along an axis.
    Shifted {
        /// That axis.
        axis: usize,
    },
    /// The sum of the right derivative over an axis, repeated along it.
    Summed {
        /// That axis.
        axis: usize,
    },
    /// The mean of the right derivative over an axis, repeated along it.
    Averaged {
        /// That axis.
        axis: usize,
    },
    /// The right derivative of another input.
    Swapped {
        /// The other input.
        with: String,
    },
    /// The right derivative plus the same number everywhere.
    Offset(f64),
    /// The numbers of the right derivative in another order.
    Permuted,
    /// The input is repeated by an op whose rule answers in a shape from which that is gone already, so the tape sums nothing, and
    /// the sum over what was repeated may be missing.
    NotSummed(String),
}

/// The derivatives of one input from the tape and from differences.
pub(super) struct Compared {
    pub(super) name: String,
    pub(super) shape: Shape,
    /// The elements that were compared; all of them, or a part.
    pub(super) elements: Vec<Sides>,
}

/// One element.
#[derive(Clone, Copy)]
pub(super) struct Sides {
    /// Where it stands, or nothing for a direction.
    pub(super) place: Option<usize>,
    /// The value of the input there.
    pub(super) x: f64,
    pub(super) analytic: f64,
    pub(super) numeric: f64,
    /// How far the differences may be off.
    pub(super) error: f64,
    pub(super) is_wrong: bool,
}

impl Hint {
    /// What the numbers of one input of several look like, if like anything.
    pub(super) fn find(input: usize, all: &[Compared], around: &Surroundings, tolerance: f64) -> Option<Self> {
        let near = Near(tolerance.max(1e-5) * 4.0);
        let this = &all[input];
        let wrong: Vec<_> = this.elements.iter().filter(|sides| sides.is_wrong).copied().collect();
        if wrong.is_empty() || wrong.iter().any(|sides| !sides.analytic.is_finite() || !sides.numeric.is_finite()) {
            return None;
        }
        let surrounding = around.inputs.get(input);
        let zero = || {
            let by = surrounding.and_then(|around| around.blocked.clone());
            wrong.iter().all(|sides| sides.analytic == 0.0).then_some(Slip::Zero { by })
        };
        // Elements that are right tell of the others: where these move the function, it is computed from the input.
        let stands_still = |sides: &Sides| sides.numeric.abs() <= sides.error;
        let still = || this.elements.iter().all(stands_still).then_some(Slip::Still);
        let factor = near.factor(&wrong).filter(|factor| (factor - 1.0).abs() > near.0);
        let known = || factor.and_then(|factor| near.name(factor, &around.lengths));
        let unknown = || factor.filter(|_| wrong.len() > 1).map(|factor| Slip::Factor { factor, meaning: None });
        let not_summed = || surrounding.and_then(|around| around.repeated.clone()).map(Slip::NotSummed);
        // Numbers that are nearly right where they stand are in no other order.
        let other = || !this.arrays().is_some_and(|(analytic, numeric)| near.arrays(&analytic, &numeric));
        let slip = (zero().or_else(still).or_else(known))
            .or_else(|| other().then(|| near.arrangement(this))?)
            .or_else(|| other().then(|| near.swapped(input, all))?)
            .or_else(unknown)
            .or_else(|| other().then(|| near.offset(&wrong))?)
            .or_else(|| other().then(|| near.permuted(this))?)
            .or_else(not_summed);
        let place = place(this);
        (slip.is_some() || place.is_some()).then_some(Self { slip, place })
    }
}

/// What counts as equal: up to a part of the larger number.
#[derive(Clone, Copy)]
struct Near(f64);

impl Near {
    fn equal(self, a: f64, b: f64, size: f64) -> bool {
        (a - b).abs() <= self.0 * a.abs().max(b.abs()).max(1e-3 * size)
    }

    fn arrays(self, a: &ArrayD<f64>, b: &ArrayD<f64>) -> bool {
        let size = largest(b.iter().copied());
        size > 0.0 && a.shape() == b.shape() && a.iter().zip(b).all(|(&a, &b)| self.equal(a, b, size))
    }

    /// Whether numbers can tell one arrangement of them from another: two of them differ, and neither is 0. Where only one is
    /// not 0, or all that are not are equal, as the derivatives of choices are, nearly any slip moves or repeats the right ones.
    fn telling<'n>(self, numbers: impl Iterator<Item = &'n f64> + Clone, size: f64) -> bool {
        let mut informative = numbers.filter(|x| !self.equal(**x, 0.0, size));
        let first = informative.next();
        first.is_some_and(|first| informative.any(|x| !self.equal(*x, *first, size)))
    }

    /// The number by which all are off.
    fn factor(self, wrong: &[Sides]) -> Option<f64> {
        let size = largest(wrong.iter().map(|sides| sides.numeric));
        // In units of the largest, since squares might overflow.
        let products = |f: fn(f64, f64) -> f64| -> f64 {
            wrong.iter().map(|sides| f(sides.analytic / size, sides.numeric / size)).sum()
        };
        let factor = products(|a, n| a * n) / products(|_, n| n * n);
        let fits = |s: &Sides| self.equal(s.analytic, factor * s.numeric, (factor * size).abs());
        (factor.is_finite() && wrong.iter().all(fits)).then_some(factor)
    }

    /// A factor that is a known slip.
    fn name(self, factor: f64, lengths: &[(usize, String)]) -> Option<Slip> {
        let is = |other: f64| self.equal(factor, other, 0.0);
        if is(-1.0) {
            return Some(Slip::Sign);
        }
        let of_length = lengths.iter().filter(|(n, _)| *n > 1).find_map(|(n, what)| {
            let n = *n as f64;
            let meaning = if is(n) {
                format!("{n} is {what}: a factor 1/n is missing, or a sum is taken twice")
            } else if is(1.0 / n) {
                format!("{n} is {what}: the sum over it is missing, or a factor 1/n is there twice")
            } else if n > 2.0 && (is(n / (n - 1.0)) || is((n - 1.0) / n)) {
                format!("n/(n − 1) or its inverse for n = {n}, which is {what}")
            } else {
                return None;
            };
            Some(meaning)
        });
        let constant = KNOWN.iter().find(|(known, _)| is(*known)).map(|(_, what)| (*what).to_owned());
        let meaning = match (constant, of_length) {
            (None, None) => return None,
            (Some(constant), Some(length)) => format!("{constant}; {length}"),
            (constant, length) => constant.or(length).unwrap_or_default(),
        };
        Some(Slip::Factor { factor, meaning: Some(meaning) })
    }

    /// The right numbers, arranged or added up along an axis.
    fn arrangement(self, this: &Compared) -> Option<Slip> {
        let (analytic, numeric) = this.arrays()?;
        let (rank, size) = (numeric.ndim(), largest(numeric.iter().copied()));
        if !self.telling(numeric.iter(), size) {
            return None;
        }
        if rank > 1 {
            let mut transposed = numeric.clone();
            transposed.swap_axes(rank - 2, rank - 1);
            let flat = transposed.iter().copied().collect();
            let as_stored = ArrayD::from_shape_vec(numeric.raw_dim(), flat).expect("as many elements");
            if self.arrays(&analytic, &as_stored) {
                return Some(Slip::Transposed);
            }
        }
        (0..rank).filter(|&axis| numeric.shape()[axis] > 1).find_map(|axis| {
            let along = Axis(axis);
            let mut reversed = numeric.clone();
            reversed.invert_axis(along);
            if self.arrays(&analytic, &reversed) {
                return Some(Slip::Reversed { axis });
            }
            let from = |x: &ArrayD<f64>| x.slice_axis(along, Slice::from(1..)).to_owned();
            let to = |x: &ArrayD<f64>| x.slice_axis(along, Slice::from(..-1)).to_owned();
            let moved = |a: &ArrayD<f64>, n: &ArrayD<f64>| self.arrays(a, n) && self.telling(n.iter(), size);
            let shifted = moved(&from(&analytic), &to(&numeric)) || moved(&to(&analytic), &from(&numeric));
            if shifted && numeric.shape()[axis] > 2 {
                return Some(Slip::Shifted { axis });
            }
            if !numeric.lanes(along).into_iter().any(|lane| self.telling(lane.iter(), size)) {
                return None;
            }
            let sum = numeric.sum_axis(along).insert_axis(along);
            let repeated = |x: &ArrayD<f64>| x.broadcast(numeric.raw_dim()).map(|x| x.to_owned());
            if self.arrays(&analytic, &repeated(&sum)?) {
                return Some(Slip::Summed { axis });
            }
            let mean = sum / numeric.shape()[axis] as f64;
            self.arrays(&analytic, &repeated(&mean)?).then_some(Slip::Averaged { axis })
        })
    }

    /// The right derivative of another input.
    fn swapped(self, input: usize, all: &[Compared]) -> Option<Slip> {
        let (analytic, numeric) = all[input].arrays()?;
        let others = all.iter().enumerate().filter(|(other, _)| *other != input);
        // One number may agree by chance, but not in both directions.
        let mut same = others.filter(|(_, other)| {
            other.arrays().is_some_and(|(back, there)| {
                let telling = self.telling(there.iter(), largest(there.iter().copied()));
                self.arrays(&analytic, &there) && (telling || self.arrays(&back, &numeric))
            })
        });
        same.next().map(|(_, other)| Slip::Swapped { with: other.name.clone() })
    }

    fn offset(self, wrong: &[Sides]) -> Option<Slip> {
        let offset = wrong[0].analytic - wrong[0].numeric;
        let fits =
            |sides: &Sides| (sides.analytic - sides.numeric - offset).abs() <= self.0 * offset.abs() + sides.error;
        // Beside one number, any other is off by the same everywhere.
        let differ = wrong.iter().any(|sides| !self.equal(sides.numeric, wrong[0].numeric, 0.0));
        (wrong.len() > 2 && differ && wrong.iter().all(fits)).then_some(Slip::Offset(offset))
    }

    fn permuted(self, this: &Compared) -> Option<Slip> {
        let (mut analytic, mut numeric) = this.arrays()?;
        let telling = self.telling(numeric.iter(), largest(numeric.iter().copied()));
        let sort = |x: &mut ArrayD<f64>| x.as_slice_mut().expect("in standard order").sort_by(f64::total_cmp);
        sort(&mut analytic);
        sort(&mut numeric);
        (telling && analytic.len() > 2 && self.arrays(&analytic, &numeric)).then_some(Slip::Permuted)
    }
}

fn largest(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, |size, x| size.max(x.abs()))
}

impl Compared {
    /// Both derivatives as arrays, where all elements were compared.
    fn arrays(&self) -> Option<(ArrayD<f64>, ArrayD<f64>)> {
        let complete =
            self.elements.len() == self.shape.size() && self.elements.iter().all(|sides| sides.place.is_some());
        let array = |of: fn(&Sides) -> f64| {
            let numbers = self.elements.iter().map(of).collect();
            ArrayD::from_shape_vec(IxDyn(&self.shape), numbers).ok().filter(|x| x.iter().all(|x| x.is_finite()))
        };
        if complete { Some((array(|sides| sides.analytic)?, array(|sides| sides.numeric)?)) } else { None }
    }
}

/// What the wrong elements have in common that no right one has: an end of an axis, or the sign of the input.
fn place(this: &Compared) -> Option<String> {
    let placed: Vec<_> = this.elements.iter().filter_map(|sides| sides.place.map(|place| (place, sides))).collect();
    if placed.len() < 3 || placed.iter().all(|(_, sides)| sides.is_wrong) {
        return None;
    }
    let exactly = |at: &dyn Fn(usize, f64) -> bool| placed.iter().all(|(i, sides)| at(*i, sides.x) == sides.is_wrong);
    let strides = this.shape.strides();
    let end = (0..this.shape.rank()).filter(|&axis| this.shape[axis] > 1).find_map(|axis| {
        let n = this.shape[axis];
        let index = |i: usize| i / strides[axis] % n;
        let ends = [(0, "first"), (n - 1, "last")];
        let found = ends.iter().find(|(end, _)| exactly(&|i, _| index(i) == *end));
        let other = || ends.iter().find(|(end, _)| exactly(&|i, _| index(i) != *end));
        let only = |(end, which): &(usize, &str)| format!("only at the {which} index of axis {axis}, {end}");
        let but = |(end, which): &(usize, &str)| format!("everywhere but at the {which} index of axis {axis}, {end}");
        found.map(only).or_else(|| other().map(but))
    });
    let sign = || {
        let negative = exactly(&|_, x| x < 0.0).then_some("negative");
        let positive = || exactly(&|_, x| x > 0.0).then_some("positive");
        let zero = || exactly(&|_, x| x == 0.0).then_some("0");
        let not_zero = || exactly(&|_, x| x != 0.0).then_some("not 0");
        negative.or_else(positive).or_else(zero).or_else(not_zero)
    };
    let sign = sign().map(|what| format!("only where the input is {what}"));
    // Where both fit, there is no telling which it is.
    match (end, sign) {
        (Some(end), Some(sign)) => Some(format!("{end}, or {sign}")),
        (end, sign) => end.or(sign),
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.slip, &self.place) {
            (Some(slip), Some(place)) => write!(f, "{slip}; {place}"),
            (Some(slip), None) => slip.fmt(f),
            (None, place) => f.write_str(place.as_deref().unwrap_or_default()),
        }
    }
}

impl fmt::Display for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Slip::Sign => f.write_str("the sign is wrong"),
            Slip::Factor { factor, meaning } => {
                write!(f, "{} times what it should be", Rounded(*factor))?;
                meaning.iter().try_for_each(|meaning| write!(f, ": {meaning}"))
            }
            Slip::Zero { by: Some(line) } => write!(f, "0, since no derivative passes {line}"),
            Slip::Zero { by: None } => f.write_str("0: forgotten, or cut off from what it is computed from"),
            Slip::Still => f.write_str("the function stands still: its value is not computed from this input"),
            Slip::Transposed => f.write_str("transposed"),
            Slip::Reversed { axis } => write!(f, "back to front along axis {axis}"),
            Slip::Shifted { axis } => write!(f, "moved by one along axis {axis}: an index is off by one"),
            Slip::Summed { axis } => write!(f, "summed over axis {axis}, which was not broadcast"),
            Slip::Averaged { axis } => write!(f, "the mean over axis {axis}"),
            Slip::Swapped { with } => write!(f, "the derivative for `{with}`: two operands are mixed up"),
            Slip::Offset(offset) => {
                write!(f, "off by {} everywhere: a term too many, or one missing", Rounded(*offset))
            }
            Slip::Permuted => f.write_str("the right numbers in another order"),
            Slip::NotSummed(how) => write!(f, "{how}: is its cotangent summed over what was repeated?"),
        }
    }
}

/// A number to four digits, without zeros behind.
struct Rounded(f64);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if size != 0.0 && !(1e-3..1e6).contains(&size) {
            return write!(f, "{:.3e}", self.0);
        }
        let text = format!("{:.4}", self.0);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}
