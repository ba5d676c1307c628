//! Checks that HAProxy has by name, and those for mail that are ours.
//!
//! | option | says | content with |
//! |---|---|---|
//! | `smtpchk` | `HELO localhost`, `QUIT` | 220, 2xx, 2xx (RFC 5321 §4.2) |
//! | `redis-check` | `PING` | `+PONG` |
//! | `ssl-hello-chk` | a hello of SSL 3.0 | any TLS record: a handshake or an alert |
//! | `imapchk` | `LOGOUT` | `* OK`, then the tagged `OK` (RFC 3501 §6.1.3) |
//! | `pop3chk` | `QUIT` | `+OK` twice (RFC 1939 §6) |
//! | `lmtpchk` | `LHLO localhost`, `QUIT` | 220, 250, 221 (RFC 2033 §4.1) |
//!
//! Ours take leave and hear the server out, so that its log stays quiet: to it they are clients that changed their mind.

use proxyline::Version;

use crate::script::{Action, Expect, Saying, Script, ScriptBuilder, Timeouts};
use crate::{Pattern, Status, pattern};

/// A check by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preset {
    /// `option smtpchk [HELO|EHLO DOMAIN]`: the first line that is said.
    Smtp {
        greeting: String,
    },
    Redis,
    SslHello,
    Imap,
    Pop3,
    Lmtp,
}

impl Preset {
    /// The steps; `proxy` is how the server is greeted.
    pub fn script(&self, proxy: Option<Version>, timeouts: Timeouts) -> Script {
        let mut script = ScriptBuilder::lingering(proxy);
        match self {
            Preset::Smtp { greeting } => smtp(&mut script, greeting),
            Preset::Lmtp => {
                smtp(&mut script, "LHLO localhost");
                script.step(Action::HearOut, None);
            }
            Preset::Imap => {
                script.step(expect_line("^\\* OK[ \\r]", 5, 0), None);
                script.send(b"a LOGOUT\r\n");
                script.step(expect_line("(?m)^a OK[ \\r]", 0, 0), None);
                script.step(Action::HearOut, None);
            }
            Preset::Pop3 => {
                script.step(expect_line("^\\+OK", 3, 0), None);
                script.send(b"QUIT\r\n");
                script.step(expect_line("^\\+OK", 3, 0), None);
                script.step(Action::HearOut, None);
            }
            Preset::Redis => {
                script = ScriptBuilder::new(proxy);
                script.send(b"*1\r\n$4\r\nPING\r\n");
                let answer = Expect {
                    praise: Saying::Text("Redis server is ok".into()),
                    blame: Saying::Line { from: 0 },
                    on_mismatch: Status::Layer7WrongStatus,
                    ..Expect::new(Pattern::Text(b"+PONG\r\n".to_vec()))
                };
                script.step(Action::Expect(answer), None);
            }
            Preset::SslHello => {
                script = ScriptBuilder::new(proxy);
                script.send(&ssl_hello());
                let record = Expect {
                    received_least: Some(5),
                    on_match: Status::Layer6Passed,
                    on_mismatch: Status::Layer6Invalid,
                    on_timeout: Status::Layer6TimedOut,
                    ..Expect::new(Pattern::BinaryRegex(fixed("^1[56]")))
                };
                script.step(Action::Expect(record), None);
            }
        }
        script.build(timeouts)
    }
}

/// The banner, who we are with the answer to it, and `QUIT`.
fn smtp(script: &mut ScriptBuilder, greeting: &str) {
    let banner = Expect {
        received_least: Some(4),
        blame: Saying::Line { from: 0 },
        ..Expect::new(Pattern::Regex(fixed("^[0-9]{3}[ \\r]")))
    };
    script.step(Action::Expect(banner), None);
    let coded = |expression: &str, least: Option<usize>| {
        Action::Expect(Expect {
            received_least: least,
            on_mismatch: Status::Layer7WrongStatus,
            blame: Saying::Line { from: 4 },
            praise: Saying::Line { from: 4 },
            has_code: true,
            ..Expect::new(Pattern::Regex(fixed(expression)))
        })
    };
    script.step(coded("^2[0-9]{2}[ \\r]", Some(4)), None);
    script.send(format!("{greeting}\r\n").as_bytes());
    script.step(coded("^(2[0-9]{2}-[^\\r]*\\r\\n)*2[0-9]{2}[ \\r]", None), None);
    script.send(b"QUIT\r\n");
    script.step(coded("^2[0-9]{2}[ \\r]", Some(5)), None);
}

/// An answer in words, and what of it is told.
fn expect_line(expression: &str, least: usize, from: usize) -> Action {
    Action::Expect(Expect {
        received_least: (least > 0).then_some(least),
        blame: Saying::Line { from },
        praise: Saying::Line { from },
        ..Expect::new(Pattern::Regex(fixed(expression)))
    })
}

fn fixed(expression: &str) -> regex::bytes::Regex {
    pattern::regex(expression).expect("an expression of ours")
}

/// A client hello of SSL 3.0 (RFC 6101 §5.6.1.2). Nobody speaks that any more: servers of today answer with an alert, which shows
/// that they know TLS.
fn ssl_hello() -> Vec<u8> {
    /// RSA and Diffie-Hellman with 3DES and AES, and the signal that nothing is renegotiated.
    const SUITES: [u16; 7] = [0x000a, 0x0016, 0x002f, 0x0033, 0x0035, 0x0039, 0x00ff];
    let suites = SUITES.iter().flat_map(|suite| suite.to_be_bytes());
    let mut body = vec![3, 0];
    // It is the server's randomness that would matter, if there were a connection.
    body.extend(*b"Tidegate checks whether you live");
    body.extend([0, 0, (SUITES.len() * 2) as u8]);
    body.extend(suites);
    body.extend([1, 0]);
    let mut hello = vec![22, 3, 0, 0, (body.len() + 4) as u8, 1, 0, 0, body.len() as u8];
    hello.extend(body);
    hello
}
