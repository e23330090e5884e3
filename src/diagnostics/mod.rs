//! What a loss looks like around its parameters, and what a run went through: measurements that say what to do.
//!
//! | question | tool |
//! |---|---|
//! | how curved is it, and which learning rates are stable? | [`curvature`]: the extreme eigenvalues of the Hessian, κ, 2/L |
//! | is this a minimum or a saddle? | [`classify_critical_point`] |
//! | is it convex? | [`probe_convexity`]: a counterexample, or none found in n segments |
//! | how noisy are gradients of batches? | [`gradient_noise`]: Var, the noise scale η/m · Var, the critical batch size |
//! | which learning rate to begin with? | [`find_learning_rate`]: a range test |
//! | what does the store hold? | [`summary`]: names, shapes, counts, bytes, what is trained |
//! | do signals die out or blow up? | [`activations`]: mean, deviation, range, zeros, what is not finite |
//! | does each layer learn? | [`update_ratios`]: how far a step moves each parameter, beside its size |
//! | why does it not converge? | [`diagnose`]: oscillation, divergence, plateau, vanishing or exploding gradients |
//!
//! All leave the parameters as they are. None proves anything: each says on how much evidence it stands.
//!
//! ```
//! use gradus::diagnostics::curvature;
//! use gradus::prelude::*;
//!
//! let mut params = Params::<f64>::new();
//! let x = params.add("x", [2], || 1.0);
//! let bowl = curvature(&params, |step| (step.constant(&array![0.5, 50.0]) * step.param(x).square()).sum())?;
//! assert!((bowl.largest - 100.0).abs() < 1e-9 && (bowl.smallest - 1.0).abs() < 1e-9);
//! assert!((bowl.largest_stable_rate() - 0.02).abs() < 1e-12);
//! # Ok::<(), gradus::Error>(())
//! ```

mod activations;
mod convexity;
mod curvature;
mod lanczos;
mod noise;
mod range;
mod summary;
mod symmetric;
mod table;
mod updates;
mod verdict;

pub use activations::{ActivationRow, Activations, activations};
pub use convexity::{Convexity, Counterexample, Probe, probe_convexity};
pub use curvature::{CriticalPoint, Curvature, Kind, classify_critical_point, curvature};
pub use lanczos::{Lanczos, Spectrum};
pub use noise::{GradientNoise, Measured, gradient_noise};
pub use range::{LearningRates, RangeTest, find_learning_rate};
pub use summary::{Standing, Summary, SummaryRow, summary};
pub use updates::{UpdateRatios, UpdateRow, update_ratios};
pub use verdict::{Diagnosis, Finding, Symptom, diagnose};
