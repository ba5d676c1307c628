//! Lists of certificates, a line each: a file, what is special about it, and the names that it is for (`configuration.txt` §5.1 "crt-list").

use std::fmt::{self, Write};

/// What a file of this kind says, or what a directory has in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) lines: Vec<Line>,
    pub(crate) is_directory: bool,
    number_next: u32,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) path: String,
    /// Settings of TLS for it, as they are written: `alpn imap`.
    pub(crate) settings: Vec<String>,
    /// Names as they are written: `mail.test`, `*.test`, `!not.test`, `*`.
    pub(crate) filters: Vec<String>,
    /// From 1, as in the file.
    pub(crate) number: u32,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListFault {
    /// A bracket in brackets, or behind others.
    Brackets { number: u32 },
}

impl fmt::Display for ListFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ListFault::Brackets { number } = self;
        write!(f, "line {number}: too many '['")
    }
}

impl List {
    /// Reads a file. Lines without a certificate are passed over, and so are comments.
    pub(crate) fn read(text: &str) -> Result<List, ListFault> {
        let mut list = List::default();
        for (number, line) in (1..).zip(text.lines()) {
            list.lines.extend(Line::read(line, number)?);
            list.number_next = number + 1;
        }
        Ok(list)
    }

    /// That of a directory with these files.
    pub(crate) fn of_directory(paths: Vec<String>) -> List {
        let mut list = List { is_directory: true, number_next: 1, ..List::default() };
        for path in paths {
            list.append(Line { path, settings: Vec::new(), filters: Vec::new(), number: 0 });
        }
        list
    }

    /// The same with these lines.
    pub(crate) fn with(self, lines: Vec<Line>) -> List {
        List { lines, ..self }
    }

    /// Puts a line behind the others.
    pub(crate) fn append(&mut self, line: Line) {
        let number = self.number_next.max(1);
        self.lines.push(Line { number, ..line });
        self.number_next = number + 1;
    }

    /// As `show ssl crt-list` has it. `is_numbered`: with the numbers of lines (`-n`).
    pub(crate) fn show(&self, name: &str, is_numbered: bool) -> String {
        let mut text = format!("# {name}\n");
        for line in &self.lines {
            text.push_str(&line.path);
            if is_numbered {
                write!(text, ":{}", line.number).expect("memory takes everything");
            }
            if !line.settings.is_empty() {
                write!(text, " [{}]", line.settings.join(" ")).expect("memory takes everything");
            }
            for filter in &line.filters {
                text.push(' ');
                text.push_str(filter);
            }
            text.push('\n');
        }
        text
    }
}

impl Line {
    /// `None`: there is no certificate in it.
    pub(crate) fn read(text: &str, number: u32) -> Result<Option<Line>, ListFault> {
        let text = text.split('#').next().unwrap_or_default();
        let (before, behind) = text.split_once('[').unwrap_or((text, ""));
        // A bracket that is not closed ends with its line.
        let (settings, behind) = behind.split_once(']').unwrap_or((behind, ""));
        if settings.contains('[') || behind.contains('[') {
            return Err(ListFault::Brackets { number });
        }
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let mut names = words(before);
        if names.is_empty() {
            return Ok(None);
        }
        let path = names.remove(0);
        names.extend(words(behind));
        Ok(Some(Line { path, settings: words(settings), filters: names, number }))
    }

    /// The names that it is for instead of those of its certificate, and those that it is not for.
    pub(crate) fn names(&self) -> (Option<Vec<String>>, Vec<String>) {
        let (except, names): (Vec<&String>, Vec<&String>) =
            self.filters.iter().filter(|filter| *filter != "*").partition(|filter| filter.starts_with('!'));
        let names = (!self.filters.is_empty()).then(|| names.into_iter().cloned().collect());
        (names, except.into_iter().map(|filter| filter[1..].to_owned()).collect())
    }

    /// It serves those, too, whose name nobody is for.
    pub(crate) fn is_for_all(&self) -> bool {
        self.filters.iter().any(|filter| filter == "*")
    }

    /// Whether both are the same for several kinds of keys (`name.rsa`, `name.ecdsa`).
    pub(crate) fn is_variant_of(&self, other: &Line) -> bool {
        let stem = |path: &str| {
            ["rsa", "ecdsa", "dsa"]
                .iter()
                .find_map(|kind| path.strip_suffix(kind)?.strip_suffix('.').map(str::to_owned))
        };
        stem(&self.path).is_some_and(|own| stem(&other.path) == Some(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `configuration.txt` §5.1 "crt-list".
    #[test]
    fn lines_of_a_file() {
        let text = "a.pem mail.test !no.test *.test\n\n# nothing\nb.pem # and nothing\nc.pem [] *\n";
        let list = List::read(text).expect("a list");
        let shown: Vec<_> = list.lines.iter().map(|line| (line.path.as_str(), line.number, line.names())).collect();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            shown,
            [
                ("a.pem", 1, (Some(names(&["mail.test", "*.test"])), names(&["no.test"]))),
                ("b.pem", 4, (None, names(&[]))),
                ("c.pem", 5, (Some(names(&[])), names(&[]))),
            ]
        );
        assert!(list.lines[2].is_for_all());
        assert_eq!(list.show("l", true), "# l\na.pem:1 mail.test !no.test *.test\nb.pem:4\nc.pem:5 *\n");
    }

    #[test]
    fn settings_of_one_certificate() {
        let list = List::read("a.pem\nb.pem [alpn imap,pop3  verify none] b.test\nc.pem [x\n").expect("a list");
        let settings: Vec<_> = list.lines.iter().map(|line| line.settings.join("|")).collect();
        assert_eq!(settings, ["", "alpn|imap,pop3|verify|none", "x"]);
        assert_eq!(list.show("l", true), "# l\na.pem:1\nb.pem:2 [alpn imap,pop3 verify none] b.test\nc.pem:3 [x]\n");
        let fault = List::read("a.pem\nb.pem [alpn imap] [x").expect_err("brackets");
        assert_eq!(fault.to_string(), "line 2: too many '['");
    }
}
