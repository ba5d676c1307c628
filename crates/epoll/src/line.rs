//! Sockets that wait for their turn, first come first served, each in line once.
//!
//! A socket stays in line until its turn comes, also if meanwhile it has nothing to do, or was closed and its number is
//! another one's: whoever serves the line looks. So a line is never longer than there are descriptors.

use driver::Fd;
use std::collections::VecDeque;

#[derive(Default)]
pub(crate) struct Line {
    queue: VecDeque<Fd>,
    /// By number: who is in line.
    waits: Vec<bool>,
}

const NUMBERS_STEP: usize = 1024;

impl Line {
    /// Answers whether it was not in line already.
    pub(crate) fn join(&mut self, fd: Fd) -> bool {
        let number = usize::try_from(fd.0).expect("sockets have numbers from zero");
        if number >= self.waits.len() {
            self.waits.resize((number + 1).next_multiple_of(NUMBERS_STEP), false);
        }
        let is_new = !std::mem::replace(&mut self.waits[number], true);
        if is_new {
            self.queue.push_back(fd);
        }
        is_new
    }

    /// The one that has waited longest leaves the line.
    pub(crate) fn next(&mut self) -> Option<Fd> {
        let fd = self.queue.pop_front()?;
        self.waits[fd.0 as usize] = false;
        Some(fd)
    }

    pub(crate) fn count(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_come_first_served_and_each_once() {
        let mut line = Line::default();
        assert_eq!([5, 4000, 5, 3].map(|number| line.join(Fd(number))), [true, true, false, true]);
        assert_eq!(line.next(), Some(Fd(5)));
        assert!(line.join(Fd(5)), "it may come back");
        assert_eq!(line.count(), 3);
        let rest: Vec<Fd> = std::iter::from_fn(|| line.next()).collect();
        assert_eq!(rest, [Fd(4000), Fd(3), Fd(5)]);
        assert!(line.is_empty());
    }
}
