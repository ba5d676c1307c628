//! Commands on certificates and lists of them (`management.txt`: show ssl cert, set ssl cert, commit ssl cert and their kin).
//!
//! What they change is shown to clients from then on; the files stay as they are, and a reload reads them again.

use super::client::Answer;
use super::commands::{Call, Run, Spec, spec};
use super::desk::Desk;
use crate::certificates::{Line, Stored};
use config::Access;
use std::fmt::Write;
use tls::Portrait;

pub(super) const TABLE: &[Spec] = &[
    spec(
        &["show", "ssl", "cert"],
        "show ssl cert [<certfile>]",
        "certificates in memory, or what one of them says",
        Access::Operator,
        Run::Desk(show),
    ),
    spec(
        &["show", "ssl", "crt-list"],
        "show ssl crt-list [-n] [<list>]",
        "lists of certificates, or the lines of one",
        Access::Operator,
        Run::Desk(show_lists),
    ),
    spec(
        &["new", "ssl", "cert"],
        "new ssl cert <certfile>",
        "make room for a certificate that is in no file yet",
        Access::Admin,
        Run::Desk(make),
    ),
    spec(
        &["set", "ssl", "cert"],
        "set ssl cert <certfile> <payload>",
        "say what is to be put in the place of a certificate",
        Access::Admin,
        Run::Desk(set),
    ),
    spec(
        &["commit", "ssl", "cert"],
        "commit ssl cert <certfile>",
        "show clients what was set",
        Access::Admin,
        Run::Desk(commit),
    ),
    spec(
        &["abort", "ssl", "cert"],
        "abort ssl cert <certfile>",
        "forget what was set",
        Access::Admin,
        Run::Desk(abort),
    ),
    spec(
        &["del", "ssl", "cert"],
        "del ssl cert <certfile>",
        "forget a certificate that nobody shows",
        Access::Admin,
        Run::Desk(delete),
    ),
    spec(
        &["add", "ssl", "crt-list"],
        "add ssl crt-list <list> <cert> [opts]*",
        "add a line to a list, from here or a payload",
        Access::Admin,
        Run::Desk(add_line),
    ),
    spec(
        &["del", "ssl", "crt-list"],
        "del ssl crt-list <list> <cert[:line]>",
        "delete a line of a list",
        Access::Admin,
        Run::Desk(delete_line),
    ),
];

fn show(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let shelf = &*desk.shelf;
    let mut text = String::new();
    match call.word(0) {
        "" => {
            if let Some((path, _)) = shelf.transaction() {
                writeln!(text, "# transaction\n*{path}").expect("memory takes everything");
            }
            text.push_str("# filename\n");
            shelf.files().for_each(|path| writeln!(text, "{path}").expect("memory takes everything"));
        }
        name => {
            let open = name.strip_prefix('*').and_then(|path| shelf.transaction().filter(|(open, _)| open == path));
            let (status, bundle) = match (open, shelf.file(name)) {
                (Some((path, parts)), _) => ("Unused", parts.bundle(path).ok()),
                (None, Some(Stored { bundle: None, .. })) => ("Empty", None),
                (None, Some(Stored { bundle, .. })) => {
                    (if shelf.is_used(name) { "Used" } else { "Unused" }, bundle.clone())
                }
                (None, None) => {
                    return "Can't display the certificate: Not found or the certificate is a bundle!\n".into();
                }
            };
            writeln!(text, "Filename: {name}\nStatus: {status}").expect("memory takes everything");
            let chain = bundle.iter().flat_map(|bundle| bundle.chain());
            for (index, portrait) in chain.filter_map(Portrait::of).enumerate() {
                if index == 0 { push_portrait(&mut text, &portrait) } else { push_other(&mut text, &portrait) }
            }
            if let Some(bundle) = &bundle {
                let issuer = shelf.file(name).and_then(|stored| stored.parts.issuer());
                let id = bundle.staple().and_then(|_| bundle.staple_id(issuer.as_ref()));
                let key = id.map_or(String::new(), |id| hex(&id.der).to_ascii_lowercase());
                writeln!(text, "OCSP Response Key: {key}").expect("memory takes everything");
            }
        }
    }
    text.into()
}

pub(super) fn push_portrait(text: &mut String, portrait: &Portrait) {
    let Portrait { serial, valid_from, valid_until, alternatives, key, fingerprint, subject, issuer, .. } = portrait;
    let written = writeln!(
        text,
        "Serial: {}\nnotBefore: {valid_from}\nnotAfter: {valid_until}\nSubject Alternative Name: {}\nAlgorithm: {key}\n\
         SHA1 FingerPrint: {}\nSubject: {subject}\nIssuer: {issuer}",
        hex(serial),
        alternatives.join(", "),
        hex(fingerprint),
    );
    written.expect("memory takes everything");
}

fn push_other(text: &mut String, portrait: &Portrait) {
    let Portrait { subject, issuer, .. } = portrait;
    writeln!(text, "Chain Subject: {subject}\nChain Issuer: {issuer}").expect("memory takes everything");
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn show_lists(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let (is_numbered, name) = match call.word(0) {
        "-n" => (true, call.word(1)),
        name => (false, name),
    };
    let lists = desk.shelf.lists();
    match (name, lists.get(name)) {
        ("", _) => lists.keys().map(|name| format!("{name}\n")).collect::<String>().into(),
        (name, Some(list)) => list.show(name, is_numbered).into(),
        (_, None) => "didn't find the specified filename\n".into(),
    }
}

fn make(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    match call.word(0) {
        "" => "'new ssl cert' expects a filename\n".into(),
        path => match desk.shelf.make(path) {
            Ok(()) => format!("New empty certificate store '{path}'!\n").into(),
            Err(refusal) => refusal.into(),
        },
    }
}

fn set(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let (path, Some(text)) = (call.word(0), call.payload.filter(|_| !call.word(0).is_empty())) else {
        return "'set ssl cert expects a filename and a certificate as a payload\n".into();
    };
    match desk.shelf.set(path, text) {
        Ok(true) => format!("Transaction created for certificate {path}!\n").into(),
        Ok(false) => format!("Transaction updated for certificate {path}!\n").into(),
        Err(refusal) => format!("{refusal}Can't update {path}!\n").into(),
    }
}

fn commit(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    match call.word(0) {
        "" => "'commit ssl cert expects a filename\n".into(),
        path => match desk.shelf.commit(path) {
            Ok(count) => format!("Committing {path}{}\nSuccess!\n", ".".repeat(count)).into(),
            Err(refusal) => format!("{refusal}Can't commit {path}!\n").into(),
        },
    }
}

fn abort(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    match call.word(0) {
        "" => "'abort ssl cert' expects a filename\n".into(),
        path => match desk.shelf.abort(path) {
            Ok(()) => format!("Transaction aborted for certificate '{path}'!\n").into(),
            Err(refusal) => refusal.into(),
        },
    }
}

fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    match call.word(0) {
        "" => "'del ssl cert' expects a certificate name\n".into(),
        path => match desk.shelf.delete(path) {
            Ok(()) => format!("Certificate '{path}' deleted!\n").into(),
            Err(refusal) => refusal.into(),
        },
    }
}

fn add_line(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let name = call.word(0);
    let words = call.payload.map_or_else(|| call.arguments.get(1..).unwrap_or_default().join(" "), str::to_owned);
    if name.is_empty() || words.trim().is_empty() {
        return "'add ssl crtlist' expects a filename and a certificate name\n".into();
    }
    let line = match Line::read(words.lines().next().unwrap_or_default(), 0) {
        Ok(Some(line)) => line,
        Ok(None) => return "'add ssl crtlist' expects a filename and a certificate name\n".into(),
        Err(fault) => return format!("Can't edit the crt-list: {fault}!\n").into(),
    };
    if !line.settings.is_empty() {
        return "Can't edit the crt-list: settings for one certificate are taken from its file, at a reload!\n".into();
    }
    let path = line.path.clone();
    match desk.shelf.add_line(name, line) {
        Ok(()) => format!("Inserting certificate '{path}' in crt-list '{name}'.\nSuccess!\n").into(),
        Err(refusal) => refusal.into(),
    }
}

fn delete_line(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let (name, path) = (call.word(0), call.word(1));
    if name.is_empty() || path.is_empty() {
        return "'del ssl crtlist' expects a filename and a certificate name\n".into();
    }
    match desk.shelf.delete_line(name, path) {
        Ok(path) => format!("Entry '{path}' deleted in crtlist '{name}'!\n").into(),
        Err(refusal) => refusal.into(),
    }
}
