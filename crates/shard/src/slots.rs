//! Sessions by their id, in blocks that never move.
//!
//! **Invariant:** a slot is free or holds one session; its generation grows each time it becomes free, so an id that outlives
//! its session finds nobody.

use driver::SessionId;
use session::Session;

pub struct Slots {
    blocks: Vec<Box<[Slot; BLOCK]>>,
    free: Vec<u32>,
    live_count: u32,
    most: u32,
}

const BLOCK: usize = 64;

struct Slot {
    generation: u32,
    session: Option<Session>,
}

// Most of what a client costs that rests. A block of slots that is a byte larger than 28 KiB takes 32 KiB from the allocator.
const _: () = assert!(BLOCK * size_of::<Slot>() <= 28 << 10);

impl Slots {
    /// Room for `most` sessions; memory grows with the sessions there were at once.
    pub fn new(most: u32) -> Slots {
        Slots { blocks: Vec::new(), free: Vec::new(), live_count: 0, most }
    }

    pub fn live_count(&self) -> u32 {
        self.live_count
    }

    pub fn is_full(&self) -> bool {
        self.live_count >= self.most
    }

    /// Slots that exist, used or not: ids have smaller indices.
    pub fn count(&self) -> usize {
        self.blocks.len() * BLOCK
    }

    /// The id that the next session gets; `None` if all slots are taken.
    pub fn vacancy(&mut self) -> Option<SessionId> {
        if self.is_full() {
            return None;
        }
        if self.free.is_empty() {
            self.grow();
        }
        let &index = self.free.last()?;
        Some(SessionId { index, generation: self.slot(index).generation })
    }

    /// Fills the slot that [`vacancy`](Slots::vacancy) named.
    pub fn occupy(&mut self, id: SessionId, session: Session) {
        let index = self.free.pop().expect("a vacancy was named before");
        let slot = self.slot_mut(index);
        assert!(
            index == id.index && slot.generation == id.generation && slot.session.is_none(),
            "{id:?} is not vacant"
        );
        slot.session = Some(session);
        self.live_count += 1;
    }

    pub fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        let slot = &mut self.blocks.get_mut(id.index as usize / BLOCK)?[id.index as usize % BLOCK];
        if slot.generation == id.generation { slot.session.as_mut() } else { None }
    }

    /// The session in this slot, whatever its generation: for timers, which are taken off with their session.
    pub fn at(&self, index: u32) -> Option<(SessionId, &Session)> {
        let slot = self.slot(index);
        slot.session.as_ref().map(|session| (SessionId { index, generation: slot.generation }, session))
    }

    /// Drops a closed session. Nothing names its id from here on.
    pub fn vacate(&mut self, id: SessionId) {
        let slot = self.slot_mut(id.index);
        assert_eq!(slot.generation, id.generation, "a slot is vacated once");
        let session = slot.session.take().expect("only live sessions are vacated");
        assert!(session.is_closed(), "a session leaves when nothing of it is in flight");
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.index);
        self.live_count -= 1;
    }

    pub fn iter(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        (0..self.count() as u32).filter_map(|index| self.at(index))
    }

    fn grow(&mut self) {
        let first = self.count() as u32;
        self.blocks.push(Box::new(std::array::from_fn(|_| Slot { generation: 0, session: None })));
        self.free.extend((first..first + BLOCK as u32).rev());
    }

    fn slot(&self, index: u32) -> &Slot {
        &self.blocks[index as usize / BLOCK][index as usize % BLOCK]
    }

    fn slot_mut(&mut self, index: u32) -> &mut Slot {
        &mut self.blocks[index as usize / BLOCK][index as usize % BLOCK]
    }
}
