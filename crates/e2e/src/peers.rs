//! Peers in this process: servers that behave, servers that do not, and clients in thousands.

mod closed;
mod conversation;
mod crowd;
mod origin;
pub mod pattern;

pub use closed::{BlackHole, Refusing};
pub use conversation::{Conversation, Seen};
pub use crowd::Crowd;
pub use origin::Origin;
