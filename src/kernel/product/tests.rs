//! Products against their definition, bit for bit, and against `matrixmultiply`.

use super::block::stretch;
use super::{Matrix, Product, Start};
use crate::kernel::simd::{Element, Level};
use crate::real::Real;

/// Numbers without a pattern, from −1 to 1.
fn numbers<T: Real>(n: usize, seed: u64) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        T::of((state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0)
    };
    std::iter::repeat_with(next).take(n).collect()
}

/// A product's operands: A of `m × k`, B of `k × n`, each stored as it is or transposed.
struct Case<T> {
    m: usize,
    k: usize,
    n: usize,
    transposed: [bool; 2],
    a: Vec<T>,
    b: Vec<T>,
    row: Vec<T>,
}

impl<T: Element> Case<T> {
    fn new([m, k, n]: [usize; 3], transposed: [bool; 2]) -> Self {
        let seed = (m * 1_000_000 + k * 1000 + n) as u64;
        let (a, b) = (numbers(m * k, seed), numbers(k * n, seed + 1));
        Self { m, k, n, transposed, a, b, row: numbers(n, seed + 2) }
    }

    fn matrices(&self) -> (Matrix<'_, T>, Matrix<'_, T>) {
        let Self { m, k, n, transposed: [ta, tb], .. } = *self;
        let (rows, columns) = if ta { (k, m) } else { (m, k) };
        let a = Matrix::new(&self.a, rows, columns, ta);
        let (rows, columns) = if tb { (n, k) } else { (k, n) };
        (a, Matrix::new(&self.b, rows, columns, tb))
    }

    /// The product as a level computes it.
    fn at(&self, level: Level, start: Start<'_, T>) -> Vec<T> {
        let (a, b) = self.matrices();
        let mut c = vec![T::nan(); self.m * self.n];
        let product = Product::new(a, b, start, &mut c);
        assert!(level.is_available());
        // SAFETY: the machine has the level; all of c.
        unsafe { product.compute_at(level, 0..self.m, 0..self.n) }
        c
    }

    fn starts(&self) -> [(&'static str, Start<'_, T>); 2] {
        [("zero", Start::Zero), ("row", Start::Row(&self.row))]
    }

    /// The products of one element in order of k.
    fn pairs(&self, i: usize, j: usize) -> Vec<(T, T)> {
        let (a, b) = self.matrices();
        (0..self.k).map(|p| (a.at(i, p), b.at(p, j))).collect()
    }

    /// What the element is defined to be, with registers of `lanes`.
    fn element(&self, i: usize, j: usize, start: Option<T>, lanes: usize) -> T {
        let pairs = self.pairs(i, j);
        let sum = |pairs: &mut dyn Iterator<Item = (T, T)>| pairs.fold(T::zero(), |sum, (a, b)| a.mul_add(b, sum));
        if self.m != 1 && self.n != 1 {
            let blocks = pairs.chunks(stretch(self.k)).map(|block| sum(&mut block.iter().copied()));
            return blocks.fold(start, |c, block| Some(c.map_or(block, |c| c + block))).unwrap();
        }
        let reads_rows = if self.m == 1 { !self.transposed[1] } else { self.transposed[0] };
        // Sums side by side, every `count`th of which one number goes into, and how they are added up.
        let side_by_side = |count: usize, length: usize| -> Vec<T> {
            let of = |s: usize| pairs.iter().copied().enumerate().filter(move |(p, _)| p / length % count == s);
            (0..count).map(|s| sum(&mut of(s).map(|(_, pair)| pair))).collect()
        };
        let total = if reads_rows && (self.m, self.n) != (1, 1) {
            let s = side_by_side(4, 1);
            (s[0] + s[1]) + (s[2] + s[3])
        } else if self.m == 1 && self.n == 1 {
            let s = side_by_side(4 * lanes, 1);
            halved((0..lanes).map(|l| (s[l] + s[lanes + l]) + (s[2 * lanes + l] + s[3 * lanes + l])).collect())
        } else {
            halved(side_by_side(lanes, 1))
        };
        start.map_or(total, |start| start + total)
    }
}

/// Adds the upper half to the lower until one is left.
fn halved<T: Real>(mut lanes: Vec<T>) -> T {
    while lanes.len() > 1 {
        let upper = lanes.split_off(lanes.len() / 2);
        lanes.iter_mut().zip(upper).for_each(|(lower, upper)| *lower += upper);
    }
    lanes[0]
}

const LAYOUTS: [[bool; 2]; 4] = [[false, false], [false, true], [true, false], [true, true]];

/// All cases, or, as Miri is some thousand times slower, every twentieth of the small ones.
fn few(mut shapes: Vec<[usize; 3]>) -> Vec<[usize; 3]> {
    if cfg!(miri) {
        shapes.retain(|shape| shape.iter().product::<usize>() < 700);
        shapes = shapes.into_iter().step_by(20).collect();
    }
    shapes
}

/// Sizes with every kind of tail; few where there are many.
fn shapes() -> Vec<[usize; 3]> {
    let mut shapes = Vec::new();
    for m in [1, 2, 3, 7, 8, 9, 14] {
        for k in [1, 2, 5, 16, 33] {
            for n in [1, 2, 4, 10, 15, 16, 17, 31, 48, 50] {
                shapes.push([m, k, n]);
            }
        }
    }
    shapes.extend([[5, 300, 21], [1, 600, 70], [70, 600, 1], [1, 131, 1], [130, 20, 60], [129, 9, 49]]);
    shapes.extend([[300, 18, 100], [40, 520, 18], [270, 257, 52], [6, 6, 6], [12, 12, 12], [66, 3, 200]]);
    few(shapes)
}

fn wide() -> Vec<Level> {
    Level::available().filter(|level| matches!(level, Level::Avx2 | Level::Avx512)).collect()
}

fn check<T: Element>() {
    for level in wide() {
        let lanes = if level == Level::Avx512 { 64 } else { 32 } / size_of::<T>();
        for shape in shapes() {
            for transposed in LAYOUTS {
                let case = Case::<T>::new(shape, transposed);
                for (name, start) in case.starts() {
                    let got = case.at(level, start);
                    for (at, &got) in got.iter().enumerate() {
                        let (i, j) = (at / case.n, at % case.n);
                        let from = match start {
                            Start::Zero => None,
                            Start::Row(row) => Some(row[j]),
                        };
                        let want = case.element(i, j, from, lanes);
                        assert!(
                            got.bits() == want.bits(),
                            "{level:?}: {shape:?} {transposed:?} from {name} at [{i}, {j}]: {got} is not {want}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn products_of_single_numbers_are_what_is_defined() {
    check::<f32>();
}

#[test]
fn products_of_double_numbers_are_what_is_defined() {
    check::<f64>();
}

#[test]
fn a_product_in_another_order_has_other_bits() {
    let case = Case::<f32>::new([5, 300, 21], [false, false]);
    let backwards = |i, j| case.pairs(i, j).into_iter().rev().fold(0.0, |sum, (a, b): (f32, f32)| a.mul_add(b, sum));
    let differ = (0..5).any(|i| (0..21).any(|j| backwards(i, j) != case.element(i, j, None, 16)));
    assert!(differ, "the test of bits could not tell");
}

/// All levels, `matrixmultiply` among them, agree within the error of a sum.
#[test]
fn levels_agree() {
    for shape in shapes() {
        for transposed in LAYOUTS {
            let case = Case::<f32>::new(shape, transposed);
            for (name, start) in case.starts() {
                let want = case.at(Level::Portable, start);
                for level in wide() {
                    let got = case.at(level, start);
                    let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 2e-6 * (case.k as f32 + 1.0).sqrt();
                    assert!(got.iter().zip(&want).all(close), "{level:?}: {shape:?} {transposed:?} from {name}");
                }
            }
        }
    }
}

/// Products with more than one block of rows, of columns or of depth.
const CUT: [[usize; 3]; 5] = [[29, 70, 117], [1, 40, 150], [150, 40, 1], [140, 300, 60], [300, 30, 90]];

/// Any cut, along rows and columns at once, gives the bits of the whole.
#[test]
fn cuts_do_not_show() {
    for level in Level::available() {
        for shape in if cfg!(miri) { vec![[9, 5, 7]] } else { CUT.to_vec() } {
            for transposed in LAYOUTS {
                let case = Case::<f32>::new(shape, transposed);
                for (name, start) in case.starts() {
                    let whole = case.at(level, start);
                    for (rows, columns) in [(1, 200), (8, 16), (13, 29), (200, 1), (57, 48)] {
                        let (a, b) = case.matrices();
                        let mut c = vec![f32::NAN; case.m * case.n];
                        let product = Product::new(a, b, start, &mut c);
                        for i in (0..case.m).step_by(rows) {
                            for j in (0..case.n).step_by(columns) {
                                let (rows, columns) = (i..case.m.min(i + rows), j..case.n.min(j + columns));
                                // SAFETY: the machine has the level; the parts are disjoint.
                                unsafe { product.compute_at(level, rows, columns) }
                            }
                        }
                        assert_eq!(c, whole, "{level:?}: {shape:?} {transposed:?} from {name}, {rows} × {columns}");
                    }
                }
            }
        }
    }
}

#[test]
fn chunks_are_the_product() {
    for shape in
        [[64, 784, 128], [128, 128, 96], [784, 64, 128], [300, 300, 10], [2000, 200, 1], [1, 900, 900], [3, 2, 1]]
    {
        for transposed in LAYOUTS {
            let case = Case::<f32>::new(shape, transposed);
            let (a, b) = case.matrices();
            let (mut whole, mut parts) = (vec![f32::NAN; case.m * case.n], vec![f32::NAN; case.m * case.n]);
            Product::new(a, b, Start::Row(&case.row), &mut whole).run();
            let product = Product::new(a, b, Start::Row(&case.row), &mut parts);
            for chunk in 0..product.chunks() {
                // SAFETY: each once.
                unsafe { product.run_chunk(chunk) }
            }
            assert_eq!(whole, parts, "{shape:?} {transposed:?}");
        }
    }
}

#[test]
fn empty_products_leave_their_start() {
    for level in Level::available() {
        let case = Case::<f32>::new([3, 0, 4], [false, false]);
        assert_eq!(case.at(level, Start::Zero), [0.0; 12]);
        assert_eq!(case.at(level, Start::Row(&case.row)), case.row.repeat(3));
        for shape in [[0, 3, 4], [3, 4, 0], [0, 0, 0]] {
            assert!(Case::<f32>::new(shape, [true, false]).at(level, Start::Zero).is_empty());
        }
    }
}

/// NaN and ∞ in a padded or masked tail must come from the operands alone.
#[test]
fn numbers_that_are_not_finite_stay_in_their_rows_and_columns() {
    for level in Level::available() {
        for transposed in LAYOUTS {
            let mut case = Case::<f32>::new([11, 19, 21], transposed);
            let (i, j) = (4, 17);
            case.a[if transposed[0] { 3 * 11 + i } else { i * 19 + 3 }] = f32::NAN;
            case.b[if transposed[1] { j * 19 + 5 } else { 5 * 21 + j }] = f32::INFINITY;
            let c = case.at(level, Start::Zero);
            for (at, x) in c.iter().enumerate() {
                let touched = at / 21 == i || at % 21 == j;
                assert_eq!(x.is_finite(), !touched, "{level:?}: {transposed:?} at {at}");
            }
        }
    }
}
