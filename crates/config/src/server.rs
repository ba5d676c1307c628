//! Reads `server` and `default-server` lines (configuration.txt §4.2 "server", §5.2).

use crate::acl_reader::is_name_character;
use crate::address::{self, AddressError, Host, ServerAddress, ServerPort};
use crate::custom_id;
use crate::diagnostic::{Diagnostic, Lead};
use crate::environment::Environment;
use crate::keywords::find;
use crate::keywords::server::{Keyword, TABLE};
use crate::line::{CONTINUATION, Line};
use crate::near_end;
use crate::pattern::integer;
use crate::proxy_header;
use crate::reports::Reports;
use crate::server_tls;
use crate::source::{Span, Spanned};
use crate::tree::{InitAddr, InitState, Observed, OnError, Server, ServerOptions};
use crate::value::{TIME_MAX_MS, TimeError, natural, time, user_timeout};
use std::time::Duration;

/// `server NAME ADDRESS [PARAMETER…]`; `None` when the address is of no served kind.
pub(crate) fn server(
    line: Line<'_>,
    proxy: &str,
    defaults: &ServerOptions,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<Option<Server>, Diagnostic> {
    if line.count() < 3 {
        let message = "'server' expects <name> and <addr>[:<port>] as arguments.";
        return Err(Diagnostic::alert(Lead::Place, line.span(line.count()), message));
    }
    named(line, 2, proxy, defaults, environment, reports)
}

/// The server whose name is word 1, and whose address stands in word `at`, before its parameters.
pub(crate) fn named(
    line: Line<'_>,
    at: usize,
    proxy: &str,
    defaults: &ServerOptions,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<Option<Server>, Diagnostic> {
    let name = line.word(1);
    if let Some(character) = name.chars().find(|character| !is_name_character(*character)) {
        let message = format!("character '{character}' is not permitted in server name '{name}'.");
        return Err(Diagnostic::alert(Lead::Place, line.span(1), message));
    }
    let reader = Reader { line, owner: format!("'server {proxy}/{name}' : "), name, is_default: false };
    let address = match address::server(line.word(at), environment) {
        Ok(address) => {
            refuse_client_address(&address, line.span(at), reports);
            Some(address)
        }
        Err(AddressError::Invalid(message)) => return Err(reader.fail(at, message)),
        Err(AddressError::Unserved(what)) => {
            reports.refuse(line.span(at), format!("server {what}"));
            None
        }
    };
    let mut options = defaults.clone();
    reader.parameters(at + 1, &mut options, environment, reports)?;
    if let (Some(agent), None) = (options.agent, options.agent_port) {
        let message = format!("{}server {name} does not have agent port. Agent check has been disabled.", reader.owner);
        return Err(Diagnostic::alert(Lead::Place, agent, message).hint("give it one with 'agent-port'"));
    }
    if let (Some(_), Some(track)) = (options.check, &options.track) {
        let message = format!("{}unable to enable checks and tracking at the same time!", reader.owner);
        return Err(Diagnostic::alert(Lead::Place, track.span, message));
    }
    if let (Some(agent), Some(_)) = (options.agent, &options.track) {
        reports.refuse(agent, "server agent-check of one that tracks another");
    }
    Ok(address.map(|address| Server {
        name: Spanned::new(name.to_string(), line.span(1)),
        address: Spanned::new(address, line.span(at)),
        options,
    }))
}

/// `default-server [PARAMETER…]`: what the servers below it start from. Repeats add up.
pub(crate) fn default_server(
    line: Line<'_>,
    options: &mut ServerOptions,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    let reader = Reader { line, owner: String::new(), name: "default-server", is_default: true };
    // A line with a mistake changes nothing, so that servers below it are not blamed for half of it.
    let mut changed = options.clone();
    reader.parameters(1, &mut changed, environment, reports)?;
    *options = changed;
    Ok(())
}

/// HAProxy replaces an absent host or port by what the client connected to.
fn refuse_client_address(address: &ServerAddress, span: Span, reports: &mut Reports) {
    let ServerAddress::Tcp { host, port } = address else { return };
    if matches!(host, Host::Ip(ip) if ip.is_unspecified()) {
        reports.refuse_with(span, "server without an address", "HAProxy would connect to the client's destination");
    }
    if matches!(port, ServerPort::Offset(_)) {
        reports.refuse_with(span, "server without a port", "HAProxy would take the client's destination port");
    }
}

struct Reader<'a> {
    line: Line<'a>,
    /// How HAProxy opens a complaint about this server.
    owner: String,
    name: &'a str,
    is_default: bool,
}

impl Reader<'_> {
    fn parameters(
        &self,
        first: usize,
        options: &mut ServerOptions,
        environment: &dyn Environment,
        reports: &mut Reports,
    ) -> Result<(), Diagnostic> {
        let mut at = first;
        while at < self.line.count() {
            at = self.parameter(at, options, environment, reports)?;
        }
        Ok(())
    }

    /// Reads one parameter and answers where the next one stands.
    fn parameter(
        &self,
        at: usize,
        options: &mut ServerOptions,
        environment: &dyn Environment,
        reports: &mut Reports,
    ) -> Result<usize, Diagnostic> {
        let (line, name, span) = (self.line, self.line.word(at), self.line.span(at));
        // One of them has its argument in brackets.
        let known = if name.starts_with(proxy_header::TLV) { proxy_header::TLV } else { name };
        let Some((_, arguments, meaning)) = find(TABLE, known, |row| row.0) else {
            return Err(self.unknown(at, reports));
        };
        let mut next = at + 1 + arguments;
        if name == "id" && self.is_default {
            return Err(self.fail(at, "'id' option is not accepted in default-server sections."));
        }
        let whole = span.to(line.span(next - 1));
        let Some(keyword) = reports.weigh(*meaning, whole, || format!("server {name}"))? else { return Ok(next) };
        match keyword {
            Keyword::AgentAddr => self.agent_address(at, options, environment)?,
            Keyword::AgentCheck(on) => options.agent = on.then_some(span),
            Keyword::AgentInter => options.agent_inter = Some(self.delay(at)?),
            Keyword::AgentPort => options.agent_port = Some(self.agent_port(at)?),
            Keyword::AgentSend => options.agent_send = Some(self.text(at)?),
            Keyword::Backup(on) => options.is_backup = on,
            Keyword::Disabled(on) => options.is_disabled = on,
            Keyword::Check(on) => options.check = on.then_some(span),
            Keyword::CheckSendProxy(on) => options.check_send_proxy = on.then_some(span),
            Keyword::Tls(keyword) => {
                let read = server_tls::parameter(keyword, line, at, &mut options.tls, &mut reports.guesser);
                if !read.map_err(|message| self.fail(at + 1, format!("{message}.")))? {
                    reports.refuse(whole, format!("server {name} {}", line.word(at + 1)));
                }
            }
            Keyword::SendProxy(header) => options.proxy_header = Some(Spanned::new(header, span)),
            Keyword::NoSendProxy => options.proxy_header = None,
            Keyword::Id => options.id = Some(self.id(at)?),
            Keyword::Source => next = self.source(at, options, environment, reports)?,
            Keyword::ProxyOptions => {
                let read = proxy_header::options(line.word(at + 1), &mut options.proxy_options);
                read.map_err(|message| self.fail(at + 1, message))?;
            }
            Keyword::ProxyTlv => {
                let read = proxy_header::tlv(name, line.rest(at + 1).first(), reports);
                options.proxy_tlvs.extend(read.map_err(|(word, message)| self.fail(at + word, message))?);
            }
            Keyword::InitAddr => options.init_addr = self.init_addr(at)?,
            Keyword::InitState => options.init_state = Some(self.init_state(at)?),
            Keyword::ErrorLimit => options.error_limit = Some(self.error_limit(at)?),
            Keyword::Observe => self.observe(at, options)?,
            Keyword::OnError => options.on_error = Some(self.on_error(at)?),
            Keyword::Track => options.track = Some(self.track(at)?),
            Keyword::Inter => options.inter = Some(self.delay(at)?),
            Keyword::Fastinter => options.fastinter = Some(self.delay(at)?),
            Keyword::Downinter => options.downinter = Some(self.delay(at)?),
            Keyword::Rise => options.rise = Some(self.count(at)?),
            Keyword::Fall => options.fall = Some(self.count(at)?),
            Keyword::Slowstart => options.slowstart = Some(self.span_of_time(at)?),
            Keyword::TcpUserTimeout => {
                let time = user_timeout(line.word(at + 1));
                options.user_timeout = time.map_err(|message| self.fail(at + 1, format!("{message}.")))?;
            }
            Keyword::PoolMaxConn => options.pool_most = Some(self.pool_most(at)?),
            Keyword::PoolLowConn => options.pool_low = Some(self.pool_low(at)?),
            Keyword::PoolPurgeDelay => options.pool_rest = Some(self.span_of_time(at)?.value),
            Keyword::Cookie => options.cookie = Some(self.line.word(at + 1).to_string()),
            Keyword::Weight => options.weight = Some(self.weight(at)?),
            Keyword::Maxconn => options.maxconn = Some(self.number(at)?),
            Keyword::Maxqueue => options.maxqueue = Some(self.number(at)?),
            Keyword::Minconn => options.minconn = Some(self.number(at)?),
            Keyword::Port => options.check_port = Some(self.port(at)?),
            Keyword::OnMarkedDown => options.shuts_sessions_when_down = self.only(at, "shutdown-sessions")?,
            Keyword::OnMarkedUp => options.shuts_backups_when_up = self.only(at, "shutdown-backup-sessions")?,
            Keyword::Addr => self.check_address(at, options, environment)?,
        }
        Ok(next)
    }

    fn delay(&self, at: usize) -> Result<Spanned<Duration>, Diagnostic> {
        let (line, keyword, word) = (self.line, self.line.word(at), self.line.word(at + 1));
        if word.is_empty() {
            return Err(self.fail(at + 1, format!("'{keyword}' expects a delay as argument..")));
        }
        match time(word) {
            Ok(Duration::ZERO) => {
                let message = format!("invalid value 0 for argument '{keyword}' of server {}..", self.name);
                Err(self.fail(at + 1, message))
            }
            Ok(delay) => Ok(Spanned::new(delay, line.span(at + 1))),
            Err(TimeError::Overflow) => Err(self.fail(
                at + 1,
                format!(
                    "timer overflow in argument <{word}> to <{keyword}> of server {}, maximum value is {TIME_MAX_MS} \
                     ms (~24.8 days)..",
                    self.name
                ),
            )),
            Err(TimeError::Unexpected(character)) => {
                let message =
                    format!("unexpected character '{character}' in '{keyword}' argument of server {}..", self.name);
                Err(self.fail(at + 1, message).hint("units are us, ms, s, m, h and d"))
            }
        }
    }

    /// A delay that may be zero.
    fn span_of_time(&self, at: usize) -> Result<Spanned<Duration>, Diagnostic> {
        match time(self.line.word(at + 1)) {
            Ok(Duration::ZERO) => Ok(Spanned::new(Duration::ZERO, self.line.span(at + 1))),
            Ok(_) | Err(_) => self.delay(at),
        }
    }

    /// `pool-max-conn N`, where -1 is no limit.
    fn pool_most(&self, at: usize) -> Result<i64, Diagnostic> {
        let (keyword, word) = (self.line.word(at), self.line.word(at + 1));
        if word.is_empty() {
            return Err(self.fail(at + 1, format!("'{keyword}' expects <value> as argument..")));
        }
        let number = integer(word).filter(|number| *number >= -1);
        number.ok_or_else(|| self.fail(at + 1, format!("'{keyword}' must be >= -1.")))
    }

    /// `pool-low-conn N`.
    fn pool_low(&self, at: usize) -> Result<u32, Diagnostic> {
        let (keyword, word) = (self.line.word(at), self.line.word(at + 1));
        if word.is_empty() {
            return Err(self.fail(at + 1, format!("'{keyword}' expects <value> as argument..")));
        }
        natural(word).ok_or_else(|| self.fail(at + 1, format!("'{keyword}' must be >= 0.")))
    }

    /// `rise` and `fall`.
    fn count(&self, at: usize) -> Result<Spanned<u32>, Diagnostic> {
        let keyword = self.line.word(at);
        match self.line.word(at + 1) {
            "" => Err(self.fail(at + 1, format!("'{keyword}' expects an integer argument.."))),
            word => match natural(word).filter(|count| *count > 0) {
                Some(count) => Ok(Spanned::new(count, self.line.span(at + 1))),
                None => Err(self.fail(at + 1, format!("'{keyword}' has to be > 0.."))),
            },
        }
    }

    fn weight(&self, at: usize) -> Result<Spanned<u16>, Diagnostic> {
        let word = self.line.word(at + 1);
        match natural(word).filter(|weight| *weight <= 256) {
            Some(weight) => Ok(Spanned::new(weight, self.line.span(at + 1))),
            None => {
                let message = format!("weight of server {} is not within 0 and 256 ({word})..", self.name);
                Err(self.fail(at + 1, message))
            }
        }
    }

    fn port(&self, at: usize) -> Result<Spanned<u16>, Diagnostic> {
        let word = self.line.word(at + 1);
        match natural(word).filter(|port| *port > 0) {
            Some(port) => Ok(Spanned::new(port, self.line.span(at + 1))),
            None => Err(self.fail(at + 1, format!("'port' expects a port number as argument (got '{word}').."))),
        }
    }

    fn agent_port(&self, at: usize) -> Result<Spanned<u16>, Diagnostic> {
        match self.line.word(at + 1) {
            "" => Err(self.fail(at + 1, "'agent-port' expects a port number as argument..")),
            word => match natural(word).filter(|port| *port > 0) {
                Some(port) => Ok(Spanned::new(port, self.line.span(at + 1))),
                None => {
                    Err(self.fail(at + 1, format!("'agent-port' expects a port number as argument (got '{word}')..")))
                }
            },
        }
    }

    /// `track [BACKEND/]SERVER`
    fn track(&self, at: usize) -> Result<Spanned<(Option<String>, String)>, Diagnostic> {
        let (word, span) = (self.line.word(at + 1), self.line.span(at + 1));
        match word.split_once('/') {
            _ if word.is_empty() => Err(self.fail(at + 1, "'track' expects [<proxy>/]<server> as argument..")),
            Some((backend, server)) => Ok(Spanned::new((Some(backend.to_string()), server.to_string()), span)),
            None => Ok(Spanned::new((None, word.to_string()), span)),
        }
    }

    fn observe(&self, at: usize, options: &mut ServerOptions) -> Result<(), Diagnostic> {
        let span = self.line.span(at).to(self.line.span(at + 1));
        match self.line.word(at + 1) {
            "" => return Err(self.fail(at + 1, "'observe' expects <mode> as argument..")),
            "none" => options.observe = None,
            "layer4" => options.observe = Some(Spanned::new(Observed::Connections, span)),
            "layer7" => options.observe = Some(Spanned::new(Observed::Responses, span)),
            other => {
                let message = format!("'observe' expects one of 'none', 'layer4', 'layer7' but got '{other}'.");
                return Err(self.fail(at + 1, message));
            }
        }
        Ok(())
    }

    fn error_limit(&self, at: usize) -> Result<u32, Diagnostic> {
        let limit = natural(self.line.word(at + 1)).filter(|limit| *limit > 0);
        limit.ok_or_else(|| self.fail(at + 1, "error-limit has to be > 0.."))
    }

    fn on_error(&self, at: usize) -> Result<OnError, Diagnostic> {
        match self.line.word(at + 1) {
            "fastinter" => Ok(OnError::Fastinter),
            "fail-check" => Ok(OnError::FailCheck),
            "sudden-death" => Ok(OnError::SuddenDeath),
            "mark-down" => Ok(OnError::MarkDown),
            other => {
                let known = "'fastinter', 'fail-check', 'sudden-death' or 'mark-down'";
                Err(self.fail(at + 1, format!("'on-error' expects one of {known} but got '{other}'.")))
            }
        }
    }

    /// `init-addr METHOD[,METHOD…]`; one that names none says nothing, as in HAProxy.
    fn init_addr(&self, at: usize) -> Result<Vec<InitAddr>, Diagnostic> {
        let mut methods = Vec::new();
        for word in self.line.word(at + 1).split(',').filter(|word| !word.is_empty()) {
            let method = match (word, word.parse()) {
                ("last", _) => InitAddr::Last,
                ("libc", _) => InitAddr::Libc,
                ("none", _) => InitAddr::None,
                (_, Ok(_)) if methods.iter().any(|method| matches!(method, InitAddr::Ip(_))) => {
                    let message = format!("'init-addr' : initial address already specified, cannot add '{word}'..");
                    return Err(self.fail(at + 1, message));
                }
                (_, Ok(ip)) => InitAddr::Ip(ip),
                (_, Err(_)) => {
                    let known = "supported methods are 'libc', 'last', 'none'";
                    let message = format!("'init-addr' : unknown init-addr method '{word}', {known}..");
                    return Err(self.fail(at + 1, message));
                }
            };
            methods.push(method);
        }
        Ok(methods)
    }

    fn init_state(&self, at: usize) -> Result<InitState, Diagnostic> {
        match self.line.word(at + 1) {
            "fully-up" => Ok(InitState::FullyUp),
            "up" => Ok(InitState::Up),
            "down" => Ok(InitState::Down),
            "fully-down" => Ok(InitState::FullyDown),
            other => {
                let message =
                    format!("'init-state' expects 'fully-up', 'up', 'down' or 'fully-down' but got '{other}'.");
                Err(self.fail(at + 1, message))
            }
        }
    }

    fn id(&self, at: usize) -> Result<Spanned<u32>, Diagnostic> {
        let id = custom_id::read(self.line.word(at + 1), self.line.span(at + 1));
        id.map_err(|message| self.fail(at + 1, format!("'id' : {message}.")))
    }

    /// `source ADDRESS[:PORT] [interface NAME]`, the one parameter that has parameters of its own; answers where the next one stands.
    fn source(
        &self,
        at: usize,
        options: &mut ServerOptions,
        environment: &dyn Environment,
        reports: &mut Reports,
    ) -> Result<usize, Diagnostic> {
        if self.line.word(at + 1).is_empty() {
            let message = "'source' expects <addr>[:<port>[-<port>]], and optionally 'usesrc' <addr>, and 'interface' <name> as argument..";
            return Err(self.fail(at + 1, message));
        }
        let read = near_end::read(self.line, at, environment, reports);
        let (near_end, next) = read.map_err(|(at, message)| self.fail(at, format!("{message}.")))?;
        options.near_end = near_end;
        Ok(next)
    }

    fn text(&self, at: usize) -> Result<String, Diagnostic> {
        match self.line.word(at + 1) {
            "" => Err(self.fail(at + 1, format!("'{}' expects a string as argument..", self.line.word(at)))),
            text => Ok(text.to_string()),
        }
    }

    /// `agent-addr HOST`, without a port.
    fn agent_address(
        &self,
        at: usize,
        options: &mut ServerOptions,
        environment: &dyn Environment,
    ) -> Result<(), Diagnostic> {
        let (word, span) = (self.line.word(at + 1), self.line.span(at + 1));
        match address::check(word, environment) {
            Ok((host, None)) if !word.is_empty() => {
                options.agent_address = Some(Spanned::new(host, span));
                Ok(())
            }
            Ok(_) | Err(AddressError::Invalid(_) | AddressError::Unserved(_)) => {
                let message = format!("parsing agent-addr failed. Check if '{word}' is correct address..");
                Err(self.fail(at + 1, message))
            }
        }
    }

    fn number(&self, at: usize) -> Result<Spanned<u32>, Diagnostic> {
        let (keyword, word) = (self.line.word(at), self.line.word(at + 1));
        match natural(word) {
            Some(number) => Ok(Spanned::new(number, self.line.span(at + 1))),
            None => Err(self.fail(at + 1, format!("'{keyword}' expects an integer argument (got '{word}').."))),
        }
    }

    /// A parameter with one possible argument.
    fn only(&self, at: usize, expected: &str) -> Result<bool, Diagnostic> {
        let (keyword, word) = (self.line.word(at), self.line.word(at + 1));
        if word == expected {
            return Ok(true);
        }
        Err(self.fail(at + 1, format!("'{keyword}' expects '{expected}' but got '{word}'.")))
    }

    /// `addr HOST[:PORT]`: a port here is the check's port too.
    fn check_address(
        &self,
        at: usize,
        options: &mut ServerOptions,
        environment: &dyn Environment,
    ) -> Result<(), Diagnostic> {
        let (word, span) = (self.line.word(at + 1), self.line.span(at + 1));
        if word.is_empty() {
            return Err(self.fail(at + 1, "'addr' expects <ipv4|ipv6> as argument.."));
        }
        let (host, port) = address::check(word, environment).map_err(|error| match error {
            AddressError::Invalid(message) => self.fail(at + 1, format!("'addr' : {message}.")),
            AddressError::Unserved(what) => {
                self.fail(at + 1, format!("'addr' : '{what}' addresses cannot be checked."))
            }
        })?;
        options.check_address = Some(Spanned::new(host, span));
        options.check_port = port.map(|port| Spanned::new(port, span)).or(options.check_port);
        Ok(())
    }

    fn unknown(&self, at: usize, reports: &mut Reports) -> Diagnostic {
        let name = self.line.word(at);
        let mut message = match reports.guesser.keyword(name, TABLE.iter().map(|row| row.0)) {
            Some(guess) => format!("unknown keyword '{name}'; did you mean '{guess}' maybe ?"),
            None => format!("unknown keyword '{name}'."),
        };
        if self.is_default {
            message.push_str(" Hint: no address was expected for this server.");
        }
        self.fail(at, message)
    }

    fn fail(&self, at: usize, message: impl AsRef<str>) -> Diagnostic {
        let message = format!("{}{}", self.owner, message.as_ref());
        let diagnostic = Diagnostic::alert(Lead::Place, self.line.span(at), message);
        if self.line.word(at) == "\\" { diagnostic.hint(CONTINUATION) } else { diagnostic }
    }
}
