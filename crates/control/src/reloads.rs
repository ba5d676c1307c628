//! How readings of the configuration went, and who waits to hear it (`reload` on the master's socket).

use crate::admin::Answer;
use driver::Instant;
use std::time::Duration;
use tokio::sync::oneshot;

pub(crate) struct Reloads {
    /// Readings after the first.
    count: u32,
    /// How many of them in a row, up to now, have changed nothing.
    failures: u32,
    /// Since when the configuration in force is.
    adopted_at: Instant,
    /// What was said of the last one that was read.
    said: String,
    /// Who asked for a reading that has not begun.
    waiting: Vec<oneshot::Sender<Answer>>,
    /// Who asked for the one that is under way.
    attending: Vec<oneshot::Sender<Answer>>,
}

impl Reloads {
    pub(crate) fn new(now: Instant, said: String) -> Reloads {
        Reloads { count: 0, failures: 0, adopted_at: now, said, waiting: Vec::new(), attending: Vec::new() }
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.since(self.adopted_at)
    }

    pub(crate) fn said(&self) -> &str {
        &self.said
    }

    pub(crate) fn wait(&mut self, reply: oneshot::Sender<Answer>) {
        self.waiting.push(reply);
    }

    /// A reading begins: whoever has asked until now asked for this one.
    pub(crate) fn begin(&mut self) {
        self.count += 1;
        self.attending.append(&mut self.waiting);
    }

    /// Diagnostics of the configuration that was read.
    pub(crate) fn on_read(&mut self, said: String) {
        self.said = said;
    }

    pub(crate) fn on_adopted(&mut self, now: Instant) {
        self.failures = 0;
        self.adopted_at = now;
        self.answer("Success=1");
    }

    pub(crate) fn on_refused(&mut self, why: &str) {
        self.failures += 1;
        self.said.push_str(why);
        self.answer("Success=0");
    }

    fn answer(&mut self, outcome: &str) {
        for reply in self.attending.drain(..) {
            // A client that has gone does not want to know.
            let _ = reply.send(format!("{outcome}\n--\n{}", self.said).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_while_one_is_under_way_waits_for_the_next() {
        let mut reloads = Reloads::new(Instant::EPOCH, String::new());
        let (first, mut first_answer) = oneshot::channel();
        reloads.wait(first);
        reloads.begin();
        let (second, mut second_answer) = oneshot::channel();
        reloads.wait(second);
        reloads.on_read("a warning\n".into());
        reloads.on_adopted(Instant::EPOCH);
        assert_eq!(first_answer.try_recv().expect("answered").text, "Success=1\n--\na warning\n");
        assert!(second_answer.try_recv().is_err());
        reloads.begin();
        reloads.on_read(String::new());
        reloads.on_refused("no listener\n");
        assert_eq!(second_answer.try_recv().expect("answered").text, "Success=0\n--\nno listener\n");
        assert_eq!((reloads.count(), reloads.failures()), (2, 1));
    }
}
