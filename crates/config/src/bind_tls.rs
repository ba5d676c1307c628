//! Reads what `bind` lines, and the `global` section for all of them, say about TLS (configuration.txt §3.1 "ssl-default-bind-*", §5.1).

use crate::diagnostic::Diagnostic;
use crate::keywords::bind::TlsKeyword;
use crate::line::Line;
use crate::source::Spanned;
use crate::tree::{BindTls, ClientVerify, TlsMethods, TlsVersion};

/// What may stand in `ssl-default-bind-options`.
const OPTIONS: &[(&str, TlsKeyword)] = &[
    ("no-sslv3", TlsKeyword::Without(TlsVersion::Ssl3)),
    ("no-tls-tickets", TlsKeyword::NoTickets),
    ("no-tlsv10", TlsKeyword::Without(TlsVersion::Tls10)),
    ("no-tlsv11", TlsKeyword::Without(TlsVersion::Tls11)),
    ("no-tlsv12", TlsKeyword::Without(TlsVersion::Tls12)),
    ("no-tlsv13", TlsKeyword::Without(TlsVersion::Tls13)),
    ("force-sslv3", TlsKeyword::Only(TlsVersion::Ssl3)),
    ("force-tlsv10", TlsKeyword::Only(TlsVersion::Tls10)),
    ("force-tlsv11", TlsKeyword::Only(TlsVersion::Tls11)),
    ("force-tlsv12", TlsKeyword::Only(TlsVersion::Tls12)),
    ("force-tlsv13", TlsKeyword::Only(TlsVersion::Tls13)),
    ("prefer-client-ciphers", TlsKeyword::PreferClient),
    ("ssl-max-ver", TlsKeyword::MaxVersion),
    ("ssl-min-ver", TlsKeyword::MinVersion),
    ("strict-sni", TlsKeyword::StrictSni),
];

/// One parameter, in word `at`. `place` opens HAProxy's complaints.
pub(crate) fn parameter(
    keyword: TlsKeyword,
    line: Line<'_>,
    at: usize,
    place: &str,
    tls: &mut BindTls,
) -> Result<(), Diagnostic> {
    let (name, span) = (line.word(at), line.span(at));
    let argument = |what: &str| match line.word(at + 1) {
        "" => Err(line.alert(at + 1, format!("{place} : '{name}' : {what}"))),
        word => Ok(Spanned::new(word.to_string(), line.span(at + 1))),
    };
    match keyword {
        TlsKeyword::Ssl => tls.is_on = Some(span),
        TlsKeyword::Crt => tls.certificates.push(argument("missing certificate location")?),
        TlsKeyword::CrtList => tls.certificate_lists.push(argument("missing certificate location")?),
        TlsKeyword::DefaultCrt => tls.default_certificates.push(argument("missing certificate location")?),
        TlsKeyword::CaFile => tls.ca_file = Some(argument("missing CAfile path")?),
        TlsKeyword::CrlFile => tls.crl_file = Some(argument("missing CRLfile path")?),
        TlsKeyword::Verify => {
            let word = argument("missing verify method")?;
            let method = verify(&word).map_err(|message| line.alert(at + 1, format!("{place} : {message}")))?;
            tls.verify = method.map(|method| Spanned::new(method, word.span));
        }
        TlsKeyword::Alpn => tls.alpn = Some(said(line, at, place, protocols(name, line.word(at + 1)))?),
        TlsKeyword::NoAlpn => tls.alpn = None,
        TlsKeyword::StrictSni => tls.is_strict = true,
        TlsKeyword::NoStrictSni => tls.is_strict = false,
        TlsKeyword::MinVersion => tls.methods.least = Some(said(line, at, place, version(name, line.word(at + 1)))?),
        TlsKeyword::MaxVersion => tls.methods.most = Some(said(line, at, place, version(name, line.word(at + 1)))?),
        TlsKeyword::Without(version) => tls.methods.without.push(version),
        TlsKeyword::Only(version) => {
            let only = Some(Spanned::new(version, span));
            tls.methods = TlsMethods { least: only, most: only, without: Vec::new() };
        }
        TlsKeyword::Ciphers => tls.ciphers = Some(argument("missing cipher suite")?),
        TlsKeyword::Ciphersuites => tls.ciphersuites = Some(argument("missing cipher suite")?),
        TlsKeyword::Curves => tls.curves = Some(argument("missing curve suite")?),
        TlsKeyword::Ktls => tls.ktls = Some(said(line, at, place, switch(name, line.word(at + 1)))?),
        TlsKeyword::NoTickets => tls.has_tickets = Some(false),
        TlsKeyword::Tickets => tls.has_tickets = Some(true),
        TlsKeyword::PreferClient => tls.prefers_client = true,
    }
    Ok(())
}

/// `ssl-default-bind-options WORD…`
pub(crate) fn default_options(line: Line<'_>, tls: &mut BindTls) -> Result<(), Diagnostic> {
    let name = line.keyword();
    if line.count() < 2 {
        return Err(line.alert(1, format!("global statement '{name}' expects an option as an argument.")));
    }
    let mut at = 1;
    while at < line.count() {
        let word = line.word(at);
        let Some((_, keyword)) = OPTIONS.iter().find(|(known, _)| *known == word) else {
            return Err(line.alert(at, format!("unknown option '{word}' on global statement '{name}'.")));
        };
        parameter(*keyword, line, at, &format!("'{name}'"), tls)?;
        at += if matches!(keyword, TlsKeyword::MinVersion | TlsKeyword::MaxVersion) { 2 } else { 1 };
    }
    Ok(())
}

/// `ssl-default-bind-ciphers LIST` and its kin.
pub(crate) fn default_list(line: Line<'_>) -> Result<Option<Spanned<String>>, Diagnostic> {
    let name = line.keyword();
    if line.word(1).is_empty() {
        return Err(line.alert(1, format!("global statement '{name}' expects a cipher suite as an argument.")));
    }
    line.ends_at(2, name)?;
    Ok(Some(Spanned::new(line.word(1).to_string(), line.span(1))))
}

/// `crt-base DIRECTORY`, `ca-base DIRECTORY`, once each.
pub(crate) fn base(line: Line<'_>, known: &mut Option<Spanned<String>>) -> Result<(), Diagnostic> {
    let name = line.keyword();
    if known.is_some() {
        return Err(line.alert(0, format!("'{name}' already specified.")));
    }
    if line.word(1).is_empty() {
        return Err(line.alert(1, format!("global statement '{name}' expects a directory path as an argument.")));
    }
    line.ends_at(2, name)?;
    *known = Some(Spanned::new(line.word(1).to_string(), line.span(1)));
    Ok(())
}

/// `verify METHOD`; `None`: clients are not asked.
pub(crate) fn verify(word: &str) -> Result<Option<ClientVerify>, String> {
    match word {
        "none" => Ok(None),
        "optional" => Ok(Some(ClientVerify::Optional)),
        "required" => Ok(Some(ClientVerify::Required)),
        other => Err(format!(
            "'verify' : unknown verify method '{other}', only 'none', 'optional', and 'required' are supported"
        )),
    }
}

/// What was read of the word behind word `at`, or HAProxy's complaint about it.
fn said<T>(line: Line<'_>, at: usize, place: &str, read: Result<T, String>) -> Result<Spanned<T>, Diagnostic> {
    match read {
        Ok(value) => Ok(Spanned::new(value, line.span(at + 1))),
        Err(message) => Err(line.alert(at + 1, format!("{place} : {message}"))),
    }
}

/// `alpn NAME[,NAME…]`; `keyword` is what HAProxy calls it.
pub(crate) fn protocols(keyword: &str, word: &str) -> Result<Vec<String>, String> {
    if word.is_empty() {
        return Err(format!("'{keyword}' : missing the comma-delimited ALPN protocol suite"));
    }
    let names: Vec<String> = word.split(',').map(str::to_string).collect();
    // RFC 7301 §3.1.
    if names.iter().any(|name| name.is_empty() || name.len() > 255) {
        return Err(format!("'{keyword}' : length must be between 1 and 255 bytes for each protocol name"));
    }
    Ok(names)
}

/// `ktls on`, `ktls off`
pub(crate) fn switch(name: &str, word: &str) -> Result<bool, String> {
    match word {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("'{name}' : expects 'on' or 'off', and not '{other}'")),
    }
}

/// `ssl-min-ver VERSION`, `ssl-max-ver VERSION`
pub(crate) fn version(name: &str, word: &str) -> Result<TlsVersion, String> {
    if word.is_empty() {
        return Err(format!("'{name}' : missing the ssl/tls version"));
    }
    let known = TlsVersion::ALL.into_iter().find(|version| version.word() == word);
    known.ok_or_else(|| format!("'{word}' : unknown ssl/tls version"))
}
