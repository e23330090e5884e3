//! How far a long loop is.

use std::fmt::{self, Display};
use std::io::{self, Write};

/// Shows how far a long loop is, on the standard error stream: a bar on a terminal, a line now and then elsewhere, such
/// as in a log file.
///
/// The bar needs the feature `progress`, which is on by default; without it there are lines everywhere. At most eleven
/// lines are printed, for the first step, each tenth of the way and the last:
///
/// ```text
/// epoch 1/200: loss 2.3021
/// epoch 20/200: loss 0.4110
/// ```
///
/// # Examples
///
/// ```
/// use gradus::train::Progress;
///
/// let mut progress = Progress::new("epoch", 3);
/// for loss in [0.9, 0.5, 0.4] {
///     progress.step(format_args!("loss {loss:.4}"));
/// }
/// progress.finish("trained");
/// ```
#[must_use = "it shows nothing until `step` is called"]
pub struct Progress {
    what: String,
    total: usize,
    done: usize,
    screen: Screen,
}

enum Screen {
    #[cfg(feature = "progress")]
    Bar(indicatif::ProgressBar),
    Lines(Box<dyn Write + Send>),
}

impl Progress {
    /// Begins a loop of `total` steps; `what` names one of them, such as `epoch`.
    pub fn new(what: &str, total: usize) -> Self {
        #[cfg(feature = "progress")]
        if io::IsTerminal::is_terminal(&io::stderr()) {
            return Self { what: what.into(), total, done: 0, screen: Screen::Bar(bar(what, total)) };
        }
        Self::lines(what, total, io::stderr())
    }

    /// Begins a loop that ends when it ends; [`at`](Progress::at) says how far it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::train::Progress;
    ///
    /// let mut progress = Progress::endless("iteration");
    /// for iteration in 1..=3 {
    ///     progress.at(iteration, format_args!("value {:.2}", 1.0 / iteration as f64));
    /// }
    /// progress.finish("converged");
    /// ```
    pub fn endless(what: &str) -> Self {
        #[cfg(feature = "progress")]
        if io::IsTerminal::is_terminal(&io::stderr()) {
            return Self { what: what.into(), total: 0, done: 0, screen: Screen::Bar(spinner(what)) };
        }
        Self::lines(what, 0, io::stderr())
    }

    /// So many steps are done. As lines, the first is shown, and then one whenever the number has doubled.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::train::Progress;
    ///
    /// let path = std::env::temp_dir().join(format!("gradus-endless-{}.log", std::process::id()));
    /// let mut progress = Progress::lines("iteration", 0, std::fs::File::create(&path)?);
    /// (1..=100).for_each(|iteration| progress.at(iteration, "running"));
    /// let log = std::fs::read_to_string(&path)?;
    /// std::fs::remove_file(&path)?;
    /// assert_eq!(log.lines().count(), 7); // 1, 2, 4, …, 64
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn at(&mut self, done: usize, state: impl Display) {
        match &mut self.screen {
            #[cfg(feature = "progress")]
            Screen::Bar(bar) => {
                bar.set_position(done as u64);
                bar.set_message(state.to_string());
            }
            Screen::Lines(output) => {
                if done >= 2 * self.done {
                    let _ = writeln!(output, "{} {done}: {state}", self.what);
                    self.done = done;
                }
            }
        }
    }

    /// Begins a loop of `total` steps that is shown as lines in `output`, such as a log file.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::train::Progress;
    ///
    /// let path = std::env::temp_dir().join(format!("gradus-lines-{}.log", std::process::id()));
    /// let mut progress = Progress::lines("epoch", 100, std::fs::File::create(&path)?);
    /// (1..=100).for_each(|epoch| progress.step(format_args!("loss {:.2}", 1.0 / f64::from(epoch))));
    /// let log = std::fs::read_to_string(&path)?;
    /// std::fs::remove_file(&path)?;
    /// assert_eq!(log.lines().count(), 11); // the first, and each tenth of the way
    /// assert!(log.starts_with("epoch 1/100: loss 1.00\nepoch 10/100: loss 0.10\n"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn lines(what: &str, total: usize, output: impl Write + Send + 'static) -> Self {
        Self { what: what.into(), total, done: 0, screen: Screen::Lines(Box::new(output)) }
    }

    /// One step is done; `state` says how things stand, such as the loss.
    ///
    /// What cannot be shown is left out: a full disk under a log file should not end a training.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::train::Progress;
    ///
    /// let mut progress = Progress::new("epoch", 2);
    /// progress.step(format_args!("loss {:.3}", 0.25)); // epoch 1/2: loss 0.250
    /// ```
    pub fn step(&mut self, state: impl Display) {
        self.done += 1;
        let (what, done, total) = (&self.what, self.done, self.total);
        match &mut self.screen {
            #[cfg(feature = "progress")]
            Screen::Bar(bar) => {
                bar.set_message(state.to_string());
                bar.inc(1);
            }
            Screen::Lines(output) => {
                let tenth = total.div_ceil(10);
                if done == 1 || done == total || done.is_multiple_of(tenth) {
                    let _ = writeln!(output, "{what} {done}/{total}: {state}");
                }
            }
        }
    }

    /// The loop has ended, before the last step or with it; `result` is the last thing shown.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::train::Progress;
    ///
    /// let path = std::env::temp_dir().join(format!("gradus-finish-{}.log", std::process::id()));
    /// let mut progress = Progress::lines("epoch", 100, std::fs::File::create(&path)?);
    /// progress.step("loss 0.5");
    /// progress.finish("stopped early");
    /// let log = std::fs::read_to_string(&path)?;
    /// std::fs::remove_file(&path)?;
    /// assert!(log.ends_with("stopped early\n"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn finish(self, result: impl Display) {
        match self.screen {
            #[cfg(feature = "progress")]
            Screen::Bar(bar) => bar.abandon_with_message(result.to_string()),
            Screen::Lines(mut output) => {
                let _ = writeln!(output, "{result}");
            }
        }
    }
}

#[cfg(feature = "progress")]
fn spinner(what: &str) -> indicatif::ProgressBar {
    let style = indicatif::ProgressStyle::with_template("{spinner} {prefix} {pos} {elapsed}  {msg}");
    indicatif::ProgressBar::new_spinner()
        .with_prefix(what.to_owned())
        .with_style(style.expect("a template that is valid"))
        .with_finish(indicatif::ProgressFinish::Abandon)
}

#[cfg(feature = "progress")]
fn bar(what: &str, total: usize) -> indicatif::ProgressBar {
    let template = "{prefix} {pos}/{len} {bar:30} {elapsed}  {msg}";
    let style = indicatif::ProgressStyle::with_template(template).expect("a template that is valid");
    indicatif::ProgressBar::new(total as u64)
        .with_prefix(what.to_owned())
        .with_style(style)
        .with_finish(indicatif::ProgressFinish::Abandon)
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("what", &self.what)
            .field("total", &self.total)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
