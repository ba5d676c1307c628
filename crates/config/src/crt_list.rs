//! What a line of a `crt-list` says in brackets: settings of TLS for one certificate, on top of those of the listener (configuration.txt §5.1 "crt-list").

use crate::bind_tls::{protocols, verify, version};
use crate::source::{Span, Spanned};
use crate::tree::BindTls;

/// Those that HAProxy knows and that are not done here.
const UNSERVED: [&str; 7] =
    ["allow-0rtt", "ca-verify-file", "client-sigalgs", "ecdhe", "no-ca-names", "npn", "sigalgs"];

/// The settings of a listener with those of a line in place of its own. `span`: what is to be blamed for what is wrong with them.
///
/// # Errors
/// HAProxy's complaint, or that one of them is not served.
pub fn line_settings(words: &[String], listener: &BindTls, span: Span) -> Result<BindTls, String> {
    let mut tls = listener.clone();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if UNSERVED.contains(&word.as_str()) {
            return Err(format!("'crt-list {word}' is not supported by Tidegate yet"));
        }
        let mut argument = || match words.next() {
            Some(argument) => Ok(Spanned::new(argument.clone(), span)),
            None => Err(format!("ssl args out of '[]' for {word}")),
        };
        match word.as_str() {
            "alpn" => tls.alpn = Some(Spanned::new(protocols(word, &argument()?)?, span)),
            "ca-file" => tls.ca_file = Some(argument()?),
            "ciphers" => tls.ciphers = Some(argument()?),
            "ciphersuites" => tls.ciphersuites = Some(argument()?),
            "crl-file" => tls.crl_file = Some(argument()?),
            "curves" => tls.curves = Some(argument()?),
            "no-alpn" => tls.alpn = None,
            "ssl-max-ver" => tls.methods.most = Some(Spanned::new(version(word, &argument()?)?, span)),
            "ssl-min-ver" => tls.methods.least = Some(Spanned::new(version(word, &argument()?)?, span)),
            "verify" => tls.verify = verify(&argument()?)?.map(|method| Spanned::new(method, span)),
            _ => return Err(format!("unknown ssl keyword {word}")),
        }
    }
    Ok(tls)
}
