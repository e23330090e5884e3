//! Which instruction set this machine has.

use std::sync::atomic::{AtomicU8, Ordering};

/// An instruction set, as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Level {
    /// What every machine of the architecture has: SSE2 on `x86_64`, plain arrays elsewhere.
    Portable = 1,
    Neon,
    Avx2,
    Avx512,
}

impl Level {
    const ALL: [Self; 4] = [Self::Portable, Self::Neon, Self::Avx2, Self::Avx512];

    /// Whether this machine has it.
    pub(crate) fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            Self::Neon => cfg!(target_arch = "aarch64"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512bw")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// All that this machine has, the widest last.
    pub(crate) fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|level| level.is_available())
    }
}

/// The widest instruction set that this machine has; looked up once.
#[inline]
pub(crate) fn level() -> Level {
    static FOUND: AtomicU8 = AtomicU8::new(0);
    let found = FOUND.load(Ordering::Relaxed);
    match Level::ALL.get(usize::from(found).wrapping_sub(1)) {
        Some(&level) => level,
        None => detect(&FOUND),
    }
}

#[cold]
fn detect(found: &AtomicU8) -> Level {
    let level = Level::available().last().unwrap_or(Level::Portable);
    found.store(level as u8, Ordering::Relaxed);
    level
}
