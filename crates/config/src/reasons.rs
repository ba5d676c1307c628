//! Why some words of HAProxy are refused for good: what they ask for does not exist here.

const KEYS: &str = "keys, random numbers and ids of a handshake stay in the library that makes it";
const OFFERS: &str =
    "what a client offers is forgotten once a choice is made; of a TLS that is passed on, 'req.ssl_…' tells it";
const SERVERS: &str =
    "a server's certificate is looked at once and not kept: it would cost every connection its memory";
const CHAINS: &str = "of a certificate's chain only the first is kept";
const FAILURES: &str = "whose handshake comes to nothing never meets a rule; the log says why";
const PROTOCOLS: &str = "NPN was replaced by ALPN: use 'alpn', and 'ssl_fc_alpn'";

const NAMES: &str = "names are asked for with the system's resolver when the files are read, and again at each reload; without \
     'resolvers', 'init-addr libc,none' lets a name be unknown at first, and 'set server … addr' moves a server";

const TICKETS: &str = "keys of tickets are made by the process, and change by themselves";
const FORGERY: &str = "certificates are not made up for names that clients ask for";

/// Beginnings of words (`_` is `-`, too), and the reason. The first that fits counts.
const REASONS: &[(&str, &str)] = &[
    ("ca_sign_", FORGERY),
    ("npn", PROTOCOLS),
    ("resolve_net", NAMES),
    ("resolve_opts", NAMES),
    ("resolve_prefer", NAMES),
    ("resolvers", NAMES),
    ("ssl_bc_err", FAILURES),
    ("ssl_bc_npn", PROTOCOLS),
    ("ssl_bc_client_random", KEYS),
    ("ssl_bc_server_random", KEYS),
    ("ssl_bc_session_", KEYS),
    ("ssl_bc_unique_id", KEYS),
    ("ssl_c_chain_der", CHAINS),
    ("ssl_f_ca_cert", CHAINS),
    ("ssl_fc_cipherlist_", OFFERS),
    ("ssl_fc_ciphers_str", OFFERS),
    ("ssl_fc_client_", KEYS),
    ("ssl_fc_early_exporter_secret", KEYS),
    ("ssl_fc_ecformats_bin", OFFERS),
    ("ssl_fc_eclist_bin", OFFERS),
    ("ssl_fc_err", FAILURES),
    ("ssl_fc_exporter_secret", KEYS),
    ("ssl_fc_extlist_bin", OFFERS),
    ("ssl_fc_npn", PROTOCOLS),
    ("ssl_fc_protocol_hello_id", OFFERS),
    ("ssl_fc_server_", KEYS),
    ("ssl_fc_session_", KEYS),
    ("ssl_fc_sigalgs_bin", OFFERS),
    ("ssl_fc_supported_versions_bin", OFFERS),
    ("ssl_fc_unique_id", KEYS),
    ("ssl_s_", SERVERS),
    ("tls_ticket_keys", TICKETS),
];

/// Of a refused thing, as the operator is told of it: `acl fetch ssl_fc_unique_id,hex`.
pub(crate) fn reason_for(what: &str) -> Option<&'static str> {
    let what = what.replace('-', "_");
    let mut words = what.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words.find_map(|word| REASONS.iter().find(|(beginning, _)| word.starts_with(beginning)).map(|(_, why)| *why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_what_is_said() {
        for (what, reason) in [
            ("acl fetch ssl_fc_unique_id,hex", Some(KEYS)),
            ("log format %[ssl_s_s_dn(CN)]", Some(SERVERS)),
            ("http-request set-header %[ssl_fc_cipherlist_bin(1),hex]", Some(OFFERS)),
            ("server npn", Some(PROTOCOLS)),
            ("server resolvers", Some(NAMES)),
            ("bind tls-ticket-keys", Some(TICKETS)),
            ("acl fetch ssl_fc", None),
            ("option splice-auto", None),
        ] {
            assert_eq!(reason_for(what), reason, "{what}");
        }
    }
}
