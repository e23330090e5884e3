//! Layers, losses and initialisers: what networks are made of, every piece a composition of ops.
//!
//! A layer is a plain struct of handles. Making one adds named parameters to a [`Params`](crate::Params) store;
//! [`forward`](Layer::forward) records what it does to a tensor. Nothing here knows more than a layer of one's own:
//!
//! ```
//! use gradus::prelude::*;
//!
//! struct Residual {
//!     norm: LayerNorm,
//!     inner: Mlp,
//! }
//!
//! impl Residual {
//!     fn forward<'t>(&self, x: Var<'t, f32>) -> Var<'t, f32> {
//!         x + self.inner.forward(self.norm.forward(x))
//!     }
//! }
//!
//! let (mut params, mut rng) = (Params::new(), StdRng::seed_from_u64(7));
//! let block = Residual {
//!     norm: LayerNorm::new(&mut params, "norm", 8),
//!     inner: Mlp::new(&mut params, "inner", &[8, 32, 8], Activation::Gelu, &mut rng),
//! };
//! let mut tape = Tape::new();
//! let step = tape.record(&params);
//! assert_eq!(block.forward(step.input(&Array2::ones((4, 8)))).shape(), [4, 8]);
//! ```
//!
//! Batch is axis 0 and features are last everywhere. Layers that behave in another way in training ([`Dropout`],
//! [`BatchNorm`]) ask the recording: [`Tape::train`](crate::Tape::train) or [`Tape::record`](crate::Tape::record).
//! Losses stand in [`loss`], where the first values of weights come from in [`init`].

mod activation;
mod batch_norm;
mod dropout;
mod embedding;
pub mod init;
mod layer;
mod layer_norm;
mod linear;
pub mod loss;
mod metric;
mod mlp;
mod sequential;

pub use activation::Activation;
pub use batch_norm::BatchNorm;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use init::Init;
pub use layer::Layer;
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use loss::{CrossEntropy, bce_with_logits, cross_entropy, huber, mae, mse};
pub use metric::{accuracy, top_k_accuracy};
pub use mlp::Mlp;
pub use sequential::Sequential;

/// Refuses an ε under a root that is no small positive number, or 0.
#[track_caller]
fn expect_epsilon(layer: &str, epsilon: f64) {
    let allowed = epsilon.is_finite() && epsilon >= 0.0;
    assert!(allowed, "{layer}: epsilon {epsilon}, expected a finite number of at least 0");
}
