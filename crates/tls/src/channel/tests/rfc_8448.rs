//! The records of RFC 8448 §3, octet by octet.

use crate::names::Version;
use crate::opening::{Inner, Opening};
use crate::sealing::Sealing;
use crate::traffic::{Content, Traffic};
use aws_lc_rs::aead::AES_128_GCM;

/// The records of RFC 8448 §3 that come behind the handshake, with their keys.
#[test]
fn records_of_rfc_8448() {
    let traffic = |key: &str, iv: &str| {
        Traffic::with(&AES_128_GCM, &hex(key), &hex(iv), 0, Version::Tls13).expect("a key of this size")
    };
    let server = || traffic("9f 02 28 3b 6c 9c 07 ef c2 6b b9 f2 ac 92 e3 56", "cf 78 2b 88 dd 83 54 9a ad f1 e9 84");
    let client = || traffic("17 42 2d da 59 6e d5 d9 ac d8 90 e3 c6 3f 50 51", "5b 78 92 3d ee 08 57 90 33 e5 23 d9");
    let ticket = hex(
        "17 03 03 00 de 3a 6b 8f 90 41 4a 97 d6 95 9c 34 87 68 0d e5 13 4a 2b 24 0e 6c ff ac 11 6e 95 d4 1d 6a f8 f6
         b5 80 dc f3 d1 1d 63 c7 58 db 28 9a 01 59 40 25 2f 55 71 3e 06 1d c1 3e 07 88 91 a3 8e fb cf 57 53 ad 8e f1
         70 ad 3c 73 53 d1 6d 9d a7 73 b9 ca 7f 2b 9f a1 b6 c0 d4 a3 d0 3f 75 e0 9c 30 ba 1e 62 97 2a c4 6f 75 f7 b9
         81 be 63 43 9b 29 99 ce 13 06 46 15 13 98 91 d5 e4 c5 b4 06 f1 6e 3f c1 81 a7 7c a4 75 84 00 25 db 2f 0a 77
         f8 1b 5a b0 5b 94 c0 13 46 75 5f 69 23 2c 86 51 9d 86 cb ee ac 87 aa c3 47 d1 43 f9 60 5d 64 f6 50 db 4d 02
         3e 70 e9 52 ca 49 fe 51 37 12 1c 74 bc 26 97 68 7e 24 87 46 d6 df 35 30 05 f3 bc e1 86 96 12 9c 81 53 55 6b
         3b 6c 67 79 b3 7b f1 59 85 68 4f",
    );
    let from_client = [
        "17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea 42 f9 14 aa 66 bc ab 3f 2b 98 19 a8
         a5 b4 6b 39 5b d5 4a 9a 20 44 1e 2b 62 97 4e 1f 5a 62 92 a2 97 70 14 bd 1e 3d ea e6 3a ee bb 21 69 49 15 e4",
        "17 03 03 00 13 c9 87 27 60 65 56 66 b7 4d 7f f1 15 3e fd 6d b6 d0 b0 e3",
    ];
    let from_server = [
        "17 03 03 00 43 2e 93 7e 11 ef 4a c7 40 e5 38 ad 36 00 5f c4 a4 69 32 fc 32 25 d0 5f 82 aa 1b 36 e3 0e fa f9
         7d 90 e6 df fc 60 2d cb 50 1a 59 a8 fc c4 9c 4b f2 e5 f0 a2 1c 00 47 c2 ab f3 32 54 0d d0 32 e1 67 c2 95 5d",
        "17 03 03 00 13 b5 8f d6 71 66 eb f5 99 d2 47 20 cf be 7e fa 7a 88 64 a9",
    ];
    let said: Vec<u8> = (0..50).collect();
    let inside = [(Content::Data, &said[..]), (Content::Alert, &[1, 0])];
    for (keys, begun, records) in [(client(), None, from_client), (server(), Some(&ticket), from_server)] {
        let mut opening = Opening::new(keys);
        if let Some(ticket) = begun {
            let mut room = vec![0; 1_000];
            let opened = opening.open(ticket, &mut room);
            // 201 bytes are the message, by the RFC.
            assert_eq!(opened, Ok(Inner { content: Content::Handshake, size: 205 }));
            assert_eq!(room[..4], [4, 0, 0, 201]);
        }
        for (record, (content, inside)) in records.iter().zip(inside) {
            let (record, mut room) = (hex(record), vec![0; 1_000]);
            assert_eq!(opening.open(&record, &mut room), Ok(Inner { content, size: inside.len() }));
            assert_eq!(&room[..inside.len()], inside);
        }
    }
    for (mut traffic, first, records) in [(client(), 0, from_client), (server(), 1, from_server)] {
        traffic.skip_to(first);
        let mut sealing = Sealing::new(traffic);
        for (record, (content, inside)) in records.iter().zip(inside) {
            let mut sealed = Vec::new();
            sealing.seal_onto(content, inside, &mut sealed);
            assert_eq!(sealed, hex(record));
        }
    }
}

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        digits.bytes().filter_map(|digit| char::from(digit).to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
