//! Who is sent where by a hash, held to what HAProxy 2.6 did with the same requests.
//!
//! A recording is a configuration followed by what was done and seen: `keys` are the servers that requests 0, 1, 2 … got, one letter each, `-`
//! where none was usable. What request they were is said by [`request`].

mod common;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;

use http1::{Limits, Request};
use table::{
    Admin, Backend, Balance, Converter, Expression, Facts, Fetch, FieldForm, FieldPart, FrontendId, HashFunction,
    HashKey, Hashing, Heard, Mapping, Message, MessagePart, Number, Operation, Parameter, PickKey, Server,
    ServerSettings, Speaker, StateBook, TextPart, UriExtent,
};

/// The client and the bytes of request `number`.
fn request(number: u64) -> (SocketAddr, Vec<u8>) {
    let n = number;
    let square = n * n;
    let src = match n % 4 {
        0 => Ipv6Addr::new(0x2001, 0xdb8, n as u16, 0, 0, 0, 0, square as u16).into(),
        _ => Ipv4Addr::new(10, (n % 5) as u8, (square % 251) as u8, (n * 37 % 256) as u8).into(),
    };
    let (path, query) = (format!("/{}/d{}/f{}", n % 7, square % 1009, n * 7919), format!("u={}&v={n}", n * 31 % 257));
    let mut bytes = format!("GET {path}?{query} HTTP/1.1\r\nHost: w{}.d{}.org\r\n", n % 3, square % 977).into_bytes();
    bytes.extend_from_slice(format!("X-Key: k{} , {n}\r\n", square * n).as_bytes());
    match n {
        n if n % 5 == 0 => (),
        n if n % 11 == 0 => bytes.extend_from_slice(b"X-Bin: , x\r\n"),
        n => {
            bytes.extend_from_slice(b"X-Bin: ");
            bytes.extend_from_slice(&[(128 + n % 128) as u8, (255 - square % 128) as u8]);
            bytes.extend_from_slice(format!("{n} , x\r\n").as_bytes());
        }
    }
    bytes.extend_from_slice(b"\r\n");
    (SocketAddr::new(src, 9), bytes)
}

/// A backend as a recording has it.
#[derive(Default)]
struct Lines {
    key: Option<HashKey>,
    function: HashFunction,
    is_mixed: bool,
    is_consistent: bool,
    all_backups: bool,
    servers: Vec<(String, ServerSettings)>,
}

impl Lines {
    fn read(lines: &[&str]) -> Lines {
        let mut read = Lines::default();
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["balance", ref words @ ..] => read.key = Some(key(words)),
                ["hash-type", method, ref words @ ..] => {
                    read.is_consistent = method == "consistent";
                    read.function = match words.first() {
                        None | Some(&"sdbm") => HashFunction::Sdbm,
                        Some(&"djb2") => HashFunction::Djb2,
                        Some(&"wt6") => HashFunction::Wt6,
                        Some(&"crc32") => HashFunction::Crc32,
                        Some(other) => panic!("{other}"),
                    };
                    read.is_mixed = words.get(1) == Some(&"avalanche") || words.is_empty() && read.is_consistent;
                }
                ["option", "allbackups"] => read.all_backups = true,
                ["server", name, ref words @ ..] => {
                    let value = read.servers.len() as u32 + 1;
                    let mut settings =
                        ServerSettings { number: Number { value, is_given: false }, ..Default::default() };
                    let mut words = words.iter();
                    while let Some(word) = words.next() {
                        match *word {
                            "weight" => settings.weight = words.next().expect("a weight").parse().expect("a number"),
                            "id" => settings.number.value = words.next().expect("an id").parse().expect("a number"),
                            "backup" => settings.backup = true,
                            "disabled" => settings.disabled = true,
                            _ => panic!("{line}"),
                        }
                    }
                    read.servers.push((name.to_owned(), settings));
                }
                _ => panic!("{line}"),
            }
        }
        read
    }

    fn backend(self, book: &mut StateBook) -> Arc<Backend> {
        let Lines { key, function, is_mixed, is_consistent, all_backups, servers } = self;
        let servers: Vec<_> = servers.iter().map(|(name, settings)| (name.as_str(), settings.clone())).collect();
        let balance = Balance::Hash(if is_consistent { Mapping::Ring } else { Mapping::Map });
        let hashing = Hashing { key: key.expect("a recording says what is hashed"), function, is_mixed };
        let backend = Backend { hashing, ..common::backend(book, balance, all_backups, &servers) };
        common::in_force(book, backend)
    }
}

fn key(words: &[&str]) -> HashKey {
    let field = |name: &str, is_whole| {
        let name = name.as_bytes().into();
        Fetch::Message(MessagePart::Field(FieldPart {
            speaker: Speaker::Client,
            name,
            is_whole,
            form: FieldForm::Text,
            nth: None,
        }))
    };
    let expression = |fetch, converters| HashKey::Expression(Expression { fetch, converters });
    match *words {
        ["source"] => HashKey::Source,
        ["url_param", name] => HashKey::Parameter(name.as_bytes().into()),
        ["hdr(Host)", "use_domain_only"] => HashKey::Field { name: (*b"Host").into(), is_domain: true },
        ["hdr(host)"] => HashKey::Field { name: (*b"host").into(), is_domain: false },
        ["hdr(x-key)"] => HashKey::Field { name: (*b"x-key").into(), is_domain: false },
        ["hdr(x-bin)"] => HashKey::Field { name: (*b"x-bin").into(), is_domain: false },
        ["hash", "src"] => expression(Fetch::Src, vec![]),
        ["hash", "req.fhdr(x-bin)"] => expression(field("x-bin", true), vec![]),
        ["hash", "path,field(4,/)"] => {
            let part = TextPart { index: 4, delimiters: (*b"/").into(), count: 1 };
            expression(Fetch::Message(MessagePart::Path), vec![Converter::Field(part)])
        }
        ["hash", "url_param(v),add(0)"] => {
            let fetch = Fetch::Message(MessagePart::Parameter(Parameter {
                name: Some((*b"v").into()),
                is_case_insensitive: false,
                delimiter: b'?',
                is_number: false,
            }));
            expression(fetch, vec![Converter::Arithmetic(Operation::Add, table::Amount::Number(0))])
        }
        ["uri", ref words @ ..] => {
            let mut extent = UriExtent::default();
            let mut words = words.iter();
            while let Some(word) = words.next() {
                let mut number = || words.next().expect("a number").parse().ok().and_then(NonZeroU32::new);
                match *word {
                    "len" => extent.size_max = number(),
                    "depth" => extent.depth_max = number(),
                    "whole" => extent.has_query = true,
                    "path-only" => extent.is_path_only = true,
                    _ => panic!("{word}"),
                }
            }
            HashKey::Uri(extent)
        }
        _ => panic!("{words:?}"),
    }
}

fn server<'b>(backend: &'b Backend, name: &str) -> &'b Server {
    backend.servers.iter().find(|server| *server.name == *name).expect("recordings name known servers")
}

/// Who gets the first requests, as many as were recorded.
fn served(backend: &Backend, table: &table::Table, count: usize) -> String {
    let pick = |number: usize| {
        let (src, bytes) = request(number as u64);
        let mut request = Request::new(Limits::default());
        request.read(&bytes);
        let heard = Heard::Message(Message::Request { request: &request, bytes: &bytes });
        let facts = Facts { heard, ..Facts::new(table, FrontendId(0), Some(src), None) };
        let server = backend.pick(&PickKey { hash: backend.hash(|| facts), ..PickKey::default() });
        server.map_or("-".to_owned(), |server| {
            backend.release(&server);
            server.name.to_string()
        })
    };
    (0..count).map(pick).collect()
}

#[test]
fn everybody_gets_the_server_that_haproxy_gives() {
    let mut checked = 0;
    for recording in include_str!("golden/hashes.txt").split("== ").skip(1) {
        let (title, text) = recording.split_once('\n').expect("a recording has a title");
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        let is_step = |line: &&str| ["keys", "weight", "down", "up"].iter().any(|word| line.starts_with(word));
        let (set_up, steps) = lines.split_at(lines.iter().position(is_step).expect("something was done"));
        let mut book = StateBook::new(1);
        let table = common::empty(&book);
        let backend = Lines::read(set_up).backend(&mut book);
        let mut last = "";
        for step in steps {
            let words: Vec<&str> = step.split_whitespace().collect();
            match words[..] {
                ["keys", expect] => {
                    checked += expect.len();
                    assert_eq!(served(&backend, &table, expect.len()), expect, "{title}, after {last}");
                }
                ["weight", name, weight] => {
                    backend.state.set_weight(server(&backend, name), weight.parse().expect("a number"));
                }
                ["down", name] => backend.state.set_admin(server(&backend, name), Admin::Maint),
                ["up", name] => backend.state.set_admin(server(&backend, name), Admin::Ready),
                _ => panic!("{step}"),
            }
            last = step;
        }
    }
    assert!(checked > 10_000, "{checked} keys were compared");
}
