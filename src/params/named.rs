//! Tensors of a store by name.

use ndarray::ArrayViewD;

use super::layout::Slot;
use super::{Params, array};
use crate::error::{Error, ErrorKind};
use crate::real::Real;

impl<T: Real> Params<T> {
    /// The tensor of this name, learned or buffer.
    ///
    /// # Errors
    ///
    /// If there is none of this name.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("layer.bias", [2], || 0.5);
    /// assert_eq!(params.array("layer.bias")?, array![0.5, 0.5].into_dyn());
    /// assert!(params.array("layer.weight").is_err());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn array(&self, name: &str) -> Result<ArrayViewD<'_, T>, Error> {
        let (slot, learned) = self.find(name)?;
        Ok(array(slot.shape, &if learned { &self.values } else { &self.buffers }[slot.range()]))
    }

    /// Gives the tensor of this name, learned or buffer, new values.
    ///
    /// # Errors
    ///
    /// If there is none of this name or the shape is another; nothing is changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("b", [2], || 0.0);
    /// params.assign("b", &array![1.0, 2.0])?;
    /// assert_eq!(params.flat(), [1.0, 2.0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn assign<D: ndarray::Dimension>(&mut self, name: &str, values: &ndarray::ArrayRef<T, D>) -> Result<(), Error> {
        self.assign_all([(name, values)])
    }

    /// Gives several tensors new values: all of them, or none where one does not fit.
    ///
    /// # Errors
    ///
    /// If a name is unknown or a shape is another; nothing is changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// params.add("a", [1], || 0.0);
    /// params.add("b", [1], || 0.0);
    /// let one = array![1.0];
    /// assert!(params.assign_all([("a", &*one), ("c", &*one)]).is_err());
    /// assert_eq!(params.flat(), [0.0, 0.0]); // none
    /// params.assign_all([("a", &*one), ("b", &*one)])?;
    /// assert_eq!(params.flat(), [1.0, 1.0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn assign_all<'a, D: ndarray::Dimension + 'a>(
        &mut self,
        tensors: impl IntoIterator<Item = (&'a str, &'a ndarray::ArrayRef<T, D>)>,
    ) -> Result<(), Error> {
        let mut plan = Vec::new();
        for (name, values) in tensors {
            let (slot, learned) = self.find(name)?;
            if slot.shape != *values.shape() {
                let message = format!("`{name}` has shape {}, found {:?}", slot.shape, values.shape());
                return Err(Error::new(ErrorKind::Shape, message));
            }
            plan.push((slot.range(), learned, values));
        }
        for (range, learned, values) in plan {
            let target = if learned { &mut self.values } else { &mut self.buffers };
            target[range].iter_mut().zip(values).for_each(|(to, &from)| *to = from);
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Result<(&Slot, bool), Error> {
        let learned = self.layout.params.iter().map(|slot| (slot, true));
        let buffers = self.layout.buffers.iter().map(|slot| (slot, false));
        learned.chain(buffers).find(|(slot, _)| slot.name == name).ok_or_else(|| {
            let names: Vec<_> = self.iter().chain(self.buffers()).map(|e| e.name).take(8).collect();
            Error::new(ErrorKind::Name, format!("no tensor `{name}` here; there are {}", names.join(", ")))
        })
    }
}
