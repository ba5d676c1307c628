//! The aliases of log formats where formats are filled while an exchange goes on: `%ci`, `%s`, `%T` (configuration.txt §8.2.6).

use crate::converter::Converter;
use crate::fetch::{End, Fetch, Number, Speaker, TlsPart};
use crate::session_part::{CapturesForm, ConnectionsOf, DateUnit, LinePart, SessionPart};
use crate::time_text::TimeText;

/// What stands for an alias.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Filler {
    pub(crate) content: Content,
    pub(crate) kind: Kind,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Content {
    /// The same for everybody: nothing has come of it yet.
    Fixed(&'static str),
    Sample(Fetch, Vec<Converter>),
}

/// What flags do to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// `Q` puts it into quotes.
    Text,
    /// The same, and `X` makes it hexadecimal.
    Address,
    /// `X` makes it hexadecimal.
    Number,
    /// It is as it is.
    Plain,
}

/// `None`: only a log line knows it, when the exchange is over. `is_first`: no server has been asked for yet.
pub(crate) fn filler(name: &str, is_first: bool, is_quoted: bool) -> Option<Filler> {
    use Kind::{Address, Number as Numeric, Plain, Text};
    let sample = |kind, fetch| Some(Filler { content: Content::Sample(fetch, Vec::new()), kind });
    let session = |kind, part| sample(kind, Fetch::Session(part));
    let said = |part| session(Text, SessionPart::Said(part));
    let accepted = |unit, is_local, format: &str| {
        let text = TimeText { unit, offset: 0, is_local, format: format.to_string() };
        let fetch = Fetch::Session(SessionPart::AcceptMilliseconds);
        Some(Filler { content: Content::Sample(fetch, vec![Converter::Time(text)]), kind: Plain })
    };
    let fixed = |kind, text| Some(Filler { content: Content::Fixed(text), kind });
    let words = if is_quoted { CapturesForm::QuotedWords } else { CapturesForm::Words };
    const COMMON: &str = "%d/%b/%Y:%H:%M:%S %z";
    match name {
        "ci" => sample(Address, Fetch::Address(End::Source)),
        "cp" => sample(Numeric, Fetch::Number(Number::Port(End::Source))),
        "fi" => sample(Address, Fetch::Address(End::Destination)),
        "fp" => sample(Numeric, Fetch::Number(Number::Port(End::Destination))),
        "f" => sample(Text, Fetch::FrontendName),
        "b" => sample(Text, Fetch::BackendName),
        "ft" => session(Text, SessionPart::Transport),
        "s" => session(Text, SessionPart::ServerShown),
        "si" => session(Address, SessionPart::ServerAddress),
        "sp" => session(Numeric, SessionPart::ServerPort),
        "sslc" => sample(Text, Fetch::Tls(TlsPart::Cipher)),
        "sslv" => sample(Text, Fetch::Tls(TlsPart::Version)),
        "H" => sample(Text, Fetch::Hostname),
        "ID" => session(Text, SessionPart::UniqueId),
        "HM" => said(LinePart::Method),
        "HP" => said(LinePart::Path),
        "HQ" => said(LinePart::Query),
        "HU" => said(LinePart::Target),
        "HV" => said(LinePart::Version),
        "r" => said(LinePart::Whole),
        "hr" => session(Text, SessionPart::Captures(Speaker::Client, CapturesForm::Braces)),
        "hrl" => session(Plain, SessionPart::Captures(Speaker::Client, words)),
        "hs" => session(Text, SessionPart::Captures(Speaker::Server, CapturesForm::Braces)),
        "hsl" => session(Plain, SessionPart::Captures(Speaker::Server, words)),
        "ST" => session(Plain, SessionPart::Status),
        "ac" => session(Plain, SessionPart::Connections(ConnectionsOf::Process)),
        "fc" => session(Plain, SessionPart::Connections(ConnectionsOf::Frontend)),
        "bc" => session(Plain, SessionPart::Connections(ConnectionsOf::Backend)),
        "sc" => session(Plain, SessionPart::Connections(ConnectionsOf::Server)),
        "Ts" => session(Numeric, SessionPart::AcceptSeconds),
        "ms" => accepted(DateUnit::Milliseconds, false, "%N"),
        "t" => accepted(DateUnit::Milliseconds, true, "%d/%b/%Y:%H:%M:%S.%N"),
        "T" => accepted(DateUnit::Milliseconds, false, COMMON),
        "Tl" => accepted(DateUnit::Milliseconds, true, COMMON),
        "pid" => session(Numeric, SessionPart::ProcessId),
        "rt" => session(Numeric, SessionPart::Number),
        // Cookies are not captured.
        "CC" | "CS" => fixed(Text, ""),
        "B" | "U" | "rc" | "bq" | "sq" if is_first => fixed(Plain, "0"),
        "TR" | "Tq" | "Tw" | "Tc" | "Tr" | "Td" if is_first => fixed(Plain, "-1"),
        "bi" | "bp" if is_first => fixed(Text, ""),
        "ts" if is_first => fixed(Plain, "--"),
        "tsc" if is_first => fixed(Plain, "----"),
        _ => None,
    }
}
