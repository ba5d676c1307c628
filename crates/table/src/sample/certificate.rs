//! What certificates of TLS say (`configuration.txt` §7.3.4 "ssl_c_…", "ssl_f_…").

use std::borrow::Cow;

use super::Value;

/// Whose certificate is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The client's own.
    Client,
    /// The one that it was shown.
    Shown,
}

/// Something of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificatePart {
    /// Whom it names.
    Subject(NameForm),
    /// Who signed it.
    Issuer(NameForm),
    Serial,
    Fingerprint,
    ValidFrom,
    ValidUntil,
    SignatureAlgorithm,
    KeyAlgorithm,
    Version,
    Whole,
}

/// What is told of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameForm {
    /// All of it: `/O=Example/CN=mail.test`.
    Line,
    /// The same as directories have it: `CN=mail.test,O=Example`.
    Rfc2253,
    /// One attribute: its kind, and its position among those of that kind.
    Attribute(Box<str>, i32),
}

impl CertificatePart {
    /// `None`: there is no such certificate, or no such thing in it.
    pub(super) fn of(&self, whose: Whose, client: &tls::Client) -> Option<Value<'static>> {
        let known;
        let portrait = match whose {
            Whose::Client => client.certificate.as_deref()?,
            Whose::Shown => {
                known = client.shown.as_ref()?.portrait()?;
                &known
            }
        };
        let bytes = |bytes: &[u8]| Some(Value::Bytes(Cow::Owned(bytes.to_vec())));
        match self {
            CertificatePart::Subject(form) => of_name(&portrait.subject, form),
            CertificatePart::Issuer(form) => of_name(&portrait.issuer, form),
            CertificatePart::Serial => bytes(&portrait.serial),
            CertificatePart::Fingerprint => bytes(&portrait.fingerprint),
            CertificatePart::ValidFrom => bytes(portrait.valid_from.compact().as_bytes()),
            CertificatePart::ValidUntil => bytes(portrait.valid_until.compact().as_bytes()),
            CertificatePart::SignatureAlgorithm => bytes(portrait.signature_algorithm.as_bytes()),
            CertificatePart::KeyAlgorithm => bytes(portrait.key_algorithm.as_bytes()),
            CertificatePart::Version => Some(Value::Int(portrait.version.into())),
            CertificatePart::Whole => bytes(&portrait.der),
        }
    }
}

fn of_name(name: &tls::Name, form: &NameForm) -> Option<Value<'static>> {
    let value = match form {
        NameForm::Line => name.line(),
        NameForm::Rfc2253 => name.rfc2253().into_bytes(),
        NameForm::Attribute(kind, position) => name.attribute(kind, *position)?.to_vec(),
    };
    Some(Value::Bytes(Cow::Owned(value)))
}
