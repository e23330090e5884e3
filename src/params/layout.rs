//! What stands where in a store: names, shapes, offsets, what is frozen.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use super::name::intern;
use crate::shape::Shape;

/// A learned tensor of one [`Params`](super::Params) store: a name, a place, and the identity of the store.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let w = params.add("line.weight", [2], || 0.5);
/// let averaged = params.clone();
/// assert_eq!((w.name(), averaged.value(w).len()), ("line.weight", 2)); // clones know the handle
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Param {
    pub(crate) store: u64,
    pub(crate) index: u32,
    pub(crate) name: &'static str,
}

/// A tensor that is kept and saved with the parameters but never trained: running statistics, masks, class weights.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let mean = params.add_buffer("norm.running_mean", [2], || 0.0);
/// assert_eq!((mean.name(), params.len()), ("norm.running_mean", 0)); // not learned
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Buffer {
    pub(crate) store: u64,
    pub(crate) index: u32,
    pub(crate) name: &'static str,
}

impl Param {
    /// The path of the parameter, such as `mlp.0.weight`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl Buffer {
    /// The path of the buffer, such as `norm.running_mean`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// One named tensor of a flat buffer.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Slot {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) offset: usize,
    pub(crate) frozen: bool,
}

impl Slot {
    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.shape.size()
    }
}

/// The table of a store. Shared between a store, its gradients and the tapes that recorded it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Layout {
    pub(crate) store: u64,
    pub(crate) params: Vec<Slot>,
    pub(crate) buffers: Vec<Slot>,
    /// All names, so that a store of many tensors is made in a time in proportion.
    names: HashSet<&'static str>,
}

static STORES: AtomicU64 = AtomicU64::new(1);

impl Layout {
    pub(super) fn new() -> Self {
        // The number only tells stores apart: no result depends on it.
        let store = STORES.fetch_add(1, Ordering::Relaxed);
        Self { store, params: Vec::new(), buffers: Vec::new(), names: HashSet::new() }
    }

    pub(crate) fn is_same_but_for_freezing(&self, other: &Self) -> bool {
        let same = |a: &[Slot], b: &[Slot]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a.name, a.shape) == (b.name, b.shape))
        };
        self.store == other.store && same(&self.params, &other.params) && same(&self.buffers, &other.buffers)
    }

    #[track_caller]
    pub(super) fn append_param(&mut self, name: &str, shape: Shape) -> Param {
        let name = self.claim(name, shape);
        Param { store: self.store, index: append(&mut self.params, name, shape), name }
    }

    #[track_caller]
    pub(super) fn append_buffer(&mut self, name: &str, shape: Shape) -> Buffer {
        let name = self.claim(name, shape);
        Buffer { store: self.store, index: append(&mut self.buffers, name, shape), name }
    }

    #[track_caller]
    fn claim(&mut self, name: &str, shape: Shape) -> &'static str {
        assert!(!name.is_empty(), "params: a parameter needs a name");
        assert!(
            !name.split('.').any(str::is_empty),
            "params: `{name}` has an empty part\n  help: give each layer a name, parts of a path are joined by one dot"
        );
        if self.names.contains(name)
            && let Some(slot) = self.params.iter().chain(&self.buffers).find(|slot| slot.name == name)
        {
            panic!(
                "params: the name `{name}` is taken by a tensor of shape {}\n  help: give each layer a path of its own, such as `encoder.{name}`",
                slot.shape
            );
        }
        let name = intern(name, shape);
        self.names.insert(name);
        name
    }

    /// Whether the handle belongs here. Names are kept once for a shape, so that their addresses tell tensors apart.
    #[inline]
    pub(crate) fn has_param(&self, param: Param) -> bool {
        let slot = self.params.get(param.index as usize);
        self.store == param.store && slot.is_some_and(|slot| std::ptr::eq(slot.name, param.name))
    }

    /// The slot of a handle, or why the handle does not belong here.
    pub(crate) fn param(&self, param: Param) -> Result<&Slot, String> {
        find(&self.params, (self.store, "parameter"), (param.store, param.index, param.name))
    }

    pub(crate) fn buffer(&self, buffer: Buffer) -> Result<&Slot, String> {
        find(&self.buffers, (self.store, "buffer"), (buffer.store, buffer.index, buffer.name))
    }
}

fn append(slots: &mut Vec<Slot>, name: &'static str, shape: Shape) -> u32 {
    let offset = slots.last().map_or(0, |slot| slot.range().end);
    slots.push(Slot { name, shape, offset, frozen: false });
    u32::try_from(slots.len() - 1).expect("fewer than 2^32 tensors in a store")
}

fn find<'a>(
    slots: &'a [Slot],
    (own, what): (u64, &str),
    (store, index, name): (u64, u32, &'static str),
) -> Result<&'a Slot, String> {
    let slot = slots.get(index as usize);
    match slot {
        Some(slot) if store == own && std::ptr::eq(slot.name, name) => Ok(slot),
        _ => {
            let here = slot.map_or_else(
                || format!("which has {} such tensors", slots.len()),
                |slot| format!("which has `{}` {} in that place", slot.name, slot.shape),
            );
            Err(format!(
                "{what} `{name}` belongs to store #{store}, not to store #{own}, {here}\n  help: record with the store that the layer was made in"
            ))
        }
    }
}
