//! The sources of samples (`configuration.txt` §7.3.2 to §7.3.5).

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{
    BackLoad, CertificatePart, Facts, FrontLoad, Heard, Message, MessagePart, Part, Sample, ServerLoad, SessionPart,
    Speaker, Value, Variable, Whose,
};
use crate::{BackendId, FrontendId, Proxy, ServerId, Table};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetch {
    Src,
    Dst,
    SrcPort,
    DstPort,
    /// Servers that connections are spread over.
    Nbsrv(BackendId),
    BeConn(BackendId),
    FeConn(FrontendId),
    SrvConn(ServerId),
    SrvIsUp(ServerId),
    /// `queue` and its kin: how busy a backend is.
    BackLoad(BackLoad, BackendId),
    FrontLoad(FrontLoad, FrontendId),
    ServerLoad(ServerLoad, ServerId),
    /// `fe_id`: HAProxy's number of the frontend.
    FeId,
    FeName,
    /// The frontend's number until a backend is chosen, as in HAProxy.
    BeId,
    /// The frontend's name until a backend is chosen, as in HAProxy.
    BeName,
    /// `always_true`, `always_false`, `bool(…)`.
    Always(bool),
    /// `int(…)`.
    Int(i64),
    /// `str(…)`, `bin(…)`.
    Bytes(Arc<[u8]>),
    /// What is never there: `env(…)` of a variable that is not set.
    Nothing,
    /// `wait_end`: true once nothing more is waited for.
    WaitEnd,
    /// What one side has said first.
    Payload(Speaker, Part),
    /// What a message of HTTP says.
    Message(MessagePart),
    /// `var(name)`
    Variable(Variable),
    /// `var(name,default)`
    VariableOr(Variable, Box<[u8]>),
    /// `rand`: below this number.
    Random(u32),
    /// `uuid`
    Uuid,
    /// What is known of the client's TLS.
    Tls(TlsPart),
    /// What the client's PROXY header says beside addresses: the first value of this type.
    Announced(u8),
    /// What is known of the session.
    Session(SessionPart),
    /// The same of the server's (`ssl_bc` and its kin).
    BackTls(TlsPart),
}

/// Something of a client's TLS (`configuration.txt` §7.3.4 "ssl_fc", "ssl_c_s_dn" and their kin).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsPart {
    /// Whether it has any.
    IsUsed,
    HasName,
    IsResumed,
    Version,
    Cipher,
    /// Bits of the cipher's key.
    KeySize,
    /// The host that was asked for.
    Name,
    /// The protocol that was agreed on.
    Protocol,
    /// A certificate was shown in this connection.
    HasCertificate,
    /// The same, or in an earlier one.
    IsCertificateUsed,
    /// 0: who could not be verified was refused.
    Verified,
    Certificate(Whose, CertificatePart),
}

impl TlsPart {
    fn of<'a>(&self, client: Option<&'a tls::Client>) -> Option<Value<'a>> {
        let truth = |truth: bool| Some(Value::Bool(truth));
        let known = match (self, client) {
            (TlsPart::IsUsed, client) => return truth(client.is_some()),
            (TlsPart::HasName, client) => return truth(client.is_some_and(|client| client.server_name.is_some())),
            (TlsPart::IsResumed, client) => return truth(client.is_some_and(|client| client.agreed.is_resumed)),
            (_, client) => client?,
        };
        match self {
            TlsPart::IsUsed | TlsPart::HasName | TlsPart::IsResumed => None,
            TlsPart::Version => Some(Value::text(known.agreed.version.name())),
            TlsPart::Cipher => Some(Value::text(known.agreed.cipher)),
            TlsPart::KeySize => Some(Value::Int(known.agreed.key_size())),
            TlsPart::Name => known.server_name.as_deref().map(Value::text),
            TlsPart::Protocol => known.protocol.as_deref().map(|name| Value::Bytes(Cow::Borrowed(name))),
            TlsPart::HasCertificate => truth(known.certificate.is_some() && !known.agreed.is_resumed),
            TlsPart::IsCertificateUsed => truth(known.certificate.is_some()),
            TlsPart::Verified => Some(Value::Int(0)),
            TlsPart::Certificate(whose, part) => part.of(*whose, known),
        }
    }
}

impl Fetch {
    pub(crate) fn of<'a>(&'a self, facts: &Facts<'a>) -> Sample<'a> {
        let table = facts.table;
        let int = |number: i64| Sample::Settled(Value::Int(number));
        // Who asks without a session asks before there was any.
        let now = || facts.course.map_or(Duration::ZERO, |course| course.now);
        match self {
            Fetch::Src => facts.src.map(|addr| Value::Addr(addr.ip())).into(),
            Fetch::Dst => facts.dst.map(|addr| Value::Addr(addr.ip())).into(),
            Fetch::SrcPort => port(facts.src).into(),
            Fetch::DstPort => port(facts.dst).into(),
            Fetch::Nbsrv(backend) => int(table.backend(*backend).state.nbsrv().into()),
            Fetch::BeConn(backend) => int(table.backend(*backend).state.conns.current() as i64),
            Fetch::FeConn(frontend) => int(table.frontend(*frontend).state.conns.current() as i64),
            Fetch::SrvConn(server) => int(table.server(*server).state.conns().into()),
            Fetch::SrvIsUp(server) => Sample::Settled(Value::Bool(table.server(*server).state.is_up())),
            Fetch::BackLoad(load, backend) => int(load.of(table.backend(*backend), now())),
            Fetch::FrontLoad(load, frontend) => int(load.of(table.frontend(*frontend), now())),
            Fetch::ServerLoad(load, server) => int(load.of(table.server(*server), now())),
            Fetch::FeId => number(facts, |proxy| proxy.frontend == Some(facts.frontend)).into(),
            Fetch::BeId if facts.backend.is_some() => number(facts, |proxy| proxy.backend == facts.backend).into(),
            Fetch::BeId => number(facts, |proxy| proxy.frontend == Some(facts.frontend)).into(),
            Fetch::FeName => Sample::Settled(Value::text(&table.frontend(facts.frontend).name)),
            Fetch::BeName => {
                let backend = facts.backend.map(|backend| &table.backend(backend).name);
                Sample::Settled(Value::text(backend.unwrap_or(&table.frontend(facts.frontend).name)))
            }
            Fetch::Always(truth) => Sample::Settled(Value::Bool(*truth)),
            Fetch::Int(number) => int(*number),
            Fetch::Bytes(bytes) => Sample::Settled(Value::Bytes(Cow::Borrowed(bytes))),
            Fetch::Nothing => Sample::Absent,
            Fetch::WaitEnd if facts.is_final() => Sample::Settled(Value::Bool(true)),
            Fetch::WaitEnd => Sample::Awaited,
            Fetch::Payload(speaker, part) => match (speaker, facts.heard) {
                (Speaker::Client, Heard::Client(payload)) | (Speaker::Server, Heard::Server(payload)) => {
                    part.of(payload)
                }
                (
                    Speaker::Client,
                    Heard::Message(message @ Message::Request { .. })
                    | Heard::Unfinished(message @ Message::Request { .. }),
                ) => part.of_message(message),
                (Speaker::Client, Heard::Server(_) | Heard::Nothing | Heard::Message(_) | Heard::Unfinished(_))
                | (Speaker::Server, Heard::Client(_) | Heard::Nothing | Heard::Message(_) | Heard::Unfinished(_)) => {
                    Sample::Absent
                }
            },
            Fetch::Message(part) => match facts.heard {
                Heard::Message(message) | Heard::Unfinished(message) => part.of(message),
                // The end of an exchange knows what was asked and answered.
                Heard::Nothing => part.remembered(facts).into(),
                Heard::Client(_) | Heard::Server(_) => Sample::Absent,
            },
            Fetch::Session(part) => part.of(facts).into(),
            Fetch::Tls(part) => part.of(facts.tls).into(),
            Fetch::Announced(kind) => {
                let found = facts.announced.iter().find(|announced| announced.kind == *kind);
                found.map(|announced| Value::Bytes(Cow::Borrowed(&announced.value))).into()
            }
            Fetch::BackTls(part) => part.of(facts.back_tls).into(),
            Fetch::Variable(variable) => facts.variables.value_of(*variable).into(),
            Fetch::VariableOr(variable, default) => {
                let known = facts.variables.value_of(*variable);
                Sample::Settled(known.unwrap_or(Value::Bytes(Cow::Borrowed(default))))
            }
            Fetch::Random(range) => int(table.process.chance.below(*range).into()),
            Fetch::Uuid => Sample::Settled(Value::Bytes(table.process.chance.uuid().into_bytes().into())),
        }
    }

    /// Whether every id in it has a place in `table`.
    pub(crate) fn fits(&self, table: &Table) -> bool {
        match self {
            Fetch::Nbsrv(backend) | Fetch::BeConn(backend) | Fetch::BackLoad(_, backend) => table.has_backend(*backend),
            Fetch::FeConn(FrontendId(frontend)) | Fetch::FrontLoad(_, FrontendId(frontend)) => {
                (*frontend as usize) < table.frontends.len()
            }
            Fetch::SrvConn(server) | Fetch::SrvIsUp(server) | Fetch::ServerLoad(_, server) => table.has_server(*server),
            Fetch::Src
            | Fetch::Dst
            | Fetch::SrcPort
            | Fetch::DstPort
            | Fetch::FeId
            | Fetch::BeId
            | Fetch::FeName
            | Fetch::BeName
            | Fetch::Always(_)
            | Fetch::Int(_)
            | Fetch::Bytes(_)
            | Fetch::Nothing
            | Fetch::WaitEnd
            | Fetch::Payload(..)
            | Fetch::Message(_)
            | Fetch::Tls(_)
            | Fetch::Announced(_)
            | Fetch::Session(_)
            | Fetch::BackTls(_)
            | Fetch::VariableOr(..)
            | Fetch::Random(_)
            | Fetch::Uuid
            | Fetch::Variable(_) => true,
        }
    }
}

/// As HAProxy has it, port 0 is none.
fn port<'a>(addr: Option<SocketAddr>) -> Option<Value<'a>> {
    addr.map(|addr| addr.port()).filter(|&port| port > 0).map(|port| Value::Int(port.into()))
}

/// HAProxy's number of the first proxy that `is_it`.
fn number<'a>(facts: &Facts<'_>, is_it: impl Fn(&Proxy) -> bool) -> Option<Value<'a>> {
    let proxy = facts.table.proxies.iter().find(|proxy| is_it(proxy))?;
    Some(Value::Int(proxy.number.value.into()))
}
