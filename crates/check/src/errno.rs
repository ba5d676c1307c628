//! Errors of system calls, as numbers with a text.

use std::fmt;
use std::io;

/// A value of `errno`. Displays the system's text, such as `Connection refused`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

impl Errno {
    /// `EPIPE` to `EHOSTUNREACH` as Linux numbers them.
    const BROKEN_PIPE: Errno = Errno(32);
    const CONNECTION_RESET: Errno = Errno(104);
    const TIMED_OUT: Errno = Errno(110);
    const CONNECTION_REFUSED: Errno = Errno(111);
    const HOST_UNREACHABLE: Errno = Errno(113);

    /// What a connection that was not made is told by.
    ///
    /// HAProxy tells what the network answered from what its own system refused, by the words in front of the error.
    pub(crate) fn network_words(self) -> String {
        if self.is_from_network() { self.to_string() } else { self.system_words() }
    }

    /// What a socket that could not be made is told by.
    pub(crate) fn system_words(self) -> String {
        format!("General socket error ({self})")
    }

    /// Whether the network said so, later, rather than this system at once.
    fn is_from_network(self) -> bool {
        let from_network = [
            Errno::BROKEN_PIPE,
            Errno::CONNECTION_RESET,
            Errno::TIMED_OUT,
            Errno::CONNECTION_REFUSED,
            Errno::HOST_UNREACHABLE,
        ];
        from_network.contains(&self)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The standard library adds the number to the text of strerror(3), and offers no way to leave it out.
        let text = io::Error::from_raw_os_error(self.0).to_string();
        let number = format!(" (os error {})", self.0);
        f.write_str(text.strip_suffix(&number).unwrap_or(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::Errno;

    /// errno(3).
    #[test]
    fn texts() {
        for (number, expected) in [
            (2, "No such file or directory"),
            (24, "Too many open files"),
            (32, "Broken pipe"),
            (101, "Network is unreachable"),
            (104, "Connection reset by peer"),
            (110, "Connection timed out"),
            (111, "Connection refused"),
            (113, "No route to host"),
        ] {
            assert_eq!(Errno(number).to_string(), expected);
        }
    }
}
