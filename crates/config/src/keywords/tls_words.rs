//! What becomes of each word about TLS: whoever moves one finds this list.

use super::{Meaning, bind, global, server};
use std::collections::BTreeMap;

const GLOBAL: &str = "\
served: ca-base crt-base maxsslconn maxsslrate ssl-default-bind-ciphers ssl-default-bind-ciphersuites ssl-default-bind-curves
    ssl-default-bind-options ssl-default-server-ciphers ssl-default-server-ciphersuites ssl-default-server-curves ssl-default-server-options
    ssl-server-verify
inert: key-base ocsp-update.disable ocsp-update.maxdelay ocsp-update.mindelay ssl-dh-param-file ssl-mode-async tune.ssl.cachesize
    tune.ssl.capture-buffer-size tune.ssl.capture-cipherlist-size tune.ssl.certificate-compression tune.ssl.default-dh-param
    tune.ssl.force-private-cache tune.ssl.hard-maxrecord tune.ssl.keylog tune.ssl.lifetime tune.ssl.maxrecord tune.ssl.ocsp-update.maxdelay
    tune.ssl.ocsp-update.mindelay tune.ssl.ssl-ctx-cache-size
refused: httpclient.ssl.ca-file httpclient.ssl.verify ocsp-update.httpproxy ocsp-update.mode ssl-default-bind-client-sigalgs
    ssl-default-bind-sigalgs ssl-default-server-client-sigalgs ssl-default-server-sigalgs ssl-engine ssl-load-extra-del-ext
    ssl-load-extra-files ssl-passphrase-cmd ssl-propquery ssl-provider ssl-provider-path ssl-security-level ssl-skip-self-issued-ca
";

const BIND: &str = "\
served: alpn ca-file ciphers ciphersuites crl-file crt crt-list curves default-crt force-sslv3 force-strict-sni force-tlsv10 force-tlsv11
    force-tlsv12 force-tlsv13 no-alpn no-sslv3 no-strict-sni no-tls-tickets no-tlsv10 no-tlsv11 no-tlsv12 no-tlsv13 prefer-client-ciphers
    ssl ssl-max-ver ssl-min-ver strict-sni tls-tickets verify
inert:
refused: allow-0rtt ca-ignore-err ca-sign-file ca-sign-pass ca-verify-file client-sigalgs crt-ignore-err ecdhe ech generate-certificates
    no-ca-names npn renegotiate sigalgs tls-ticket-keys
";

const SERVER: &str = "\
served: alpn ca-file check-alpn check-send-proxy check-sni check-sni-auto check-ssl ciphers ciphersuites crl-file crt curves force-sslv3
    force-tlsv10 force-tlsv11 force-tlsv12 force-tlsv13 no-check-send-proxy no-check-sni-auto no-check-ssl no-sni-auto no-ssl no-ssl-reuse
    no-sslv3 no-tls-tickets no-tlsv10 no-tlsv11 no-tlsv12 no-tlsv13 sni sni-auto ssl ssl-max-ver ssl-min-ver ssl-reuse tls-tickets verify
    verifyhost
inert: no-renegotiate
refused: allow-0rtt client-sigalgs no-verifyhost npn renegotiate sigalgs
";

/// Words beginning like this are about TLS.
const OF_GLOBAL: &[&str] =
    &["ca-base", "crt-base", "httpclient.ssl.", "key-base", "maxssl", "ocsp-update.", "ssl-", "tune.ssl."];
const OF_BIND: &[&str] = &[
    "allow-0rtt",
    "alpn",
    "ca-",
    "cert",
    "cipher",
    "client-sigalgs",
    "crl-",
    "crt",
    "curves",
    "default-crt",
    "ecdhe",
    "ech",
    "force-",
    "generate-",
    "no-alpn",
    "no-ca-",
    "no-ssl",
    "no-strict",
    "no-tls",
    "npn",
    "ocsp-",
    "prefer-",
    "renegotiate",
    "sigalgs",
    "ssl",
    "strict-sni",
    "tls-",
    "verify",
];
const OF_SERVER: &[&str] = &[
    "allow-0rtt",
    "alpn",
    "ca-",
    "check-alpn",
    "check-s",
    "cipher",
    "client-sigalgs",
    "crl-",
    "crt",
    "curves",
    "force-",
    "no-check-s",
    "no-renegotiate",
    "no-sni",
    "no-ssl",
    "no-tls",
    "no-verify",
    "npn",
    "renegotiate",
    "sigalgs",
    "sni",
    "ssl",
    "tls-",
    "verify",
];

/// Told with a NOTICE, or refused with an ALERT, unless they are served.
fn fate<K>(meaning: &Meaning<K>) -> &'static str {
    match meaning {
        Meaning::Served(_) | Meaning::Ours(_) => "served",
        Meaning::Inert(_) => "inert",
        Meaning::Refused | Meaning::Removed(_) => "refused",
    }
}

fn check(rows: impl Iterator<Item = (&'static str, &'static str)>, beginnings: &[&str], list: &str) {
    let rows = rows.filter(|(name, _)| beginnings.iter().any(|beginning| name.starts_with(beginning)));
    let mut listed = BTreeMap::new();
    let mut fate = "";
    for word in list.split_ascii_whitespace() {
        match word.strip_suffix(':') {
            Some(name) => fate = name,
            None => assert_eq!(listed.insert(word, fate), None, "{word} stands there twice"),
        }
    }
    assert_eq!(rows.collect::<BTreeMap<_, _>>(), listed);
}

#[test]
fn words_of_the_process() {
    check(global::TABLE.iter().map(|(name, meaning)| (*name, fate(meaning))), OF_GLOBAL, GLOBAL);
}

#[test]
fn words_of_bind_lines() {
    check(bind::TABLE.iter().map(|(name, _, meaning)| (*name, fate(meaning))), OF_BIND, BIND);
}

#[test]
fn words_of_server_lines() {
    check(server::TABLE.iter().map(|(name, _, meaning)| (*name, fate(meaning))), OF_SERVER, SERVER);
}
