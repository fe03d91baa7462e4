//! The terminal of the demo: lines that scroll by, above a panel that stays. On a terminal the two, and the log, share one
//! writer and never overwrite each other; elsewhere (a file, a pipe) the panel becomes a line now and then.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

/// From one repetition of the panel to the next where it cannot stay.
const PLAIN_PANEL_INTERVAL: Duration = Duration::from_secs(10);

/// Where the demo shows itself.
#[derive(Clone)]
pub(crate) struct Screen {
    panel: MultiProgress,
    rows: Vec<ProgressBar>,
    fixed: bool,
    gone: CancellationToken,
}

impl Screen {
    /// A screen whose panel has `rows` rows.
    pub(crate) fn new(rows: usize) -> Self {
        let fixed = io::stdout().is_terminal();
        let target =
            if fixed { ProgressDrawTarget::stdout_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let panel = MultiProgress::with_draw_target(target);
        let style =
            ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let rows =
            (0..rows).map(|_| panel.add(ProgressBar::new_spinner().with_style(style.clone()))).collect();
        Self { panel, rows, fixed, gone: CancellationToken::new() }
    }

    /// How often the panel is worth drawing.
    pub(crate) fn panel_interval(&self) -> Duration {
        if self.fixed { Duration::from_millis(250) } else { PLAIN_PANEL_INTERVAL }
    }

    /// Shows a line that scrolls.
    pub(crate) fn line(&self, text: &str) {
        self.panel.suspend(|| self.print(text));
    }

    /// Shows the panel: at most as many lines as it has rows.
    pub(crate) fn panel(&self, lines: &[String]) {
        if self.fixed {
            for (row, index) in self.rows.iter().zip(0..) {
                row.set_message(lines.get::<usize>(index).cloned().unwrap_or_default());
                row.tick();
            }
        } else {
            for line in lines.iter().filter(|line| !line.is_empty()) {
                self.print(&format!("  | {line}"));
            }
        }
    }

    /// Returns when whoever read what is shown has gone away.
    pub(crate) async fn gone(&self) {
        self.gone.cancelled().await;
    }

    fn print(&self, text: &str) {
        if writeln!(io::stdout(), "{text}").is_err() {
            self.gone.cancel();
        }
    }

    /// Takes the panel away.
    pub(crate) fn close(&self) {
        for row in &self.rows {
            row.finish_and_clear();
        }
    }
}

/// The log goes above the panel, to standard error.
impl<'w> MakeWriter<'w> for Screen {
    type Writer = LogLine;

    fn make_writer(&'w self) -> LogLine {
        LogLine { screen: self.clone(), text: Vec::new() }
    }
}

/// One line of the log, shown whole when it is complete.
pub(crate) struct LogLine {
    screen: Screen,
    text: Vec<u8>,
}

impl Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine {
    fn drop(&mut self) {
        let text = std::mem::take(&mut self.text);
        self.screen.panel.suspend(|| io::stderr().write_all(&text)).unwrap_or_default();
    }
}
