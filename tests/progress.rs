//! Progress as lines: which steps are shown.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use gradus::train::Progress;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The numbers of the steps that are shown.
fn shown(total: usize) -> Vec<usize> {
    let log = Log::default();
    let mut progress = Progress::lines("epoch", total, log.clone());
    (1..=total).for_each(|step| progress.step(step));
    let text = log.text();
    text.lines().map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn the_first_each_tenth_and_the_last_step_are_shown() {
    assert_eq!(shown(4), [1, 2, 3, 4]);
    assert_eq!(shown(100), [1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    assert_eq!(shown(25), [1, 3, 6, 9, 12, 15, 18, 21, 24, 25]);
    assert!((1..2000).all(|total| shown(total).len() <= 11));
}

#[test]
fn the_text() {
    let log = Log::default();
    let mut progress = Progress::lines("epoch", 2, log.clone());
    progress.step(format_args!("loss {:.3}", 0.5));
    progress.finish("stopped early");
    assert_eq!(log.text(), "epoch 1/2: loss 0.500\nstopped early\n");
    // Tests do not run on a terminal, so this is the version with lines, on the standard error stream.
    let mut progress = Progress::new("epoch", 0);
    progress.step("one more than announced");
    assert!(format!("{progress:?}").contains("done: 1"));
}

#[test]
fn what_cannot_be_shown_is_left_out() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut progress = Progress::lines("epoch", 1, Full);
    progress.step("loss 1");
    progress.finish("done");
}
