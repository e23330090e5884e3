//! What is said of values that spoil a run: the first that is not finite, and operands that an op refuses.

use std::fmt::Write;

use crate::op::{Leaf, Op, Values};
use crate::real::Real;
use crate::tape::log::{Entry, Id, Log};
use crate::tape::{line, name, nearest_param};

/// Lines of the listing that are shown before and after the culprit.
const BEFORE: u32 = 3;
const AFTER: u32 = 2;

/// Describes the first NaN or infinity of a value, if there is one: the op, its line, its operands, the nearest parameter,
/// and the listing around it.
pub(super) fn describe<T: Real>(log: &Log<T>, values: &dyn Values<T>, id: Id) -> Option<String> {
    let data = values.value(id);
    let at = data.iter().position(|x| !x.is_finite())?;
    let (entry, shape) = (log.entry(id), log.shape(id));
    let leaf = matches!(entry.op, Op::Leaf(_));
    let adjoint = log.sweeps.has_recorded(id);
    let mut text = format!(
        "check_finite: {}{} {} {} at {}",
        name(log, entry),
        if adjoint { ", in a derivative," } else { "" },
        if leaf { "holds" } else { "gives" },
        data[at],
        shape.coordinates(at)
    );
    let mut say = |what: &str| text.push_str(what);
    say(&format!("\n  {} at {}", if adjoint { "for what was recorded" } else { "recorded" }, log.place(id)));
    if let Some(param) = nearest_param(log, &[id]) {
        say(&format!("\n  near parameter `{param}`"));
    }
    say(&format!("\n  result {shape}: {}", summary(data)));
    for operand in 0..log.operands(entry).len() {
        let source = values.source(entry, operand);
        if !matches!(log.entry(source).op, Op::Leaf(Leaf::Seed | Leaf::Indices)) {
            let there = element(log, values, entry, id, at, operand)
                .map_or_else(String::new, |x| format!("{} there, ", short(x)));
            say(&format!("\n  of {}: {there}{}", line(log, source), summary(values.value(source))));
        }
    }
    let last = (id + AFTER).min(u32::try_from(log.len()).expect("ids are u32") - 1);
    for near in id.saturating_sub(BEFORE)..=last {
        say(&format!("\n  {} {}", if near == id { ">" } else { " " }, line(log, near)));
    }
    Some(text)
}

/// Describes an op that has no result for these values: what it says of them, its line, the nearest parameter.
pub(super) fn refused<T: Real>(log: &Log<T>, id: Id, why: &str) -> String {
    let entry = log.entry(id);
    let near = nearest_param(log, log.operands(entry))
        .map_or_else(String::new, |param| format!("\n  near parameter `{param}`"));
    let derivative = if log.sweeps.has_recorded(id) { ", for a derivative" } else { "" };
    format!("{}: {why}\n  recorded at {}{derivative}{near}", name(log, entry), log.place(id))
}

/// The element of an operand that an element of a pointwise op is made of.
fn element<T: Real>(
    log: &Log<T>,
    values: &dyn Values<T>,
    entry: &Entry,
    id: Id,
    at: usize,
    operand: usize,
) -> Option<T> {
    let (whole, own) = (log.shape(id), log.operands(entry)[operand]);
    if !entry.op.is_pointwise() || whole.rank() == 0 {
        return None;
    }
    let (strides, mut rest, mut place) = (log.shape(own).broadcast_strides(whole), at, 0);
    for axis in (0..whole.rank()).rev() {
        place += rest % whole[axis] * strides[axis];
        rest /= whole[axis];
    }
    Some(values.value(own)[place])
}

/// A number, with an exponent where it would have many digits.
fn short<T: Real>(x: T) -> String {
    let size = x.as_f64().abs();
    if size == 0.0 || !size.is_finite() || (1e-5..1e16).contains(&size) { x.to_string() } else { format!("{x:e}") }
}

/// The range of a value's finite elements, and how many are not finite.
fn summary<T: Real>(data: &[T]) -> String {
    if data.is_empty() {
        return "no elements".to_owned();
    }
    let finite = || data.iter().copied().filter(|x| x.is_finite());
    let nan = data.iter().filter(|x| x.is_nan()).count();
    let infinite = data.len() - finite().count() - nan;
    let (low, high) = finite().fold((T::infinity(), T::neg_infinity()), |(a, b), x| (a.min(x), b.max(x)));
    let mut text =
        if low <= high { format!("from {} to {}", short(low), short(high)) } else { "none finite".to_owned() };
    for (count, what) in [(nan, "NaN"), (infinite, "infinite")] {
        if count > 0 {
            write!(text, ", {count} {what}").expect("a string takes all");
        }
    }
    if nan + infinite > 0 {
        write!(text, ", of {}", data.len()).expect("a string takes all");
    }
    text
}
