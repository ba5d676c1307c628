//! Where a session stands. The picture is at the top of the crate.

/// One at a time; what may follow what is [`Phase::may_become`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Reads the PROXY header that the client's proxy sends first.
    Greeting,
    /// Waits for a server and a socket.
    Assigning,
    /// The connect is in flight.
    Connecting,
    /// The attempt failed: its socket is being closed.
    Retreating,
    /// Waits before it tries the same server again.
    Resting,
    /// The PROXY header for the server is being sent.
    Heading,
    /// Bytes flow both ways.
    Relaying,
    /// It has ended; what is in flight is cancelled and awaited.
    Aborting,
    /// Both sockets are being closed.
    Closing,
    /// Holds nothing any more.
    Closed,
}

impl Phase {
    pub const ALL: [Phase; 10] = [
        Phase::Greeting,
        Phase::Assigning,
        Phase::Connecting,
        Phase::Retreating,
        Phase::Resting,
        Phase::Heading,
        Phase::Relaying,
        Phase::Aborting,
        Phase::Closing,
        Phase::Closed,
    ];

    /// Whether why it ends has been decided.
    pub fn is_ending(self) -> bool {
        match self {
            Phase::Aborting | Phase::Closing | Phase::Closed => true,
            Phase::Greeting
            | Phase::Assigning
            | Phase::Connecting
            | Phase::Retreating
            | Phase::Resting
            | Phase::Heading
            | Phase::Relaying => false,
        }
    }
}
