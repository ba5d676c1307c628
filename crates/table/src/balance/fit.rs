//! How a server suits a connection that looks for one: what every algorithm asks before it takes one.

/// What keeps a server from being the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Nothing.
    Wanted,
    /// It has just failed this connection: only if there is no other.
    Avoided,
    /// All its places are taken.
    Full,
}

/// The first that is wanted, else the first to be avoided.
pub(super) fn first(seats: impl Iterator<Item = usize>, fit: impl Fn(usize) -> Fit) -> Option<usize> {
    let mut avoided = None;
    for seat in seats {
        match fit(seat) {
            Fit::Wanted => return Some(seat),
            Fit::Avoided => avoided = avoided.or(Some(seat)),
            Fit::Full => (),
        }
    }
    avoided
}
