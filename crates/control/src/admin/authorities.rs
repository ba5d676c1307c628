//! Commands on what authorities say (`management.txt`: show ssl ca-file, show ssl crl-file, show ssl ocsp-response, show ssl sni and their kin).

use super::certificates::{hex, push_portrait};
use super::client::Answer;
use super::commands::{Call, Run, Spec, spec};
use super::desk::Desk;
use config::Access;
use std::fmt::Write;
use tls::{CertificateDer, CertificateRevocationListDer, Portrait, Revocations};

pub(super) const TABLE: &[Spec] = &[
    spec(
        &["show", "ssl", "ca-file"],
        "show ssl ca-file [<cafile>[:<index>]]",
        "files of authorities in memory, or what one of them says",
        Access::Operator,
        Run::Desk(show_authorities),
    ),
    spec(
        &["show", "ssl", "crl-file"],
        "show ssl crl-file [<crlfile>[:<index>]]",
        "files of revocation lists in memory, or what one of them says",
        Access::Operator,
        Run::Desk(show_revocations),
    ),
    spec(
        &["show", "ssl", "ocsp-response"],
        "show ssl ocsp-response [[base64] <id>]",
        "ids of the OCSP responses in memory, or one of them",
        Access::Operator,
        Run::Desk(show_staples),
    ),
    spec(
        &["show", "ssl", "sni"],
        "show ssl sni [-f <frontend>]",
        "names that clients may ask for, and what they are shown",
        Access::Operator,
        Run::Desk(show_names),
    ),
    spec(
        &["set", "ssl", "ocsp-response"],
        "set ssl ocsp-response <response|payload>",
        "say what is told of a certificate from now on",
        Access::Admin,
        Run::Desk(set_staple),
    ),
    unchanged(&["new", "ssl", "ca-file"], "new ssl ca-file"),
    unchanged(&["set", "ssl", "ca-file"], "set ssl ca-file"),
    unchanged(&["commit", "ssl", "ca-file"], "commit ssl ca-file"),
    unchanged(&["abort", "ssl", "ca-file"], "abort ssl ca-file"),
    unchanged(&["del", "ssl", "ca-file"], "del ssl ca-file"),
    unchanged(&["new", "ssl", "crl-file"], "new ssl crl-file"),
    unchanged(&["set", "ssl", "crl-file"], "set ssl crl-file"),
    unchanged(&["commit", "ssl", "crl-file"], "commit ssl crl-file"),
    unchanged(&["abort", "ssl", "crl-file"], "abort ssl crl-file"),
    unchanged(&["del", "ssl", "crl-file"], "del ssl crl-file"),
];

/// A command of HAProxy that is known, and not carried out.
const fn unchanged(words: &'static [&'static str], usage: &'static str) -> Spec {
    spec(words, usage, "not here: change the file and reload", Access::Admin, Run::Desk(refuse))
}

fn refuse(_desk: &mut Desk<'_>, _call: &Call<'_>) -> Answer {
    "Authorities and revocation lists change with their files: 'reload' reads them, and no connection notices.\n".into()
}

/// A name of a file, and the number of one thing in it, from 1.
fn split(word: &str) -> Result<(&str, Option<usize>), ()> {
    match word.rsplit_once(':').map(|(name, number)| (name, number.parse())) {
        Some((_, Ok(0))) => Err(()),
        Some((name, Ok(number))) => Ok((name, Some(number))),
        Some((_, Err(_))) | None => Ok((word, None)),
    }
}

fn show_authorities(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let all = desk.shelf.authorities();
    if call.word(0).is_empty() {
        let lines = all.iter().map(|(path, list)| format!("{path} - {} certificate(s)\n", list.len()));
        return format!("# filename\n{}", lines.collect::<String>()).into();
    }
    let Ok((path, wanted)) = split(call.word(0)) else {
        return format!("wrong CA index after colons in '{}'!", call.word(0)).into();
    };
    let Some(list) = all.get(path) else { return "Can't display the CA file : Not found!\n".into() };
    describe(path, "Certificate", list, wanted, |text, der: &CertificateDer<'_>| {
        if let Some(portrait) = Portrait::of(der) {
            push_portrait(text, &portrait);
        }
    })
}

fn show_revocations(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let all = desk.shelf.revocations();
    if call.word(0).is_empty() {
        return format!("# filename\n{}", all.keys().map(|path| format!("{path}\n")).collect::<String>()).into();
    }
    let Ok((path, wanted)) = split(call.word(0)) else {
        return format!("wrong CRL index after colons in '{}'!", call.word(0)).into();
    };
    let Some(list) = all.get(path) else { return "Can't display the CRL file : Not found!\n".into() };
    describe(path, "Certificate Revocation List", list, wanted, |text, der: &CertificateRevocationListDer<'_>| {
        if let Some(revocations) = Revocations::of(der) {
            push_revocations(text, &revocations);
        }
    })
}

fn describe<T>(path: &str, what: &str, list: &[T], wanted: Option<usize>, push: impl Fn(&mut String, &T)) -> Answer {
    let mut text = format!("Filename: {path}\nStatus: Used\n");
    for (number, one) in (1..).zip(list).filter(|(number, _)| wanted.is_none_or(|wanted| wanted == *number)) {
        write!(text, " \n{what} #{number}:\n").expect("memory takes everything");
        push(&mut text, one);
    }
    text.into()
}

fn push_revocations(text: &mut String, list: &Revocations) {
    let Revocations { version, signature_algorithm, issuer, issued, next, revoked } = list;
    let next = next.map_or(String::new(), |next| format!("Next Update: {next}\n"));
    let head = if revoked.is_empty() { "No Revoked Certificates.\n" } else { "Revoked Certificates:\n" };
    let written = write!(
        text,
        "Version {version}\nSignature Algorithm: {signature_algorithm}\nIssuer: {issuer}\nLast Update: {issued}\n{next}{head}"
    );
    written.expect("memory takes everything");
    for (serial, since) in revoked {
        let line = format!("    Serial Number: {}\n        Revocation Date: {since}\n", hex(serial));
        text.push_str(&line);
    }
}

fn show_staples(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let staples = desk.shelf.staples();
    let lower = |bytes: &[u8]| hex(bytes).to_ascii_lowercase();
    let (form, id) = match (call.word(0), call.word(1)) {
        (form @ ("base64" | "text"), id) => (form, id),
        (id, _) => ("text", id),
    };
    if id.is_empty() {
        let described = staples.iter().map(|(id, _)| {
            format!(
                "Certificate ID key : {}\n Certificate ID:\n   Issuer Name Hash: {}\n   Issuer Key Hash: {}\n   Serial Number: {}\n",
                lower(&id.der),
                hex(&id.name_hash),
                hex(&id.key_hash),
                hex(&id.serial)
            )
        });
        return format!("# Certificate IDs\n{}", described.collect::<String>()).into();
    }
    match staples.iter().find(|(known, _)| lower(&known.der) == id.to_ascii_lowercase()) {
        None => "Certificate ID does not match any certificate.\n".into(),
        Some((_, staple)) if form == "base64" => {
            let text = table::base64(staple);
            format!("{}\n", String::from_utf8_lossy(&text)).into()
        }
        Some(_) => {
            "Responses are not put into words here: ask for 'base64 <id>', and 'openssl ocsp -respin' what it says.\n"
                .into()
        }
    }
}

fn set_staple(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let text: String = match call.payload {
        Some(payload) => payload.split_ascii_whitespace().collect(),
        None => call.word(0).to_owned(),
    };
    if text.is_empty() {
        return "'set ssl ocsp-response' expects response in base64 encoding.\n".into();
    }
    let Some(response) = table::base64_decoded(text.as_bytes()) else {
        return "'set ssl ocsp-response' received invalid base64 encoded response.\n".into();
    };
    if !tls::is_staple(&response) {
        return "Unable to parse OCSP response.\n".into();
    }
    match desk.shelf.staple(&response) {
        0 => "OCSP single response: Certificate ID does not match any certificate or issuer.\n".into(),
        _ => "OCSP Response updated!\n".into(),
    }
}

/// `show ssl sni` of 3.2, a line for each name at each listener; `*` is whoever asks for nobody, or for somebody unknown.
fn show_names(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let wanted = match (call.word(0), call.word(1)) {
        ("-f", name) if !name.is_empty() => Some(name),
        ("", _) => None,
        _ => return "'show ssl sni' expects '-f <frontend>', or nothing.\n".into(),
    };
    let mut text = "# Frontend/Bind\tSNI\tNegative Filter\tType\tFilename\tNotAfter\tNotBefore\n".to_string();
    for line in desk.shelf.names() {
        if wanted.is_some_and(|wanted| line.place.split('/').next() != Some(wanted)) {
            continue;
        }
        let Portrait { key, valid_from, valid_until, .. } = &line.portrait;
        let kind = if key.starts_with("RSA") { "rsa" } else { "ecdsa" };
        let except = if line.except.is_empty() { "-".to_string() } else { format!("!{}", line.except.join(",!")) };
        let (place, name, path) = (line.place, line.name, line.path);
        let written = writeln!(text, "{place}\t{name}\t{except}\t{kind}\t{path}\t{valid_until}\t{valid_from}");
        written.expect("memory takes everything");
    }
    text.into()
}
