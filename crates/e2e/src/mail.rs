//! Mail clients: IMAP (RFC 3501), POP3 (RFC 1939) and LMTP (RFC 2033), as far as logging in and moving one message goes.

use std::net::SocketAddr;

use crate::client::Client;

/// An IMAP session.
#[derive(Debug)]
pub struct Imap {
    client: Client,
    tag: u32,
}

impl Imap {
    /// A session over `client`, which the server has greeted.
    pub fn over(mut client: Client) -> Self {
        let greeting = client.line();
        assert!(greeting.starts_with("* OK"), "{greeting}");
        Self { client, tag: 0 }
    }

    /// Sends `command` and hands out the untagged lines and the result: `OK …`, `NO …` or `BAD …`.
    pub fn command(&mut self, command: &str) -> (Vec<String>, String) {
        self.tag += 1;
        let tag = format!("a{} ", self.tag);
        self.client.say(format!("{tag}{command}\r\n"));
        let mut untagged = Vec::new();
        loop {
            let line = self.client.line();
            match line.strip_prefix(&tag) {
                Some(result) => return (untagged, result.to_owned()),
                None => untagged.push(line),
            }
        }
    }

    /// Logs in and hands out the result.
    pub fn login(&mut self, user: &str, password: &str) -> String {
        self.command(&format!("LOGIN {user} {password}")).1
    }

    /// Whether the session answers.
    pub fn is_alive(&mut self) -> bool {
        self.command("NOOP").1.starts_with("OK")
    }

    /// The address that the server sees as this client's.
    pub fn address(&self) -> SocketAddr {
        self.client.address()
    }
}

/// A POP3 session.
#[derive(Debug)]
pub struct Pop3 {
    client: Client,
}

impl Pop3 {
    /// A session over `client`, which the server has greeted.
    pub fn over(mut client: Client) -> Self {
        let greeting = client.line();
        assert!(greeting.starts_with("+OK"), "{greeting}");
        Self { client }
    }

    /// Sends `command` and hands out the status line.
    pub fn command(&mut self, command: &str) -> String {
        self.client.say(format!("{command}\r\n"));
        self.client.line()
    }

    /// Logs in and hands out the last status line.
    pub fn login(&mut self, user: &str, password: &str) -> String {
        let answer = self.command(&format!("USER {user}"));
        if answer.starts_with("+OK") { self.command(&format!("PASS {password}")) } else { answer }
    }

    /// How many messages there are.
    pub fn message_count(&mut self) -> usize {
        let answer = self.command("STAT");
        answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("STAT: {answer}"))
    }

    /// The lines of message `number`, dots unstuffed.
    pub fn retrieve(&mut self, number: usize) -> Vec<String> {
        let answer = self.command(&format!("RETR {number}"));
        assert!(answer.starts_with("+OK"), "{answer}");
        let mut lines = Vec::new();
        loop {
            let line = self.client.line();
            match line.strip_prefix('.') {
                Some("") => return lines,
                Some(stuffed) => lines.push(stuffed.to_owned()),
                None => lines.push(line),
            }
        }
    }

    /// Whether the session answers.
    pub fn is_alive(&mut self) -> bool {
        self.command("NOOP").starts_with("+OK")
    }
}

/// An LMTP session.
#[derive(Debug)]
pub struct Lmtp {
    client: Client,
}

impl Lmtp {
    /// A session over `client`, greeted on both sides.
    pub fn over(mut client: Client) -> Self {
        let greeting = client.line();
        assert!(greeting.starts_with("220 "), "{greeting}");
        let mut session = Self { client };
        session.expect("LHLO rig.example.org", "250");
        session
    }

    /// Delivers a message of `lines` to `recipient` and hands out the server's answer for it.
    pub fn deliver(&mut self, sender: &str, recipient: &str, lines: &[&str]) -> String {
        self.expect(&format!("MAIL FROM:<{sender}>"), "250");
        self.expect(&format!("RCPT TO:<{recipient}>"), "250");
        self.expect("DATA", "354");
        for line in lines {
            let stuffing = if line.starts_with('.') { "." } else { "" };
            self.client.say(format!("{stuffing}{line}\r\n"));
        }
        self.client.say(".\r\n");
        self.answer()
    }

    fn expect(&mut self, command: &str, code: &str) {
        self.client.say(format!("{command}\r\n"));
        let answer = self.answer();
        assert!(answer.starts_with(code), "{command}: {answer}");
    }

    /// The last line of an answer (RFC 5321 section 4.2.1: the others have a hyphen behind the code).
    fn answer(&mut self) -> String {
        loop {
            let line = self.client.line();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }
}
