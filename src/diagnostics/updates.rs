//! How far a step moves each parameter, beside its size.

use std::fmt;

use super::table::Table;
use crate::params::{Params, Snapshot, norm_of};
use crate::real::Real;

/// ‖Δθ‖/‖θ‖ for each trained tensor, between a snapshot and now: the step of an optimiser in parts of what it moves.
///
/// With Adam and the like some 10⁻³ a step is usual. Far more, and the learning rate is too large for that layer; far less, and
/// the layer learns next to nothing. Frozen tensors are left out.
///
/// # Panics
///
/// If the snapshot is of another store, or tensors were added since.
///
/// # Examples
///
/// ```
/// use gradus::diagnostics::update_ratios;
/// use gradus::prelude::*;
///
/// let mut params = Params::<f64>::new();
/// let w = params.add("w", [2], || 1.0);
/// let before = params.snapshot();
/// params.value_mut(w).fill(0.99); // an optimiser's step
/// let ratios = update_ratios(&before, &params);
/// assert!((ratios.rows[0].ratio - 0.01).abs() < 1e-12, "{ratios}");
/// ```
#[must_use]
#[track_caller]
pub fn update_ratios<T: Real>(before: &Snapshot<T>, params: &Params<T>) -> UpdateRatios {
    let old = before.flat_of(params);
    let trained = params.layout().params.iter().filter(|slot| !slot.frozen);
    let rows = trained.map(|slot| {
        let (old, new) = (&old[slot.range()], &params.flat()[slot.range()]);
        let weight = norm_of(|| old.iter().map(|x| x.as_f64()));
        let update = norm_of(|| old.iter().zip(new).map(|(a, b)| b.as_f64() - a.as_f64()));
        let ratio = if update == 0.0 { 0.0 } else { update / weight };
        UpdateRow { name: slot.name.to_owned(), weight, update, ratio }
    });
    UpdateRatios { rows: rows.collect() }
}

/// What [`update_ratios`] found, in the order of the store.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct UpdateRatios {
    /// One entry for each trained tensor.
    pub rows: Vec<UpdateRow>,
}

/// How far one tensor moved.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct UpdateRow {
    /// The path, such as `mlp.0.weight`.
    pub name: String,
    /// ‖θ‖ before the step.
    pub weight: f64,
    /// ‖Δθ‖.
    pub update: f64,
    /// ‖Δθ‖/‖θ‖: 0 where nothing moved, infinite where something moved away from 0.
    pub ratio: f64,
}

impl fmt::Display for UpdateRatios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["parameter", "norm", "update", "ratio"]);
        for UpdateRow { name, weight, update, ratio } in &self.rows {
            let number = |x: &f64| format!("{x:.3e}");
            table.row(vec![name.clone(), number(weight), number(update), number(ratio)]);
        }
        table.fmt(f)
    }
}
