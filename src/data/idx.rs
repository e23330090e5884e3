//! The format of MNIST.

use std::path::Path;

use ndarray::{Array, ArrayD, Dimension};

use crate::error::{Error, ErrorKind};
use crate::file;
use crate::real::Real;

/// The first bytes of what gzip packed.
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// An array as [IDX] files hold it: the format of MNIST and of the data sets modelled on it.
///
/// ```text
/// 0  0  type  rank    one byte each
/// length              of each axis, 32 bits
/// values              the last axis fastest
/// ```
///
/// All numbers are big-endian. Files are read whole; they are not unpacked (`gunzip` does that).
///
/// [IDX]: http://yann.lecun.com/exdb/mnist/
///
/// # Examples
///
/// ```
/// use gradus::data::Idx;
/// use ndarray::{Array3, array};
///
/// let images = Idx::from(array![[[0_u8, 255], [128, 0]]]);
/// let read = Idx::parse(&images.to_bytes()?, "train-images-idx3-ubyte")?;
/// assert_eq!(read.shape(), [1, 2, 2]);
/// let pixels: Array3<f32> = read.array()?;
/// assert_eq!(pixels[[0, 0, 1]], 255.0);
/// assert_eq!(Idx::from(array![7_u8, 2, 1]).labels()?, [7, 2, 1]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Idx {
    /// Type `0x08`, as in MNIST.
    U8(ArrayD<u8>),
    /// Type `0x09`.
    I8(ArrayD<i8>),
    /// Type `0x0B`.
    I16(ArrayD<i16>),
    /// Type `0x0C`.
    I32(ArrayD<i32>),
    /// Type `0x0D`.
    F32(ArrayD<f32>),
    /// Type `0x0E`.
    F64(ArrayD<f64>),
}

/// The same for each element type.
macro_rules! each {
    ($idx:expr, $array:ident => $result:expr) => {
        match $idx {
            Idx::U8($array) => $result,
            Idx::I8($array) => $result,
            Idx::I16($array) => $result,
            Idx::I32($array) => $result,
            Idx::F32($array) => $result,
            Idx::F64($array) => $result,
        }
    };
}

impl Idx {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is packed, no IDX file, shorter or longer than its header says. The text names the file.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Idx;
    /// use ndarray::array;
    ///
    /// let path = std::env::temp_dir().join(format!("gradus-{}.idx", std::process::id()));
    /// let labels = Idx::from(array![5_u8, 0, 4]);
    /// labels.save(&path)?;
    /// assert_eq!(Idx::read(&path)?, labels);
    /// # std::fs::remove_file(path).unwrap();
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::parse(&file::read(path)?, &path.display().to_string())
    }

    /// Reads the content of a file; errors call it `name`.
    ///
    /// # Errors
    ///
    /// As [`read`](Idx::read).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Idx;
    ///
    /// let vector = [0, 0, 0x08, 1, 0, 0, 0, 2, 7, 9]; // bytes, one axis, of length 2: 7 and 9
    /// assert_eq!(Idx::parse(&vector, "v")?.labels()?, [7, 9]);
    /// let error = Idx::parse(&vector[..9], "v").unwrap_err();
    /// assert_eq!(error.to_string(), "v: truncated: 1 byte of values, shape [2] of u8 needs 2");
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self, Error> {
        let broken = |what: &str| Error::new(ErrorKind::Format, format!("{name}: {what}"));
        if bytes.starts_with(&GZIP) {
            return Err(broken("packed with gzip\n  help: unpack it first, `gunzip` does"));
        }
        let Some((&[zero, nought, kind, rank], rest)) = bytes.split_first_chunk() else {
            return Err(broken(&format!("truncated: {}, an IDX file has at least 4", counted(bytes.len()))));
        };
        if (zero, nought) != (0, 0) {
            return Err(broken(&format!("no IDX file: it begins with {zero:#04x} {nought:#04x}, not with two zeros")));
        }
        let Some((lengths, values)) = rest.split_at_checked(4 * usize::from(rank)) else {
            return Err(broken(&format!(
                "truncated: the lengths of {rank} axes need more than {}",
                counted(rest.len())
            )));
        };
        let lengths = lengths.as_chunks().0.iter();
        let shape: Vec<usize> = lengths.map(|&length| u32::from_be_bytes(length) as usize).collect();
        let read = Values { shape, bytes: values };
        match kind {
            u8::CODE => read.array().map(Self::U8),
            i8::CODE => read.array().map(Self::I8),
            i16::CODE => read.array().map(Self::I16),
            i32::CODE => read.array().map(Self::I32),
            f32::CODE => read.array().map(Self::F32),
            f64::CODE => read.array().map(Self::F64),
            _ => Err(format!("no IDX file: {kind:#04x} is no element type, those are 0x08, 0x09 and 0x0b to 0x0e")),
        }
        .map_err(|what| broken(&what))
    }

    /// The content of a file.
    ///
    /// # Errors
    ///
    /// If the format has no room for the shape: more than 255 axes, or more than 2³² − 1 along one.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Idx;
    /// use ndarray::array;
    ///
    /// let bytes = Idx::from(array![7_i16, -1]).to_bytes()?;
    /// assert_eq!(bytes, [0, 0, 0x0B, 1, 0, 0, 0, 2, 0, 7, 255, 255]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        each!(self, array => write(array)).ok_or_else(|| {
            let message = format!("idx: the format has no room for the shape {:?}", self.shape());
            Error::new(ErrorKind::Shape, message)
        })
    }

    /// Writes a file, which is complete or not there.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, or as [`to_bytes`](Idx::to_bytes).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Idx;
    /// use ndarray::array;
    ///
    /// let path = std::env::temp_dir().join(format!("gradus-{}-save.idx", std::process::id()));
    /// Idx::from(array![[0.5_f32, 1.5]]).save(&path)?;
    /// assert_eq!(std::fs::read(&path).unwrap().len(), 4 + 2 * 4 + 2 * 4);
    /// # std::fs::remove_file(path).unwrap();
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), &self.to_bytes()?)
    }

    /// The length of each axis; axis 0 counts the samples.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Idx;
    /// use ndarray::Array3;
    ///
    /// assert_eq!(Idx::from(Array3::<u8>::zeros((5, 28, 28))).shape(), [5, 28, 28]);
    /// ```
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        each!(self, array => array.shape())
    }

    /// The values as numbers to compute with, in as many dimensions as are asked for (`IxDyn` takes any).
    ///
    /// # Errors
    ///
    /// If there are as many axes as not asked for.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Idx;
    /// use ndarray::{Array1, Array2, array};
    ///
    /// let idx = Idx::from(array![[1_u8, 2]]);
    /// let values: Array2<f64> = idx.array()?;
    /// assert_eq!(values, array![[1.0, 2.0]]);
    /// assert!(idx.array::<f64, ndarray::Ix1>().is_err()); // it has two axes
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn array<T: Real, D: Dimension>(&self) -> Result<Array<T, D>, Error> {
        let mut values = Vec::with_capacity(each!(self, array => array.len()));
        self.each_value(&mut |x| values.push(T::of(x)));
        ArrayD::from_shape_vec(self.shape(), values).and_then(ArrayD::into_dimensionality).map_err(|_| {
            let asked = D::NDIM.map_or_else(|| "any".to_owned(), |count| count.to_string());
            let message = format!("idx: shape {:?}, asked for {asked} dimensions", self.shape());
            Error::new(ErrorKind::Shape, message)
        })
    }

    /// Hands each value to `f`; compiled for each type in a file, not for each that is made of it.
    fn each_value(&self, f: &mut dyn FnMut(f64)) {
        #[allow(clippy::useless_conversion, reason = "of f64 alone")]
        {
            each!(self, array => array.iter().for_each(|&x| f(x.into())));
        }
    }

    /// The values as labels.
    ///
    /// # Errors
    ///
    /// If there is more than one axis, or as [`labels`](super::labels).
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::data::Idx;
    /// use ndarray::array;
    ///
    /// assert_eq!(Idx::from(array![5_u8, 0, 4]).labels()?, [5, 0, 4]);
    /// assert!(Idx::from(array![5_i8, -1]).labels().is_err());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn labels(&self) -> Result<Vec<usize>, Error> {
        super::labels(&self.array::<f64, ndarray::Ix1>()?)
    }
}

/// The number of axes and their lengths, and the bytes of all values.
struct Values<'a> {
    shape: Vec<usize>,
    bytes: &'a [u8],
}

impl Values<'_> {
    /// The array, if there are just the bytes it needs.
    fn array<A: Element>(self) -> Result<ArrayD<A>, String> {
        let needed = self.shape.iter().try_fold(size_of::<A>(), |size, &length| size.checked_mul(length));
        let found = self.bytes.len();
        if needed == Some(found) {
            let values = self.bytes.chunks_exact(size_of::<A>()).map(A::from_big_endian).collect();
            return Ok(ArrayD::from_shape_vec(self.shape, values).expect("as many values as its shape says"));
        }
        let problem = if needed.is_some_and(|needed| needed < found) { "too long" } else { "truncated" };
        let needed = needed.map_or_else(|| "more than there can be".to_owned(), |needed| needed.to_string());
        Err(format!("{problem}: {} of values, shape {:?} of {} needs {needed}", counted(found), self.shape, A::NAME))
    }
}

fn write<A: Element>(array: &ArrayD<A>) -> Option<Vec<u8>> {
    let mut bytes = vec![0, 0, A::CODE, u8::try_from(array.ndim()).ok()?];
    for &length in array.shape() {
        bytes.extend_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
    }
    bytes.reserve(size_of::<A>() * array.len());
    array.iter().for_each(|value| value.append_big_endian(&mut bytes));
    Some(bytes)
}

/// What the format has a code for.
trait Element: Copy {
    const CODE: u8;
    const NAME: &'static str;

    fn from_big_endian(bytes: &[u8]) -> Self;
    fn append_big_endian(self, bytes: &mut Vec<u8>);
}

macro_rules! element {
    ($($type:ident $variant:ident $code:literal;)*) => {$(
        impl Element for $type {
            const CODE: u8 = $code;
            const NAME: &'static str = stringify!($type);

            fn from_big_endian(bytes: &[u8]) -> Self {
                Self::from_be_bytes(bytes.try_into().expect("as many bytes as an element has"))
            }

            fn append_big_endian(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_be_bytes());
            }
        }

        impl<D: Dimension> From<Array<$type, D>> for Idx {
            fn from(array: Array<$type, D>) -> Self {
                Self::$variant(array.into_dyn())
            }
        }
    )*};
}

element! {
    u8 U8 0x08;
    i8 I8 0x09;
    i16 I16 0x0B;
    i32 I32 0x0C;
    f32 F32 0x0D;
    f64 F64 0x0E;
}

fn counted(bytes: usize) -> String {
    super::samples::counted(bytes, "byte")
}
