//! The little that is asked of a certificate: whose it is.

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

/// What a certificate says of its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// As OpenSSL writes it in one line: `/C=FR/O=Example/CN=mail.example.org`.
    pub distinguished_name: String,
    /// The last one, if there are several, as HAProxy has it.
    pub common_name: Option<String>,
}

impl Subject {
    /// The last attribute of this kind, by OpenSSL's short name (`CN`, `emailAddress`).
    pub fn attribute(&self, kind: &str) -> Option<&str> {
        let mut parts = self.distinguished_name.split('/').filter_map(|part| part.split_once('='));
        parts.rfind(|(known, _)| *known == kind).map(|(_, value)| value)
    }
}

/// Who owns it; `None`: it is no certificate.
pub(crate) fn subject(certificate: &CertificateDer<'_>) -> Option<Subject> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(Subject { distinguished_name: one_line(parsed.subject()), common_name: common_names(&parsed).pop() })
}

/// The host names that it is for: its alternative names of that kind, and its common names.
pub(crate) fn host_names(certificate: &CertificateDer<'_>) -> Option<Vec<String>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let mut names = common_names(&parsed);
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

fn common_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.subject().iter_common_name();
    names.filter_map(|name| name.as_str().ok()).map(str::to_string).collect()
}

/// `X509_NAME_oneline(3)`: octets that are not printable ASCII are `\xHH`.
fn one_line(name: &X509Name<'_>) -> String {
    let mut line = String::new();
    for attribute in name.iter_attributes() {
        let kind = attribute.attr_type().to_id_string();
        line.push('/');
        line.push_str(ABBREVIATIONS.iter().find(|(known, _)| *known == kind).map_or(&kind, |(_, short)| short));
        line.push('=');
        for &octet in attribute.attr_value().data.iter() {
            match octet {
                b' '..=b'~' => line.push(char::from(octet)),
                _ => line.push_str(&format!("\\x{octet:02X}")),
            }
        }
    }
    line
}

/// OpenSSL's short names of the kinds that certificates have (RFC 4519, RFC 2985).
const ABBREVIATIONS: [(&str, &str); 12] = [
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
    ("0.9.2342.19200300.100.1.25", "DC"),
];
