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
    /// Names as they are written: `mail.test`, `*.test`, `!not.test`, `*`.
    pub(crate) filters: Vec<String>,
    /// From 1, as in the file.
    pub(crate) number: u32,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListFault {
    /// Settings of TLS for one certificate are not done here.
    Options { number: u32, options: String },
}

impl fmt::Display for ListFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ListFault::Options { number, options } = self;
        write!(f, "line {number}: settings for one certificate [{options}] are not served by Tidegate")
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
            list.append(Line { path, filters: Vec::new(), number: 0 });
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
        if let Some((_, rest)) = text.split_once('[') {
            let options = rest.split(']').next().unwrap_or_default().trim().to_owned();
            if !options.is_empty() {
                return Err(ListFault::Options { number, options });
            }
        }
        let mut words = text.split_whitespace().filter(|word| !matches!(*word, "[]" | "[" | "]"));
        let Some(path) = words.next() else { return Ok(None) };
        Ok(Some(Line { path: path.to_owned(), filters: words.map(str::to_owned).collect(), number }))
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
    fn settings_of_one_certificate_are_refused() {
        let fault = List::read("a.pem\nb.pem [alpn h2] b.test\n").expect_err("settings");
        assert_eq!(fault.to_string(), "line 2: settings for one certificate [alpn h2] are not served by Tidegate");
    }
}
