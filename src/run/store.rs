//! Memory for values: it belongs to positions of the log and is kept from recording to recording.
//!
//! A value takes the smallest free buffer that is large enough, but none of more than twice its size in cache lines. Where there is none,
//! the largest free buffer that is too small is given back for a new one. So a recording that grows leaves nothing behind;
//! and programs that take turns stop allocating, since buffers only grow, in size and in number, and have to grow only where
//! all of about that size are in use. What was needed once and never again is kept, until the tape is cleared.

use std::collections::BTreeMap;

use crate::kernel::aligned::Aligned;
use crate::real::Real;

/// Where the value of a position stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Slot {
    None,
    Scalar(u32),
    Buffer(u32),
}

/// Scalars side by side, larger values each in a buffer of their own.
#[derive(Debug)]
pub(super) struct Store<T> {
    slots: Vec<Slot>,
    scalars: Vec<T>,
    buffers: Vec<Aligned<T>>,
    free_scalars: Vec<u32>,
    /// Buffers of positions that are gone, by capacity.
    free_buffers: BTreeMap<usize, Vec<usize>>,
}

impl<T: Real> Store<T> {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            scalars: Vec::new(),
            buffers: Vec::new(),
            free_scalars: Vec::new(),
            free_buffers: BTreeMap::new(),
        }
    }

    /// Makes room for positions below `len`.
    pub(super) fn cover(&mut self, len: usize) {
        if self.slots.len() < len {
            self.slots.reserve_exact(len - self.slots.len());
            self.slots.resize(len, Slot::None);
        }
    }

    /// Takes back the memory of the positions from `len` on.
    pub(super) fn truncate(&mut self, len: usize) {
        for slot in self.slots.drain(len.min(self.slots.len())..) {
            match slot {
                Slot::None => {}
                Slot::Scalar(at) => self.free_scalars.push(at),
                Slot::Buffer(at) => {
                    let at = at as usize;
                    self.free_buffers.entry(self.buffers[at].capacity()).or_default().push(at);
                }
            }
        }
    }

    pub(super) fn get(&self, position: usize) -> &[T] {
        match self.slots[position] {
            Slot::None => &[],
            Slot::Scalar(at) => std::slice::from_ref(&self.scalars[at as usize]),
            Slot::Buffer(at) => &self.buffers[at as usize],
        }
    }

    /// Fills the value of a position, of this size: `fill` may look at all other values meanwhile.
    pub(super) fn fill(&mut self, position: usize, size: usize, fill: impl FnOnce(&Self, &mut [T])) {
        let slot = match self.slots[position] {
            Slot::None => self.allocate(position, size),
            slot => slot,
        };
        match slot {
            Slot::None => {}
            Slot::Scalar(at) => {
                let mut out = [T::zero()];
                fill(self, &mut out);
                self.scalars[at as usize] = out[0];
            }
            Slot::Buffer(at) => {
                let mut out = std::mem::take(&mut self.buffers[at as usize]);
                // Only after a run that panicked is the buffer not there, or one of another size.
                out.resize(size, T::zero());
                fill(self, &mut out);
                self.buffers[at as usize] = out;
            }
        }
    }

    fn allocate(&mut self, position: usize, size: usize) -> Slot {
        let slot = if size == 1 {
            Slot::Scalar(self.free_scalars.pop().unwrap_or_else(|| {
                self.scalars.push(T::zero());
                narrow(self.scalars.len() - 1)
            }))
        } else {
            Slot::Buffer(narrow(match self.free_buffers.range(size..=2 * Aligned::<T>::whole_lines(size)).next() {
                Some((&capacity, _)) => self.take_free(capacity),
                None => self.new_buffer(size),
            }))
        };
        self.slots[position] = slot;
        slot
    }

    /// A new buffer of exactly this capacity, in the place of the largest free one below it.
    fn new_buffer(&mut self, size: usize) -> usize {
        if let Some((&capacity, _)) = self.free_buffers.range(..size).next_back() {
            let at = self.take_free(capacity);
            let buffer = &mut self.buffers[at];
            // The old memory goes before the new comes.
            *buffer = Aligned::new();
            *buffer = Aligned::with_capacity(size);
            return at;
        }
        self.buffers.push(Aligned::with_capacity(size));
        self.buffers.len() - 1
    }

    fn take_free(&mut self, capacity: usize) -> usize {
        let free = self.free_buffers.get_mut(&capacity).expect("a capacity that was found");
        let at = free.pop().expect("lists are not empty");
        if free.is_empty() {
            self.free_buffers.remove(&capacity);
        }
        at
    }

    /// The bytes of the tables, without the values.
    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>() + self.buffers.capacity() * size_of::<Aligned<T>>()
    }
}

fn narrow(at: usize) -> u32 {
    u32::try_from(at).expect("fewer than 2^32 values")
}
