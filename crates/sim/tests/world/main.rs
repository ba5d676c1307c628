//! Tests of the world itself: it is what other tests believe.

mod echo;
mod envelopes;
mod faults;
mod listeners;
mod peers;
mod rig;
mod seeds;
mod sockets;
mod splices;
mod turns;
