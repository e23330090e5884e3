//! Sizes of memory as people read them.

use std::fmt;

/// A number of bytes: `96 B`, `1.5 KiB`, `2.0 MiB`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bytes(pub(crate) usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
        let text = if self.0 < 1024 {
            format!("{} B", self.0)
        } else {
            let (mut size, mut unit) = (self.0 as f64 / 1024.0, 0);
            while size >= 1023.95 && unit + 1 < UNITS.len() {
                (size, unit) = (size / 1024.0, unit + 1);
            }
            format!("{size:.1} {}", UNITS[unit])
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn units_change_where_the_number_would_have_four_digits() {
        let texts = [0, 1023, 1024, 1536, (1 << 20) - 1, 1 << 20, 5 << 30].map(|n| Bytes(n).to_string());
        assert_eq!(texts, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "1.0 MiB", "5.0 GiB"]);
    }
}
