//! Connections by number, where a number is not used again before the events that may still name it are through.

/// Values by slot number.
pub(crate) struct Slots<T> {
    entries: Vec<Option<T>>,
    free: Vec<usize>,
    freed: Vec<usize>,
}

impl<T> Slots<T> {
    pub(crate) fn new() -> Self {
        Slots { entries: Vec::new(), free: Vec::new(), freed: Vec::new() }
    }

    pub(crate) fn insert(&mut self, value: T) -> usize {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() - 1
        });
        self.entries[slot] = Some(value);
        slot
    }

    pub(crate) fn entry(&mut self, slot: usize) -> Option<&mut T> {
        self.entries.get_mut(slot)?.as_mut()
    }

    pub(crate) fn remove(&mut self, slot: usize) {
        if self.entries.get_mut(slot).and_then(Option::take).is_some() {
            self.freed.push(slot);
        }
    }

    /// To be called after each batch of events: what was removed during it may be used again.
    pub(crate) fn on_batch_end(&mut self) {
        self.free.append(&mut self.freed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_rests_until_the_batch_is_over() {
        let mut slots = Slots::new();
        assert_eq!(slots.insert('a'), 0);
        slots.remove(0);
        slots.remove(0);
        assert_eq!(slots.insert('b'), 1);
        slots.on_batch_end();
        assert_eq!(slots.insert('c'), 0);
        assert_eq!(slots.insert('d'), 2);
        assert_eq!(slots.entry(0), Some(&mut 'c'));
    }
}
