//! Error numbers of the kernel, as values.

use std::fmt;

/// An error number of Linux (`errno(3)`). Turned into text and into causes elsewhere; carried as it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

macro_rules! numbers {
    ($($name:ident = $number:literal;)*) => {
        impl Errno {
            $(pub const $name: Errno = Errno($number);)*

            fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

numbers! {
    EPERM = 1;
    ENOENT = 2;
    EINTR = 4;
    EIO = 5;
    EAGAIN = 11;
    ENOMEM = 12;
    EACCES = 13;
    EEXIST = 17;
    EINVAL = 22;
    ENFILE = 23;
    EMFILE = 24;
    EPIPE = 32;
    ENOSYS = 38;
    ETIME = 62;
    EADDRINUSE = 98;
    EADDRNOTAVAIL = 99;
    ENETUNREACH = 101;
    ECONNABORTED = 103;
    ECONNRESET = 104;
    ENOBUFS = 105;
    ETIMEDOUT = 110;
    ECONNREFUSED = 111;
    EHOSTUNREACH = 113;
    ECANCELED = 125;
}

impl Errno {
    /// From an error of the standard library; one without a number counts as `EINVAL`.
    pub fn of(err: &std::io::Error) -> Errno {
        Errno(err.raw_os_error().unwrap_or(Errno::EINVAL.0))
    }

    /// Out of descriptors, or of the kernel's memory for one: accepting rests until something was closed.
    pub fn is_exhaustion(self) -> bool {
        matches!(self, Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM)
    }
}

impl From<Errno> for std::io::Error {
    fn from(errno: Errno) -> std::io::Error {
        std::io::Error::from_raw_os_error(errno.0)
    }
}

/// The system's text: `Connection refused`.
impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = std::io::Error::from_raw_os_error(self.0).to_string();
        let end = text.rfind(" (os error").unwrap_or(text.len());
        f.write_str(&text[..end])
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_systems_own() {
        assert_eq!(Errno::ECONNREFUSED.to_string(), "Connection refused");
        assert_eq!(format!("{:?}", Errno::ECONNREFUSED), "ECONNREFUSED");
        assert_eq!(format!("{:?}", Errno(9999)), "errno 9999");
    }
}
