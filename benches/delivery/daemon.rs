//! The daemon under measurement, as a process of its own.

use std::path::Path;
use std::time::Duration;

use tokio::process::{Child, Command};

/// Longest wait for its end.
const STOP_MAX: Duration = Duration::from_secs(10);

/// A running daemon.
pub(crate) struct Daemon(Child);

impl Daemon {
    /// Starts it with this site file, in `directory`.
    pub(crate) fn start(directory: &Path, site: &str) -> Self {
        let file = directory.join("site.toml");
        std::fs::write(&file, site).expect("a site file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_hazgate"));
        command.arg("run").arg(file).env("HAZGATE_LOG", "error").kill_on_drop(true);
        Self(command.spawn().expect("hazgate run starts"))
    }

    /// Ends it as a service manager would.
    pub(crate) async fn stop(mut self) {
        let id = self.0.id().expect("it runs");
        let told = std::process::Command::new("kill").arg(id.to_string()).status();
        assert!(told.is_ok_and(|status| status.success()), "the daemon ended by itself");
        tokio::time::timeout(STOP_MAX, self.0.wait()).await.expect("it ends in time").expect("it ends");
    }
}
