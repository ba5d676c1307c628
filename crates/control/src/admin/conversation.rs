//! What a client of an admin socket says, without I/O: bytes in, commands out, answers in, bytes out.
//!
//! ```text
//!   bytes ──▶ line ──▶ command ; command ; command <<        `show info; show stat\n`
//!                                            │ payload until an empty line
//!                                            ▼
//!             Step::Ask(command) ──answer──▶ text + "\n"      in a prompt: text + "\n> "
//! ```
//!
//! As HAProxy has it (`management.txt` §9.3): without a prompt, the conversation is over when everything that has come is answered.
//!
//! **Invariant:** at most [`LINE_MOST`] bytes are kept of what a client says; whoever says more in one line is not answered.

use std::collections::VecDeque;

/// The longest line, and the longest payload, in bytes.
const LINE_MOST: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Conversation {
    /// What has come and is not understood yet.
    heard: Vec<u8>,
    /// Commands of the present line.
    commands: VecDeque<Command>,
    /// The last command of the line waits for its payload.
    payload: Option<Vec<u8>>,
    mood: Mood,
    /// What stands in front of the prompt.
    name: String,
    has_asked: bool,
    is_finished: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Brief,
    Interactive,
    Ending,
}

/// One command, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) words: Vec<String>,
    /// What follows `<<`.
    pub(crate) payload: Option<String>,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// More must be heard.
    Listen,
    /// This is to be answered.
    Ask(Command),
    /// It is over.
    End,
}

impl Conversation {
    /// Bytes have come.
    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        if self.heard.len() + bytes.len() > LINE_MOST && !self.heard.contains(&b'\n') && !bytes.contains(&b'\n') {
            self.mood = Mood::Ending;
        }
        self.heard.extend_from_slice(bytes);
    }

    /// The client says no more.
    pub(crate) fn finish(&mut self) {
        self.is_finished = true;
    }

    /// Whether there is room for more of what the client says.
    pub(crate) fn room(&self) -> usize {
        LINE_MOST.saturating_sub(self.heard.len())
    }

    pub(crate) fn next(&mut self) -> Step {
        loop {
            if self.mood == Mood::Ending {
                return Step::End;
            }
            if self.payload.is_none()
                && let Some(command) = self.commands.pop_front()
            {
                self.has_asked = true;
                return Step::Ask(command);
            }
            let Some(line) = self.take_line() else { break };
            match self.payload.take() {
                Some(payload) => self.on_payload(payload, &line),
                None => self.on_line(&line),
            }
        }
        let is_answered = self.has_asked && self.mood == Mood::Brief && self.payload.is_none() && self.heard.is_empty();
        if self.is_finished || is_answered { Step::End } else { Step::Listen }
    }

    /// The answer to a command, as the client is to read it.
    pub(crate) fn answer(&self, text: &str) -> String {
        let mut answer = String::with_capacity(text.len() + 4);
        answer.push_str(text);
        if !text.is_empty() && !text.ends_with('\n') {
            answer.push('\n');
        }
        answer.push('\n');
        if self.mood == Mood::Interactive {
            answer.push_str(&self.name);
            answer.push_str("> ");
        }
        answer
    }

    /// Who the client speaks with, where that is to be shown.
    pub(crate) fn set_name(&mut self, name: String) {
        self.name = name;
    }

    /// `prompt`
    pub(crate) fn toggle_prompt(&mut self) {
        self.mood = match self.mood {
            Mood::Brief => Mood::Interactive,
            Mood::Interactive => Mood::Brief,
            Mood::Ending => Mood::Ending,
        };
    }

    /// `prompt i`, `prompt n`
    pub(crate) fn set_prompt(&mut self, is_wanted: bool) {
        if self.mood != Mood::Ending {
            self.mood = if is_wanted { Mood::Interactive } else { Mood::Brief };
        }
    }

    fn on_line(&mut self, line: &str) {
        let mut commands: VecDeque<Command> = commands(line).into();
        let announces = commands.back().is_some_and(|last| last.words.last().is_some_and(|word| word == "<<"));
        if announces && let Some(last) = commands.back_mut() {
            last.words.pop();
            self.payload = Some(Vec::new());
        }
        self.commands = commands;
    }

    /// A payload ends with an empty line.
    fn on_payload(&mut self, mut payload: Vec<u8>, line: &str) {
        if line.is_empty() {
            if let Some(last) = self.commands.back_mut() {
                last.payload = Some(String::from_utf8_lossy(&payload).into_owned());
            }
            return;
        }
        if payload.len() + line.len() > LINE_MOST {
            self.mood = Mood::Ending;
            return;
        }
        payload.extend_from_slice(line.as_bytes());
        payload.push(b'\n');
        self.payload = Some(payload);
    }

    fn take_line(&mut self) -> Option<String> {
        let end = self.heard.iter().position(|&byte| byte == b'\n')?;
        let line: Vec<u8> = self.heard.drain(..=end).collect();
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Some(String::from_utf8_lossy(line).into_owned())
    }
}

/// The commands of a line, at least one. Words are separated by blanks, commands by semicolons; a backslash takes the next
/// character as it is.
fn commands(line: &str) -> Vec<Command> {
    let mut commands = vec![Command::default()];
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.get_or_insert_default().extend(characters.next()),
            ' ' | '\t' | ';' => {
                if let (Some(word), Some(last)) = (word.take(), commands.last_mut()) {
                    last.words.push(word);
                }
                if character == ';' {
                    commands.push(Command::default());
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    if let (Some(word), Some(last)) = (word, commands.last_mut()) {
        last.words.push(word);
    }
    // A semicolon at the end begins nothing.
    if commands.len() > 1 {
        commands.pop_if(|last| last.words.is_empty());
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that follows from hearing `text` in pieces of `size`, then nothing more.
    fn asked(text: &str, size: usize) -> Vec<String> {
        let mut conversation = Conversation::default();
        let mut asked = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            conversation.hear(piece);
            while let Step::Ask(command) = conversation.next() {
                let payload = command.payload.map(|payload| format!(" << {payload:?}")).unwrap_or_default();
                asked.push(command.words.join("|") + &payload);
            }
        }
        asked
    }

    /// Any cut of the bytes gives the same commands.
    fn check(text: &str, expected: &[&str]) {
        for size in [1, 2, 3, 7, 1024] {
            assert_eq!(asked(text, size), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn words_commands_lines() {
        check("show info\n", &["show|info"]);
        check("show  info ;show stat;\r\n", &["show|info", "show|stat"]);
        check("get weight be\\;x/s\\ 1\n", &["get|weight|be;x/s 1"]);
        check("\n", &[""]);
        check("show info", &[]);
    }

    #[test]
    fn payloads_end_with_an_empty_line() {
        check("add x <<\none\ntwo\n\n", &["add|x << \"one\\ntwo\\n\""]);
        check("show info;add x <<\none\n\n", &["show|info", "add|x << \"one\\n\""]);
    }

    #[test]
    fn without_a_prompt_it_ends_when_all_is_answered() {
        let mut conversation = Conversation::default();
        assert_eq!(conversation.next(), Step::Listen);
        conversation.hear(b"a\nb");
        assert!(matches!(conversation.next(), Step::Ask(_)));
        assert_eq!(conversation.answer("x"), "x\n\n");
        assert_eq!(conversation.next(), Step::Listen, "something has begun");
        conversation.hear(b"\n");
        assert!(matches!(conversation.next(), Step::Ask(_)));
        assert_eq!(conversation.next(), Step::End);
    }

    #[test]
    fn with_a_prompt_it_goes_on() {
        let mut conversation = Conversation::default();
        conversation.hear(b"prompt\n");
        assert!(matches!(conversation.next(), Step::Ask(_)));
        conversation.toggle_prompt();
        assert_eq!(conversation.answer(""), "\n> ");
        assert_eq!(conversation.next(), Step::Listen);
        conversation.finish();
        assert_eq!(conversation.next(), Step::End);
    }

    #[test]
    fn a_line_without_end_ends_the_conversation() {
        let mut conversation = Conversation::default();
        for _ in 0..16 {
            conversation.hear(&[b'x'; 1024]);
            assert_eq!(conversation.next(), Step::Listen);
        }
        conversation.hear(b"x");
        assert_eq!(conversation.next(), Step::End);
    }
}
