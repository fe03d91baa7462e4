//! The bounded way from async tasks into the writer's own thread: senders wait for a place without blocking a
//! runtime thread, the receiver waits for a job or for a time without needing a runtime.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};

use super::error::Stopped;

/// A gate with `places` places.
pub(super) fn gate<T>(places: usize) -> (Entry<T>, Exit<T>) {
    let free = Arc::new(Semaphore::new(places));
    let (sender, receiver) = mpsc::sync_channel(places);
    (Entry { free: Arc::clone(&free), jobs: sender }, Exit { free, jobs: receiver })
}

/// The async side.
#[derive(Debug)]
pub(super) struct Entry<T> {
    free: Arc<Semaphore>,
    jobs: mpsc::SyncSender<T>,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { free: Arc::clone(&self.free), jobs: self.jobs.clone() }
    }
}

impl<T> Entry<T> {
    /// Waits for a place.
    pub(super) async fn place(&self) -> Result<Place<'_, T>, Stopped> {
        let permit = self.free.acquire().await.map_err(|_| Stopped)?;
        Ok(Place { permit, jobs: &self.jobs })
    }

    /// A place, if one is free.
    pub(super) fn try_place(&self) -> Result<Option<Place<'_, T>>, Stopped> {
        match self.free.try_acquire() {
            Ok(permit) => Ok(Some(Place { permit, jobs: &self.jobs })),
            Err(TryAcquireError::NoPermits) => Ok(None),
            Err(TryAcquireError::Closed) => Err(Stopped),
        }
    }

    /// Waits for a place and puts `job` there.
    pub(super) async fn put(&self, job: T) -> Result<(), Stopped> {
        self.place().await?.put(job)
    }

    /// Puts `job` in a place if one is free, and says whether it did.
    pub(super) fn try_put(&self, job: T) -> Result<bool, Stopped> {
        match self.try_place()? {
            Some(place) => place.put(job).map(|()| true),
            None => Ok(false),
        }
    }
}

/// A place that is held for one job; given back when it is dropped.
pub(super) struct Place<'a, T> {
    permit: SemaphorePermit<'a>,
    jobs: &'a mpsc::SyncSender<T>,
}

impl<T> Place<'_, T> {
    /// Puts `job` there.
    pub(super) fn put(self, job: T) -> Result<(), Stopped> {
        self.jobs.try_send(job).map_err(|_| Stopped)?;
        self.permit.forget();
        Ok(())
    }
}

/// What came out of the gate.
pub(super) enum Came<T> {
    /// A job.
    Job(T),
    /// Nothing, for as long as the receiver was ready to wait.
    Nothing,
    /// Nothing will ever come again.
    End,
}

/// The writer's side. Dropping it tells every sender, waiting or not, that the writer has stopped.
pub(super) struct Exit<T> {
    free: Arc<Semaphore>,
    jobs: mpsc::Receiver<T>,
}

impl<T> Exit<T> {
    /// The next job; waits for it, at most for `longest` if that is given.
    pub(super) fn next(&self, longest: Option<Duration>) -> Came<T> {
        let job = match longest {
            None => self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(longest) => self.jobs.recv_timeout(longest),
        };
        match job {
            Ok(job) => self.free_place(job),
            Err(RecvTimeoutError::Timeout) => Came::Nothing,
            Err(RecvTimeoutError::Disconnected) => Came::End,
        }
    }

    /// A job that is already there.
    pub(super) fn waiting(&self) -> Option<T> {
        let job = self.jobs.try_recv().ok()?;
        self.free.add_permits(1);
        Some(job)
    }

    fn free_place(&self, job: T) -> Came<T> {
        self.free.add_permits(1);
        Came::Job(job)
    }
}

impl<T> Drop for Exit<T> {
    fn drop(&mut self) {
        self.free.close();
    }
}
