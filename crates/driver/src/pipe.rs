//! Pipes that carry bytes between two sockets without user space: the right to use one.
//!
//! A [`Pipes`] is a driver's bounded stock; a [`Pipe`] is the right to one of them, and moves into an op and back as a
//! buffer's lease does. What lies in a pipe belongs to the flow that filled it.
//!
//! **Invariant:** a pipe that goes back to the stock is empty. One that is given up with bytes in it is *spoiled*: its driver
//! makes it anew before anybody else gets it, so that no byte of one connection can reach another.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

/// The stock of pipes of one driver.
#[derive(Clone)]
pub struct Pipes {
    shared: Rc<RefCell<Stock>>,
}

#[derive(Default)]
struct Stock {
    /// Empty pipes, the one used last on top.
    free: Vec<u32>,
    /// Pipes that were given up with bytes in them.
    spoiled: Vec<u32>,
    lent_count: usize,
}

/// The right to one pipe.
pub struct Pipe {
    shared: Rc<RefCell<Stock>>,
    index: u32,
    /// Bytes inside.
    held: u32,
}

impl Pipes {
    /// An empty stock.
    #[expect(clippy::new_without_default, reason = "a stock is made on purpose, by a driver")]
    pub fn new() -> Pipes {
        Pipes { shared: Rc::default() }
    }

    /// Puts a pipe of this number into the stock: a new one, or one that was made anew.
    pub fn add(&self, index: u32) {
        self.shared.borrow_mut().free.push(index);
    }

    /// The right to a pipe; `None` if all are in use.
    pub fn take(&self) -> Option<Pipe> {
        let mut stock = self.shared.borrow_mut();
        let index = stock.free.pop()?;
        stock.lent_count += 1;
        Some(Pipe { shared: Rc::clone(&self.shared), index, held: 0 })
    }

    /// A pipe that must be made anew before it is [added](Pipes::add) again.
    pub fn take_spoiled(&self) -> Option<u32> {
        self.shared.borrow_mut().spoiled.pop()
    }

    pub fn lent_count(&self) -> usize {
        self.shared.borrow().lent_count
    }
}

impl Pipe {
    /// Its driver's number for it.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Bytes inside.
    pub fn held(&self) -> u32 {
        self.held
    }

    /// For drivers: `count` bytes went in.
    pub fn on_filled(&mut self, count: u32) {
        self.held += count;
    }

    /// For drivers: `count` bytes came out.
    pub fn on_drained(&mut self, count: u32) {
        self.held = self.held.checked_sub(count).expect("no more comes out than went in");
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let mut stock = self.shared.borrow_mut();
        stock.lent_count -= 1;
        if self.held == 0 { stock.free.push(self.index) } else { stock.spoiled.push(self.index) }
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pipe({}, {} bytes)", self.index, self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_pipe_goes_back_a_full_one_is_spoiled() {
        let pipes = Pipes::new();
        pipes.add(7);
        let mut pipe = pipes.take().expect("one is there");
        assert!(pipes.take().is_none());
        pipe.on_filled(10);
        pipe.on_drained(10);
        drop(pipe);
        let mut pipe = pipes.take().expect("it came back");
        pipe.on_filled(1);
        drop(pipe);
        assert!(pipes.take().is_none());
        assert_eq!(pipes.take_spoiled(), Some(7));
        pipes.add(7);
        assert!(pipes.take().is_some());
        assert_eq!(pipes.lent_count(), 0);
    }
}
