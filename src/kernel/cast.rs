//! From generic slices to slices of the one concrete type they have.
#![allow(unsafe_code, reason = "kernels are the home of unsafe code")]

use std::any::TypeId;

/// The slice as one of `U`, where `T` is `U`.
pub(crate) fn slice<T: 'static, U: 'static>(values: &[T]) -> Option<&[U]> {
    (TypeId::of::<T>() == TypeId::of::<U>()).then(|| {
        // SAFETY: T and U are one and the same type.
        unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len()) }
    })
}

/// The slice as one of `U`, where `T` is `U`.
pub(crate) fn slice_mut<T: 'static, U: 'static>(values: &mut [T]) -> Option<&mut [U]> {
    (TypeId::of::<T>() == TypeId::of::<U>()).then(|| {
        // SAFETY: T and U are one and the same type, and the borrow is handed on whole.
        unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), values.len()) }
    })
}
