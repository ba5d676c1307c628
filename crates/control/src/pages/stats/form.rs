//! What a form of the page asks to be done: `b=BACKEND&s=SERVER&s=SERVER&action=ACTION`, in HAProxy's words.

use crate::admin::{Desk, command};
use table::Table;

/// The most servers of one form.
const SERVERS_MOST: usize = 512;

/// An action, with the command that it is on an admin socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Action {
    /// As forms say it.
    pub(super) word: &'static str,
    /// As people read it.
    pub(super) text: &'static str,
    /// `@` stands for the server.
    command: &'static str,
}

pub(super) const ACTIONS: [Action; 8] = [
    Action { word: "ready", text: "Ready: serve again", command: "set server @ state ready" },
    Action { word: "drain", text: "Drain: no new sessions", command: "set server @ state drain" },
    Action { word: "maint", text: "Maintenance: out of service", command: "set server @ state maint" },
    Action { word: "ehlth", text: "Health checks on", command: "enable health @" },
    Action { word: "dhlth", text: "Health checks off", command: "disable health @" },
    Action { word: "eagent", text: "Agent checks on", command: "enable agent @" },
    Action { word: "dagent", text: "Agent checks off", command: "disable agent @" },
    Action { word: "shutdown", text: "End all sessions", command: "shutdown sessions server @" },
];

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) backend: String,
    pub(super) servers: Vec<String>,
    pub(super) action: Action,
    /// It was asked for a second time.
    pub(super) is_confirmed: bool,
}

/// What came of it, in HAProxy's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Partly,
    Failed,
}

impl Outcome {
    const ALL: [Outcome; 3] = [Outcome::Done, Outcome::Partly, Outcome::Failed];

    pub(super) fn word(self) -> &'static str {
        match self {
            Outcome::Done => "DONE",
            Outcome::Partly => "PART",
            Outcome::Failed => "ERRP",
        }
    }

    pub(super) fn of_word(word: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.word() == word)
    }

    pub(super) fn sentence(self) -> &'static str {
        match self {
            Outcome::Done => "Done.",
            Outcome::Partly => "Done for some of the servers, refused for others. The log says what has changed.",
            Outcome::Failed => "Refused: it cannot be done to these servers.",
        }
    }
}

impl Wish {
    /// Reads a form, or says what is wrong with it.
    pub(super) fn of(form: &str) -> Result<Wish, &'static str> {
        let word = field(form, "action").unwrap_or_default();
        let action = ACTIONS.into_iter().find(|action| action.word == word);
        let action = action.ok_or("No action was chosen. Nothing was done.")?;
        let servers: Vec<String> = fields(form).filter(|(name, _)| name == "s").map(|(_, value)| value).collect();
        if servers.is_empty() || servers.len() > SERVERS_MOST {
            return Err("No server was chosen, or too many. Nothing was done.");
        }
        let backend = field(form, "b").unwrap_or_default();
        Ok(Wish { backend, servers, action, is_confirmed: field(form, "confirmed").is_some() })
    }

    pub(super) fn exists(&self, table: &Table, server: &str) -> bool {
        let backend = table.backend_named(&self.backend).map(|backend| table.backend(backend));
        backend.is_some_and(|backend| backend.servers.iter().any(|known| &*known.name == server))
    }

    /// Does it, as the same commands on an admin socket would.
    pub(super) fn carry_out(&self, desk: &mut Desk<'_>) -> Outcome {
        let mut failures = 0;
        for server in &self.servers {
            let target = format!("{}/{server}", self.backend);
            let words =
                self.action.command.split(' ').map(|word| if word == "@" { target.clone() } else { word.into() });
            // A command that was carried out says nothing.
            failures += usize::from(!command(desk, words.collect()).is_empty());
        }
        match failures {
            0 => Outcome::Done,
            all if all == self.servers.len() => Outcome::Failed,
            _ => Outcome::Partly,
        }
    }
}

/// The first field of this name.
pub(super) fn field(form: &str, name: &str) -> Option<String> {
    fields(form).find(|(found, _)| found == name).map(|(_, value)| value)
}

/// `application/x-www-form-urlencoded` (URL Standard §5.1).
fn fields(form: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = form.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let digits = (first == b'%').then(|| behind.get(..2)).flatten();
        let byte = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(if first == b'+' { b' ' } else { first });
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let wish = Wish::of("b=be&s=s1&s=a%2Fb+c&action=drain&token=x").expect("it is whole");
        assert_eq!((wish.backend.as_str(), wish.action.word, wish.is_confirmed), ("be", "drain", false));
        assert_eq!(wish.servers, ["s1", "a/b c"]);
        assert!(Wish::of("b=be&s=s1&action=maint&confirmed=yes").expect("it is whole").is_confirmed);
        assert!(Wish::of("b=be&s=s1&action=explode").is_err());
        assert!(Wish::of("b=be&action=ready").is_err());
    }

    #[test]
    fn what_is_no_code_stands_for_itself() {
        for (text, expected) in
            [("a%20b", "a b"), ("100%", "100%"), ("%zz%4", "%zz%4"), ("%C3%A9", "é"), ("%ff", "\u{fffd}")]
        {
            assert_eq!(decoded(text), expected, "{text}");
        }
    }
}
