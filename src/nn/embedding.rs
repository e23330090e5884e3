//! Embeddings.

use rand::Rng;

use super::Init;
use crate::op::Positions;
use crate::params::{Param, Params};
use crate::real::Real;
use crate::tape::{Recorder, Var};

/// A learned vector for each of a number of things: words, users, colours.
///
/// | | shape |
/// |---|---|
/// | positions | n numbers from 0 to count − 1, or an array of them, `[batch, length]` |
/// | weight | `[count, width]` |
/// | y | `[n, width]`, `[batch, length, width]` |
///
/// The vectors start normal with mean 0 and variance 1, as in PyTorch. Only the rows that were looked up get a
/// gradient; those that came up several times get the sum.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let (mut params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(7));
/// let words = Embedding::new(&mut params, "words", 1000, 16, &mut rng);
/// let mut tape = Tape::new();
/// let step = tape.record(&params);
/// let sentence = [3, 141, 59, 26];
/// assert_eq!(words.forward(&step, &sentence).shape(), [4, 16]);
/// assert_eq!(words.forward(&step, &array![[3, 141, 59], [26, 5, 35]]).shape(), [2, 3, 16]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Embedding {
    /// The vectors, one in each row, named `….weight`.
    pub weight: Param,
}

impl Embedding {
    /// Adds `count` vectors of this width to the store.
    ///
    /// # Panics
    ///
    /// If count or width is 0 or the name is taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (mut params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(7));
    /// let words = Embedding::new(&mut params, "words", 1000, 16, &mut rng);
    /// assert_eq!((words.weight.name(), params.value(words.weight).shape()), ("words.weight", &[1000, 16][..]));
    /// ```
    #[track_caller]
    pub fn new<T: Real>(
        params: &mut Params<T>,
        name: &str,
        count: usize,
        width: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Self {
        assert!(
            count > 0 && width > 0,
            "embedding `{name}`: {count} vectors of width {width}, expected at least one of each"
        );
        let vectors = Init::Normal { mean: 0.0, deviation: 1.0 }.array([count, width], rng);
        Self { weight: params.add_array(&format!("{name}.weight"), &vectors) }
    }

    /// The vectors at these positions, along a last axis of their own; `near` is the recording (`&step`) or, where only a tensor is at
    /// hand, `x.recording()`.
    ///
    /// # Panics
    ///
    /// If a position is out of range.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (mut params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(7));
    /// let words = Embedding::new(&mut params, "words", 3, 2, &mut rng);
    /// params.value_mut(words.weight).assign(&array![[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]);
    /// let mut tape = Tape::new();
    /// let step = tape.record(&params);
    /// assert_eq!(words.forward(&step, &[2, 0]).value(), array![[4.0, 5.0], [0.0, 1.0]].into_dyn());
    /// ```
    #[track_caller]
    pub fn forward<'t, T: Real>(&self, near: impl Into<Recorder<'t, T>>, positions: impl Positions) -> Var<'t, T> {
        let rows = near.into().param(self.weight).select_at("embedding: index", 0, positions.in_order());
        let mut lengths = positions.lengths();
        if lengths.len() == 1 {
            return rows;
        }
        lengths.push(rows.shape()[1]);
        rows.reshape(lengths)
    }
}
