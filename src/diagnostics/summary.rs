//! What a store of parameters holds.

use std::fmt;

use super::table::Table;
use crate::bytes::Bytes;
use crate::params::{Entry, Params};
use crate::real::Real;
use crate::shape::Shape;

/// A table of the tensors of a store: name, shape, number of values, bytes, and whether it is trained.
///
/// # Examples
///
/// ```
/// use gradus::diagnostics::summary;
/// use gradus::prelude::*;
///
/// let mut params = Params::<f32>::new();
/// Mlp::new(&mut params, "mlp", &[3, 4, 2], Activation::Tanh, &mut StdRng::seed_from_u64(7));
/// params.add_buffer("mean", [3], || 0.0);
/// params.freeze(|name| name.starts_with("mlp.0."));
/// let summary = summary(&params);
/// assert_eq!((summary.trained(), summary.frozen(), summary.buffers()), (4 * 2 + 2, 3 * 4 + 4, 3));
/// assert!(summary.to_string().contains("mlp.1.weight"), "{summary}");
/// ```
#[must_use]
pub fn summary<T: Real>(params: &Params<T>) -> Summary {
    let row = |entry: Entry<'_, T>, standing| SummaryRow {
        name: entry.name.to_owned(),
        shape: entry.shape,
        count: entry.values.len(),
        bytes: size_of_val(entry.values),
        standing,
    };
    let learned = params.iter().map(|entry| {
        let standing = if entry.frozen { Standing::Frozen } else { Standing::Trained };
        row(entry, standing)
    });
    let buffers = params.buffers().map(|entry| row(entry, Standing::Buffer));
    Summary { rows: learned.chain(buffers).collect(), element: T::NAME }
}

/// What [`summary`] says of a store.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Summary {
    /// The learned tensors in the order of the store, then the buffers.
    pub rows: Vec<SummaryRow>,
    /// The type of the elements, `f32` or `f64`.
    pub element: &'static str,
}

/// One tensor of a store.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct SummaryRow {
    /// The path, such as `mlp.0.weight`.
    pub name: String,
    /// The shape.
    pub shape: Shape,
    /// The number of values.
    pub count: usize,
    /// The bytes of the values.
    pub bytes: usize,
    /// Whether it is trained.
    pub standing: Standing,
}

/// Whether a tensor of a store is trained.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Standing {
    /// Optimisers change it.
    Trained,
    /// Learned, but left as it is for now.
    Frozen,
    /// Kept and saved, never trained.
    Buffer,
}

impl Summary {
    fn total(&self, standing: Standing) -> (usize, usize) {
        let rows = self.rows.iter().filter(|row| row.standing == standing);
        rows.fold((0, 0), |(count, bytes), row| (count + row.count, bytes + row.bytes))
    }

    /// The number of values that are trained.
    #[must_use]
    pub fn trained(&self) -> usize {
        self.total(Standing::Trained).0
    }

    /// The number of values that are frozen.
    #[must_use]
    pub fn frozen(&self) -> usize {
        self.total(Standing::Frozen).0
    }

    /// The number of values of buffers.
    #[must_use]
    pub fn buffers(&self) -> usize {
        self.total(Standing::Buffer).0
    }

    /// The bytes of all values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.rows.iter().map(|row| row.bytes).sum()
    }
}

impl Standing {
    fn name(self) -> &'static str {
        match self {
            Self::Trained => "trained",
            Self::Frozen => "frozen",
            Self::Buffer => "buffer",
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["name", "shape", "count", "memory", ""]);
        for SummaryRow { name, shape, count, bytes, standing } in &self.rows {
            let memory = Bytes(*bytes).to_string();
            table.row(vec![name.clone(), shape.to_string(), count.to_string(), memory, standing.name().to_owned()]);
        }
        table.rule();
        for standing in [Standing::Trained, Standing::Frozen, Standing::Buffer] {
            let (count, bytes) = self.total(standing);
            if count > 0 || standing == Standing::Trained {
                let name = format!("all {}", self.element);
                let memory = Bytes(bytes).to_string();
                table.row(vec![name, String::new(), count.to_string(), memory, standing.name().to_owned()]);
            }
        }
        table.fmt(f)
    }
}
