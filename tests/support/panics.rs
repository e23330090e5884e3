//! Catching panics: their exact text, and the file they blame.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static EXPECTING: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// Checks that `f` panics with exactly this text, and that the panic points into a test: a line inside the library helps
/// nobody.
#[track_caller]
pub(crate) fn assert_panics<R>(expected: &str, f: impl FnOnce() -> R) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !EXPECTING.get() {
                return usual(info);
            }
            let payload = info.payload();
            let fixed = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = fixed.or_else(|| payload.downcast_ref::<String>().cloned());
            let file = info.location().map_or(String::new(), |at| at.file().to_owned());
            LAST.set(Some((text.unwrap_or_default(), file)));
        }));
    });
    EXPECTING.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(|| drop(f())));
    EXPECTING.set(false);
    assert!(result.is_err(), "no panic, expected: {expected}");
    let (text, file) = LAST.take().expect("the hook has seen it");
    assert_eq!(text, expected);
    assert!(file.starts_with("tests"), "the panic points into the library, at {file}");
}
