//! Reads what `server` lines, and the `global` section for all of them, say about TLS (configuration.txt §3.1 "ssl-default-server-*",
//! "ssl-server-verify", §5.2).

use crate::bind_tls::{protocols, switch, version};
use crate::diagnostic::Diagnostic;
use crate::fetch::{Fetch, Speaker};
use crate::keywords::server::TlsKeyword;
use crate::lexer::Word;
use crate::line::Line;
use crate::nearest::Guesser;
use crate::sample_reader::{self, Read};
use crate::source::Spanned;
use crate::tree::{ServerTls, ServerVerify, TlsMethods, TlsVersion};

/// What may stand in `ssl-default-server-options`.
const OPTIONS: &[(&str, TlsKeyword)] = &[
    ("force-sslv3", TlsKeyword::Only(TlsVersion::Ssl3)),
    ("force-tlsv10", TlsKeyword::Only(TlsVersion::Tls10)),
    ("force-tlsv11", TlsKeyword::Only(TlsVersion::Tls11)),
    ("force-tlsv12", TlsKeyword::Only(TlsVersion::Tls12)),
    ("force-tlsv13", TlsKeyword::Only(TlsVersion::Tls13)),
    ("no-sslv3", TlsKeyword::Without(TlsVersion::Ssl3)),
    ("no-tls-tickets", TlsKeyword::Tickets(false)),
    ("no-tlsv10", TlsKeyword::Without(TlsVersion::Tls10)),
    ("no-tlsv11", TlsKeyword::Without(TlsVersion::Tls11)),
    ("no-tlsv12", TlsKeyword::Without(TlsVersion::Tls12)),
    ("no-tlsv13", TlsKeyword::Without(TlsVersion::Tls13)),
    ("ssl-max-ver", TlsKeyword::MaxVersion),
    ("ssl-min-ver", TlsKeyword::MinVersion),
];

/// Why a parameter cannot be read: a sentence without its full stop.
pub(crate) type Complaint = String;

/// One parameter, in word `at`. `false`: what it asks for is known to HAProxy, and not done here.
pub(crate) fn parameter(
    keyword: TlsKeyword,
    line: Line<'_>,
    at: usize,
    tls: &mut ServerTls,
    guesser: &mut Guesser,
) -> Result<bool, Complaint> {
    let (name, span) = (line.word(at), line.span(at));
    let (word, word_span) = (line.word(at + 1), line.span(at + 1));
    let argument = |what: &str| match word {
        "" => Err(format!("'{name}' : {what}")),
        word => Ok(Spanned::new(word.to_string(), word_span)),
    };
    match keyword {
        TlsKeyword::Ssl(is_on) => tls.is_on = is_on.then_some(span),
        TlsKeyword::Alpn => tls.alpn = Some(Spanned::new(protocols(name, word)?, word_span)),
        TlsKeyword::CheckAlpn => tls.check_alpn = Some(Spanned::new(protocols(name, word)?, word_span)),
        TlsKeyword::CheckSni => tls.check_name = Some(argument("missing SNI")?.value),
        TlsKeyword::CheckSniAuto(is_on) => tls.check_takes_name_of_request = Some(is_on),
        TlsKeyword::CheckSsl(is_on) => tls.is_checked = Some(is_on),
        TlsKeyword::CaFile => tls.ca_file = Some(argument("missing CAfile path")?),
        TlsKeyword::CrlFile => tls.crl_file = Some(argument("missing CRLfile path")?),
        TlsKeyword::Crt => tls.certificate = Some(argument("missing certificate file path")?),
        TlsKeyword::Ciphers => tls.ciphers = Some(argument("missing cipher suite")?),
        TlsKeyword::Ciphersuites => tls.ciphersuites = Some(argument("missing cipher suite")?),
        TlsKeyword::Curves => tls.curves = Some(argument("missing curve suite")?),
        TlsKeyword::Ktls => tls.ktls = Some(Spanned::new(switch(name, word)?, word_span)),
        TlsKeyword::MinVersion => tls.methods.least = Some(Spanned::new(version(name, word)?, word_span)),
        TlsKeyword::MaxVersion => tls.methods.most = Some(Spanned::new(version(name, word)?, word_span)),
        TlsKeyword::Without(version) => tls.methods.without.push(version),
        TlsKeyword::Only(version) => {
            let only = Some(Spanned::new(version, span));
            tls.methods = TlsMethods { least: only, most: only, without: Vec::new() };
        }
        TlsKeyword::Reuse(resumes) => tls.resumes = Some(resumes),
        TlsKeyword::Tickets(takes_tickets) => tls.takes_tickets = Some(takes_tickets),
        TlsKeyword::SniAuto(is_on) => tls.takes_name_of_request = Some(is_on),
        TlsKeyword::Sni => return sni(line.rest(at + 1).first(), tls, guesser),
        TlsKeyword::Verify => tls.verify = Some(verify(&argument("missing verify method")?)?),
        TlsKeyword::VerifyHost => tls.verify_host = Some(argument("missing hostname to verify against")?.value),
    }
    Ok(true)
}

/// `ssl-default-server-options WORD…`
pub(crate) fn default_options(line: Line<'_>, tls: &mut ServerTls, guesser: &mut Guesser) -> Result<(), Diagnostic> {
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
        let read = parameter(*keyword, line, at, tls, guesser);
        read.map_err(|message| line.alert(at + 1, format!("'{name}' : {message}")))?;
        at += if matches!(keyword, TlsKeyword::MinVersion | TlsKeyword::MaxVersion) { 2 } else { 1 };
    }
    Ok(())
}

/// `ssl-server-verify none|required`
pub(crate) fn default_verify(line: Line<'_>) -> Result<ServerVerify, Diagnostic> {
    let name = line.keyword();
    match line.word(1) {
        "none" => Ok(ServerVerify::None),
        "required" => Ok(ServerVerify::Required),
        _ => Err(line.alert(1, format!("'{name}' expects 'none' or 'required' as argument."))),
    }
}

fn verify(word: &str) -> Result<ServerVerify, Complaint> {
    match word {
        "none" => Ok(ServerVerify::None),
        "required" => Ok(ServerVerify::Required),
        other => Err(format!("'verify' : unknown verify method '{other}', only 'none' and 'required' are supported")),
    }
}

/// `sni EXPRESSION`
fn sni(word: Option<&Word<'_>>, tls: &mut ServerTls, guesser: &mut Guesser) -> Result<bool, Complaint> {
    let Some(word) = word.filter(|word| !word.is_empty()) else {
        return Err("'sni' : missing sni expression".to_string());
    };
    let complaint = |message: String| format!("error detected while parsing sni expression : {message}");
    match sample_reader::expression(word, guesser) {
        Ok(Read::Sample(expression, _, None)) => {
            let is_of_response = match &expression.fetch {
                Fetch::Message(part) => part.speaker() == Speaker::Server,
                Fetch::Payload(speaker, _) => *speaker == Speaker::Server,
                Fetch::Address(_)
                | Fetch::Number(_)
                | Fetch::FrontendName
                | Fetch::BackendName
                | Fetch::Tls(_)
                | Fetch::Announced(_)
                | Fetch::Text(_)
                | Fetch::WaitEnd
                | Fetch::Session(_)
                | Fetch::Hostname
                | Fetch::Environment(_)
                | Fetch::Variable(_)
                | Fetch::VariableOr(..)
                | Fetch::Octets(_)
                | Fetch::Random(_)
                | Fetch::Uuid => false,
                Fetch::BackTls(_) => true,
            };
            if is_of_response {
                return Err(complaint(format!(
                    " fetch method '{}' extracts information from the response, none of which is available here",
                    &word.text
                )));
            }
            tls.name = Some(expression);
            Ok(true)
        }
        Ok(Read::Sample(_, _, Some(_))) => {
            let name = word.split(['(', ',']).next().unwrap_or_default();
            Err(complaint(format!("unknown fetch method '{name}'")))
        }
        Ok(Read::Unserved) => Ok(false),
        Err((message, _)) => Err(complaint(message)),
    }
}
