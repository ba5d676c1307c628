//! The notation of the tables in `cases`: one case per line, `input => expected`.

/// A line of a table.
pub(crate) struct Row<'a> {
    pub(crate) input: &'a str,
    pub(crate) expected: &'a str,
}

pub(crate) fn rows(table: &str) -> impl Iterator<Item = Row<'_>> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let (input, expected) = line.rsplit_once(" => ").unwrap_or_else(|| panic!("no arrow: {line}"));
        Row { input, expected }
    })
}

/// Text with `\r \n \t \0 \xHH` and `{x*N}`; returns the bytes and the place of the bar.
pub(crate) fn text(input: &str) -> (Vec<u8>, Option<usize>) {
    let (mut bytes, mut bar) = (Vec::new(), None);
    let mut chars = input.chars();
    while let Some(char) = chars.next() {
        match char {
            '|' => bar = Some(bytes.len()),
            '\\' => bytes.push(match chars.next() {
                Some('r') => b'\r',
                Some('n') => b'\n',
                Some('t') => b'\t',
                Some('0') => 0,
                Some('x') => byte(&chars.by_ref().take(2).collect::<String>()),
                other => panic!("no such escape: {other:?} in {input}"),
            }),
            '{' => {
                let inside: String = chars.by_ref().take_while(|&char| char != '}').collect();
                let (unit, count) = inside.split_once('*').expect("{x*N}");
                bytes.extend(unit.repeat(count.parse().expect("a count")).bytes());
            }
            other => bytes.extend(other.to_string().bytes()),
        }
    }
    (bytes, bar)
}

/// `S`, hexadecimal digits, `HH*N` and `'text'`; returns the bytes and the place of the bar.
pub(crate) fn binary(input: &str) -> (Vec<u8>, Option<usize>) {
    let (mut bytes, mut bar) = (Vec::new(), None);
    for word in input.split_whitespace() {
        if word == "|" {
            bar = Some(bytes.len());
        } else if word == "S" {
            bytes.extend(b"\r\n\r\n\0\r\nQUIT\n");
        } else if let Some(text) = word.strip_prefix('\'') {
            bytes.extend(text.trim_end_matches('\'').bytes());
        } else if let Some((unit, count)) = word.split_once('*') {
            bytes.extend(hex(unit).repeat(count.parse().expect("a count")));
        } else {
            bytes.extend(hex(word));
        }
    }
    (bytes, bar)
}

fn hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2), "half a byte: {digits}");
    (0..digits.len()).step_by(2).map(|at| byte(&digits[at..at + 2])).collect()
}

fn byte(digits: &str) -> u8 {
    u8::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("not hexadecimal: {digits}"))
}
