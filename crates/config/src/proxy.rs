//! Reads the lines of `defaults`, `frontend`, `backend` and `listen` sections (configuration.txt §4.2).

use crate::acl_reader;
use crate::balance;
use crate::bind;
use crate::capture;
use crate::cookie;
use crate::custom_id;
use crate::diagnostic::{Diagnostic, Lead};
use crate::environment::Environment;
use crate::error_page;
use crate::http_check;
use crate::http_rule_reader;
use crate::http_server;
use crate::keepalive;
use crate::keywords::proxy::{Keyword, TABLE};
use crate::keywords::{InDefaults, Scope, find};
use crate::line::Line;
use crate::log;
use crate::near_end;
use crate::option;
use crate::reports::Reports;
use crate::server;
use crate::server_template;
use crate::source::Spanned;
use crate::stats;
use crate::switching;
use crate::tcp_check;
use crate::tcp_rules;
use crate::timeout;
use crate::tree::{LogStyle, Mode, Proxy, Role, Settings, StateSource};
use crate::unique_id;
use crate::value::natural;
use std::collections::HashSet;

/// Where a line stands.
pub(crate) enum Home<'a> {
    Defaults {
        settings: &'a mut Settings,
        is_named: bool,
        /// A section that is nobody's, for rules; and the names of its ACLs so far.
        rules: &'a mut Proxy,
        acls: &'a mut HashSet<String>,
    },
    /// The proxy, and the names of its ACLs so far.
    Proxy(&'a mut Proxy, &'a mut HashSet<String>),
}

impl Home<'_> {
    pub(crate) fn settings(&mut self) -> &mut Settings {
        match self {
            Home::Defaults { settings, .. } => settings,
            Home::Proxy(proxy, _) => &mut proxy.settings,
        }
    }

    /// The proxy and the names of its ACLs, for keywords that make something of a proxy's own.
    fn proxy(&mut self, line: Line<'_>) -> Result<(&mut Proxy, &mut HashSet<String>), Diagnostic> {
        match self {
            Home::Proxy(proxy, acls) => Ok((proxy, acls)),
            Home::Defaults { .. } => Err(not_in_defaults(line)),
        }
    }

    /// The section that rules go to, and the names of the ACLs that they may use.
    fn rules(&mut self) -> (&mut Proxy, &mut HashSet<String>) {
        match self {
            Home::Proxy(proxy, acls) => (proxy, acls),
            Home::Defaults { rules, acls, .. } => (rules, acls),
        }
    }

    pub(crate) fn keyword(&self) -> &'static str {
        match self {
            Home::Defaults { .. } => "defaults",
            Home::Proxy(proxy, _) => proxy.role.keyword(),
        }
    }
}

/// One line; `None` when the keyword is unknown.
pub(crate) fn line(
    line: Line<'_>,
    mut home: Home<'_>,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Option<Result<(), Diagnostic>> {
    let (name, scope, meaning) = find(TABLE, line.keyword(), |row| row.0)?;
    match is_in_place(line, *scope, &home, reports) {
        Ok(true) => {}
        Ok(false) => return Some(Ok(())),
        Err(diagnostic) => return Some(Err(diagnostic)),
    }
    Some(match reports.weigh(*meaning, line.span_from(0), || name.to_string()) {
        Ok(Some(keyword)) => read(keyword, line, &mut home, environment, reports),
        Ok(None) => unread(line),
        Err(diagnostic) => Err(diagnostic),
    })
}

/// Whether the keyword means anything in this section; HAProxy warns where it only has no effect.
fn is_in_place(line: Line<'_>, scope: Scope, home: &Home<'_>, reports: &mut Reports) -> Result<bool, Diagnostic> {
    let name = line.keyword();
    match home {
        Home::Defaults { is_named, .. } => match scope.defaults {
            InDefaults::Yes => Ok(true),
            InDefaults::Named if *is_named => Ok(true),
            InDefaults::Named if matches!(name, "tcp-request" | "tcp-response") => {
                Err(line.alert(0, format!("{name} {} is not allowed in anonymous 'defaults' sections", line.word(1))))
            }
            InDefaults::Named => Err(line.alert(0, format!("'{name}' not allowed in anonymous 'defaults' section."))),
            InDefaults::No => Err(not_in_defaults(line)),
        },
        Home::Proxy(proxy, _) => {
            let Some(message) = ignored(scope, name, proxy) else { return Ok(true) };
            if name == "maxconn" {
                // A limit of ours for all servers of the backend together.
                return Ok(true);
            }
            if matches!(name, "log-format" | "log-format-sd" | "error-log-format") {
                let message = format!("backend '{}' : '{name}' directive is ignored in backends.", &proxy.name.value);
                reports.push(Diagnostic::warning(Lead::Spaced, line.span_from(0), message));
                return Ok(false);
            }
            if matches!(name, "server" | "default-server" | "server-template") {
                let message = message.replace("ignored because", "not allowed because");
                return Err(Diagnostic::alert(Lead::Twice, line.span(0), message));
            }
            let hint = if name == "fullconn" { " Maybe you want 'maxconn' instead ?" } else { "" };
            reports.push(Diagnostic::warning(Lead::Spaced, line.span_from(0), format!("{message}{hint}")));
            Ok(false)
        }
    }
}

fn not_in_defaults(line: Line<'_>) -> Diagnostic {
    let name = line.keyword();
    let message = match name {
        "capture" | "declare" => format!("'{name} {}' not allowed in 'defaults' section.", line.word(1)),
        _ => format!("'{name}' not allowed in 'defaults' section."),
    };
    let lead = match name {
        "server" | "server-template" => Lead::Place,
        "description" | "id" => Lead::Tight,
        _ => Lead::Spaced,
    };
    Diagnostic::alert(lead, line.span(0), message)
}

/// Why a keyword has no effect in a proxy that lacks its side; `None` when it has one.
pub(crate) fn ignored(scope: Scope, name: &str, proxy: &Proxy) -> Option<String> {
    let fits = scope.front && proxy.role.has_front() || scope.back && proxy.role.has_back();
    let lacking = if scope.front { "frontend" } else { "backend" };
    let (noun, own) = (proxy.role.noun(), &proxy.name.value);
    (!fits).then(|| format!("'{name}' ignored because {noun} '{own}' has no {lacking} capability."))
}

fn read(
    keyword: Keyword,
    line: Line<'_>,
    home: &mut Home<'_>,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    match keyword {
        Keyword::Mode => mode(line, home.settings(), reports),
        Keyword::Disabled => switch(line, home.settings(), true),
        Keyword::Enabled => switch(line, home.settings(), false),
        Keyword::Maxconn => maxconn(line, home, reports),
        Keyword::MaxconnPerSource => number(line).map(|value| home.settings().maxconn_per_source = Some(value)),
        Keyword::Fullconn => number(line).map(|value| home.settings().fullconn = Some(value)),
        Keyword::Backlog => number(line).map(|value| home.settings().backlog = Some(value)),
        Keyword::RateLimit => rate_limit(line).map(|value| home.settings().session_rate = Some(value)),
        Keyword::Retries => retries(line).map(|value| home.settings().retries = Some(value)),
        Keyword::Balance => balance::balance(line, home.settings(), reports),
        Keyword::HashType => balance::hash_type(line).map(|hash_type| home.settings().hash_type = hash_type),
        Keyword::HashBalanceFactor => {
            balance::hash_balance_factor(line).map(|factor| home.settings().hash_balance_factor = Some(factor))
        }
        Keyword::TcpRequest if line.word(2) == "capture" && matches!(home, Home::Defaults { .. }) => {
            reports.refuse(line.span_from(0), "tcp-request content capture in a 'defaults' section");
            Ok(())
        }
        Keyword::HttpRule(_) if line.word(1) == "capture" && matches!(home, Home::Defaults { .. }) => {
            reports.refuse(line.span_from(0), format!("{} capture in a 'defaults' section", line.keyword()));
            Ok(())
        }
        Keyword::HttpRule(ruleset) => {
            let (proxy, acls) = home.rules();
            http_rule_reader::rule(line, ruleset, proxy, acls, reports)
        }
        Keyword::Redirect => {
            let (proxy, acls) = home.proxy(line)?;
            http_rule_reader::redirect(line, proxy, acls, reports)
        }
        Keyword::Cookie => cookie::cookie(line).map(|cookie| home.settings().http.cookie = Some(cookie)),
        Keyword::DynamicCookieKey => cookie::key(line).map(|key| home.settings().http.cookie_key = Some(key)),
        Keyword::Persist(is_forced) => {
            let (proxy, acls) = home.proxy(line)?;
            cookie::persist(line, is_forced, proxy, acls, reports)
        }
        Keyword::ErrorReply => error_page::reply(line, &mut home.settings().http, reports),
        Keyword::ErrorFiles => error_page::section(line, &mut home.settings().http),
        Keyword::ErrorPage(code) => error_page::page(line, code, &mut home.settings().http),
        Keyword::MonitorUri => error_page::monitor_uri(line).map(|uri| home.settings().http.monitor_uri = Some(uri)),
        Keyword::Monitor => {
            let (proxy, acls) = home.proxy(line)?;
            error_page::monitor(line, proxy, acls, reports)
        }
        Keyword::NameHeader => {
            http_server::name_header(line, reports).map(|name| home.settings().http.name_header = name)
        }
        Keyword::RetryOn => http_server::retry_on(line).map(|events| home.settings().http.retry_on = Some(events)),
        Keyword::HttpReuse => http_server::http_reuse(line).map(|reuse| home.settings().http.reuse = reuse),
        Keyword::MaxKeepAliveQueue => {
            http_server::keep_alive_queue(line).map(|most| home.settings().http.keep_alive_queue_max = most)
        }
        Keyword::Timeout => timeout::timeout(line, home, reports),
        Keyword::Option => option::option(line, home, reports),
        Keyword::Log => log::proxy(line, &mut home.settings().logs, environment, reports),
        Keyword::LogFormat => {
            let line = log::format(line, reports)?;
            log::set_style(home, Spanned::new(LogStyle::Format(line.value), line.span), reports);
            Ok(())
        }
        Keyword::ErrorLogFormat => {
            let line = log::format(line, reports)?;
            if home.keyword() == "defaults" && home.settings().error_log_format.is_some() {
                reports.push(log::overridden(line.span, "error-log-format", "error-log-format"));
            }
            home.settings().error_log_format = Some(line);
            Ok(())
        }
        Keyword::LogFormatSd => log::format(line, reports).map(|line| home.settings().log_format_sd = Some(line)),
        Keyword::UniqueIdFormat => unique_id::format(line, &mut home.settings().unique_id, reports),
        Keyword::UniqueIdHeader => unique_id::header(line, &mut home.settings().unique_id, reports),
        Keyword::LogTag => log::tag(line).map(|tag| home.settings().log_tag = Some(tag)),
        Keyword::Stats => stats::stats(line, home, reports),
        Keyword::DefaultBackend => {
            switching::default_backend(line).map(|name| home.settings().default_backend = Some(name))
        }
        Keyword::DefaultServer => {
            server::default_server(line, &mut home.settings().default_server, environment, reports)
        }
        Keyword::Keepalive(side, probe) => keepalive::line(side, probe, line, home.settings(), reports),
        Keyword::LoadServerState => server_state(line).map(|source| home.settings().server_state = Some(source)),
        Keyword::ServerStateFile => server_state_file(line).map(|file| home.settings().server_state_file = file),
        Keyword::TcpCheck => {
            let read = tcp_check::line(line, environment, reports)?;
            let settings = home.settings();
            // The first line of a section's own replaces what it inherited.
            if std::mem::take(&mut settings.is_script_inherited) {
                settings.script.clear();
            }
            settings.script.extend(read.map(|step| Spanned::new(step, line.span_from(0))));
            Ok(())
        }
        Keyword::HttpCheck => http_check::line(line, home.settings(), environment, reports),
        Keyword::TcpRequest => {
            let (proxy, acls) = home.rules();
            tcp_rules::tcp_request(line, proxy, acls, reports)
        }
        Keyword::TcpResponse => {
            let (proxy, acls) = home.rules();
            tcp_rules::tcp_response(line, proxy, acls, reports)
        }
        Keyword::UseServer => {
            let (proxy, acls) = home.proxy(line)?;
            proxy.use_servers.push(tcp_rules::use_server(line, acls, reports)?);
            Ok(())
        }
        Keyword::Acl => acl(line, home, reports),
        Keyword::Bind => {
            let (proxy, _) = home.proxy(line)?;
            proxy.binds.push(bind::bind(line, proxy.role, environment, reports)?);
            Ok(())
        }
        Keyword::UseBackend => {
            let (proxy, acls) = home.proxy(line)?;
            proxy.rules.push(switching::use_backend(line, acls, reports)?);
            Ok(())
        }
        Keyword::Declare => {
            let (proxy, _) = home.proxy(line)?;
            capture::declare(line, proxy)
        }
        Keyword::Capture => {
            let (proxy, _) = home.proxy(line)?;
            capture::statement(line, proxy, reports)
        }
        Keyword::Id => id(line, home),
        Keyword::Source => near_end::of_proxy(line, environment, reports).map(|read| home.settings().near_end = read),
        Keyword::ServerTemplate => {
            let (proxy, _) = home.proxy(line)?;
            let defaults = &proxy.settings.default_server;
            let read = server_template::servers(line, &proxy.name.value, defaults, environment, reports)?;
            proxy.servers.extend(read);
            Ok(())
        }
        Keyword::Server => {
            let (proxy, _) = home.proxy(line)?;
            let defaults = &proxy.settings.default_server;
            proxy.servers.extend(server::server(line, &proxy.name.value, defaults, environment, reports)?);
            Ok(())
        }
    }
}

fn unread(line: Line<'_>) -> Result<(), Diagnostic> {
    if line.keyword() == "description" && line.count() < 2 {
        return Err(Diagnostic::alert(Lead::Tight, line.span(1), "'description' expects a string argument."));
    }
    Ok(())
}

/// `id NUMBER`
fn id(line: Line<'_>, home: &mut Home<'_>) -> Result<(), Diagnostic> {
    let tight = |message: String| Diagnostic::alert(Lead::Tight, line.span(1), message);
    let (proxy, _) = home.proxy(line)?;
    if line.word(1).is_empty() {
        return Err(tight("'id' expects an integer argument.".into()));
    }
    let id = custom_id::read(line.word(1), line.span(1)).map_err(|message| tight(format!("{message}.")))?;
    line.ends_at(2, "id")?;
    proxy.id = Some(id);
    Ok(())
}

fn mode(line: Line<'_>, settings: &mut Settings, reports: &mut Reports) -> Result<(), Diagnostic> {
    line.ends_at(2, "mode")?;
    match line.word(1) {
        "tcp" => settings.mode = Mode::Tcp,
        "http" => settings.mode = Mode::Http,
        other @ ("log" | "spop" | "haterm") => reports.refuse(line.span_from(0), format!("mode {other}")),
        "health" => {
            let message = "'mode health' doesn't exist anymore. Please use 'http-request return status 200' instead.";
            return Err(line.alert(1, message));
        }
        other => {
            return Err(line.alert(1, format!("unknown proxy mode '{other}'.")).hint("modes are 'tcp' and 'http'"));
        }
    }
    Ok(())
}

fn switch(line: Line<'_>, settings: &mut Settings, is_disabled: bool) -> Result<(), Diagnostic> {
    line.ends_at(1, line.keyword())?;
    settings.is_disabled = is_disabled;
    Ok(())
}

fn number(line: Line<'_>) -> Result<Spanned<u32>, Diagnostic> {
    let name = line.keyword();
    line.ends_at(2, name)?;
    let value = natural(line.word(1));
    let value = value.ok_or_else(|| line.alert(1, format!("'{name}' expects an integer argument.")))?;
    Ok(Spanned::new(value, line.span(1)))
}

fn retries(line: Line<'_>) -> Result<Spanned<u32>, Diagnostic> {
    line.ends_at(2, "retries")?;
    let message = "'retries' expects an integer argument (dispatch counts for one).";
    let value = natural(line.word(1)).ok_or_else(|| line.alert(1, message))?;
    Ok(Spanned::new(value, line.span(1)))
}

/// `load-server-state-from-file global|local|none`
fn server_state(line: Line<'_>) -> Result<StateSource, Diagnostic> {
    let source = match line.word(1) {
        "global" => StateSource::Global,
        "local" => StateSource::Local,
        "none" => StateSource::None,
        other => {
            let message = format!("'load-server-state-from-file' expects 'global', 'local' or 'none'. Got '{other}'");
            return Err(line.alert(1, message));
        }
    };
    line.ends_at(2, "load-server-state-from-file")?;
    Ok(source)
}

/// `server-state-file-name [use-backend-name|FILE]`; `None`: the backend's name.
fn server_state_file(line: Line<'_>) -> Result<Option<String>, Diagnostic> {
    line.ends_at(2, "server-state-file-name")?;
    let name = Some(line.word(1)).filter(|name| !matches!(*name, "" | "use-backend-name"));
    Ok(name.map(str::to_string))
}

/// Of clients; in a `backend`, which has none, of its servers together.
fn maxconn(line: Line<'_>, home: &mut Home<'_>, reports: &mut Reports) -> Result<(), Diagnostic> {
    let value = number(line)?;
    let is_of_servers = matches!(home, Home::Proxy(proxy, _) if proxy.role == Role::Backend);
    if is_of_servers {
        reports.note_ours(line.span_from(0), "maxconn in a backend");
        home.settings().backend_maxconn = Some(value);
    } else {
        home.settings().maxconn = Some(value);
    }
    Ok(())
}

/// `rate-limit sessions N`
fn rate_limit(line: Line<'_>) -> Result<Spanned<u32>, Diagnostic> {
    if line.word(1) != "sessions" {
        return Err(line.alert(1, format!("'rate-limit' only supports 'sessions' (got '{}')", line.word(1))));
    }
    line.ends_at(3, "rate-limit sessions")?;
    let word = line.word(2);
    let message = || match word.chars().find(|character| !character.is_ascii_digit()) {
        Some(character) => {
            format!("'rate-limit sessions' : unexpected character '{character}' in integer value '{word}'")
        }
        None => "'rate-limit sessions' expects an integer value (in sessions/second)".to_string(),
    };
    let value = natural(word).ok_or_else(|| line.alert(2, message()))?;
    Ok(Spanned::new(value, line.span(2)))
}

fn acl(line: Line<'_>, home: &mut Home<'_>, reports: &mut Reports) -> Result<(), Diagnostic> {
    let (proxy, acls) = home.rules();
    // A test that cannot be read still declares its name: rules that use it are not to blame.
    acls.insert(line.word(1).to_string());
    proxy.acls.push(acl_reader::acl(line, reports)?);
    Ok(())
}
