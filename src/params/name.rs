//! Names of parameters, kept once for the life of the program.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::shape::Shape;

static NAMES: Mutex<BTreeMap<&'static str, Vec<(Shape, &'static str)>>> = Mutex::new(BTreeMap::new());

/// The one copy of this name for a tensor of this shape: its address tells it from all others. Handles can then carry
/// their name and stay `Copy`; what is kept is bounded by the number of different names and shapes.
pub(super) fn intern(name: &str, shape: Shape) -> &'static str {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let known = names.get(name).and_then(|copies| copies.iter().find(|(of, _)| *of == shape));
    if let Some(&(_, copy)) = known {
        return copy;
    }
    let copy: &'static str = Box::leak(name.into());
    names.entry(copy).or_default().push((shape, copy));
    copy
}
