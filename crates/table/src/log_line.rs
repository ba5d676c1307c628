//! What a session's line is made of (`configuration.txt` §8.2.6 "Custom log format"). Shards look only at what it needs of a session;
//! it is written off the data path.

use crate::Expression;

/// The pieces of a line, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pieces: Box<[Piece]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(Box<str>),
    /// One blank, where the line does not begin and no blank came just before.
    Blank,
    Field(Field, Style),
    /// A sample, evaluated when the line is due.
    Sample(Box<Expression>, Style),
}

/// How a field is written (the flags of `%{+Q,-M}ci`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// `M`: an empty text is shown as `-`. Set unless taken away.
    pub is_mandatory: bool,
    /// `Q`: texts stand in double quotes.
    pub is_quoted: bool,
    /// `X`: addresses, ports and some numbers are hexadecimal.
    pub is_hexadecimal: bool,
    /// `E`: `"`, `\` and `]` in texts get a backslash (RFC 5424 §6.3.3).
    pub is_escaped: bool,
}

impl Default for Style {
    fn default() -> Style {
        Style { is_mandatory: true, is_quoted: false, is_hexadecimal: false, is_escaped: false }
    }
}

/// A fact of a session; HAProxy's alias stands beside it in [`Field::ALIASES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    AcceptDate,
    AcceptDateLocal,
    AcceptDateUtc,
    AcceptMilliseconds,
    AcceptSeconds,
    Backend,
    BackendConns,
    BackendQueue,
    BytesIn,
    BytesOut,
    ClientIp,
    ClientPort,
    ConnectTime,
    DataTime,
    Frontend,
    Exchange(ExchangeField),
    FrontendConns,
    FrontendTransport,
    FrontIp,
    FrontPort,
    HandshakeTime,
    Hostname,
    LineCount,
    Occasion,
    ProcessConns,
    ProcessId,
    QueueTime,
    RequestCaptures,
    RequestCaptureWords,
    ResponseCaptures,
    ResponseCaptureWords,
    Retries,
    Server,
    ServerConns,
    ServerIp,
    ServerPort,
    ServerQueue,
    SourceIp,
    SourcePort,
    Termination,
    TerminationCookies,
    TlsCipher,
    TlsVersion,
    TotalTime,
    UniqueId,
    UserTime,
}

/// A fact that only an exchange of HTTP has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExchangeField {
    ActiveTime,
    IdleTime,
    RequestCookie,
    RequestDate,
    RequestDateLocal,
    RequestDateUtc,
    RequestLine,
    RequestMethod,
    RequestNumber,
    RequestPath,
    RequestQuery,
    RequestTarget,
    RequestTime,
    RequestTimeWithIdle,
    RequestVersion,
    ResponseCookie,
    ResponseTime,
    Status,
}

impl Field {
    /// What an exchange of HTTP can tell beside that, by HAProxy's names.
    pub const HTTP_ALIASES: [(&str, Field); 18] = [
        ("CC", Field::Exchange(ExchangeField::RequestCookie)),
        ("CS", Field::Exchange(ExchangeField::ResponseCookie)),
        ("HM", Field::Exchange(ExchangeField::RequestMethod)),
        ("HP", Field::Exchange(ExchangeField::RequestPath)),
        ("HQ", Field::Exchange(ExchangeField::RequestQuery)),
        ("HU", Field::Exchange(ExchangeField::RequestTarget)),
        ("HV", Field::Exchange(ExchangeField::RequestVersion)),
        ("ST", Field::Exchange(ExchangeField::Status)),
        ("TR", Field::Exchange(ExchangeField::RequestTime)),
        ("Ta", Field::Exchange(ExchangeField::ActiveTime)),
        ("Ti", Field::Exchange(ExchangeField::IdleTime)),
        ("Tq", Field::Exchange(ExchangeField::RequestTimeWithIdle)),
        ("Tr", Field::Exchange(ExchangeField::ResponseTime)),
        ("r", Field::Exchange(ExchangeField::RequestLine)),
        ("rt", Field::Exchange(ExchangeField::RequestNumber)),
        ("tr", Field::Exchange(ExchangeField::RequestDate)),
        ("trg", Field::Exchange(ExchangeField::RequestDateUtc)),
        ("trl", Field::Exchange(ExchangeField::RequestDateLocal)),
    ];

    /// What a session without HTTP can tell, by HAProxy's names.
    pub const ALIASES: [(&str, Field); 45] = [
        ("B", Field::BytesOut),
        ("H", Field::Hostname),
        ("ID", Field::UniqueId),
        ("OG", Field::Occasion),
        ("T", Field::AcceptDateUtc),
        ("Tc", Field::ConnectTime),
        ("Td", Field::DataTime),
        ("Th", Field::HandshakeTime),
        ("Tl", Field::AcceptDateLocal),
        ("Ts", Field::AcceptSeconds),
        ("Tt", Field::TotalTime),
        ("Tu", Field::UserTime),
        ("Tw", Field::QueueTime),
        ("U", Field::BytesIn),
        ("ac", Field::ProcessConns),
        ("b", Field::Backend),
        ("bc", Field::BackendConns),
        ("bi", Field::SourceIp),
        ("bp", Field::SourcePort),
        ("bq", Field::BackendQueue),
        ("ci", Field::ClientIp),
        ("cp", Field::ClientPort),
        ("f", Field::Frontend),
        ("fc", Field::FrontendConns),
        ("fi", Field::FrontIp),
        ("fp", Field::FrontPort),
        ("ft", Field::FrontendTransport),
        ("hr", Field::RequestCaptures),
        ("hrl", Field::RequestCaptureWords),
        ("hs", Field::ResponseCaptures),
        ("hsl", Field::ResponseCaptureWords),
        ("lc", Field::LineCount),
        ("ms", Field::AcceptMilliseconds),
        ("pid", Field::ProcessId),
        ("rc", Field::Retries),
        ("s", Field::Server),
        ("sc", Field::ServerConns),
        ("si", Field::ServerIp),
        ("sp", Field::ServerPort),
        ("sq", Field::ServerQueue),
        ("sslc", Field::TlsCipher),
        ("sslv", Field::TlsVersion),
        ("t", Field::AcceptDate),
        ("ts", Field::Termination),
        ("tsc", Field::TerminationCookies),
    ];

    /// The field of an alias.
    pub fn named(alias: &str) -> Option<Field> {
        Field::ALIASES.iter().chain(&Field::HTTP_ALIASES).find(|(name, _)| *name == alias).map(|(_, field)| *field)
    }

    /// Whether a line with it waits for the end of its session, as with a running HAProxy 2.6.12.
    fn is_late(self) -> bool {
        match self {
            Field::Exchange(field) => field.is_late(),
            Field::BackendConns
            | Field::BackendQueue
            | Field::BytesIn
            | Field::BytesOut
            | Field::ConnectTime
            | Field::DataTime
            | Field::FrontendConns
            | Field::HandshakeTime
            | Field::ProcessConns
            | Field::QueueTime
            | Field::Retries
            | Field::ServerConns
            | Field::ServerQueue
            | Field::Termination
            | Field::TotalTime
            | Field::UniqueId
            | Field::UserTime => true,
            Field::AcceptDate
            | Field::AcceptDateLocal
            | Field::AcceptDateUtc
            | Field::AcceptMilliseconds
            | Field::AcceptSeconds
            | Field::Backend
            | Field::ClientIp
            | Field::ClientPort
            | Field::Frontend
            | Field::FrontendTransport
            | Field::FrontIp
            | Field::FrontPort
            | Field::Hostname
            | Field::LineCount
            | Field::Occasion
            | Field::ProcessId
            | Field::RequestCaptures
            | Field::RequestCaptureWords
            | Field::ResponseCaptures
            | Field::ResponseCaptureWords
            | Field::Server
            | Field::ServerIp
            | Field::ServerPort
            | Field::SourceIp
            | Field::SourcePort
            | Field::TerminationCookies
            | Field::TlsCipher
            | Field::TlsVersion => false,
        }
    }
}

impl ExchangeField {
    fn is_late(self) -> bool {
        match self {
            ExchangeField::ActiveTime
            | ExchangeField::IdleTime
            | ExchangeField::RequestDate
            | ExchangeField::RequestDateLocal
            | ExchangeField::RequestDateUtc
            | ExchangeField::RequestTime
            | ExchangeField::RequestTimeWithIdle
            | ExchangeField::ResponseCookie
            | ExchangeField::ResponseTime
            | ExchangeField::Status => true,
            ExchangeField::RequestCookie
            | ExchangeField::RequestLine
            | ExchangeField::RequestMethod
            | ExchangeField::RequestNumber
            | ExchangeField::RequestPath
            | ExchangeField::RequestQuery
            | ExchangeField::RequestTarget
            | ExchangeField::RequestVersion => false,
        }
    }
}

impl LogLine {
    pub fn new(pieces: Vec<Piece>) -> LogLine {
        LogLine { pieces: pieces.into() }
    }

    /// `option tcplog` (`configuration.txt` §8.2.2).
    pub fn tcplog() -> LogLine {
        use Field::*;
        let field = |field| Piece::Field(field, Style::default());
        let text = |text: &str| Piece::Text(text.into());
        LogLine::new(vec![
            field(ClientIp),
            text(":"),
            field(ClientPort),
            Piece::Blank,
            text("["),
            field(AcceptDate),
            text("]"),
            Piece::Blank,
            field(FrontendTransport),
            Piece::Blank,
            field(Backend),
            text("/"),
            field(Server),
            Piece::Blank,
            field(QueueTime),
            text("/"),
            field(ConnectTime),
            text("/"),
            field(TotalTime),
            Piece::Blank,
            field(BytesOut),
            Piece::Blank,
            field(Termination),
            Piece::Blank,
            field(ProcessConns),
            text("/"),
            field(FrontendConns),
            text("/"),
            field(BackendConns),
            text("/"),
            field(ServerConns),
            text("/"),
            field(Retries),
            Piece::Blank,
            field(ServerQueue),
            text("/"),
            field(BackendQueue),
        ])
    }

    /// `option httplog` (`configuration.txt` §8.2.3).
    pub fn httplog() -> LogLine {
        use ExchangeField::*;
        use Field::*;
        let field = |field| Piece::Field(field, Style::default());
        let exchange = |field| Piece::Field(Exchange(field), Style::default());
        let text = |text: &str| Piece::Text(text.into());
        let quoted = Style { is_quoted: true, ..Style::default() };
        LogLine::new(vec![
            field(ClientIp),
            text(":"),
            field(ClientPort),
            Piece::Blank,
            text("["),
            exchange(RequestDate),
            text("]"),
            Piece::Blank,
            field(FrontendTransport),
            Piece::Blank,
            field(Backend),
            text("/"),
            field(Server),
            Piece::Blank,
            exchange(RequestTime),
            text("/"),
            field(QueueTime),
            text("/"),
            field(ConnectTime),
            text("/"),
            exchange(ResponseTime),
            text("/"),
            exchange(ActiveTime),
            Piece::Blank,
            exchange(Status),
            Piece::Blank,
            field(BytesOut),
            Piece::Blank,
            exchange(RequestCookie),
            Piece::Blank,
            exchange(ResponseCookie),
            Piece::Blank,
            field(TerminationCookies),
            Piece::Blank,
            field(ProcessConns),
            text("/"),
            field(FrontendConns),
            text("/"),
            field(BackendConns),
            text("/"),
            field(ServerConns),
            text("/"),
            field(Retries),
            Piece::Blank,
            field(ServerQueue),
            text("/"),
            field(BackendQueue),
            Piece::Blank,
            field(RequestCaptures),
            Piece::Blank,
            field(ResponseCaptures),
            Piece::Blank,
            Piece::Field(Exchange(RequestLine), quoted),
        ])
    }

    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Whether it shows the address that the server was connected from.
    pub fn has_source(&self) -> bool {
        self.fields().any(|field| matches!(field, Field::SourceIp | Field::SourcePort))
    }

    /// Whether it has to wait for the session's end.
    pub fn is_late(&self) -> bool {
        self.fields().any(Field::is_late)
    }

    fn fields(&self) -> impl Iterator<Item = Field> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Field(field, _) => Some(*field),
            Piece::Text(_) | Piece::Blank | Piece::Sample(..) => None,
        })
    }

    /// Those of its pieces that are samples, in order.
    pub(crate) fn samples(&self) -> impl Iterator<Item = &Expression> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Sample(expression, _) => Some(&**expression),
            Piece::Text(_) | Piece::Blank | Piece::Field(..) => None,
        })
    }
}
