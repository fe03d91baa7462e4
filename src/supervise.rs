//! Keeps the gateway's tasks alive. A task that panics or ends before it was asked to is logged, alarmed and started
//! again after a pause, so that one fault stays one fault (P3). Stopping is by a token that every task watches.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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
    reports: Reports,
}

impl Supervisor {
    /// A supervisor that reports to `inbox`.
    pub fn new(inbox: Inbox) -> Self {
        let reports = Reports { inbox, failing: Arc::default() };
        Self { tasks: TaskTracker::new(), stop: CancellationToken::new(), reports }
    }

    /// A supervisor of other tasks, stopped by itself, whose failures are reported together with this one's.
    #[must_use]
    pub fn sibling(&self) -> Self {
        Self { tasks: TaskTracker::new(), stop: CancellationToken::new(), reports: self.reports.clone() }
    }

    /// Runs the future that `start` makes, and a new one whenever it ends without having been stopped.
    pub fn spawn<S, F>(&self, name: impl Into<String>, start: S)
    where
        S: Fn(CancellationToken) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let name: Arc<str> = name.into().into();
        let (stop, reports) = (self.stop.clone(), self.reports.clone());
        self.tasks.spawn(async move {
            let (mut pause, mut failure) = (BACKOFF_MIN, None);
            loop {
                let run = tokio::spawn(start(stop.clone()));
                let (ended, lasted) = watch_one(&name, &reports, run, failure.take()).await;
                if stop.is_cancelled() {
                    return;
                }
                pause = if lasted { BACKOFF_MIN } else { pause };
                let error = failed(&name, &ended, pause);
                error!("{}", error.en);
                failure = Some(error);
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = stop.cancelled() => return,
                }
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

/// Which tasks fail, told as one: the alarm clears when the last of them has recovered.
#[derive(Debug, Clone)]
struct Reports {
    inbox: Inbox,
    failing: Arc<Mutex<BTreeMap<Arc<str>, Text>>>,
}

impl Reports {
    async fn tell(&self, name: &Arc<str>, failure: Option<Text>) {
        let worst = {
            let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
            match failure {
                Some(failure) => drop(failing.insert(name.clone(), failure)),
                None => drop(failing.remove(name)),
            }
            failing.values().next().cloned()
        };
        self.inbox.health(HealthSource::Task, worst).await;
    }
}

/// Waits for one run of a task. Meanwhile tells why the run before it ended and, once this one has lasted, that all is
/// well again; a full inbox holds up the telling and never the run. Returns how the run ended and whether it had lasted.
async fn watch_one(
    name: &Arc<str>,
    reports: &Reports,
    mut run: tokio::task::JoinHandle<()>,
    failure: Option<Text>,
) -> (Text, bool) {
    let lasted = AtomicBool::new(false);
    let tell = async {
        let failed = failure.is_some();
        if failed {
            reports.tell(name, failure).await;
        }
        tokio::time::sleep(TASK_STABLE_AFTER).await;
        lasted.store(true, Ordering::Relaxed);
        if failed {
            reports.tell(name, None).await;
        }
    };
    let ended = tokio::select! {
        ended = &mut run => ended,
        () = tell => run.await,
    };
    let words = match ended {
        Ok(()) => Text::new("自行结束", "ended by itself"),
        Err(failure) => match failure.try_into_panic() {
            Ok(panic) => Text::new("异常崩溃", "panicked").because(&Text::same(panic_text(panic.as_ref()))),
            Err(_) => Text::new("被中止", "was aborted"),
        },
    };
    (words, lasted.load(Ordering::Relaxed))
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
    use std::sync::atomic::AtomicU32;

    use super::*;
    use crate::clock::Clock;
    use crate::inbox::Message;
    use crate::model::limits::INBOX_LEN_MAX;
    use crate::model::{HealthReport, Input};

    fn failure(message: Option<Message>) -> Option<Text> {
        let Some(Input::Health(HealthReport { source, error })) = message.map(|message| message.input) else {
            panic!("not a health report")
        };
        assert_eq!(source, HealthSource::Task);
        error
    }

    #[tokio::test(start_paused = true)]
    async fn p3_a_task_that_panics_is_alarmed_and_started_again_and_its_recovery_is_told() {
        let (inbox, mut received) = Inbox::new(Clock::start());
        let supervisor = Supervisor::new(inbox);
        let runs = Arc::new(AtomicU32::new(0));
        let counted = runs.clone();
        supervisor.spawn("link 3", move |stop| {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(run > 0, "no such unit");
                stop.cancelled().await;
            }
        });
        let told = [failure(received.recv().await), failure(received.recv().await)];
        let Some(failure) = &told[0] else { panic!("no failure was told") };
        assert!(failure.en.contains("link 3 panicked") && failure.en.contains("no such unit"), "{failure:?}");
        assert!(failure.zh.contains("link 3 异常崩溃") && failure.zh.contains("no such unit"), "{failure:?}");
        assert_eq!(told[1], None);
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        assert!(supervisor.stop(Duration::from_secs(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn p3_a_task_is_started_again_even_when_nobody_empties_the_inbox() {
        let (inbox, _full) = Inbox::new(Clock::start());
        for _ in 0..INBOX_LEN_MAX {
            inbox.health(HealthSource::Store, None).await;
        }
        let supervisor = Supervisor::new(inbox);
        let runs = Arc::new(AtomicU32::new(0));
        let counted = runs.clone();
        supervisor.spawn("core", move |stop| {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(run > 2, "fell");
                stop.cancelled().await;
            }
        });
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(runs.load(Ordering::SeqCst), 4);
        assert!(supervisor.stop(Duration::from_secs(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_hear_is_not_waited_for_beyond_the_patience() {
        let (inbox, _received) = Inbox::new(Clock::start());
        let supervisor = Supervisor::new(inbox);
        supervisor.spawn("deaf", |_stop| std::future::pending());
        assert!(!supervisor.stop(Duration::from_secs(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn p2_the_alarm_stands_until_the_last_of_the_failing_tasks_has_recovered() {
        let (inbox, mut received) = Inbox::new(Clock::start());
        let first = Supervisor::new(inbox);
        let second = first.sibling();
        for (supervisor, name, falls) in [(&first, "link 0", 1), (&second, "console", 3)] {
            let runs = Arc::new(AtomicU32::new(0));
            supervisor.spawn(name, move |stop| {
                let run = runs.fetch_add(1, Ordering::SeqCst);
                async move {
                    if run < falls {
                        tokio::time::sleep(Duration::from_secs(40)).await;
                        panic!("fell");
                    }
                    stop.cancelled().await;
                }
            });
        }
        let mut told = Vec::new();
        while told.last() != Some(&None) {
            told.push(failure(received.recv().await));
        }
        let about_console =
            |text: &Option<Text>| text.as_ref().is_some_and(|text| text.en.contains("console"));
        assert!(told.iter().any(about_console), "{told:?}");
        assert_eq!(told.iter().filter(|text| text.is_none()).count(), 1, "{told:?}");
        assert!(first.stop(Duration::from_secs(1)).await && second.stop(Duration::from_secs(1)).await);
    }
}
