//! Reads the lines of `global` sections (configuration.txt §3).

use crate::address::BindAddress;
use crate::bind;
use crate::bind_tls;
use crate::diagnostic::{Diagnostic, Lead};
use crate::environment::Environment;
use crate::keywords::find;
use crate::keywords::global::{BindTlsKeyword, Keyword, SIZES, ServerTlsKeyword, TABLE};
use crate::line::Line;
use crate::log;
use crate::ownership;
use crate::process;
use crate::reports::Reports;
use crate::server_tls;
use crate::source::{Span, Spanned};
use crate::tree::{Access, Global, IoEngine, StatsSocket};
use crate::value::{TIME_MAX_MS, TimeError, natural, size, time};
use crate::variables::{self, Variables};
use std::time::Duration;

/// Bytes of the largest buffer that an operator may ask for.
const BUFFER_SIZE_MAX: u32 = 1 << 20;

/// More shards than any machine has processors.
const THREADS_MAX: u16 = 1024;

/// One line; `None` when the keyword is unknown.
pub(crate) fn line(
    line: Line<'_>,
    global: &mut Global,
    variables: &mut Variables<'_>,
    reports: &mut Reports,
) -> Option<Result<(), Diagnostic>> {
    let (_, meaning) = find(TABLE, line.keyword(), |row| row.0)?;
    let what = || match line.keyword() {
        "stats" => format!("stats {}", line.word(1)).trim_end().to_string(),
        name => name.to_string(),
    };
    Some(match reports.weigh(*meaning, line.span_from(0), what) {
        Ok(Some(keyword)) => read(keyword, line, global, variables, reports),
        Ok(None) => unread(line),
        Err(diagnostic) => Err(diagnostic),
    })
}

fn read(
    keyword: Keyword,
    line: Line<'_>,
    global: &mut Global,
    variables: &mut Variables<'_>,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    match keyword {
        Keyword::SpreadChecks => spread_checks(line, global),
        Keyword::MaxSpreadChecks => max_spread_checks(line).map(|most| global.max_spread_checks = most),
        Keyword::Maxconn => maxconn(line, global, reports),
        Keyword::Maxconnrate => number(line).map(|value| global.maxconnrate = Some(value)),
        Keyword::Maxsessrate => number(line).map(|value| global.maxsessrate = Some(value)),
        Keyword::Maxsslconn => number(line).map(|value| global.maxsslconn = Some(value)),
        Keyword::Maxsslrate => number(line).map(|value| global.maxsslrate = Some(value)),
        Keyword::Bufsize => buffer_size(line).map(|value| global.buffer_size = Some(value)),
        Keyword::Maxrewrite => positive(line).map(|value| global.rewrite_size = Some(value.value)),
        Keyword::Maxhdr => head_line_count_max(line).map(|value| global.head_line_count_max = Some(value)),
        Keyword::Nbthread => nbthread(line).map(|value| global.nbthread = Some(value)),
        Keyword::IoEngine => io_engine(line).map(|value| global.io_engine = Some(value)),
        Keyword::Log => log::global(line, &mut global.logs, &*variables, reports),
        Keyword::LogSendHostname => log::send_hostname(line).map(|value| global.log_hostname = Some(value)),
        Keyword::LogTag => log::tag(line).map(|value| global.log_tag = Some(value)),
        Keyword::Prometheus => {
            global.prometheus.extend(prometheus(line, &*variables, reports)?);
            Ok(())
        }
        Keyword::BindTls(keyword) => bind_tls(keyword, line, global),
        Keyword::ServerTls(keyword) => server_tls(keyword, line, global, reports),
        Keyword::Process(keyword) => process::line(keyword, line, global, reports),
        Keyword::NoSplice => {
            line.ends_at(1, "nosplice")?;
            global.is_splice_off = true;
            Ok(())
        }
        Keyword::ServerStateBase => {
            let message = "'server-state-base' expects one argument: a directory path.";
            path(line, message).map(|path| global.server_state_base = Some(path))
        }
        Keyword::ServerStateFile => {
            let message = "'server-state-file' expect one argument: a file path.";
            path(line, message).map(|path| global.server_state_file = Some(path))
        }
        Keyword::StrictHaproxy => {
            line.ends_at(1, "tidegate.strict-haproxy")?;
            global.is_strict = true;
            Ok(())
        }
        Keyword::WatchCertificates => {
            line.ends_at(1, "tidegate.watch-certificates")?;
            global.watches_certificates = true;
            Ok(())
        }
        Keyword::Stats => stats(line, global, &*variables, reports),
        Keyword::UnixBind => ownership::unix_bind(line, &mut global.unix_bind),
        Keyword::Variable(change) => variables::line(change, line, variables),
        Keyword::MasterSocket => {
            global.stats_sockets.push(master_socket(line, &*variables, reports)?);
            Ok(())
        }
    }
}

fn bind_tls(keyword: BindTlsKeyword, line: Line<'_>, global: &mut Global) -> Result<(), Diagnostic> {
    let tls = &mut global.bind_tls;
    match keyword {
        BindTlsKeyword::CaBase => bind_tls::base(line, &mut global.ca_base)?,
        BindTlsKeyword::CrtBase => bind_tls::base(line, &mut global.crt_base)?,
        BindTlsKeyword::Ciphers => tls.ciphers = bind_tls::default_list(line)?,
        BindTlsKeyword::Ciphersuites => tls.ciphersuites = bind_tls::default_list(line)?,
        BindTlsKeyword::Curves => tls.curves = bind_tls::default_list(line)?,
        BindTlsKeyword::Options => bind_tls::default_options(line, tls)?,
    }
    Ok(())
}

fn server_tls(
    keyword: ServerTlsKeyword,
    line: Line<'_>,
    global: &mut Global,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    let tls = &mut global.server_tls;
    match keyword {
        ServerTlsKeyword::Ciphers => tls.ciphers = bind_tls::default_list(line)?,
        ServerTlsKeyword::Ciphersuites => tls.ciphersuites = bind_tls::default_list(line)?,
        ServerTlsKeyword::Curves => tls.curves = bind_tls::default_list(line)?,
        ServerTlsKeyword::Options => server_tls::default_options(line, tls, &mut reports.guesser)?,
        ServerTlsKeyword::Verify => global.server_verify = Some(server_tls::default_verify(line)?),
    }
    Ok(())
}

/// A knob without effect may still be misspelled.
fn unread(line: Line<'_>) -> Result<(), Diagnostic> {
    let name = line.keyword();
    if SIZES.contains(&name) && size(line.word(1)).is_none() {
        return Err(line.alert(1, format!("'{name}' expects a positive integer argument.")));
    }
    Ok(())
}

fn maxconn(line: Line<'_>, global: &mut Global, reports: &mut Reports) -> Result<(), Diagnostic> {
    let value = number(line)?;
    if let Some(first) = global.maxconn {
        let hint = format!("line {} says {}, and stays", first.span.line, first.value);
        let message = "'maxconn' already specified. Continuing.";
        reports.push(Diagnostic::warning(Lead::Spaced, line.span(0), message).hint(hint));
        return Ok(());
    }
    global.maxconn = Some(value);
    Ok(())
}

fn number(line: Line<'_>) -> Result<Spanned<u32>, Diagnostic> {
    let name = line.keyword();
    line.ends_at(2, name)?;
    let value = natural(line.word(1));
    let value = value.ok_or_else(|| line.alert(1, format!("'{name}' expects an integer argument.")))?;
    Ok(Spanned::new(value, line.span(1)))
}

fn path(line: Line<'_>, message: &str) -> Result<Spanned<String>, Diagnostic> {
    if line.word(1).is_empty() {
        return Err(line.alert(1, message));
    }
    line.ends_at(2, line.keyword())?;
    Ok(Spanned::new(line.word(1).to_string(), line.span(1)))
}

/// `spread-checks PERCENT`, once.
fn spread_checks(line: Line<'_>, global: &mut Global) -> Result<(), Diagnostic> {
    line.ends_at(2, "spread-checks")?;
    let fail = |at, message: &str| Err(Diagnostic::alert(Lead::Tight, line.span(at), message));
    if global.spread_checks.is_some() {
        return fail(0, "spread-checks already specified. Continuing.");
    }
    match natural(line.word(1)) {
        Some(percent @ 0..=50) => {
            global.spread_checks = Some(percent);
            Ok(())
        }
        Some(_) => fail(1, "'spread-checks' needs a positive value in range 0..50."),
        None => fail(1, "'spread-checks' expects an integer argument (0..50)."),
    }
}

/// `max-spread-checks TIME`; 0 is no limit.
fn max_spread_checks(line: Line<'_>) -> Result<Option<Duration>, Diagnostic> {
    line.ends_at(2, "max-spread-checks")?;
    let fail = |message: String| Err(Diagnostic::alert(Lead::Tight, line.span(1), message));
    match (line.word(1), time(line.word(1))) {
        ("", _) => fail("'max-spread-checks' expects an integer argument (0..50).".into()),
        (_, Ok(most)) => Ok(Some(most).filter(|most| !most.is_zero())),
        (_, Err(TimeError::Unexpected(character))) => {
            fail(format!("unsupported character '{character}' in 'max-spread-checks' (wants an integer delay)."))
        }
        (word, Err(TimeError::Overflow)) => fail(format!(
            "timer overflow in argument <{word}> to <max-spread-checks>, maximum value is {TIME_MAX_MS} ms."
        )),
    }
}

fn nbthread(line: Line<'_>) -> Result<Spanned<u16>, Diagnostic> {
    line.ends_at(2, "nbthread")?;
    let word = line.word(1);
    let value: u64 = natural(word)
        .ok_or_else(|| line.alert(1, format!("'nbthread' passed a missing or unparsable integer value in '{word}'")))?;
    match u16::try_from(value) {
        Ok(value @ 1..=THREADS_MAX) => Ok(Spanned::new(value, line.span(1))),
        Ok(_) | Err(_) => {
            Err(line.alert(1, format!("'nbthread' value must be between 1 and {THREADS_MAX} (was {value})")))
        }
    }
}

/// `tune.bufsize`: as many bytes are reserved for every session, so there is a limit of ours.
fn buffer_size(line: Line<'_>) -> Result<Spanned<u32>, Diagnostic> {
    let size = positive(line)?;
    match size.value {
        1..=BUFFER_SIZE_MAX => Ok(size),
        0 => Err(line.alert(1, format!("'{}' expects a positive integer argument.", line.keyword()))),
        _ => Err(line.alert(1, format!("'{}' is at most {BUFFER_SIZE_MAX} in Tidegate.", line.keyword()))),
    }
}

/// A number of bytes (`tune.maxrewrite`).
fn positive(line: Line<'_>) -> Result<Spanned<u32>, Diagnostic> {
    let name = line.keyword();
    if line.count() < 2 {
        return Err(line.alert(1, format!("'{name}' expects an integer argument.")));
    }
    line.ends_at(2, name)?;
    let size = natural(line.word(1)).and_then(|size: u64| u32::try_from(size).ok());
    let size = size.ok_or_else(|| line.alert(1, format!("'{name}' expects a positive integer argument.")))?;
    Ok(Spanned::new(size, line.span(1)))
}

/// `tune.http.maxhdr`
fn head_line_count_max(line: Line<'_>) -> Result<u16, Diagnostic> {
    let name = line.keyword();
    if line.count() < 2 {
        return Err(line.alert(1, format!("'{name}' expects an integer argument.")));
    }
    line.ends_at(2, name)?;
    let count = natural(line.word(1)).and_then(|count: u64| u16::try_from(count).ok());
    let count = count.filter(|count| (1..=32_767).contains(count));
    count.ok_or_else(|| line.alert(1, format!("'{name}' expects a numeric value between 1 and 32767")))
}

fn io_engine(line: Line<'_>) -> Result<Spanned<IoEngine>, Diagnostic> {
    line.ends_at(2, "tidegate.io-engine")?;
    let word = line.word(1);
    let engine = IoEngine::ALL.into_iter().find(|engine| engine.word() == word);
    let message = || format!("'tidegate.io-engine' only supports 'auto', 'io_uring' and 'epoll' (got '{word}')");
    Ok(Spanned::new(engine.ok_or_else(|| line.alert(1, message()))?, line.span(1)))
}

/// `tidegate.prometheus ADDRESS[,ADDRESS…]`, a keyword of our own.
fn prometheus(
    line: Line<'_>,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<Vec<Spanned<BindAddress>>, Diagnostic> {
    let name = line.keyword();
    if line.count() < 2 {
        return Err(line.alert(1, format!("'{name}' expects an address or a path to a UNIX socket")));
    }
    line.ends_at(2, name)?;
    bind::addresses(line, 1, name, environment, reports)
}

fn stats(
    line: Line<'_>,
    global: &mut Global,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    match line.word(1) {
        "socket" => {
            global.stats_sockets.push(stats_socket(line, environment, reports)?);
            Ok(())
        }
        "timeout" => {
            let value = time(line.word(2)).map_err(|error| match error {
                TimeError::Overflow => line.alert(
                    2,
                    format!(
                        "timer overflow in argument '{}' to 'stats timeout' (maximum value is {TIME_MAX_MS} ms or \
                         ~24.8 days)",
                        line.word(2)
                    ),
                ),
                TimeError::Unexpected(character) => {
                    line.alert(2, format!("'stats timeout' : unexpected character '{character}'"))
                }
            })?;
            global.stats_timeout = Some(Spanned::new(value, line.span(2)));
            Ok(())
        }
        "maxconn" => {
            let value = natural(line.word(2)).filter(|value| *value > 0);
            let value = value.ok_or_else(|| line.alert(2, "'stats maxconn' expects a positive value"))?;
            global.stats_maxconn = Some(Spanned::new(value, line.span(2)));
            Ok(())
        }
        "bind-process" => {
            let why = "there is one process";
            reports.note_inert(line.span_from(0), "stats bind-process", why);
            Ok(())
        }
        other => Err(line.alert(
            1,
            format!("'stats' only supports 'socket', 'maxconn', 'bind-process' and 'timeout' (got '{other}')"),
        )),
    }
}

fn stats_socket(
    line: Line<'_>,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<StatsSocket, Diagnostic> {
    if line.count() < 3 {
        let message = "'stats socket' in global section expects an address or a path to a UNIX socket";
        return Err(line.alert(2, message));
    }
    let addresses = bind::addresses(line, 2, "stats socket", environment, reports)?;
    let mut socket = StatsSocket { addresses, ..StatsSocket::default() };
    socket_parameters(line, 3, &mut socket, reports)?;
    Ok(socket)
}

/// What `-S` says on the command line, as a line: whoever may connect may do everything, unless it says otherwise.
fn master_socket(
    line: Line<'_>,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<StatsSocket, Diagnostic> {
    if line.count() < 2 {
        return Err(line.alert(1, "'tidegate.master-socket' expects an address or a path to a UNIX socket"));
    }
    let addresses = bind::addresses(line, 1, "tidegate.master-socket", environment, reports)?;
    let mut socket = StatsSocket { addresses, access: Access::Admin, is_master: true, ..StatsSocket::default() };
    socket_parameters(line, 2, &mut socket, reports)?;
    Ok(socket)
}

fn socket_parameters(
    line: Line<'_>,
    first: usize,
    socket: &mut StatsSocket,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    let mut at = first;
    while at < line.count() {
        at = socket_parameter(line, at, socket, reports)?;
    }
    Ok(())
}

/// Reads one parameter and answers where the next one stands.
fn socket_parameter(
    line: Line<'_>,
    at: usize,
    socket: &mut StatsSocket,
    reports: &mut Reports,
) -> Result<usize, Diagnostic> {
    let (name, value) = (line.word(at), line.word(at + 1));
    let fail = |index: usize, message: String| line.alert(index, format!("'stats socket' : '{message}'"));
    let spanned = Spanned::new(value, line.span(at + 1));
    if ownership::parameter(name, spanned, &mut socket.ownership).map_err(|message| fail(at + 1, message))? {
        return Ok(at + 2);
    }
    match name {
        "level" => {
            socket.access = match value {
                "user" => Access::User,
                "operator" => Access::Operator,
                "admin" => Access::Admin,
                _ => {
                    let message = format!("'level' only supports 'user', 'operator', and 'admin' (got '{value}')");
                    return Err(fail(at + 1, message));
                }
            };
        }
        "expose-fd" if value == "listeners" => socket.exposes_listeners = true,
        "name" if !value.is_empty() => {
            let why = "it names the socket to humans";
            reports.note_inert(line.span(at).to(line.span(at + 1)), "stats socket name", why);
        }
        // Any other parameter of `bind`, so that the whole line is read.
        _ => match find(crate::keywords::bind::TABLE, name, |row| row.0) {
            Some((_, arguments, _)) => {
                let next = at + 1 + arguments;
                let whole: Span = line.span(at).to(line.span(next - 1));
                reports.refuse(whole, format!("stats socket {name}"));
                return Ok(next);
            }
            None => return Err(line.alert(at, format!("'stats socket' : unknown keyword '{name}'."))),
        },
    }
    Ok(at + 2)
}
