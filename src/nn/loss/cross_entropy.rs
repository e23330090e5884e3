//! Cross-entropy with options.

use ndarray::Array1;

use super::likelihood::expect_labelled;
use crate::op::Indices;
use crate::params::Buffer;
use crate::real::Real;
use crate::tape::Var;

/// Cross-entropy of logits with labels, in nats, with label smoothing ε, class weights w and a label to ignore.
///
/// ```text
/// lossᵢ = (1 − ε)·w[yᵢ]·(−ln pᵢ[yᵢ]) + ε·(1/C)·Σ_c w[c]·(−ln pᵢ[c]),  p = softmax(x)
/// ```
///
/// | | |
/// |---|---|
/// | [`each`](CrossEntropy::each) | lossᵢ for each row, 0 for an ignored one: `[batch]` |
/// | [`sum`](CrossEntropy::sum) | Σ lossᵢ |
/// | [`mean`](CrossEntropy::mean) | Σ lossᵢ / Σ w\[yᵢ\], both over rows that are not ignored |
///
/// The mean is the weighted one, as in PyTorch: doubling all weights changes nothing. Without options this is
/// [`cross_entropy`](super::cross_entropy). Ignored rows get a gradient of exactly 0, also where they hold NaN.
///
/// # Examples
///
/// ```
/// use gradus::prelude::*;
///
/// let logits = Array2::<f64>::zeros((3, 2)); // −ln p is ln 2 throughout
/// let loss = CrossEntropy::new().ignore_index(9).class_weights(&[1.0, 3.0]);
/// assert_eq!(value(|x| loss.mean(x, &[0, 1, 9]), &logits), 2.0_f64.ln());
/// assert_eq!(value(|x| loss.sum(x, &[0, 1, 9]), &logits), 4.0 * 2.0_f64.ln());
/// ```
///
/// # References
///
/// Szegedy et al. 2016, Rethinking the Inception architecture for computer vision (section 7, label smoothing).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CrossEntropy {
    smoothing: f64,
    ignored: Option<usize>,
    weights: Option<ClassWeights>,
}

/// One weight for each class: a buffer of the store, which is saved with the model, or numbers.
///
/// # Examples
///
/// ```
/// use gradus::{nn::loss::ClassWeights, prelude::*};
///
/// let mut params = Params::<f32>::new();
/// let weights = params.add_buffer("weights", [2], || 0.5);
/// assert_eq!(ClassWeights::from(weights), ClassWeights::Buffer(weights));
/// assert_eq!(ClassWeights::from(&[0.5_f32, 2.0]), ClassWeights::Values(vec![0.5, 2.0]));
/// ```
#[derive(Clone, PartialEq, Debug)]
pub enum ClassWeights {
    /// A tensor `[classes]` of the store.
    Buffer(Buffer),
    /// The weights.
    Values(Vec<f64>),
}

impl From<Buffer> for ClassWeights {
    fn from(buffer: Buffer) -> Self {
        Self::Buffer(buffer)
    }
}

impl<T: Real> From<&[T]> for ClassWeights {
    fn from(weights: &[T]) -> Self {
        Self::Values(weights.iter().map(|w| w.as_f64()).collect())
    }
}

impl<T: Real, const N: usize> From<&[T; N]> for ClassWeights {
    fn from(weights: &[T; N]) -> Self {
        Self::from(&weights[..])
    }
}

impl<T: Real> From<&Vec<T>> for ClassWeights {
    fn from(weights: &Vec<T>) -> Self {
        Self::from(&weights[..])
    }
}

impl<T: Real> From<&Array1<T>> for ClassWeights {
    fn from(weights: &Array1<T>) -> Self {
        Self::Values(weights.iter().map(|w| w.as_f64()).collect())
    }
}

/// The rows that count, and labels that may be looked up also where they do not.
struct Rows<'t, T: Real> {
    labels: Vec<usize>,
    /// 1 for each row that counts, 0 elsewhere, and their number; none where all rows count.
    counted: Option<(Var<'t, T>, usize)>,
    /// Whether one that counts is known to weigh more than 0.
    weighs: bool,
}

/// The losses of rows, and what their sum is to be divided by.
struct Parts<'t, T: Real> {
    losses: Var<'t, T>,
    /// The weight of each row; none where all weigh 1.
    weights: Option<Var<'t, T>>,
    count: usize,
    /// Whether a row is known to weigh more than 0.
    weighs: bool,
}

impl CrossEntropy {
    /// Without options: mean −ln softmax(x)\[label\].
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let loss = value(|x| CrossEntropy::new().mean(x, &[1, 0]), &array![[0.0, 0.0], [0.0, 0.0]]);
    /// assert_eq!(loss, 2.0_f64.ln());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with the part ε of each label spread over all classes equally; 0.1 is usual.
    ///
    /// # Panics
    ///
    /// If `epsilon` is not in [0, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let logits = array![[0.0, 2.0]];
    /// let loss = |part| -> f64 { value(|x| CrossEntropy::new().label_smoothing(part).mean(x, &[1]), &logits) };
    /// let (right, wrong) = (loss(0.0), loss(0.0) + 2.0); // −ln p of class 1 and of class 0
    /// assert!((loss(0.1) - (0.95 * right + 0.05 * wrong)).abs() < 1e-15);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn label_smoothing(self, epsilon: f64) -> Self {
        let allowed = (0.0..=1.0).contains(&epsilon);
        assert!(allowed, "cross_entropy: label smoothing {epsilon}, expected one in [0, 1]");
        Self { smoothing: epsilon, ..self }
    }

    /// The same without the rows that have this label, such as padding. It need not be one of the classes.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let logits = array![[0.0, 0.0], [f64::NAN, 9.0]];
    /// let loss = value(|x| CrossEntropy::new().ignore_index(99).mean(x, &[1, 99]), &logits);
    /// assert_eq!(loss, 2.0_f64.ln()); // of the first row alone
    /// ```
    #[must_use]
    pub fn ignore_index(self, label: usize) -> Self {
        Self { ignored: Some(label), ..self }
    }

    /// The same with one weight for each class: a [`Buffer`], an array or a slice.
    ///
    /// # Panics
    ///
    /// If a weight is negative or not finite. (Those in a buffer are not looked at, neither here nor in
    /// [`mean`](CrossEntropy::mean), which is NaN where all labels weigh 0.)
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let logits = array![[0.0, 0.0], [0.0, 3.0_f64.ln()]]; // losses ln 2 and ln 4
    /// let loss = value(|x| CrossEntropy::new().class_weights(&[1.0, 3.0]).mean(x, &[1, 0]), &logits);
    /// assert!((loss - (3.0 * 2.0_f64.ln() + 4.0_f64.ln()) / (3.0 + 1.0)).abs() < 1e-15);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn class_weights(self, weights: impl Into<ClassWeights>) -> Self {
        let weights = weights.into();
        if let ClassWeights::Values(values) = &weights {
            for (class, w) in values.iter().enumerate() {
                assert!(
                    w.is_finite() && *w >= 0.0,
                    "cross_entropy: weight {w} of class {class}, expected a finite number of at least 0"
                );
            }
        }
        Self { weights: Some(weights), ..self }
    }

    /// Σ lossᵢ / Σ w\[yᵢ\] over the rows that are not ignored.
    ///
    /// # Panics
    ///
    /// If all rows are ignored or of classes that weigh 0, the logits are no matrix, the batch is empty, there
    /// is not one weight for each class, or the labels do not fit in number or range.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let loss = |labels: &[usize]| {
    ///     let logits = Array2::<f64>::zeros((labels.len(), 2));
    ///     value(|x| CrossEntropy::new().mean(x, labels), &logits)
    /// };
    /// assert_eq!(loss(&[0]), loss(&[0, 1, 1, 0]));
    /// ```
    #[track_caller]
    pub fn mean<'t, T: Real>(&self, logits: Var<'t, T>, labels: impl Indices) -> Var<'t, T> {
        let parts = self.parts(logits, labels);
        if parts.count == 0 {
            let rows = logits.shape()[0];
            logits.fail(
                "cross_entropy",
                &format!("all {rows} labels are ignored: there is no mean\n  help: `sum` is 0 then"),
            );
        }
        if !parts.weighs {
            logits.fail(
                "cross_entropy",
                &format!("all {} labels are of classes with weight 0: there is no mean\n  help: take the `sum`, or other weights", parts.count),
            );
        }
        match parts.weights {
            Some(weights) => parts.losses.sum() / weights.sum(),
            None => parts.losses.sum() / parts.count,
        }
    }

    /// Σ lossᵢ; 0 if all rows are ignored.
    ///
    /// # Panics
    ///
    /// If the logits are no matrix, the batch is empty, there is not one weight for each class, or the labels do not fit
    /// in number or range.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let logits = array![[0.0, 0.0], [0.0, 0.0]];
    /// let loss = |labels| value(|x| CrossEntropy::new().ignore_index(9).sum(x, labels), &logits);
    /// assert_eq!((loss([0, 1]), loss([9, 9])), (2.0 * 2.0_f64.ln(), 0.0));
    /// ```
    #[track_caller]
    pub fn sum<'t, T: Real>(&self, logits: Var<'t, T>, labels: impl Indices) -> Var<'t, T> {
        self.parts(logits, labels).losses.sum()
    }

    /// lossᵢ for each row, `[batch]`; 0 for an ignored one.
    ///
    /// # Panics
    ///
    /// If the logits are no matrix, the batch is empty, there is not one weight for each class, or the labels do not fit
    /// in number or range.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    /// let step = tape.record(&params);
    /// let logits = step.zeros([2, 2]);
    /// let losses = CrossEntropy::new().ignore_index(9).each(logits, [0, 9]);
    /// assert_eq!(losses.value(), array![2.0_f64.ln(), 0.0].into_dyn());
    /// ```
    #[track_caller]
    pub fn each<'t, T: Real>(&self, logits: Var<'t, T>, labels: impl Indices) -> Var<'t, T> {
        self.parts(logits, labels).losses
    }

    #[track_caller]
    fn parts<'t, T: Real>(&self, logits: Var<'t, T>, labels: impl Indices) -> Parts<'t, T> {
        let Rows { labels, counted, weighs } = self.rows(logits, labels);
        // Rows that do not count are taken out first: 0·NaN is not 0.
        let logits = match counted {
            Some((mask, _)) => mask.unsqueeze(1).select(logits, 0.0),
            None => logits,
        };
        let of_class = self.weight_of_class(logits);
        let mut losses = logits.cross_entropy_rows(&labels);
        let mut weights = None;
        if let Some(of_class) = of_class {
            let of_row = of_class.index_select(0, &labels);
            losses *= of_row;
            weights = Some(of_row);
        }
        if self.smoothing > 0.0 {
            let log_p = logits.log_softmax(1);
            let over_classes = match of_class {
                Some(of_class) => log_p * of_class,
                None => log_p,
            };
            losses = losses * (1.0 - self.smoothing) - over_classes.mean_axis(1) * self.smoothing;
        }
        let Some((mask, count)) = counted else {
            return Parts { losses, weights, count: labels.len(), weighs };
        };
        if let Some(of_row) = weights {
            weights = Some(of_row * mask);
        }
        Parts { losses: losses * mask, weights, count, weighs }
    }

    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "a reference is passed")]
    fn rows<'t, T: Real>(&self, logits: Var<'t, T>, labels: impl Indices) -> Rows<'t, T> {
        let labels: Vec<usize> = labels.positions().collect();
        expect_labelled("cross_entropy", logits, labels.len());
        let weighs = |label: &usize| match &self.weights {
            // Of another number of classes, which is refused later.
            Some(ClassWeights::Values(values)) => values.get(*label).is_none_or(|&w| T::of(w) > T::zero()),
            Some(ClassWeights::Buffer(_)) | None => true,
        };
        let Some(ignored) = self.ignored else {
            let weighs = labels.iter().any(weighs);
            return Rows { labels, counted: None, weighs };
        };
        let counts = |label: &usize| *label != ignored;
        let mask: Array1<T> = labels.iter().map(|y| T::of(f64::from(u8::from(counts(y))))).collect();
        let count = labels.iter().filter(|y| counts(y)).count();
        let weighs = labels.iter().filter(|y| counts(y)).any(weighs);
        let labels = labels.into_iter().map(|y| if counts(&y) { y } else { 0 }).collect();
        Rows { labels, counted: Some((logits.constant(&mask), count)), weighs }
    }

    #[track_caller]
    fn weight_of_class<'t, T: Real>(&self, logits: Var<'t, T>) -> Option<Var<'t, T>> {
        let weights = match self.weights.as_ref()? {
            ClassWeights::Buffer(buffer) => logits.buffer(*buffer),
            ClassWeights::Values(values) => {
                let weights: Array1<T> = values.iter().map(|&w| T::of(w)).collect();
                logits.constant(&weights)
            }
        };
        let (own, shape) = (weights.shape(), logits.shape());
        if own != [shape[1]] {
            logits.fail("cross_entropy", &format!("class weights {own} for logits {shape}, expected [{}]", shape[1]));
        }
        Some(weights)
    }
}
