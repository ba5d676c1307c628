//! A real Dovecot behind the load balancer: it sees the client's address, mail flows, and one of two instances may die.

use std::time::{Duration, Instant};

use e2e::dovecot::{Dovecot, PASSWORD, Plaintext, USER};
use e2e::mail::{Imap, Lmtp, Pop3};
use e2e::{LogServer, Proxy, Setup, Subject, wait};

e2e::scenarios! {
    shared: [
        imap_login_shows_the_client,
        pop3_login_shows_the_client,
        a_delivered_message_is_retrieved,
        clear_text_login_is_refused_when_dovecot_says_so,
        one_of_two_instances_dies,
    ],
    alone: [],
}

/// The POP3 and LMTP configuration that Dovecot's documentation gives, with IMAP beside it; addresses, logging and what a Dovecot
/// whose listeners want a header needs are added.
const MAIL: &str = "
    global
        nbthread @threads@
        log @log@ local2

    defaults
        log global
        option tcplog
        timeout connect 2s
        timeout client 30s
        timeout server 30s
        default-server send-proxy-v2

    frontend front_dc_imap
        bind             @imap@
        mode             tcp
        default_backend  back_dc_imap

    frontend front_dc_pop3
        bind             @pop3@
        mode             tcp
        default_backend  back_dc_pop3

    frontend front_dc_lmtp
        bind             @lmtp@
        mode             tcp
        default_backend  back_dc_lmtp

    backend back_dc_imap
        mode     tcp
        balance  leastconn
        option   allbackups
        server   10.41.1.131 @imap1@ check inter 200ms
        server   10.41.1.116 @imap2@ check inter 200ms

    backend back_dc_pop3
        mode     tcp
        balance  leastconn
        option   allbackups
        server   10.41.1.131 @pop31@ check inter 200ms
        server   10.41.1.116 @pop32@ check inter 200ms

    backend back_dc_lmtp
        mode     tcp
        balance  leastconn
        option   allbackups
        server   10.41.1.131 @lmtp1@ check inter 200ms
        server   10.41.1.116 @lmtp2@ check inter 200ms
";

fn in_front_of(subject: Subject, logs: &LogServer, one: &Dovecot, two: &Dovecot) -> Proxy {
    Setup::new(subject, MAIL)
        .with("log", logs.target())
        .with("imap1", one.imap())
        .with("imap2", two.imap())
        .with("pop31", one.pop3())
        .with("pop32", two.pop3())
        .with("lmtp1", one.lmtp())
        .with("lmtp2", two.lmtp())
        .start()
}

fn imap_login_shows_the_client(subject: Subject) {
    if !Dovecot::is_there("imap_login_shows_the_client") {
        return;
    }
    let (logs, dovecot) = (LogServer::udp(), Dovecot::start(Plaintext::Allowed));
    let proxy = in_front_of(subject, &logs, &dovecot, &dovecot);
    let mut imap = Imap::over(proxy.connect_from(41, "imap"));
    let result = imap.login(USER, PASSWORD);
    assert!(result.starts_with("OK"), "{result}");
    assert!(imap.command("SELECT INBOX").1.starts_with("OK"));
    dovecot.log_line(&["imap-login: Info: Login: user=<alice>", "rip=127.0.0.41,"]);
    let (untagged, result) = imap.command("LOGOUT");
    assert!(untagged.iter().any(|line| line.starts_with("* BYE")) && result.starts_with("OK"), "{untagged:?} {result}");
    drop(imap);
    assert!(logs.line_with("front_dc_imap").contains(" -- "), "a session that ends well");
}

fn pop3_login_shows_the_client(subject: Subject) {
    if !Dovecot::is_there("pop3_login_shows_the_client") {
        return;
    }
    let (logs, dovecot) = (LogServer::udp(), Dovecot::start(Plaintext::Allowed));
    let proxy = in_front_of(subject, &logs, &dovecot, &dovecot);
    let mut pop3 = Pop3::over(proxy.connect_from(42, "pop3"));
    let answer = pop3.login(USER, PASSWORD);
    assert!(answer.starts_with("+OK"), "{answer}");
    assert_eq!(pop3.message_count(), 0);
    dovecot.log_line(&["pop3-login: Info: Login: user=<alice>", "rip=127.0.0.42,"]);
    let mut wrong = Pop3::over(proxy.connect_from(43, "pop3"));
    let answer = wrong.login(USER, "guess");
    assert!(answer.starts_with("-ERR"), "{answer}");
}

fn a_delivered_message_is_retrieved(subject: Subject) {
    if !Dovecot::is_there("a_delivered_message_is_retrieved") {
        return;
    }
    let (logs, dovecot) = (LogServer::udp(), Dovecot::start(Plaintext::Allowed));
    let proxy = in_front_of(subject, &logs, &dovecot, &dovecot);
    let body: Vec<String> =
        (0..2000).map(|number| format!("{number} bottles, and a line that is not short at all")).collect();
    let mut message =
        vec!["From: <bob@example.org>", "Subject: by way of a load balancer", "", ".a line with a dot first"];
    message.extend(body.iter().map(String::as_str));
    let mut lmtp = Lmtp::over(proxy.connect_from(44, "lmtp"));
    let answer = lmtp.deliver("bob@example.org", USER, &message);
    assert!(answer.starts_with("250 "), "{answer}");
    dovecot.log_line(&["lmtp(", "Connect from 127.0.0.44"]);
    let mut pop3 = Pop3::over(proxy.connect("pop3"));
    assert!(pop3.login(USER, PASSWORD).starts_with("+OK"));
    assert_eq!(pop3.message_count(), 1);
    let lines = pop3.retrieve(1);
    let sent_from = lines.iter().position(|line| line == message[0]).expect("Dovecot puts its own headers before");
    assert_eq!(lines[sent_from..], message);
    let mut imap = Imap::over(proxy.connect("imap"));
    assert!(imap.login(USER, PASSWORD).starts_with("OK"));
    let (untagged, _) = imap.command("SELECT INBOX");
    assert!(untagged.iter().any(|line| line == "* 1 EXISTS"), "{untagged:?}");
}

fn clear_text_login_is_refused_when_dovecot_says_so(subject: Subject) {
    if !Dovecot::is_there("clear_text_login_is_refused_when_dovecot_says_so") {
        return;
    }
    let (logs, dovecot) = (LogServer::udp(), Dovecot::start(Plaintext::Refused));
    let proxy = in_front_of(subject, &logs, &dovecot, &dovecot);
    let mut imap = Imap::over(proxy.connect("imap"));
    let result = imap.login(USER, PASSWORD);
    assert!(result.starts_with("NO [PRIVACYREQUIRED]"), "send-proxy-v2 says nothing of TLS: {result}");
    let mut pop3 = Pop3::over(proxy.connect("pop3"));
    let answer = pop3.login(USER, PASSWORD);
    assert!(answer.starts_with("-ERR"), "{answer}");
}

fn one_of_two_instances_dies(subject: Subject) {
    if !Dovecot::is_there("one_of_two_instances_dies") {
        return;
    }
    let (logs, mut one, two) =
        (LogServer::udp(), Dovecot::start(Plaintext::Allowed), Dovecot::start(Plaintext::Allowed));
    let proxy = in_front_of(subject, &logs, &one, &two);
    // leastconn: four sessions on two equal servers are two and two.
    let mut sessions: Vec<Imap> = (21..=24).map(|last| Imap::over(proxy.connect_from(last, "imap"))).collect();
    sessions.iter_mut().for_each(|imap| assert!(imap.login(USER, PASSWORD).starts_with("OK")));
    let is_on_two = |imap: &Imap| two.log().contains(&format!("rip={},", imap.address().ip()));
    let logins = |dovecot: &Dovecot| dovecot.log().matches("imap-login: Info: Login").count();
    wait::until("four logins in the logs", wait::SOON, || logins(&one) + logins(&two) == 4);
    let (mut on_two, on_one): (Vec<Imap>, Vec<Imap>) = sessions.into_iter().partition(is_on_two);
    assert_eq!((on_one.len(), on_two.len()), (2, 2));

    one.stop();
    let died = Instant::now();
    logs.line_with("Server back_dc_imap/10.41.1.131 is DOWN");
    let noticed = died.elapsed();
    assert!(noticed < Duration::from_secs(2), "noticed after {noticed:?} with checks every 200 ms");
    logs.line_with("Server back_dc_pop3/10.41.1.131 is DOWN");
    drop(on_one);

    assert!(on_two.iter_mut().all(Imap::is_alive), "the sessions on the other instance live on");
    for last in 11..=14 {
        let mut imap = Imap::over(proxy.connect_from(last, "imap"));
        assert!(imap.login(USER, PASSWORD).starts_with("OK"));
        two.log_line(&["imap-login: Info: Login", &format!("rip=127.0.0.{last},")]);
        let mut pop3 = Pop3::over(proxy.connect_from(last, "pop3"));
        assert!(pop3.is_alive() || pop3.login(USER, PASSWORD).starts_with("+OK"), "POP3 has moved as well");
    }
}
