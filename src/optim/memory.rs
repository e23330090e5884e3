//! What a driver keeps between the steps, and where in the store it belongs.

use std::ops::Range;
use std::sync::Arc;

use crate::kernel::aligned::Aligned;
use crate::kernel::squares::PIECE;
use crate::params::{Layout, Slot};
use crate::real::Real;

use super::group::Group;
use super::rule::Rule;
use super::state::list;

/// The vectors of a rule and the iterations of each tensor, in the layout of a store; the segments to update.
#[derive(Clone, Debug)]
pub(super) struct Memory<T> {
    layout: Option<Arc<Layout>>,
    /// Whether `segments` is right for `layout`.
    planned: bool,
    pub(super) segments: Vec<Segment>,
    names: &'static [&'static str],
    /// The segments cut up, in order: what threads share. `segment_of` tells where each belongs, `sums` has room for one
    /// number of each.
    pub(super) pieces: Vec<Range<usize>>,
    pub(super) segment_of: Vec<usize>,
    pub(super) sums: Vec<f64>,
    pub(super) vectors: Vec<Aligned<T>>,
    /// The updates that each tensor has had.
    pub(super) iterations: Vec<u64>,
}

/// A range of values that are updated alike: neighbours of one group and one number of iterations, none frozen.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) range: Range<usize>,
    pub(super) group: Option<usize>,
    /// The first tensor in the range.
    pub(super) tensor: usize,
}

impl<T: Real> Memory<T> {
    pub(super) fn new() -> Self {
        Self {
            layout: None,
            planned: false,
            segments: Vec::new(),
            pieces: Vec::new(),
            segment_of: Vec::new(),
            sums: Vec::new(),
            names: &[],
            vectors: Vec::new(),
            iterations: Vec::new(),
        }
    }

    /// The tensors it belongs to; none before the first step.
    pub(super) fn slots(&self) -> &[Slot] {
        self.layout.as_ref().map_or(&[], |layout| &layout.params)
    }

    /// Has the segments found anew, since groups or options changed.
    pub(super) fn replan(&mut self) {
        self.planned = false;
    }

    /// Whether nothing has to be done before a step on a store of this layout: so in most steps.
    pub(super) fn is_ready(&self, layout: &Arc<Layout>) -> bool {
        self.planned && self.layout.as_ref().is_some_and(|own| Arc::ptr_eq(own, layout))
    }

    /// Makes itself right for a layout that was [checked](Self::check). Tensors that were added begin anew.
    pub(super) fn prepare<R: Rule>(&mut self, layout: &Arc<Layout>, rule: &R, groups: &[Group]) {
        self.names = rule.vectors();
        let size = layout.params.last().map_or(0, |slot| slot.range().end);
        self.vectors.resize_with(self.names.len(), Aligned::new);
        for (vector, name) in self.vectors.iter_mut().zip(self.names) {
            vector.resize(size, T::of(rule.initial(name)));
        }
        self.iterations.resize(layout.params.len(), 0);
        self.layout = Some(Arc::clone(layout));
        self.plan(groups);
    }

    /// Whether it can go on with this layout and these options, or why not.
    pub(super) fn check<R: Rule>(&self, layout: &Arc<Layout>, rule: &R, groups: &[Group]) -> Result<(), String> {
        expect_members(layout, groups)?;
        let Some(own) = &self.layout else {
            return Ok(());
        };
        let mut pairs = own.params.iter().zip(&layout.params);
        let grown = own.store == layout.store
            && own.params.len() <= layout.params.len()
            && pairs.all(|(a, b)| (a.name, a.shape) == (b.name, b.shape));
        if !grown {
            return Err(format!(
                "an earlier step was on store #{} with {} tensors, the parameters are store #{} with {}\n  help: give each store an optimiser of its own",
                own.store,
                own.params.len(),
                layout.store,
                layout.params.len()
            ));
        }
        if self.names != rule.vectors() {
            return Err(format!(
                "options were changed after the first step: it has kept {} and would now keep {}",
                list(self.names),
                list(rule.vectors())
            ));
        }
        Ok(())
    }

    fn plan(&mut self, groups: &[Group]) {
        let slots = self.layout.as_ref().map_or(&[][..], |layout| &layout.params);
        self.segments.clear();
        for (tensor, slot) in slots.iter().enumerate() {
            if slot.frozen || slot.shape.size() == 0 {
                continue;
            }
            let group = groups.iter().position(|group| (group.which.0)(slot.name));
            match self.segments.last_mut() {
                Some(last)
                    if last.range.end == slot.offset
                        && last.group == group
                        && self.iterations[last.tensor] == self.iterations[tensor] =>
                {
                    last.range.end = slot.range().end;
                }
                _ => self.segments.push(Segment { range: slot.range(), group, tensor }),
            }
        }
        self.cut();
        self.planned = true;
    }

    fn cut(&mut self) {
        self.pieces.clear();
        self.segment_of.clear();
        for (index, Segment { range, .. }) in self.segments.iter().enumerate() {
            let starts = range.clone().step_by(PIECE);
            self.segment_of.extend(starts.clone().map(|_| index));
            self.pieces.extend(starts.map(|start| start..range.end.min(start + PIECE)));
        }
        self.sums.clear();
        self.sums.resize(self.pieces.len(), 0.0);
    }

    /// The number of values that are updated.
    pub(super) fn size(&self) -> usize {
        self.segments.iter().map(|segment| segment.range.len()).sum()
    }

    /// Counts one more update for each tensor that gets one.
    pub(super) fn count(&mut self) {
        let slots = self.layout.as_ref().map_or(&[][..], |layout| &layout.params);
        for (iterations, slot) in self.iterations.iter_mut().zip(slots) {
            *iterations += u64::from(!slot.frozen);
        }
    }

    /// Takes over what was saved; it must fit the layout.
    pub(super) fn restore(
        &mut self,
        layout: &Arc<Layout>,
        names: &'static [&'static str],
        vectors: Vec<Aligned<T>>,
        iterations: Vec<u64>,
    ) {
        let layout = Some(Arc::clone(layout));
        *self = Self { layout, names, vectors, iterations, ..Self::new() };
    }
}

/// A group without a tensor is a mistake in its predicate.
fn expect_members(layout: &Layout, groups: &[Group]) -> Result<(), String> {
    /// How many names a message lists.
    const LISTED: usize = 8;
    let accepts_none = |group: &Group| !layout.params.iter().any(|slot| (group.which.0)(slot.name));
    let Some(empty) = groups.iter().position(accepts_none).filter(|_| !layout.params.is_empty()) else {
        return Ok(());
    };
    let count = layout.params.len();
    let names: Vec<_> = layout.params.iter().map(|slot| slot.name).take(LISTED).collect();
    let rest = if count > LISTED { ", …" } else { "" };
    Err(format!(
        "group {} of {} accepts none of the {count} tensors: {}{rest}\n  help: its predicate gets the whole path, such as `{}`",
        empty + 1,
        groups.len(),
        names.join(", "),
        names[0]
    ))
}
