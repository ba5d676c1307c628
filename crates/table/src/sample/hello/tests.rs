use super::*;
use proptest::prelude::*;

/// A ClientHello's body: version, extensions as they are.
fn body(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut list = Vec::new();
    for (kind, content) in extensions {
        list.extend(kind.to_be_bytes());
        list.extend((content.len() as u16).to_be_bytes());
        list.extend(content);
    }
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([2, 0xaa, 0xbb]);
    body.extend([0, 2, 0x13, 0x01]);
    body.extend([1, 0]);
    body.extend((list.len() as u16).to_be_bytes());
    body.extend(list);
    body
}

fn message_of(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = (body.len() as u32).to_be_bytes();
    [&[kind][..], &length, body].concat()
}

/// `message` in records of at most `size` bytes.
fn records(message: &[u8], size: usize) -> Vec<u8> {
    let record = |part: &[u8]| [&[HANDSHAKE, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat();
    message.chunks(size).flat_map(record).collect()
}

fn server_name(name: &str) -> (u16, Vec<u8>) {
    let entry = [&[HOST_NAME][..], &(name.len() as u16).to_be_bytes(), name.as_bytes()].concat();
    (SERVER_NAME, [&(entry.len() as u16).to_be_bytes()[..], &entry].concat())
}

fn protocols(names: &[&str]) -> (u16, Vec<u8>) {
    let list: Vec<u8> = names.iter().flat_map(|name| [&[name.len() as u8], name.as_bytes()].concat()).collect();
    (PROTOCOLS, [&(list.len() as u16).to_be_bytes()[..], &list].concat())
}

fn hello() -> Vec<u8> {
    let extensions = [
        (0x2b, vec![2, 3, 4]),
        server_name("imap.example.org"),
        protocols(&["imap", "pop3"]),
        (SUPPORTED_GROUPS, vec![0, 2, 0, 0x1d]),
    ];
    records(&message_of(CLIENT_HELLO, &body(&extensions)), 1 << 14)
}

fn name_of(bytes: &[u8]) -> Sample<'static> {
    client(bytes, |hello| hello.server_name().map(|name| Value::Bytes(Cow::Owned(name))))
}

fn known(text: &str) -> Sample<'static> {
    Sample::Settled(Value::Bytes(Cow::Owned(text.as_bytes().to_vec())))
}

#[test]
fn what_a_hello_asks_for() {
    let bytes = hello();
    assert_eq!(kind(&bytes), Reading::Known(CLIENT_HELLO));
    assert_eq!(name_of(&bytes), known("imap.example.org"));
    let version = client(&bytes, |hello| Some(Value::Int(hello.version.into())));
    assert_eq!(version, Sample::Settled(Value::Int(0x0003_0003)));
    let names = client(&bytes, |hello| hello.protocol().map(|names| Value::Bytes(Cow::Owned(names))));
    assert_eq!(names, known("imap"));
    let curves = client(&bytes, |hello| Some(Value::Bool(hello.has_curves())));
    assert_eq!(curves, Sample::Settled(Value::Bool(true)));
}

#[test]
fn what_it_does_not_ask_for_is_absent() {
    let bytes = records(&message_of(CLIENT_HELLO, &body(&[])), 1 << 14);
    assert_eq!(name_of(&bytes), Sample::Absent);
    let without_extensions = body(&[])[..body(&[]).len() - 2].to_vec();
    assert_eq!(name_of(&records(&message_of(CLIENT_HELLO, &without_extensions), 1 << 14)), Sample::Absent);
}

#[test]
fn other_messages_and_other_protocols() {
    let server_hello = records(&message_of(2, &[0; 40]), 1 << 14);
    assert_eq!((kind(&server_hello), name_of(&server_hello)), (Reading::Known(2), Sample::Absent));
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"a1 CAPABILITY\r\n",
        b"\x16\x02",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\xff\xff",
        b"\x17\x03\x03",
    ] {
        assert_eq!((kind(bytes), name_of(bytes)), (Reading::Foreign, Sample::Absent), "{}", bytes.escape_ascii());
    }
    let too_long = [&[HANDSHAKE, 3, 1, 0x40, 0, CLIENT_HELLO, 1, 0, 0][..], &[0; 64]].concat();
    assert_eq!(kind(&too_long), Reading::Foreign);
}

proptest! {
    /// However it is cut into records, and however much of it has come: nothing is known before it is whole, and then the same.
    #[test]
    fn cuts_do_not_matter(size in 1_usize..400, behind in proptest::collection::vec(any::<u8>(), 0..20)) {
        let whole = hello();
        let cut = records(&whole[5..], size);
        for end in 0..cut.len() {
            prop_assert_eq!(name_of(&cut[..end]), Sample::Awaited);
        }
        let bytes = [&cut[..], &behind].concat();
        prop_assert_eq!(name_of(&bytes), known("imap.example.org"));
    }

    /// Whatever a body says, an answer or none comes out of it.
    #[test]
    fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..100, byte: u8) {
        let bytes = records(&message_of(CLIENT_HELLO, &body), 1 << 14);
        prop_assert_ne!(name_of(&bytes), Sample::Awaited);
        let mut bent = hello();
        bent[9 + at] = byte;
        name_of(&bent);
        client(&bent, |hello| hello.protocol().map(|names| Value::Bytes(Cow::Owned(names))));
    }

    /// Whatever comes, more of it never changes an answer.
    #[test]
    fn answers_stay(start in 0_usize..6, bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let bytes = [&hello()[..start], &bytes].concat();
        let mut settled = Reading::Short;
        for end in 0..=bytes.len() {
            let answer = kind(&bytes[..end]);
            if settled == Reading::Short {
                settled = answer;
            } else {
                prop_assert_eq!(&answer, &settled);
            }
        }
    }
}
