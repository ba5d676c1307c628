//! The PROXY header for a server: it is sent before anything else, and says who the client is, and what its TLS and the operator say
//! beside that.

use crate::{Cause, End, Moment, Outbox, Phase, Session};
use buf::Lease;
use driver::{Errno, Instant, Op, Side};
use proxyline::{Announcement, Certificate, ClientTls, Tlv, Version, kind};
use table::{ProxyExtras, ProxyHeader, ProxyTlv, Server};
use tls::{Client, Portrait};

/// What a connection to a server was begun with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introduction(Box<[u8]>);

/// Of a header that is compared with others: a larger one is not.
const INTRODUCTION_SIZE_MAX: usize = 1024;

impl Session {
    /// Sends the PROXY header, if the server wants one: in one piece, and although the client may stay silent.
    pub(crate) fn introduce(&mut self, now: Instant, out: &mut Outbox) {
        let server = self.server.as_ref().expect("a connection has a server");
        let Some(wanted) = server.settings.proxy_header else {
            return self.relay(now, out);
        };
        let written = out.lease().and_then(|mut lease| {
            let size = self.write_header(wanted, server, lease.bytes_mut())?;
            Some((lease, size))
        });
        let Some((lease, size)) = written else {
            return self.end_with(End::new(Moment::Connect, Cause::Exhausted(Errno::ENOBUFS)), out);
        };
        self.enter(Phase::Heading);
        self.touch(Side::Back, now);
        self.touch(Side::Front, now);
        self.header_end = size as u32;
        self.header_left = self.header_end;
        self.send_header(lease, 0, self.header_end, out);
    }

    /// The header went out, or a part of it.
    pub(crate) fn on_header_sent(&mut self, now: Instant, lease: Lease, result: Result<u32, Errno>, out: &mut Outbox) {
        match result {
            Ok(count) if count < self.header_left => {
                let end = self.header_end;
                self.header_left -= count;
                self.send_header(lease, end - self.header_left, end, out);
            }
            Ok(_) => self.relay(now, out),
            Err(_) => self.end_with(End::new(self.moment(), Cause::Aborted(Side::Back)), out),
        }
    }

    fn send_header(&mut self, lease: Lease, start: u32, end: u32, out: &mut Outbox) {
        let fd = self.back.as_ref().expect("heading implies a back socket").fd;
        self.submit(Side::Back, Op::Send { fd, lease, start, end }, out);
    }

    /// What a connection to this server would be begun with now; empty, if it wants no header. `None`: a connection that was begun with
    /// it is of use for nothing else.
    pub(crate) fn introduction(&self, server: &Server) -> Option<Introduction> {
        let Some(wanted) = server.settings.proxy_header else { return Some(Introduction::default()) };
        // What the operator adds may be of this moment.
        let is_lasting = server.settings.proxy_tlvs.is_empty();
        let mut header = [0; INTRODUCTION_SIZE_MAX];
        let size = self.write_header(wanted, server, &mut header).filter(|_| is_lasting)?;
        Some(Introduction(header[..size].into()))
    }

    /// Writes the header for a server. `None`: there is no room for it.
    pub(crate) fn write_header(&self, wanted: ProxyHeader, server: &Server, to: &mut [u8]) -> Option<usize> {
        let mut put = |header: &[u8]| {
            to.get_mut(..header.len())?.copy_from_slice(header);
            Some(header.len())
        };
        let own = &server.settings.proxy_tlvs[..];
        match wanted {
            ProxyHeader::V1 => put(&proxyline::encode(Version::V1, self.addresses())),
            ProxyHeader::V2(extras)
                if extras == ProxyExtras::default() && own.is_empty() && !self.is_secure(Side::Front) =>
            {
                put(&proxyline::encode(Version::V2, self.addresses()))
            }
            ProxyHeader::V2(extras) => put(&self.announce(extras, own)),
        }
    }

    /// The header of version 2 with all that it is to say. The protocol that was agreed on is always said, as HAProxy does. The host is
    /// the one that the client's own header named, else the one that it asked for itself.
    fn announce(&self, extras: ProxyExtras, own: &[ProxyTlv]) -> Vec<u8> {
        let facts = self.facts(true);
        let values = own.iter().map(|tlv| {
            let mut value = Vec::new();
            tlv.value.append(&facts, &mut value);
            (tlv.kind, value)
        });
        let values: Vec<(u8, Vec<u8>)> = values.collect();
        let own: Vec<Tlv<'_>> = values.iter().map(|(kind, value)| Tlv { kind: *kind, value }).collect();
        let client = self.tls_client();
        let asks_shown = extras.certificate_key || extras.certificate_signature;
        let shown = client.filter(|_| asks_shown).and_then(|client| client.shown.as_ref()?.portrait());
        let passed_on = self.announced().iter().find(|tlv| tlv.kind == kind::AUTHORITY).map(|tlv| &*tlv.value);
        let asked = client.and_then(|client| client.server_name.as_deref()).map(str::as_bytes);
        proxyline::announce(
            self.addresses(),
            &Announcement {
                own: &own,
                is_sealed: extras.checksum,
                protocol: client.and_then(|client| client.protocol.as_deref()),
                authority: passed_on.or(asked).filter(|_| extras.authority),
                unique_id: extras.unique_id.then(|| self.identity.text(&facts)).flatten(),
                tls: extras.tls.then(|| client.map_or(ClientTls::None, |client| of(client, shown.as_ref(), extras))),
            },
        )
    }
}

/// What is said of a client's TLS, which was shown that certificate.
fn of<'a>(client: &'a Client, shown: Option<&'a Portrait>, extras: ProxyExtras) -> ClientTls<'a> {
    let certificate = client.certificate.as_deref();
    let common_name = certificate.and_then(|certificate| certificate.subject.attribute("CN", 1));
    ClientTls::Some {
        version: client.agreed.version.name(),
        certificate: match certificate {
            None => Certificate::None,
            Some(_) if client.agreed.is_resumed => Certificate::Remembered,
            Some(_) => Certificate::Shown,
        },
        common_name: common_name.and_then(|name| std::str::from_utf8(name).ok()).filter(|_| extras.common_name),
        key: shown.map(|shown| &*shown.key).filter(|_| extras.certificate_key),
        signature: shown.map(|shown| &*shown.signature_algorithm).filter(|_| extras.certificate_signature),
        cipher: extras.cipher.then_some(client.agreed.cipher),
    }
}
