//! What is asked of a certificate: whose it is, who signed it, what it is for, how long.
//!
//! Texts are OpenSSL's, as HAProxy shows them (`show ssl cert`, `ssl_c_…`).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::pki_types::CertificateDer;
use std::fmt;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

/// A distinguished name: kinds of attributes, by OpenSSL's short names (`CN`, `emailAddress`), and their values, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name(Vec<Attribute>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Attribute {
    kind: String,
    value: Vec<u8>,
    /// It belongs to the one before it: both are one step of the name (RFC 4514 §2.2).
    is_beside: bool,
}

/// A certificate, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portrait {
    pub subject: Name,
    pub issuer: Name,
    /// Big-endian, without zeros in front.
    pub serial: Vec<u8>,
    /// 1 to 3.
    pub version: u32,
    pub valid_from: Moment,
    pub valid_until: Moment,
    /// Alternative names, each with its kind: `DNS:mail.test`.
    pub alternatives: Vec<String>,
    /// Kind and size: `RSA2048`, `EC256`.
    pub key: String,
    /// The algorithm of its key, by OpenSSL's name: `rsaEncryption`.
    pub key_algorithm: String,
    /// The algorithm of its signature, by OpenSSL's name: `RSA-SHA256`.
    pub signature_algorithm: String,
    /// SHA-1 of all of it.
    pub fingerprint: [u8; 20],
    /// All of it.
    pub der: Box<[u8]>,
}

/// A second of UTC. Displays as OpenSSL does: `Nov  3 08:19:05 2026 GMT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    year: i32,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

impl Name {
    /// The attribute of this kind at a position from 1, counted from the end if it is negative (`ssl_c_s_dn(CN,-1)`).
    pub fn attribute(&self, kind: &str, position: i32) -> Option<&[u8]> {
        let mut found = self.0.iter().filter(|attribute| attribute.kind.eq_ignore_ascii_case(kind));
        let index = position.unsigned_abs().checked_sub(1)? as usize;
        let attribute = if position > 0 { found.nth(index) } else { found.rev().nth(index) }?;
        Some(&attribute.value)
    }

    /// In one line, as HAProxy shows it: like `Display`, but octets are what they are.
    pub fn line(&self) -> Vec<u8> {
        let parts = self.0.iter().map(|Attribute { kind, value, .. }| [b"/", kind.as_bytes(), b"=", value].concat());
        parts.collect::<Vec<_>>().concat()
    }

    /// As a directory has it, the last attribute first (RFC 2253 §2): `CN=mail.example.org,O=Example+OU=Post,C=FR`. Octets that are not
    /// printable ASCII are `\HH`, as OpenSSL writes them.
    pub fn rfc2253(&self) -> String {
        let mut text = String::new();
        for (at, Attribute { kind, value, is_beside }) in self.0.iter().enumerate().rev() {
            text.push_str(&format!("{kind}={}", escaped(value)));
            if at > 0 {
                text.push(if *is_beside { '+' } else { ',' });
            }
        }
        text
    }

    pub(crate) fn of(name: &X509Name<'_>) -> Name {
        let steps = name.iter_rdn().flat_map(|step| step.iter().enumerate());
        let attributes = steps.map(|(place, attribute)| {
            let kind = attribute.attr_type().to_id_string();
            let short = ABBREVIATIONS.iter().find(|(known, _)| *known == kind).map(|(_, short)| short.to_string());
            let value = attribute.attr_value().data.to_vec();
            Attribute { kind: short.unwrap_or(kind), value, is_beside: place > 0 }
        });
        Name(attributes.collect())
    }
}

/// RFC 2253 §2.4.
fn escaped(value: &[u8]) -> String {
    let mut text = String::new();
    for (at, &octet) in value.iter().enumerate() {
        let is_at_edge = at == 0 || at + 1 == value.len();
        match octet {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => text.extend(['\\', char::from(octet)]),
            b'#' if at == 0 => text.push_str("\\#"),
            b' ' if is_at_edge => text.push_str("\\ "),
            b' '..=b'~' => text.push(char::from(octet)),
            _ => text.push_str(&format!("\\{octet:02X}")),
        }
    }
    text
}

/// In one line, as `X509_NAME_oneline(3)`: `/C=FR/O=Example/CN=mail.example.org`. Octets that are not printable ASCII are `\xHH`.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Attribute { kind, value, .. } in &self.0 {
            write!(f, "/{kind}=")?;
            for &octet in value {
                match octet {
                    b' '..=b'~' => fmt::Write::write_char(f, char::from(octet))?,
                    _ => write!(f, "\\x{octet:02X}")?,
                }
            }
        }
        Ok(())
    }
}

impl Portrait {
    /// `None`: it is no certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Portrait> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let mut fingerprint = [0; 20];
        fingerprint.copy_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate).as_ref());
        let alternatives = alternatives(&parsed);
        let key_algorithm = parsed.public_key().algorithm.algorithm.to_id_string();
        let serial = parsed.raw_serial();
        let zeros = serial.iter().take_while(|&&octet| octet == 0).count();
        Some(Portrait {
            subject: Name::of(parsed.subject()),
            issuer: Name::of(parsed.issuer()),
            serial: serial[zeros..].to_vec(),
            version: parsed.version().0 + 1,
            valid_from: Moment::of(parsed.validity().not_before),
            valid_until: Moment::of(parsed.validity().not_after),
            alternatives,
            key: key(&parsed),
            key_algorithm: short_name(&key_algorithm),
            signature_algorithm: short_name(&parsed.signature_algorithm.algorithm.to_id_string()),
            fingerprint,
            der: certificate.as_ref().into(),
        })
    }
}

impl Portrait {
    /// The hosts that it is for: its common names, and its alternative names of that kind.
    pub fn host_names(&self) -> Vec<String> {
        let common = self.subject.0.iter().filter(|attribute| attribute.kind == "CN");
        let common = common.map(|attribute| String::from_utf8_lossy(&attribute.value).into_owned());
        let alternatives = self.alternatives.iter().filter_map(|name| name.strip_prefix("DNS:"));
        let mut names: Vec<String> = common.chain(alternatives.map(str::to_owned)).collect();
        names.iter_mut().for_each(|name| name.make_ascii_lowercase());
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Moment {
    pub(crate) fn of(time: ASN1Time) -> Moment {
        let time = time.to_datetime();
        Moment {
            year: time.year(),
            month: u8::from(time.month()),
            day: time.day(),
            hour: time.hour(),
            minute: time.minute(),
            second: time.second(),
        }
    }

    /// As it stands in the certificate (RFC 5280 §4.1.2.5): `261103081905Z`.
    pub fn compact(&self) -> String {
        let Moment { year, month, day, hour, minute, second } = self;
        let year = if (1950..2050).contains(year) { format!("{:02}", year % 100) } else { format!("{year:04}") };
        format!("{year}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Moment { year, month, day, hour, minute, second } = self;
        let month = MONTHS.get(usize::from(*month) - 1).unwrap_or(&"");
        write!(f, "{month} {day:2} {hour:02}:{minute:02}:{second:02} {year} GMT")
    }
}

/// The host names that it is for: its alternative names of that kind, and its common names.
pub(crate) fn host_names(certificate: &CertificateDer<'_>) -> Option<Vec<String>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let common = parsed.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    let mut names: Vec<String> = common.map(str::to_string).collect();
    if let Ok(Some(alternatives)) = parsed.subject_alternative_name() {
        for name in &alternatives.value.general_names {
            if let GeneralName::DNSName(name) = name {
                names.push((*name).to_string());
            }
        }
    }
    names.iter_mut().for_each(|name| name.make_ascii_lowercase());
    Some(names)
}

/// Whether so many seconds after 1970 lie in the time that it is valid for.
pub(crate) fn is_valid_at(certificate: &CertificateDer<'_>, seconds: u64) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return false };
    let validity = parsed.validity();
    i64::try_from(seconds)
        .is_ok_and(|now| (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now))
}

fn alternatives(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = alternatives.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(format!("DNS:{name}")),
            GeneralName::RFC822Name(name) => Some(format!("email:{name}")),
            GeneralName::URI(name) => Some(format!("URI:{name}")),
            GeneralName::IPAddress(octets) => Some(format!("IP Address:{}", address(octets)?)),
            GeneralName::OtherName(..)
            | GeneralName::X400Address(_)
            | GeneralName::DirectoryName(_)
            | GeneralName::EDIPartyName(_)
            | GeneralName::RegisteredID(_)
            | GeneralName::Invalid(..) => None,
        })
        .collect()
}

fn address(octets: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        return Some(std::net::Ipv4Addr::from(v4).to_string());
    }
    let v6 = std::net::Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?);
    // As OpenSSL writes it: all groups, without zeros in front.
    Some(v6.segments().map(|group| format!("{group:X}")).join(":"))
}

fn key(certificate: &X509Certificate<'_>) -> String {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA{}", key.key_size()),
        // Its point is an octet and two coordinates.
        Ok(PublicKey::EC(point)) => format!("EC{}", point.key_size()),
        Ok(PublicKey::DSA(_) | PublicKey::GostR3410(_) | PublicKey::GostR3410_2012(_) | PublicKey::Unknown(_))
        | Err(_) => String::new(),
    }
}

/// OpenSSL's short name of an algorithm; its number where it is not known here.
fn short_name(number: &str) -> String {
    ALGORITHMS.iter().find(|(known, ..)| *known == number).map_or(number, |(_, name, _)| name).to_string()
}

/// The long one.
pub(crate) fn long_name(number: &str) -> String {
    ALGORITHMS.iter().find(|(known, ..)| *known == number).map_or(number, |(_, _, name)| name).to_string()
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// OpenSSL's names of algorithms of keys and signatures, short and long (RFC 8017, RFC 5758, RFC 8410).
const ALGORITHMS: [(&str, &str, &str); 11] = [
    ("1.2.840.113549.1.1.1", "rsaEncryption", "rsaEncryption"),
    ("1.2.840.113549.1.1.5", "RSA-SHA1", "sha1WithRSAEncryption"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS", "rsassaPss"),
    ("1.2.840.113549.1.1.11", "RSA-SHA256", "sha256WithRSAEncryption"),
    ("1.2.840.113549.1.1.12", "RSA-SHA384", "sha384WithRSAEncryption"),
    ("1.2.840.113549.1.1.13", "RSA-SHA512", "sha512WithRSAEncryption"),
    ("1.2.840.10045.2.1", "id-ecPublicKey", "id-ecPublicKey"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512", "ecdsa-with-SHA512"),
    ("1.3.101.112", "ED25519", "ED25519"),
];

/// OpenSSL's short names of the kinds that certificates have (RFC 4519, RFC 2985).
const ABBREVIATIONS: [(&str, &str); 13] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.42", "GN"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// What HAProxy 2.6 says of such a certificate, and `openssl x509 -nameopt rfc2253`.
    #[test]
    fn names() {
        let attributes = [
            ("C", "FR"),
            ("O", "Ex, \"am+ple"),
            ("OU", "#first"),
            ("OU", " blank "),
            ("CN", "J\u{fc}r<g>;\\x"),
            ("emailAddress", "a@b"),
        ];
        let attribute = |(kind, value): (&str, &str), is_beside| Attribute {
            kind: kind.to_owned(),
            value: value.as_bytes().to_vec(),
            is_beside,
        };
        let name = Name(attributes.map(|it| attribute(it, false)).into());
        assert_eq!(
            name.rfc2253(),
            r#"emailAddress=a@b,CN=J\C3\BCr\<g\>\;\\x,OU=\ blank\ ,OU=\#first,O=Ex\, \"am\+ple,C=FR"#
        );
        let line = "/C=FR/O=Ex, \"am+ple/OU=#first/OU= blank /CN=J\u{fc}r<g>;\\x/emailAddress=a@b";
        assert_eq!(name.line(), line.as_bytes());
        let steps = [("C", "FR"), ("L", "pl"), ("O", "Ex"), ("OU", "am"), ("CN", "mv.test"), ("UID", "7")];
        let places = [false, false, true, true, false, true];
        let name = Name(steps.into_iter().zip(places).map(|(it, is_beside)| attribute(it, is_beside)).collect());
        assert_eq!(name.rfc2253(), "UID=7+CN=mv.test,OU=am+O=Ex+L=pl,C=FR");
        assert_eq!(name.line(), b"/C=FR/L=pl/O=Ex/OU=am/CN=mv.test/UID=7");
    }
}
