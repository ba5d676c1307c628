//! The aliases of log formats where formats are filled while an exchange goes on: `%ci`, `%s`, `%T` (configuration.txt §8.2.6).

use crate::converter::Converter;
use crate::fetch::{End, Fetch, Number, Speaker, TlsPart};
use crate::session_part::{CapturesForm, ConnectionsOf, DateUnit, LineOf, LinePart, SessionPart, SpentOn};
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

/// How far an exchange has come when a format is filled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// No server has been asked for yet.
    Request,
    /// A server is being connected to, or checked.
    Server,
    /// There is a response.
    Response,
}

/// `None`: only a log line knows it, when the exchange is over.
pub(crate) fn filler(name: &str, stage: Stage, is_quoted: bool) -> Option<Filler> {
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
        _ => match stage {
            Stage::Request => of_request(name),
            Stage::Server => None,
            Stage::Response => of_response(name),
        },
    }
}

/// What has come of nothing while rules on requests are asked.
fn of_request(name: &str) -> Option<Filler> {
    let fixed = |kind, text| Some(Filler { content: Content::Fixed(text), kind });
    match name {
        "B" | "U" | "rc" | "bq" | "sq" => fixed(Kind::Plain, "0"),
        "TR" | "Tq" | "Tw" | "Tc" | "Tr" | "Td" => fixed(Kind::Plain, "-1"),
        "bi" | "bp" => fixed(Kind::Text, ""),
        "ts" => fixed(Kind::Plain, "--"),
        "tsc" => fixed(Kind::Plain, "----"),
        _ => None,
    }
}

/// What is known while rules on responses are asked. Bytes and the whole time are counted at the end: until then HAProxy has 0 for them,
/// and for the times that are made of the whole one (`%Ta`, `%Td`, `%Tu`) what is left if others are taken from that.
fn of_response(name: &str) -> Option<Filler> {
    let fixed = |text| Some(Filler { content: Content::Fixed(text), kind: Kind::Plain });
    let session = |part| Some(Filler { content: Content::Sample(Fetch::Session(part), Vec::new()), kind: Kind::Plain });
    match name {
        "B" | "U" | "Tt" => fixed("0"),
        "ts" => fixed("--"),
        "rc" => session(SessionPart::Retries),
        "sq" => session(SessionPart::Passed(LineOf::Server)),
        "bq" => session(SessionPart::Passed(LineOf::Backend)),
        "Th" => session(SessionPart::Spent(SpentOn::Handshake)),
        "Ti" => session(SessionPart::Spent(SpentOn::Idle)),
        "TR" => session(SessionPart::Spent(SpentOn::Request)),
        "Tq" => session(SessionPart::Spent(SpentOn::AllUntilRequest)),
        "Tw" => session(SessionPart::Spent(SpentOn::Queue)),
        "Tc" => session(SessionPart::Spent(SpentOn::Connect)),
        "Tr" => session(SessionPart::Spent(SpentOn::Response)),
        _ => None,
    }
}
