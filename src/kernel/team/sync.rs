//! What the protocol is made of: the standard library's, or loom's where a model of it is checked.

#[cfg(all(test, loom))]
pub(super) use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};
#[cfg(not(all(test, loom)))]
pub(super) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The standard cell with loom's interface.
#[cfg(not(all(test, loom)))]
pub(super) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(all(test, loom)))]
impl<T> UnsafeCell<T> {
    pub(super) fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    pub(super) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    pub(super) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// Waits for another thread that is at work: spins at first, then lets others run, should there be more threads than cores.
pub(super) struct Wait {
    left: u32,
}

impl Wait {
    pub(super) fn new() -> Self {
        Self { left: 2000 }
    }

    #[cfg(not(all(test, loom)))]
    pub(super) fn once(&mut self) {
        if self.left > 0 {
            self.left -= 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }

    #[cfg(all(test, loom))]
    pub(super) fn once(&mut self) {
        self.left = 0;
        loom::thread::yield_now();
    }
}
