//! Every class of valid and invalid header, each at every cut.

use crate::notation::{binary, rows, text};
use proxyline::{Addresses, Decoded, Error, Received, decode, kind};

/// What a client might say first; it must stay where it is.
const PAYLOADS: [&[u8]; 4] = [b"A1 LOGIN user password\r\n", b"\r\n", b"PROXY UNKNOWN\r\n", &[0; 300]];

#[test]
fn v1_valid() {
    let count =
        rows(include_str!("cases/v1-valid.txt")).map(|row| check_valid(&text(row.input).0, row.expected)).count();
    assert!(count >= 19);
}

#[test]
fn v2_valid() {
    let count = rows(include_str!("cases/v2-valid.txt"))
        .map(|row| {
            let (_, header) = row.input.split_once(": ").expect("a name");
            check_valid(&binary(header).0, row.expected);
        })
        .count();
    assert!(count >= 42);
}

#[test]
fn v1_invalid() {
    let count =
        rows(include_str!("cases/v1-invalid.txt")).map(|row| check_invalid(text(row.input), row.expected)).count();
    assert!(count >= 62);
}

#[test]
fn v2_invalid() {
    let count = rows(include_str!("cases/v2-invalid.txt"))
        .map(|row| {
            let (_, header) = row.input.split_once(": ").expect("a name");
            check_invalid(binary(header), row.expected);
        })
        .count();
    assert!(count >= 58);
}

/// `expected` is `source destination kinds…`, or `- kinds…`.
fn check_valid(header: &[u8], expected: &str) {
    let shown = header.escape_ascii();
    for cut in 0..header.len() {
        assert_eq!(decode(&header[..cut]), Decoded::Incomplete, "{cut} bytes of {shown}");
    }
    let whole = complete(header);
    assert_eq!(whole.header_len, header.len(), "{shown}");
    assert_eq!(words(&whole), expected, "{shown}");
    for payload in PAYLOADS {
        assert_eq!(complete(&[header, payload].concat()), whole, "{shown}, then {}", payload.escape_ascii());
    }
}

fn check_invalid((bytes, bar): (Vec<u8>, Option<usize>), expected: &str) {
    let bar = bar.expect("an invalid case has a bar");
    let expected = match expected {
        "NotHeader" => Error::NotHeader,
        "BadHeader" => Error::BadHeader,
        "BadProtocol" => Error::BadProtocol,
        other => panic!("no such error in the tables: {other}"),
    };
    let shown = bytes.escape_ascii();
    for cut in 0..bar {
        assert_eq!(decode(&bytes[..cut]), Decoded::Incomplete, "{cut} bytes of {shown}");
    }
    for cut in bar..=bytes.len() {
        assert_eq!(decode(&bytes[..cut]), Decoded::Invalid(expected), "{cut} bytes of {shown}");
    }
    for payload in PAYLOADS {
        assert_eq!(decode(&[&bytes[..bar], payload].concat()), Decoded::Invalid(expected), "{shown}");
    }
}

fn complete(bytes: &[u8]) -> Received<'_> {
    let verdict = decode(bytes);
    let Decoded::Complete(received) = verdict else { panic!("{verdict:?} for {}", bytes.escape_ascii()) };
    received
}

fn words(received: &Received<'_>) -> String {
    let addresses = match received.addresses {
        Some(Addresses { source, destination }) => format!("{source} {destination}"),
        None => "-".to_owned(),
    };
    received.tlvs.into_iter().fold(addresses, |words, tlv| format!("{words} {:02x}", tlv.kind))
}

#[test]
fn nothing_is_incomplete() {
    assert_eq!(decode(b""), Decoded::Incomplete);
}

#[test]
fn values_of_tlvs() {
    let (header, _) = binary(
        "S 21 11 006d 7f000001 7f000001 a706 4a32 030004 d32d1b56 020010 'mail.example.com' 200044 01 00000000 \
         210007 'TLSv1.2' 250007 'RSA2048' 24000a 'RSA-SHA256' 23001b 'ECDHE-RSA-AES256-GCM-SHA384'",
    );
    let tlvs = complete(&header).tlvs;
    assert_eq!(tlvs.first(kind::AUTHORITY), Some(&b"mail.example.com"[..]));
    assert_eq!(tlvs.first(kind::CRC32C), Some(&[0xd3, 0x2d, 0x1b, 0x56][..]));
    assert_eq!(tlvs.first(kind::SSL).map(<[u8]>::len), Some(0x44));
    assert_eq!(tlvs.first(kind::UNIQUE_ID), None);
}

#[test]
fn the_first_of_two_values_counts() {
    let (header, _) = binary("S 21 11 0016 c0000201 c6336407 dc04 01bb 020002 'a1' 020002 'b2'");
    assert_eq!(complete(&header).tlvs.first(kind::AUTHORITY), Some(&b"a1"[..]));
}

/// The words are HAProxy's: operators search their logs for them.
#[test]
fn errors_read_as_in_haproxy() {
    let cases = [
        (Error::at_end(0), "Connection closed while waiting for PROXY protocol header"),
        (Error::at_end(1), "Truncated PROXY protocol header received"),
        (Error::Aborted, "Connection error while waiting for PROXY protocol header"),
        (Error::Timeout, "Timeout while waiting for PROXY protocol header"),
        (Error::NotHeader, "Received something which does not look like a PROXY protocol header"),
        (Error::BadHeader, "Received an invalid PROXY protocol header"),
        (Error::BadProtocol, "Received an unhandled protocol in the PROXY protocol header"),
    ];
    for (error, expected) in cases {
        assert_eq!(error.to_string(), expected);
    }
}
