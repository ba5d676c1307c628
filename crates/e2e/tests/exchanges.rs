//! The table of HTTP exchanges, end to end, and the pages. Tidegate does what each row says; where a row has no remark, Debian's haproxy
//! does the same.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use e2e::peers::Conversation;
use e2e::{Client, Origin, Proxy, Setup, Subject, wait};
use exchanges::{ANSWER, Exchange, Outcome, Stream};
use http1::{ConnectionOption, Method, Status};

/// Long enough for what is going to happen; a row that goes wrong is waited for so long, and the others still run.
const LIMIT: Duration = Duration::from_secs(3);

/// Long enough for bytes that may come or not.
const SETTLE: Duration = Duration::from_millis(50);

/// What the origin has to say in the row that is played.
#[derive(Default)]
struct Play {
    responses: VecDeque<Stream>,
    /// Whether it answers each request with [`ANSWER`].
    has_default: bool,
    /// Bytes of all connections, in the order of their arrival.
    heard: Vec<u8>,
    expected_size: usize,
}

e2e::scenarios! {
    shared: [does_what_the_table_says],
    alone: [],
}

fn does_what_the_table_says(subject: Subject) {
    let play = Arc::new(Mutex::new(Play::default()));
    let script = Arc::clone(&play);
    let origin = Origin::serve(move |conversation| serve(conversation, &script));
    // Without reuse between clients no row meets a connection of another.
    let template = "
        defaults
            mode http
            http-reuse never
            timeout connect 2s
            timeout client 20s
            timeout server 20s
        listen px
            bind @px@
            server s @s@";
    let proxy = Setup::new(subject, template).with("s", origin.target()).start();
    let rows = exchanges::all();
    let wrong: Vec<String> = rows
        .iter()
        .filter(|exchange| exchange.remark.is_none() || subject == Subject::Tidegate)
        .filter_map(|exchange| run(exchange, &proxy, &play).err().map(|error| format!("{}: {error}", exchange.name)))
        .collect();
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

/// Plays a row, and says what came out otherwise.
fn run(exchange: &Exchange, proxy: &Proxy, play: &Mutex<Play>) -> Result<(), String> {
    *play.lock().expect("no panic under it") = Play {
        responses: exchange.responses.iter().cloned().collect(),
        has_default: exchange.responses.is_empty(),
        heard: Vec::new(),
        expected_size: exchange.forwarded.len(),
    };
    let mut client = proxy.connect("px");
    // A request that is refused may be reset before all of it was taken.
    let _ = client.try_say(&exchange.request.bytes);
    if exchange.request.ends {
        client.finish();
    }
    let heard = || play.lock().expect("no panic under it").heard.clone();
    let is_refused = matches!(exchange.outcome, Outcome::Refused(_));
    // How much of a message that is broken inside is sent on before that is found depends on where its bytes were cut.
    let is_right = |heard: &[u8]| heard == exchange.forwarded || is_refused && exchange.forwarded.starts_with(heard);
    // What is still on its way to the server must not be taken for a part of the next row.
    wait::within(if is_refused { SETTLE } else { LIMIT }, || (heard() == exchange.forwarded).then_some(()));
    if wait::within(LIMIT, || is_right(&heard()).then_some(())).is_none() {
        return Err(format!("sent on {}", heard().escape_ascii()));
    }
    let got = hear(&mut client, exchange)?;
    if !is_right(&heard()) {
        return Err(format!("sent on afterwards {}", heard().escape_ascii()));
    }
    match (&exchange.replied, exchange.outcome) {
        (_, Outcome::Refused(status)) if last_status(&got) != Some(status) => {
            Err(format!("answered {}", got.escape_ascii()))
        }
        // A content that breaks in one piece with its head: nothing of it was sent, so the client can still be told.
        (_, Outcome::Cut) if last_status(&got) == Some(502) => Ok(()),
        (Some(replied), _) if *replied != got => Err(format!("answered {}", got.escape_ascii())),
        _ => Ok(()),
    }
}

/// What the client gets, up to what the row lets expect.
fn hear(client: &mut Client, exchange: &Exchange) -> Result<Vec<u8>, String> {
    let expected_size = exchange.replied.as_ref().map_or(0, Vec::len);
    let is_closed = matches!(exchange.outcome, Outcome::Over { front_is_kept: false, .. });
    let is_enough = |got: &[u8]| match exchange.outcome {
        Outcome::Refused(status) => last_status(got) == Some(status),
        Outcome::Over { .. } | Outcome::Waits | Outcome::Tunnel | Outcome::Cut => {
            !is_closed && got.len() >= expected_size
        }
    };
    client.stream().set_read_timeout(Some(LIMIT)).map_err(|error| error.to_string())?;
    let (mut got, mut part) = (Vec::new(), [0; 4_096]);
    while !is_enough(&got) {
        match client.stream().read(&mut part) {
            Ok(0) => break,
            Ok(count) => got.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
            Err(error) => return Err(format!("{error} after {}", got.escape_ascii())),
        }
    }
    Ok(got)
}

fn last_status(bytes: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(bytes);
    let (_, rest) = text.rsplit_once("HTTP/1.")?;
    rest.get(2..5)?.parse().ok()
}

/// Answers each request once it is whole, or once all that the row lets expect has come.
fn serve(mut conversation: Conversation, play: &Mutex<Play>) -> io::Result<()> {
    let (mut waiting, mut part) = (Vec::new(), vec![0; 65_536]);
    loop {
        let count = conversation.read(&mut part)?;
        if count == 0 {
            return Ok(());
        }
        waiting.extend_from_slice(&part[..count]);
        play.lock().expect("no panic under it").heard.extend_from_slice(&part[..count]);
        while let Some(size) = request_size(&waiting, play) {
            waiting.drain(..size);
            let answer = next_answer(play);
            let Some(answer) = answer else { break };
            conversation.write_all(&answer.bytes)?;
            if answer.ends {
                conversation.finish()?;
            }
        }
    }
}

fn next_answer(play: &Mutex<Play>) -> Option<Stream> {
    let mut play = play.lock().expect("no panic under it");
    let default = play.has_default.then(|| Stream { bytes: ANSWER.to_vec(), ends: false });
    play.responses.pop_front().or(default)
}

/// The size of the first request of `bytes`, if it is to be answered.
fn request_size(bytes: &[u8], play: &Mutex<Play>) -> Option<usize> {
    let head_size = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..head_size]).into_owned();
    let content = &bytes[head_size..];
    let content_size = if head.contains("\r\ntransfer-encoding: chunked\r\n") {
        let is_over = content.starts_with(b"0\r\n") || content.windows(5).any(|window| window == b"\r\n0\r\n");
        (is_over && content.ends_with(b"\r\n\r\n")).then_some(content.len())
    } else {
        let length = head.split("\r\ncontent-length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse().ok());
        Some(length.unwrap_or(0)).filter(|length| *length <= content.len())
    };
    let play = play.lock().expect("no panic under it");
    let is_all = !play.has_default && play.heard.len() == play.expected_size;
    content_size.map(|size| head_size + size).or(is_all.then_some(bytes.len()))
}

#[test]
fn haproxy_has_the_same_pages() {
    if !Subject::Haproxy.is_there("exchanges::haproxy_has_the_same_pages") {
        return;
    }
    // 414 and 431 came with later versions.
    let statuses =
        Status::ALL.into_iter().filter(|status| !matches!(status, Status::UriTooLong | Status::FieldsTooLarge));
    let pages: Vec<_> = statuses.map(Status::page).collect();
    let rules: String = pages
        .iter()
        .map(|page| format!("            http-request deny deny_status {0} if {{ path /{0} }}\n", page.code))
        .collect();
    let template = format!(
        "defaults
            mode http
            timeout client 20s
            timeout connect 2s
            timeout server 2s
        frontend px
            bind @px@
{rules}"
    );
    let proxy = Proxy::start(Subject::Haproxy, &template);
    let mut client = proxy.connect("px");
    for page in pages {
        for (method, name) in [(Method::Get, "GET"), (Method::Head, "HEAD")] {
            client.say(format!("{name} /{} HTTP/1.1\r\nHost: a\r\n\r\n", page.code));
            let mut buffer = [0; 512];
            let option = if page.closes { ConnectionOption::Close } else { ConnectionOption::Silent };
            let size = page.write(method, option, &mut buffer).expect("pages are small");
            let got = client.hear(size);
            if page.closes {
                client = proxy.connect("px");
            }
            assert_eq!(got.escape_ascii().to_string(), buffer[..size].escape_ascii().to_string());
        }
    }
    client.say("no request\r\n");
    let (got, _) = client.to_end();
    assert_eq!(
        got.escape_ascii().to_string(),
        Status::BadRequest.page().to_garbage.as_bytes().escape_ascii().to_string()
    );
}
