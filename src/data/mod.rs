//! From a table of numbers to mini-batches.
//!
//! The usual way, in four steps: read a table with `Csv`, divide its rows with [`split`], fit a [`StandardScaler`] on the
//! training part, and hand the rows out with [`Batches`].
//!
//! ```
//! use gradus::data::{Batches, StandardScaler, split};
//! use gradus::prelude::*;
//!
//! // Twelve samples of two features, two classes.
//! let x = Array2::from_shape_fn((12, 2), |(i, j)| (3 * i + j) as f64);
//! let labels: Vec<usize> = (0..12).map(|i| i % 2).collect();
//!
//! let [train, test] = split::stratified(&labels, [0.75, 0.25], 7)?;
//! let scaler = StandardScaler::fit(&gradus::data::rows(&x, &train))?;
//! let x = scaler.transform(&x)?;
//!
//! let mut batches = Batches::of(&x, &labels, 4).rows(&train).shuffled(7);
//! for _epoch in 0..3 {
//!     while let Some((x, labels)) = batches.next() {
//!         assert_eq!(x.nrows(), labels.len());
//!     }
//! }
//! assert_eq!(test.len(), 3);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! Other ways in: [`Idx`] reads the files of MNIST and its like, `npy` those of NumPy, and a [`Stream`] takes samples one
//! by one. [`Source`] is what batches and streams have in common.
//!
//! Reading tables needs the feature `csv`, which is on by default; files of NumPy need `npy`, which is not.

mod batches;
#[cfg(feature = "csv")]
mod csv;
mod idx;
#[cfg(feature = "npy")]
pub mod npy;
mod samples;
mod scaler;
mod source;
pub mod split;
mod statistics;
mod stream;

pub use batches::Batches;
#[cfg(feature = "csv")]
pub use csv::{Csv, Table};
pub use idx::Idx;
pub use samples::{Samples, labels, rows};
pub use scaler::{MinMax, MinMaxScaler, Robust, RobustScaler, Scaler, Standard, StandardScaler};
pub use source::Source;
pub use statistics::Statistic;
pub use stream::{Sample, Stream};
