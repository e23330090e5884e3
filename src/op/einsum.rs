//! Sums of products in letter notation.

use std::cmp::Ordering;

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
/// Operands are contracted from left to right, each pair as one (batched) matrix product. The product of the first few
/// must not have more than 6 axes that the rest or the result needs, letters that always come together counting as one.
/// Cotangents: those of the products and sums.
///
/// # Panics
///
/// If the formula is malformed, does not match the operands, a letter has two lengths, or a product on the way has too
/// many axes.
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
        Ok((terms, result)) => match contract(terms, &result) {
            Ok(var) => var.apart_from(*first),
            Err(message) => first.fail("einsum", &format!("\"{formula}\": {message}")),
        },
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
fn contract<'t, T: Real>(terms: Vec<Labelled<'t, T>>, result: &[Label]) -> Result<Var<'t, T>, String> {
    let terms: Vec<_> = terms.into_iter().map(Labelled::without_repetition).collect();
    if too_wide(&terms, result).is_none() {
        return Ok(contract_pairs(terms, result).in_order(result).var);
    }
    let groups = companions(&terms, result);
    let merged: Vec<_> = terms.iter().map(|term| term.clone().merged(&groups)).collect();
    let kept: Vec<_> = groups.iter().map(|group| group[0]).filter(|label| result.contains(label)).collect();
    if let Some((last, axes)) = too_wide(&merged, &kept) {
        return Err(format!(
            "the product of operands 0 to {last} would have {axes} axes, more than {MAX_RANK}\n  help: put operands that share letters beside each other"
        ));
    }
    let product = contract_pairs(merged, &kept).in_order(&kept);
    // The result gets the axes of each group back.
    let (mut labels, mut shape) = (Vec::new(), Vec::new());
    for (axis, &label) in kept.iter().enumerate() {
        match groups.iter().find(|group| group[0] == label) {
            Some(group) if group.len() > 1 => {
                labels.extend(group);
                shape.extend(group.iter().filter_map(|label| terms.iter().find_map(|term| term.length(*label))));
            }
            _ => {
                labels.push(label);
                shape.push(product.var.shape()[axis]);
            }
        }
    }
    Ok(Labelled { var: product.var.reshape(&shape[..]), labels }.in_order(result).var)
}

/// The product of all terms, summed over what the result has not.
#[track_caller]
fn contract_pairs<'t, T: Real>(terms: Vec<Labelled<'t, T>>, result: &[Label]) -> Labelled<'t, T> {
    let mut rest: std::collections::VecDeque<_> = terms.into();
    let mut product = rest.pop_front().expect("at least one operand");
    while let Some(next) = rest.pop_front() {
        let needed = |label: &Label| result.contains(label) || rest.iter().any(|term| term.labels.contains(label));
        product = product.times(next, needed);
    }
    product.summed_to(&|label| result.contains(label))
}

/// The first operand with which the product has more axes than a tensor can have, and how many.
fn too_wide<T: Real>(terms: &[Labelled<'_, T>], result: &[Label]) -> Option<(usize, usize)> {
    let axes = |last: usize| {
        let needed =
            |label: &Label| result.contains(label) || terms[last + 1..].iter().any(|term| term.labels.contains(label));
        let mut labels: Vec<_> = terms[..=last].iter().flat_map(|term| &term.labels).copied().filter(needed).collect();
        labels.sort_unstable();
        labels.dedup();
        labels.len()
    };
    (1..terms.len()).map(|last| (last, axes(last))).find(|&(_, axes)| axes > MAX_RANK)
}

/// The labels in groups that can be one axis: letters that are in the same terms, and in the result all or none. Axes
/// under `...` may broadcast and stay alone.
fn companions<T: Real>(terms: &[Labelled<'_, T>], result: &[Label]) -> Vec<Vec<Label>> {
    let places = |label: &Label| -> Vec<bool> {
        terms.iter().map(|term| &term.labels[..]).chain([result]).map(|labels| labels.contains(label)).collect()
    };
    let mut groups: Vec<Vec<Label>> = Vec::new();
    for label in terms.iter().flat_map(|term| &term.labels) {
        if groups.iter().any(|group| group.contains(label)) {
            continue;
        }
        let fits = |group: &&mut Vec<Label>| {
            label.is_ascii_alphabetic() && group[0].is_ascii_alphabetic() && places(label) == places(&group[0])
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(*label),
            None => groups.push(vec![*label]),
        }
    }
    groups
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

    fn length(&self, label: Label) -> Option<usize> {
        let axis = self.labels.iter().position(|&l| l == label)?;
        Some(self.var.shape()[axis])
    }

    /// The term with each group of axes as one axis, under the first label of the group.
    #[track_caller]
    fn merged(self, groups: &[Vec<Label>]) -> Self {
        let own: Vec<_> = groups.iter().filter(|group| self.labels.contains(&group[0])).collect();
        let size = |group: &Vec<Label>| group.iter().filter_map(|&label| self.length(label)).product();
        let shape: Vec<usize> = own.iter().map(|group| size(group)).collect();
        let labels = own.iter().map(|group| group[0]).collect();
        Self {
            var: self.in_order(&own.into_iter().flatten().copied().collect::<Vec<_>>()).var.reshape(&shape[..]),
            labels,
        }
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
        let (mut batch, inner): (Vec<_>, Vec<_>) = shared.into_iter().partition(&needed);
        let only = |term: &Self, other: &Self| -> Vec<Label> {
            term.labels.iter().copied().filter(|label| !other.labels.contains(label)).collect()
        };
        let (rows, columns) = (only(&left, &right), only(&right, &left));
        if inner.is_empty() {
            let labels = [&batch[..], &rows, &columns].concat();
            return Self { var: left.in_order(&labels).var * right.in_order(&labels).var, labels };
        }
        // Axes under `...` may have length 1 in one of the two. Those that broadcast alike go together.
        batch.sort_by_key(|&label| (left.length(label) == Some(1)).cmp(&(right.length(label) == Some(1))));
        let labels = [&batch[..], &rows, &columns].concat();
        let (left, right) = (
            left.in_order(&[&batch[..], &rows, &inner].concat()),
            right.in_order(&[&batch[..], &inner, &columns].concat()),
        );
        let (a, b) = (left.var.shape(), right.var.shape());
        let size = |lengths: &[usize]| lengths.iter().product::<usize>();
        let (m, n) = (size(&a[batch.len()..batch.len() + rows.len()]), size(&b[batch.len() + inner.len()..]));
        let (lead_a, lead_b) = (&a[..batch.len()], &b[..batch.len()]);
        let inner_a = size(&a[batch.len() + rows.len()..]);
        let inner_b = size(&b[batch.len()..batch.len() + inner.len()]);
        let product = if lead_a == lead_b {
            let batch = size(lead_a);
            left.var.reshape([batch, m, inner_a]).matmul(right.var.reshape([batch, inner_b, n]))
        } else {
            // One axis for all that broadcast alike: along the right, along none, along the left.
            let up_to = |way| lead_a.iter().zip(lead_b).filter(|&(&p, &q)| (p == 1).cmp(&(q == 1)) <= way).count();
            let cuts = [Ordering::Less, Ordering::Equal].map(up_to);
            let batches =
                |lead: &[usize]| [size(&lead[..cuts[0]]), size(&lead[cuts[0]..cuts[1]]), size(&lead[cuts[1]..])];
            let ([p, q, r], [s, t, u]) = (batches(lead_a), batches(lead_b));
            left.var.reshape([p, q, r, m, inner_a]).matmul(right.var.reshape([s, t, u, inner_b, n]))
        };
        let lead: Vec<_> = lead_a.iter().zip(lead_b).map(|(&p, &q)| if p == 1 { q } else { p }).collect();
        let shape = [&lead[..], &a[batch.len()..batch.len() + rows.len()], &b[batch.len() + inner.len()..]].concat();
        Self { var: product.reshape(&shape[..]), labels }
    }
}
