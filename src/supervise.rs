//! Keeps the gateway's tasks alive. A task that panics or ends before it was asked to is logged, alarmed and started
//! again after a pause, so that one fault stays one fault (P3). Stopping is by a token that every task watches.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;

use crate::inbox::Inbox;
use crate::model::limits::{BACKOFF_MAX, BACKOFF_MIN, TASK_STABLE_AFTER};
use crate::model::{HealthSource, Text};

/// Spawns tasks and restarts them.
#[derive(Debug, Clone)]
pub struct Supervisor {
    tasks: TaskTracker,
    stop: CancellationToken,
    inbox: Inbox,
}

impl Supervisor {
    /// A supervisor that reports to `inbox` and whose tasks run until `stop`.
    pub fn new(inbox: Inbox, stop: CancellationToken) -> Self {
        Self { tasks: TaskTracker::new(), stop, inbox }
    }

    /// Runs the future that `start` makes, and a new one whenever it ends without having been stopped.
    pub fn spawn<S, F>(&self, name: impl Into<String>, start: S)
    where
        S: Fn(CancellationToken) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let name: Arc<str> = name.into().into();
        let (stop, inbox) = (self.stop.clone(), self.inbox.clone());
        self.tasks.spawn(async move {
            let mut pause = BACKOFF_MIN;
            loop {
                let ended = watch_one(&inbox, tokio::spawn(start(stop.clone())), &mut pause).await;
                if stop.is_cancelled() {
                    return;
                }
                let error = failed(&name, &ended, pause);
                error!("{}", error.en);
                tokio::join!(inbox.health(HealthSource::Task, Some(error)), tokio::time::sleep(pause));
                pause = (pause * 2).min(BACKOFF_MAX);
            }
        });
    }

    /// Asks every task to stop and waits for them, at most `patience`. Returns whether all of them did.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(patience, self.tasks.wait()).await.is_ok()
    }
}

/// Waits for one run of a task; once it has lasted, says that all is well again. Returns how it ended.
async fn watch_one(inbox: &Inbox, mut run: tokio::task::JoinHandle<()>, pause: &mut Duration) -> Text {
    let ended = tokio::select! {
        ended = &mut run => ended,
        () = tokio::time::sleep(TASK_STABLE_AFTER) => {
            if *pause > BACKOFF_MIN {
                *pause = BACKOFF_MIN;
                inbox.health(HealthSource::Task, None).await;
            }
            run.await
        }
    };
    match ended {
        Ok(()) => Text::new("自行结束", "ended by itself"),
        Err(failure) => match failure.try_into_panic() {
            Ok(panic) => Text::new("异常崩溃", "panicked").because(&Text::same(panic_text(panic.as_ref()))),
            Err(_) => Text::new("被中止", "was aborted"),
        },
    }
}

fn failed(task: &str, ended: &Text, pause: Duration) -> Text {
    let (Text { zh, en }, ms) = (ended, pause.as_millis());
    Text::new(
        format!("任务 {task} {zh}；{ms} ms 后重新启动"),
        format!("task {task} {en}; started again in {ms} ms"),
    )
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::model::{HealthReport, Input};

    #[tokio::test(start_paused = true)]
    async fn p3_a_task_that_panics_is_alarmed_and_started_again_and_its_recovery_is_told() {
        let (inbox, mut received) = Inbox::new();
        let supervisor = Supervisor::new(inbox, CancellationToken::new());
        let runs = Arc::new(AtomicU32::new(0));
        let counted = runs.clone();
        supervisor.spawn("link 3", move |stop| {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(run > 0, "no such unit");
                stop.cancelled().await;
            }
        });
        let mut told = Vec::new();
        for _ in 0..2 {
            let Some(message) = received.recv().await else { panic!("the inbox closed") };
            let Input::Health(HealthReport { source, error }) = message.input else {
                panic!("not a health report: {message:?}")
            };
            assert_eq!(source, HealthSource::Task);
            told.push(error);
        }
        let Some(failure) = &told[0] else { panic!("no failure was told") };
        assert!(failure.en.contains("link 3 panicked") && failure.en.contains("no such unit"), "{failure:?}");
        assert!(failure.zh.contains("link 3 异常崩溃") && failure.zh.contains("no such unit"), "{failure:?}");
        assert_eq!(told[1], None);
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        assert!(supervisor.stop(Duration::from_secs(1)).await);
    }
}
