//! Sums of products in letter notation.

use crate::real::Real;
use crate::shape::MAX_RANK;
use crate::tape::Var;

/// A letter of the notation, or one of the axes that `...` stands for.
type Label = char;

/// The labels that `...` stands for, last axis first: code points that no one can type into a formula.
fn ellipsis(from_last: usize) -> Label {
    char::from_u32(0xE000 + u32::try_from(from_last).unwrap_or(0)).unwrap_or('.')
}

/// A tensor whose axes have labels.
#[derive(Clone)]
struct Labelled<'t, T: Real> {
    var: Var<'t, T>,
    labels: Vec<Label>,
}

/// Sum of products in the usual letter notation: `"ij,jk->ik"` is a matrix product.
///
/// Each operand names its axes by letters. Letters missing from the result are summed over, equal letters run together,
/// also within one operand (`"ii->i"` is a diagonal). `...` stands for leading axes that broadcast. Without `->` the
/// result has the letters that occur once, in alphabetical order. Blanks are ignored.
///
/// Operands are contracted from left to right, each pair as one (batched) matrix product.
///
/// # Panics
///
/// If the formula is malformed, does not match the operands, or a letter has two lengths.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let m = array![[1.0, 2.0], [3.0, 4.0]];
/// assert_eq!(value(|x| einsum("ii", &[x]), &m), 5.0); // trace
/// assert_eq!(grad(|x| einsum("ij,ij->", &[x, x]), &m), 2.0 * &m); // Σx²
/// ```
#[track_caller]
pub fn einsum<'t, T: Real>(formula: &str, operands: &[Var<'t, T>]) -> Var<'t, T> {
    let Some(first) = operands.first() else { panic!("einsum: \"{formula}\" of no tensors at all") };
    match parse(formula, operands) {
        Ok((terms, result)) => contract(terms, &result),
        Err(message) => first.fail("einsum", &format!("\"{formula}\": {message}")),
    }
}

fn parse<'t, T: Real>(formula: &str, operands: &[Var<'t, T>]) -> Result<(Vec<Labelled<'t, T>>, Vec<Label>), String> {
    let text: String = formula.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match text.split_once("->") {
        Some((left, right)) => (left.to_owned(), Some(right)),
        None => (text.clone(), None),
    };
    let terms: Vec<_> = left.split(',').collect();
    if terms.len() != operands.len() {
        return Err(format!("{} terms for {} operands", terms.len(), operands.len()));
    }
    let mut labelled = Vec::new();
    for (position, (term, &var)) in terms.iter().zip(operands).enumerate() {
        let shape = var.shape();
        let labels = labels(term, shape.rank()).map_err(|why| format!("operand {position} {shape}: {why}"))?;
        labelled.push(Labelled { var, labels });
    }
    let lengths = lengths(&labelled)?;
    let mut broad: Vec<_> = lengths.iter().map(|&(label, _)| label).filter(|&l| l >= ellipsis(0)).collect();
    broad.sort_unstable();
    broad.reverse();
    let result = match right {
        Some(right) if !broad.is_empty() && !right.contains("...") => {
            return Err("the result needs `...`, since operands have axes under it".to_owned());
        }
        Some(right) => {
            let with_dots = right.split_once("...").map_or_else(
                || Ok(right.chars().collect::<Vec<_>>()),
                |(before, after)| {
                    if after.contains("...") {
                        return Err("`...` twice in the result".to_owned());
                    }
                    Ok(before.chars().chain(broad.iter().copied()).chain(after.chars()).collect())
                },
            )?;
            for (at, &label) in with_dots.iter().enumerate() {
                if !lengths.iter().any(|&(known, _)| known == label) {
                    return Err(format!("`{label}` of the result is in no operand"));
                }
                if with_dots[..at].contains(&label) {
                    return Err(format!("`{label}` twice in the result"));
                }
            }
            with_dots
        }
        None => {
            let count = |label| left.chars().filter(|&c| c == label).count();
            let mut once: Vec<_> =
                lengths.iter().map(|&(l, _)| l).filter(|&l| l.is_ascii_alphabetic() && count(l) == 1).collect();
            once.sort_unstable();
            broad.into_iter().chain(once).collect()
        }
    };
    if result.len() > MAX_RANK {
        return Err(format!("the result has {} axes, more than {MAX_RANK}", result.len()));
    }
    Ok((labelled, result))
}

/// The label of each axis of one operand.
fn labels(term: &str, rank: usize) -> Result<Vec<Label>, String> {
    let (before, after) = match term.split_once("...") {
        Some((before, after)) => (before, Some(after)),
        None => (term, None),
    };
    let letters: Vec<_> = before.chars().chain(after.unwrap_or("").chars()).collect();
    if let Some(wrong) = letters.iter().find(|c| !c.is_ascii_alphabetic()) {
        return Err(format!("`{wrong}` is no letter"));
    }
    let covered = rank.checked_sub(letters.len()).filter(|&rest| rest == 0 || after.is_some());
    let Some(covered) = covered else {
        return Err(format!("{} letters for {rank} axes", letters.len()));
    };
    let split = before.chars().count();
    let dots = (0..covered).rev().map(ellipsis);
    Ok(letters[..split].iter().copied().chain(dots).chain(letters[split..].iter().copied()).collect())
}

/// The length of each label; where an operand has length 1 under `...`, it broadcasts.
fn lengths<T: Real>(terms: &[Labelled<'_, T>]) -> Result<Vec<(Label, usize)>, String> {
    let mut lengths: Vec<(Label, usize)> = Vec::new();
    for term in terms {
        for (&label, &n) in term.labels.iter().zip(term.var.shape().iter()) {
            match lengths.iter_mut().find(|(known, _)| *known == label) {
                None => lengths.push((label, n)),
                Some((_, m)) if *m == n => {}
                Some((_, m)) if label >= ellipsis(0) && (*m == 1 || n == 1) => *m = if *m == 1 { n } else { *m },
                Some((_, m)) if label >= ellipsis(0) => {
                    return Err(format!("axes under `...` have lengths {m} and {n}"));
                }
                Some((_, m)) => return Err(format!("`{label}` has lengths {m} and {n}")),
            }
        }
    }
    Ok(lengths)
}

#[track_caller]
fn contract<'t, T: Real>(terms: Vec<Labelled<'t, T>>, result: &[Label]) -> Var<'t, T> {
    let mut rest: std::collections::VecDeque<_> = terms.into_iter().map(Labelled::without_repetition).collect();
    let mut product = rest.pop_front().expect("at least one operand");
    while let Some(next) = rest.pop_front() {
        let needed = |label: &Label| result.contains(label) || rest.iter().any(|term| term.labels.contains(label));
        product = product.times(next, needed);
    }
    product.summed_to(&|label| result.contains(label)).in_order(result).var
}

impl<'t, T: Real> Labelled<'t, T> {
    /// Equal labels run together: the diagonal is taken.
    #[track_caller]
    fn without_repetition(mut self) -> Self {
        while let Some((a, b)) = self.repeated() {
            // Both axes to the end, then every (n + 1)-th element of the two taken as one.
            let rank = self.labels.len();
            let order: Vec<_> = (0..rank).filter(|&axis| axis != a && axis != b).chain([a, b]).collect();
            let n = self.var.shape()[a];
            self.var = self.var.permute(&order).diagonal(n, n);
            self.labels = order[..rank - 1].iter().map(|&axis| self.labels[axis]).collect();
        }
        self
    }

    fn repeated(&self) -> Option<(usize, usize)> {
        (0..self.labels.len()).find_map(|b| (0..b).find(|&a| self.labels[a] == self.labels[b]).map(|a| (a, b)))
    }

    /// Sums over the labels that are not needed.
    #[track_caller]
    fn summed_to(self, needed: &dyn Fn(&Label) -> bool) -> Self {
        let axes: Vec<usize> = (0..self.labels.len()).filter(|&axis| !needed(&self.labels[axis])).collect();
        if axes.is_empty() {
            return self;
        }
        let labels = self.labels.iter().copied().filter(needed).collect();
        Self { var: self.var.sum_axis(&axes[..]), labels }
    }

    /// The axes in this order; every label of `order` must be there or is added with length 1.
    #[track_caller]
    fn in_order(mut self, order: &[Label]) -> Self {
        for &label in order.iter().filter(|&label| !self.labels.contains(label)).collect::<Vec<_>>() {
            self.var = self.var.unsqueeze(-1);
            self.labels.push(label);
        }
        let place = |label: &Label| self.labels.iter().position(|l| l == label).expect("added above");
        let permutation: Vec<_> = order.iter().map(place).collect();
        let var =
            if permutation.iter().copied().eq(0..order.len()) { self.var } else { self.var.permute(&permutation) };
        Self { var, labels: order.to_vec() }
    }

    /// The product with another term, summed over what only these two have and nobody needs.
    #[track_caller]
    fn times(self, other: Self, needed: impl Fn(&Label) -> bool) -> Self {
        let left = self.clone().summed_to(&|label| needed(label) || other.labels.contains(label));
        let right = other.summed_to(&|label| needed(label) || left.labels.contains(label));
        let shared: Vec<_> = left.labels.iter().copied().filter(|label| right.labels.contains(label)).collect();
        let (batch, inner): (Vec<_>, Vec<_>) = shared.into_iter().partition(&needed);
        let only = |term: &Self, other: &Self| -> Vec<Label> {
            term.labels.iter().copied().filter(|label| !other.labels.contains(label)).collect()
        };
        let (rows, columns) = (only(&left, &right), only(&right, &left));
        let labels = [&batch[..], &rows, &columns].concat();
        if inner.is_empty() && labels.len() <= MAX_RANK {
            return Self { var: left.in_order(&labels).var * right.in_order(&labels).var, labels };
        }
        let (left, right) = (
            left.in_order(&[&batch[..], &rows, &inner].concat()),
            right.in_order(&[&batch[..], &inner, &columns].concat()),
        );
        let (a, b) = (left.var.shape(), right.var.shape());
        let size = |lengths: &[usize]| lengths.iter().product::<usize>();
        let (m, n) = (size(&a[batch.len()..batch.len() + rows.len()]), size(&b[batch.len() + inner.len()..]));
        // Axes under `...` may have length 1 in one of the two: they broadcast as batches.
        let group = |var: Var<'t, T>, lengths: &[usize], (p, q): (usize, usize)| {
            let shape: Vec<_> = lengths.iter().copied().chain([p, q]).collect();
            var.reshape(&shape[..])
        };
        let (lead_a, lead_b) = (&a[..batch.len()], &b[..batch.len()]);
        let inner_a = size(&a[batch.len() + rows.len()..]);
        let inner_b = size(&b[batch.len()..batch.len() + inner.len()]);
        let product = if lead_a == lead_b {
            group(left.var, &[size(lead_a)], (m, inner_a)).matmul(group(right.var, &[size(lead_b)], (inner_b, n)))
        } else {
            group(left.var, lead_a, (m, inner_a)).matmul(group(right.var, lead_b, (inner_b, n)))
        };
        let lead: Vec<_> = lead_a.iter().zip(lead_b).map(|(&p, &q)| if p == 1 { q } else { p }).collect();
        let shape = [&lead[..], &a[batch.len()..batch.len() + rows.len()], &b[batch.len() + inner.len()..]].concat();
        Self { var: product.reshape(&shape[..]), labels }
    }
}
