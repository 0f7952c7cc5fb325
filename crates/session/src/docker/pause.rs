//! Pausing containers, all at once, and letting them go on.

use futures_util::future::join_all;

use super::client::Error;
use super::{Engine, has_status};

/// How often it is tried to pause containers.
const TRIES: u32 = 5;

impl Engine {
    /// Pauses containers, all at once. One that does not run any more writes nothing either.
    ///
    /// # Errors
    /// One of them runs on, as far as is known.
    pub fn pause_all(&self, ids: &[String]) -> anyhow::Result<()> {
        let is_over = |error: &Error| {
            has_status(error, 404) || says(error, "not running") || says(error, "already paused")
        };
        let mut tries = 0;
        loop {
            let asked =
                ids.iter().map(async |id| self.client.post(&format!("/containers/{id}/pause"), None).await);
            let paused = self.all(self.runtime.block_on(join_all(asked)), is_over);
            tries += 1;
            // On a busy machine, a container's processes may not come to a stop in time, and then it runs on.
            if paused.is_ok() || tries == TRIES {
                return paused;
            }
        }
    }

    /// Lets containers go on, all at once, as far as they are paused.
    ///
    /// # Errors
    /// One of them is paused still, as far as is known.
    pub fn thaw(&self, ids: &[String]) -> anyhow::Result<()> {
        let thaws =
            ids.iter().map(async |id| self.client.post(&format!("/containers/{id}/unpause"), None).await);
        let is_over =
            |error: &Error| has_status(error, 404) || says(error, "not paused") || says(error, "not running");
        self.all(self.runtime.block_on(join_all(thaws)), is_over)
    }

    fn all(&self, answers: Vec<Result<(), Error>>, is_over: impl Fn(&Error) -> bool) -> anyhow::Result<()> {
        let error = answers.into_iter().filter_map(Result::err).find(|error| !is_over(error));
        error.map_or(Ok(()), |error| Err(self.failure(error).into()))
    }
}

fn says(error: &Error, words: &str) -> bool {
    matches!(error, Error::Refused { message, .. } if message.contains(words))
}
