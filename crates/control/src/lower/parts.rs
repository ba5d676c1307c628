//! Words that the tree and the table have in common: the parts of payloads, the operands of converters.

use super::Lowering;
use table::{
    BackLoad, CapturesForm, Chunks, ConnectionsOf, ContentPart, CookieForm, CookiePart, CountedStart, Credential,
    DateUnit, FieldForm, FieldPart, FrontLoad, LineOf, LinePart, MessagePart, Operation, Parameter, Part, ServerLoad,
    SessionPart, Speaker, SpentOn, TextPart, TimeoutOf,
};

impl Lowering<'_> {
    pub(super) fn message(&mut self, part: &config::MessagePart) -> MessagePart {
        match part {
            config::MessagePart::Method => MessagePart::Method,
            config::MessagePart::Target => MessagePart::Target,
            config::MessagePart::Path => MessagePart::Path,
            config::MessagePart::PathAndQuery => MessagePart::PathAndQuery,
            config::MessagePart::Query => MessagePart::Query,
            config::MessagePart::Base => MessagePart::Base,
            config::MessagePart::Version(_) => MessagePart::Version,
            config::MessagePart::Status => MessagePart::Status,
            config::MessagePart::Field { speaker: whose, name, is_whole, form, nth } => {
                let form = match form {
                    config::FieldForm::Text => FieldForm::Text,
                    config::FieldForm::Count => FieldForm::Count,
                    config::FieldForm::Number => FieldForm::Number,
                    config::FieldForm::Address => FieldForm::Addr,
                };
                let name = name.as_bytes().into();
                MessagePart::Field(FieldPart { speaker: speaker(*whose), name, is_whole: *is_whole, form, nth: *nth })
            }
            config::MessagePart::Cookie { speaker: whose, name, form } => {
                let form = match form {
                    config::CookieForm::Text => CookieForm::Text,
                    config::CookieForm::Count => CookieForm::Count,
                    config::CookieForm::Number => CookieForm::Number,
                };
                let name = name.as_ref().map(|name| name.as_bytes().into());
                MessagePart::Cookie(CookiePart { speaker: speaker(*whose), name, form })
            }
            config::MessagePart::Parameter(asked) => MessagePart::Parameter(parameter(asked)),
            config::MessagePart::Authorized(list) => MessagePart::Authorized(self.userlist(&list.name)),
            config::MessagePart::Groups(list) => MessagePart::Groups(self.userlist(&list.name)),
            config::MessagePart::BaseAndQuery => MessagePart::BaseAndQuery,
            config::MessagePart::FieldNames(whose, between) => {
                MessagePart::FieldNames(speaker(*whose), between.as_bytes().into())
            }
            config::MessagePart::FieldLines(whose) => MessagePart::FieldLines(speaker(*whose)),
            config::MessagePart::Credential(part) => MessagePart::Credential(match part {
                config::Credential::User => Credential::User,
                config::Credential::Password => Credential::Password,
                config::Credential::Scheme => Credential::Scheme,
                config::Credential::Bearer => Credential::Bearer,
            }),
            config::MessagePart::Content(whose, part) => MessagePart::Content(speaker(*whose), content(part)),
        }
    }
}

fn content(part: &config::ContentPart) -> ContentPart {
    match part {
        config::ContentPart::Octets => ContentPart::Octets,
        config::ContentPart::Length => ContentPart::Length,
        config::ContentPart::Size => ContentPart::Size,
        config::ContentPart::Parameter(asked) => ContentPart::Parameter(parameter(asked)),
    }
}

fn parameter(asked: &config::Parameter) -> Parameter {
    Parameter {
        name: asked.name.as_ref().map(|name| name.as_bytes().into()),
        is_case_insensitive: asked.is_case_insensitive,
        delimiter: asked.delimiter,
        is_number: asked.is_number,
    }
}

pub(super) fn speaker(speaker: config::Speaker) -> Speaker {
    match speaker {
        config::Speaker::Client => Speaker::Client,
        config::Speaker::Server => Speaker::Server,
    }
}

pub(super) fn part(part: config::Part) -> Part {
    match part {
        config::Part::Length => Part::Length,
        config::Part::Slice { offset, size } => Part::Slice { offset, size },
        config::Part::Counted { at, size, start } => {
            let start = match start {
                config::CountedStart::At(offset) => CountedStart::At(offset),
                config::CountedStart::Behind(distance) => CountedStart::Behind(distance),
            };
            Part::Counted { at, size, start }
        }
        config::Part::HelloType => Part::HelloType,
        config::Part::HelloVersion => Part::HelloVersion,
        config::Part::HelloName => Part::HelloName,
        config::Part::HelloProtocols => Part::HelloProtocols,
        config::Part::HelloCurves => Part::HelloCurves,
        config::Part::HelloTicket => Part::HelloTicket,
        config::Part::Http => Part::Http,
    }
}

pub(super) fn back_load(load: config::BackendLoad) -> BackLoad {
    match load {
        config::BackendLoad::Queue => BackLoad::Queue,
        config::BackendLoad::AverageQueue => BackLoad::AverageQueue,
        config::BackendLoad::Slots => BackLoad::Slots,
        config::BackendLoad::FreeConnections => BackLoad::FreeConns,
        config::BackendLoad::SessionRate => BackLoad::SessionRate,
    }
}

pub(super) fn front_load(load: config::FrontendLoad) -> FrontLoad {
    match load {
        config::FrontendLoad::SessionRate => FrontLoad::SessionRate,
        config::FrontendLoad::RequestRate => FrontLoad::RequestRate,
    }
}

pub(super) fn server_load(load: config::ServerLoad) -> ServerLoad {
    match load {
        config::ServerLoad::FreeConnections => ServerLoad::FreeConns,
        config::ServerLoad::Queue => ServerLoad::Queue,
        config::ServerLoad::SessionRate => ServerLoad::SessionRate,
        config::ServerLoad::Weight => ServerLoad::Weight,
        config::ServerLoad::WeightWanted => ServerLoad::WeightWanted,
        config::ServerLoad::WeightConfigured => ServerLoad::WeightConfigured,
    }
}

pub(super) fn unit(unit: config::DateUnit) -> DateUnit {
    match unit {
        config::DateUnit::Seconds => DateUnit::Seconds,
        config::DateUnit::Milliseconds => DateUnit::Milliseconds,
        config::DateUnit::Microseconds => DateUnit::Microseconds,
    }
}

fn connections_of(of: config::ConnectionsOf) -> ConnectionsOf {
    match of {
        config::ConnectionsOf::Process => ConnectionsOf::Process,
        config::ConnectionsOf::Frontend => ConnectionsOf::Frontend,
        config::ConnectionsOf::Backend => ConnectionsOf::Backend,
        config::ConnectionsOf::Server => ConnectionsOf::Server,
    }
}

fn line_part(part: config::LinePart) -> LinePart {
    match part {
        config::LinePart::Whole => LinePart::Whole,
        config::LinePart::Method => LinePart::Method,
        config::LinePart::Target => LinePart::Target,
        config::LinePart::Version => LinePart::Version,
        config::LinePart::Path => LinePart::Path,
        config::LinePart::Query => LinePart::Query,
    }
}

pub(super) fn session(part: config::SessionPart) -> SessionPart {
    match part {
        config::SessionPart::UniqueId => SessionPart::UniqueId,
        config::SessionPart::Number => SessionPart::Number,
        config::SessionPart::AcceptSeconds => SessionPart::AcceptSeconds,
        config::SessionPart::Date(offset, of) => SessionPart::Date(offset, unit(of)),
        config::SessionPart::ProcessId => SessionPart::ProcessId,
        config::SessionPart::Thread => SessionPart::Thread,
        config::SessionPart::ServerName => SessionPart::ServerName,
        config::SessionPart::ServerShown => SessionPart::ServerShown,
        config::SessionPart::ServerId => SessionPart::ServerId,
        config::SessionPart::ServerAddress => SessionPart::ServerAddress,
        config::SessionPart::ServerPort => SessionPart::ServerPort,
        config::SessionPart::Transport => SessionPart::Transport,
        config::SessionPart::Status => SessionPart::Status,
        config::SessionPart::Connections(of) => SessionPart::Connections(connections_of(of)),
        config::SessionPart::AcceptMilliseconds => SessionPart::AcceptMilliseconds,
        config::SessionPart::Timeout(of) => SessionPart::Timeout(match of {
            config::TimeoutOf::Client => TimeoutOf::Client,
            config::TimeoutOf::Server => TimeoutOf::Server,
            config::TimeoutOf::Tunnel => TimeoutOf::Tunnel,
        }),
        config::SessionPart::DefaultBackend => SessionPart::DefaultBackend,
        config::SessionPart::IsStopping => SessionPart::IsStopping,
        config::SessionPart::IsFirstExchange => SessionPart::IsFirstExchange,
        config::SessionPart::ListenerId => SessionPart::ListenerId,
        config::SessionPart::ListenerName => SessionPart::ListenerName,
        config::SessionPart::Said(part) => SessionPart::Said(line_part(part)),
        config::SessionPart::Captures(whose, form) => SessionPart::Captures(
            speaker(whose),
            match form {
                config::CapturesForm::Braces => CapturesForm::Braces,
                config::CapturesForm::Words => CapturesForm::Words,
                config::CapturesForm::QuotedWords => CapturesForm::QuotedWords,
            },
        ),
        config::SessionPart::Captured(whose, index) => SessionPart::Captured(speaker(whose), index),
        config::SessionPart::RequestMethod => SessionPart::RequestMethod,
        config::SessionPart::RequestTarget => SessionPart::RequestTarget,
        config::SessionPart::RequestVersion => SessionPart::RequestVersion,
        config::SessionPart::ResponseVersion => SessionPart::ResponseVersion,
        config::SessionPart::Retries => SessionPart::Retries,
        config::SessionPart::Passed(config::LineOf::Server) => SessionPart::Passed(LineOf::Server),
        config::SessionPart::Passed(config::LineOf::Backend) => SessionPart::Passed(LineOf::Backend),
        config::SessionPart::Spent(on) => SessionPart::Spent(match on {
            config::SpentOn::Handshake => SpentOn::Handshake,
            config::SpentOn::Idle => SpentOn::Idle,
            config::SpentOn::Request => SpentOn::Request,
            config::SpentOn::AllUntilRequest => SpentOn::AllUntilRequest,
            config::SpentOn::Queue => SpentOn::Queue,
            config::SpentOn::Connect => SpentOn::Connect,
            config::SpentOn::Response => SpentOn::Response,
        }),
    }
}

pub(super) fn piece(piece: &config::TextPart) -> TextPart {
    TextPart { index: piece.index, delimiters: piece.delimiters.as_bytes().into(), count: piece.count }
}

pub(super) fn chunks(chunks: &config::Chunks) -> Chunks {
    let config::Chunks { separator, size, drops_rest } = chunks;
    Chunks { separator: separator.as_bytes().into(), size: *size as usize, drops_rest: *drops_rest }
}

pub(super) fn operation(operation: config::Operation) -> Operation {
    match operation {
        config::Operation::Add => Operation::Add,
        config::Operation::Subtract => Operation::Subtract,
        config::Operation::Multiply => Operation::Multiply,
        config::Operation::Divide => Operation::Divide,
        config::Operation::Modulo => Operation::Modulo,
        config::Operation::And => Operation::And,
        config::Operation::Or => Operation::Or,
        config::Operation::Xor => Operation::Xor,
    }
}

pub(super) fn tls(part: &config::TlsPart) -> table::TlsPart {
    match part {
        config::TlsPart::IsUsed => table::TlsPart::IsUsed,
        config::TlsPart::HasName => table::TlsPart::HasName,
        config::TlsPart::IsResumed => table::TlsPart::IsResumed,
        config::TlsPart::Version => table::TlsPart::Version,
        config::TlsPart::Cipher => table::TlsPart::Cipher,
        config::TlsPart::KeySize => table::TlsPart::KeySize,
        config::TlsPart::Name => table::TlsPart::Name,
        config::TlsPart::Protocol => table::TlsPart::Protocol,
        config::TlsPart::HasCertificate => table::TlsPart::HasCertificate,
        config::TlsPart::IsCertificateUsed => table::TlsPart::IsCertificateUsed,
        config::TlsPart::Verified => table::TlsPart::Verified,
        config::TlsPart::Certificate(config::Whose::Client, part) => {
            table::TlsPart::Certificate(table::Whose::Client, certificate(part))
        }
        config::TlsPart::Certificate(config::Whose::Shown, part) => {
            table::TlsPart::Certificate(table::Whose::Shown, certificate(part))
        }
    }
}

fn certificate(part: &config::CertificatePart) -> table::CertificatePart {
    let form = |form: &config::NameForm| match form {
        config::NameForm::Line => table::NameForm::Line,
        config::NameForm::Rfc2253 => table::NameForm::Rfc2253,
        config::NameForm::Attribute(kind, position) => table::NameForm::Attribute(kind.as_str().into(), *position),
    };
    match part {
        config::CertificatePart::Subject(of) => table::CertificatePart::Subject(form(of)),
        config::CertificatePart::Issuer(of) => table::CertificatePart::Issuer(form(of)),
        config::CertificatePart::Serial => table::CertificatePart::Serial,
        config::CertificatePart::Fingerprint => table::CertificatePart::Fingerprint,
        config::CertificatePart::ValidFrom => table::CertificatePart::ValidFrom,
        config::CertificatePart::ValidUntil => table::CertificatePart::ValidUntil,
        config::CertificatePart::SignatureAlgorithm => table::CertificatePart::SignatureAlgorithm,
        config::CertificatePart::KeyAlgorithm => table::CertificatePart::KeyAlgorithm,
        config::CertificatePart::Version => table::CertificatePart::Version,
        config::CertificatePart::Whole => table::CertificatePart::Whole,
    }
}
