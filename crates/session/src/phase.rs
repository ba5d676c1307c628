//! Where a session stands. The pictures are at the top of the crate and, for HTTP, of `http`.

/// One at a time; what may follow what is [`Phase::may_become`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Learns who the client is: from its address, or from the PROXY header that its proxy sends first.
    Greeting,
    /// Rules wait for what the client says first.
    Inspecting,
    /// HTTP: waits for a request.
    Awaiting,
    /// HTTP: rules wait for the content of a request.
    Gathering,
    /// HTTP: a request is denied, and its client told so after a while.
    Tarpitted,
    /// Waits for a server and a socket.
    Assigning,
    /// Every server is full: stands in a line.
    Queued,
    /// The connect is in flight.
    Connecting,
    /// The attempt failed: its socket is being closed.
    Retreating,
    /// Waits before it tries the same server again.
    Resting,
    /// The PROXY header for the server is being sent.
    Heading,
    /// HTTP: a request and its response are passed on.
    Exchanging,
    /// HTTP: a response of our own is being sent.
    Answering,
    /// HTTP: between two exchanges, the server's socket is being closed.
    Parting,
    /// HTTP: nothing more is said to the client, which may still be sending.
    Lingering,
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
    pub const ALL: [Phase; 19] = [
        Phase::Greeting,
        Phase::Inspecting,
        Phase::Awaiting,
        Phase::Gathering,
        Phase::Tarpitted,
        Phase::Assigning,
        Phase::Queued,
        Phase::Connecting,
        Phase::Retreating,
        Phase::Resting,
        Phase::Heading,
        Phase::Exchanging,
        Phase::Answering,
        Phase::Parting,
        Phase::Lingering,
        Phase::Relaying,
        Phase::Aborting,
        Phase::Closing,
        Phase::Closed,
    ];

    /// Which phase may follow: both pictures, as a table.
    pub fn may_become(self, next: Phase) -> bool {
        match self {
            Phase::Greeting => {
                matches!(next, Phase::Inspecting | Phase::Awaiting | Phase::Assigning | Phase::Aborting)
            }
            Phase::Inspecting => matches!(next, Phase::Assigning | Phase::Aborting),
            Phase::Awaiting => {
                let goes_on = matches!(next, Phase::Gathering | Phase::Tarpitted | Phase::Assigning);
                goes_on || matches!(next, Phase::Answering | Phase::Aborting)
            }
            Phase::Gathering => {
                matches!(next, Phase::Tarpitted | Phase::Assigning | Phase::Answering | Phase::Aborting)
            }
            Phase::Tarpitted => matches!(next, Phase::Answering | Phase::Aborting),
            Phase::Assigning => {
                matches!(next, Phase::Queued | Phase::Connecting | Phase::Answering | Phase::Aborting)
            }
            Phase::Queued => matches!(next, Phase::Connecting | Phase::Answering | Phase::Aborting),
            Phase::Connecting => {
                let is_open = matches!(next, Phase::Heading | Phase::Exchanging | Phase::Relaying);
                is_open || matches!(next, Phase::Retreating | Phase::Answering | Phase::Aborting)
            }
            Phase::Retreating => matches!(next, Phase::Resting | Phase::Assigning | Phase::Aborting),
            Phase::Resting => matches!(next, Phase::Assigning | Phase::Aborting),
            Phase::Heading => {
                matches!(next, Phase::Exchanging | Phase::Answering | Phase::Relaying | Phase::Aborting)
            }
            Phase::Exchanging => {
                let is_over = matches!(next, Phase::Parting | Phase::Lingering | Phase::Aborting);
                is_over || matches!(next, Phase::Retreating | Phase::Answering | Phase::Relaying)
            }
            Phase::Answering => matches!(next, Phase::Parting | Phase::Lingering | Phase::Aborting),
            Phase::Parting => matches!(next, Phase::Awaiting | Phase::Aborting),
            Phase::Lingering => matches!(next, Phase::Aborting),
            Phase::Relaying => matches!(next, Phase::Aborting),
            Phase::Aborting => matches!(next, Phase::Closing),
            Phase::Closing => matches!(next, Phase::Closed),
            Phase::Closed => false,
        }
    }

    /// Whether why it ends has been decided.
    pub fn is_ending(self) -> bool {
        match self {
            Phase::Aborting | Phase::Closing | Phase::Closed => true,
            Phase::Greeting
            | Phase::Inspecting
            | Phase::Awaiting
            | Phase::Gathering
            | Phase::Tarpitted
            | Phase::Assigning
            | Phase::Queued
            | Phase::Connecting
            | Phase::Retreating
            | Phase::Resting
            | Phase::Heading
            | Phase::Exchanging
            | Phase::Answering
            | Phase::Parting
            | Phase::Lingering
            | Phase::Relaying => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_transitions() {
        let table: String = Phase::ALL
            .into_iter()
            .map(|from| {
                let next: Vec<Phase> = Phase::ALL.into_iter().filter(|&next| from.may_become(next)).collect();
                format!("{from:?} -> {next:?}\n")
            })
            .collect();
        insta::assert_snapshot!(table, @r"
        Greeting -> [Inspecting, Awaiting, Assigning, Aborting]
        Inspecting -> [Assigning, Aborting]
        Awaiting -> [Gathering, Tarpitted, Assigning, Answering, Aborting]
        Gathering -> [Tarpitted, Assigning, Answering, Aborting]
        Tarpitted -> [Answering, Aborting]
        Assigning -> [Queued, Connecting, Answering, Aborting]
        Queued -> [Connecting, Answering, Aborting]
        Connecting -> [Retreating, Heading, Exchanging, Answering, Relaying, Aborting]
        Retreating -> [Assigning, Resting, Aborting]
        Resting -> [Assigning, Aborting]
        Heading -> [Exchanging, Answering, Relaying, Aborting]
        Exchanging -> [Retreating, Answering, Parting, Lingering, Relaying, Aborting]
        Answering -> [Parting, Lingering, Aborting]
        Parting -> [Awaiting, Aborting]
        Lingering -> [Aborting]
        Relaying -> [Aborting]
        Aborting -> [Closing]
        Closing -> [Closed]
        Closed -> []
        ");
    }

    #[test]
    fn every_phase_leads_to_the_end() {
        for phase in Phase::ALL {
            let is_last = phase == Phase::Closed;
            let may_end = phase.is_ending() || phase.may_become(Phase::Aborting);
            assert!(is_last || may_end, "{phase:?}");
        }
    }
}
