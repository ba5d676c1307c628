//! What the operator is told on standard error, in HAProxy's form: `[ALERT]    (pid) : text`.

use crate::stdio::write_now;
use std::io::Write;
use std::os::fd::AsFd;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    Notice,
    Warning,
    Alert,
}

impl Urgency {
    pub(crate) fn line(self, pid: u32, text: &str) -> String {
        let label = match self {
            Urgency::Notice => "[NOTICE]",
            Urgency::Warning => "[WARNING]",
            Urgency::Alert => "[ALERT]",
        };
        format!("{label:<11}({pid}) : {text}\n")
    }
}

/// Takes as much as it can without waiting.
type Output = Box<dyn FnMut(&[u8])>;

/// Standard error, or whatever stands for it. Nobody waits for it: what it does not take is lost.
pub(crate) struct Console {
    pid: u32,
    output: Output,
}

impl Console {
    pub(crate) fn stderr(pid: u32) -> Console {
        Console::new(pid, |text| drop(write_now(std::io::stderr().as_fd(), text)))
    }

    pub(crate) fn new(pid: u32, output: impl FnMut(&[u8]) + 'static) -> Console {
        Console { pid, output: Box::new(output) }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn say(&mut self, urgency: Urgency, text: &str) {
        (self.output)(urgency.line(self.pid, text).as_bytes());
    }

    /// What is already in form.
    pub(crate) fn print(&mut self, text: &[u8]) {
        (self.output)(text);
    }
}

/// For whoever writes reports of several lines.
impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.print(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// As HAProxy aligns them.
    #[test]
    fn labels() {
        let kept = Rc::new(RefCell::new(Vec::new()));
        let copy = Rc::clone(&kept);
        let mut console = Console::new(7, move |text| copy.borrow_mut().extend_from_slice(text));
        console.say(Urgency::Notice, "n");
        console.say(Urgency::Warning, "w");
        console.say(Urgency::Alert, "a");
        let text = String::from_utf8(kept.take()).expect("ASCII");
        assert_eq!(text, "[NOTICE]   (7) : n\n[WARNING]  (7) : w\n[ALERT]    (7) : a\n");
    }
}
