//! What follows a connect that failed: another attempt, at the same server or at one chosen anew.

use crate::{Backend, Balance};

/// `option redispatch [N]`: which retries may go to another server. Whatever it says, a connection that the algorithm does not
/// bind to a server goes elsewhere at the first failure (see [`Backend::retry`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Redispatch {
    /// Every N-th retry; 0 is none of them.
    Every(u32),
    /// HAProxy writes it as -N, and -1 is what it means without a number: counted from the last retry, which is 1.
    Last(u32),
}

/// What holds a session to its server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pin {
    /// Nothing but the algorithm.
    #[default]
    Free,
    /// A cookie, or a rule: it is left where `option redispatch` says so.
    Bound,
    /// `force-persist`: it is never left.
    Forced,
}

/// How to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// The same server.
    Same { pause: bool },
    /// One picked anew, the one that failed being released before and [avoided](crate::PickKey::avoid).
    Redispatch { pause: bool },
}

impl Backend {
    /// What to do after the connection failed `failed_count` times (1 or more); `None`: give up.
    ///
    /// A `pause` of one second, or `timeout connect` if that is shorter, is made before the attempt if the connect was refused.
    /// One that ran into `timeout connect` has waited enough.
    pub fn retry(&self, failed_count: u32, pin: Pin) -> Option<Retry> {
        if failed_count > self.retries {
            return None;
        }
        let has_choice = self.state.usable().active > 1;
        let retry = match (self.redispatch, pin) {
            (Some(_), Pin::Free) if has_choice && !self.balance.binds_clients() => Retry::Redispatch { pause: false },
            (Some(redispatch), Pin::Free | Pin::Bound) if redispatch.is_due(failed_count, self.retries) => {
                Retry::Redispatch { pause: !has_choice }
            }
            (Some(_) | None, _) => Retry::Same { pause: true },
        };
        Some(retry)
    }
}

impl Balance {
    /// What the client is or wants decides on the server: going elsewhere at the first failure would give that up.
    fn binds_clients(self) -> bool {
        match self {
            Balance::Hash(_) => true,
            Balance::RoundRobin | Balance::StaticRr | Balance::LeastConn | Balance::First | Balance::Random { .. } => {
                false
            }
        }
    }
}

impl Redispatch {
    /// Whether the retry of this number (from 1) may go elsewhere.
    fn is_due(self, retry: u32, retries: u32) -> bool {
        let interval = match self {
            Redispatch::Every(interval) => interval,
            Redispatch::Last(from_end) => retries.saturating_add(1).abs_diff(from_end),
        };
        retry.checked_rem(interval) == Some(0)
    }
}
