//! Payload that is larger than an instruction: arrays, labels, indices. Leaves name theirs by its number in the recording.

/// An array that entered as a leaf: lent, or copied here.
#[derive(Debug)]
pub(crate) struct LeafData<T> {
    /// The place in the lender, if the array is lent.
    pub(crate) lent: Option<usize>,
    /// The copy otherwise; its memory is kept for the next recording.
    pub(crate) owned: Vec<T>,
}

impl<T> Default for LeafData<T> {
    fn default() -> Self {
        Self { lent: None, owned: Vec::new() }
    }
}

/// What leaves of one kind hold, in the order of the recording. Its memory is kept for the next one.
#[derive(Debug)]
pub(super) struct Payload<P> {
    items: Vec<P>,
    used: usize,
}

impl<P> Default for Payload<P> {
    fn default() -> Self {
        Self { items: Vec::new(), used: 0 }
    }
}

impl<P: Default> Payload<P> {
    /// Another recording begins.
    pub(super) fn restart(&mut self) {
        self.used = 0;
    }

    /// The number that the next leaf will have.
    pub(super) fn next(&self) -> usize {
        self.used
    }

    /// Gives the leaf of that number its place.
    pub(super) fn grow(&mut self) {
        if self.used == self.items.len() {
            self.items.push(P::default());
        }
        self.used += 1;
    }

    /// That of the leaf recorded last, to be overwritten.
    pub(super) fn last(&mut self) -> &mut P {
        &mut self.items[self.used - 1]
    }

    /// That of the leaf with this number.
    pub(super) fn of(&self, number: u32) -> &P {
        &self.items[number as usize]
    }
}
