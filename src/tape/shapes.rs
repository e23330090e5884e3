//! Shapes of a tape, each kept once.

use std::collections::BTreeMap;

use crate::shape::Shape;

/// A shape of a tape's table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ShapeId(u32);

#[derive(Default)]
pub(crate) struct Shapes {
    all: Vec<Shape>,
    ids: BTreeMap<(usize, [usize; crate::shape::MAX_RANK]), u32>,
}

impl Shapes {
    #[inline]
    pub(crate) fn get(&self, id: ShapeId) -> &Shape {
        &self.all[id.0 as usize]
    }

    pub(crate) fn intern(&mut self, shape: Shape) -> ShapeId {
        let mut lengths = [0; crate::shape::MAX_RANK];
        lengths[..shape.rank()].copy_from_slice(&shape);
        let next = u32::try_from(self.all.len()).expect("fewer than 2^32 shapes");
        let id = *self.ids.entry((shape.rank(), lengths)).or_insert(next);
        if id == next {
            self.all.push(shape);
        }
        ShapeId(id)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.all.capacity() * size_of::<Shape>() + self.ids.len() * 64
    }
}
