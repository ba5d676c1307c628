//! What a check says and expects: lines of the file become a script.

use super::{Lowering, limit};
use check::{
    Action, Connect, Ending, Expect, Pattern, Preset, Saying, Script, ScriptBuilder, Status, Text, Timeouts, Tls,
};
use config::{
    Check, CheckExpect, CheckText, CheckVariable, FormatPart, HttpCheck, HttpScript, Lead, Proxy, Spanned, Stage,
    TcpCheck, TcpConnect,
};
use proxyline::Version;
use std::time::Duration;
use table::{Formula, ProxyHeader};
use tls::Connector;

/// How a server is greeted by its checks.
pub(super) struct Greeting {
    pub(super) header: Option<Version>,
    /// Where nobody says how to connect.
    pub(super) tls: Option<Tls>,
    /// What `ssl` of a script means.
    pub(super) connector: Option<Connector>,
}

impl Greeting {
    pub(super) fn new(header: Option<ProxyHeader>, tls: Option<Tls>, connector: Option<Connector>) -> Greeting {
        let header = header.map(|header| match header {
            ProxyHeader::V1 => Version::V1,
            ProxyHeader::V2(extras) if extras.tls => Version::V2Ssl,
            ProxyHeader::V2(_) => Version::V2,
        });
        Greeting { header, tls, connector }
    }

    /// The TLS of a written connect: what is not said is not done, unless `default` is.
    fn tls_of(&self, connect: &TcpConnect) -> Option<Tls> {
        let default = self.tls.as_ref().filter(|_| connect.is_default);
        let own = self.connector.as_ref().filter(|_| connect.is_secure);
        let own = own.map(|connector| Tls { connector: connector.clone(), name: None });
        let tls = default.cloned().or(own)?;
        let name = connect.name.as_deref().map(Into::into).or(tls.name);
        Some(match &connect.alpn {
            None => Tls { name, ..tls },
            Some(names) => Tls { name, connector: speaking(&tls.connector, names) },
        })
    }
}

/// The same, with these protocols.
pub(super) fn speaking(connector: &Connector, names: &[String]) -> Connector {
    connector.speaking(names.iter().map(|name| name.as_bytes().to_vec()).collect())
}

/// Whether a script of the section wants TLS, whatever its servers have.
pub(super) fn wants_tls(proxy: &Proxy) -> bool {
    let settings = &proxy.settings;
    let of_tcp = settings.script.iter().filter_map(|step| match &step.value {
        TcpCheck::Connect(connect) => Some(connect),
        TcpCheck::Comment(_) | TcpCheck::Send { .. } | TcpCheck::Expect(_) | TcpCheck::Variable(_) => None,
    });
    let of_http = settings.http_script.steps.iter().filter_map(|step| match &step.value {
        HttpCheck::Connect(connect) => Some(connect),
        HttpCheck::Comment(_) | HttpCheck::Send(_) | HttpCheck::Expect(_) | HttpCheck::Variable(_) => None,
    });
    match settings.check.as_ref().map(|check| &check.value) {
        Some(Check::Script) => of_tcp.into_iter().any(|connect| connect.is_secure),
        Some(Check::Http) => of_http.into_iter().any(|connect| connect.is_secure),
        Some(Check::Smtp { .. } | Check::Redis | Check::SslHello | Check::Imap | Check::Pop3 | Check::Lmtp) | None => {
            false
        }
    }
}

/// The host that checks of a server ask for: `check-sni`, else that of the first request, where nobody says how to connect (`check-sni-auto`,
/// HAProxy 3.4).
pub(super) fn name_asked<'a>(tls: &'a config::ServerTls, settings: &'a config::Settings) -> Option<&'a str> {
    if tls.check_name.is_some() || tls.check_takes_name_of_request == Some(false) {
        return tls.check_name.as_deref();
    }
    let is_http = settings.check.as_ref().is_some_and(|check| check.value == Check::Http);
    let HttpScript { request, steps, .. } = &settings.http_script;
    let is_connected = steps.iter().any(|step| matches!(step.value, HttpCheck::Connect(_)));
    let first = steps.iter().find_map(|step| match &step.value {
        HttpCheck::Send(send) => Some(send),
        HttpCheck::Comment(_) | HttpCheck::Connect(_) | HttpCheck::Expect(_) | HttpCheck::Variable(_) => None,
    });
    let fields = first.map_or(&request.fields, |send| &send.fields);
    let fields = if fields.is_empty() { &request.fields } else { fields };
    let (_, host) = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"))?;
    // One that is made anew each time is not known here.
    let [FormatPart::Text(host)] = &host.0[..] else { return None };
    if !is_http || is_connected {
        return None;
    }
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    Some(name.map_or(host.as_str(), |(name, _)| name))
}

impl Lowering<'_> {
    /// How the servers of `proxy` are checked that are greeted like this; `None` if that cannot be, which has been reported.
    pub(super) fn script(
        &mut self,
        proxy: &Proxy,
        greeting: &Greeting,
        inter: Duration,
        owner: &str,
    ) -> Option<Script> {
        let script = self.clear_script(proxy, greeting, inter, owner)?;
        Some(script.secured(greeting.tls.clone()))
    }

    /// The same, but that the connect that nobody wrote is in clear.
    fn clear_script(&mut self, proxy: &Proxy, greeting: &Greeting, inter: Duration, owner: &str) -> Option<Script> {
        // A script that could not be made may have left some.
        self.formulas.clear();
        let settings = &proxy.settings;
        let timeouts = timeouts(proxy, inter);
        let header = greeting.header;
        let preset = match settings.check.as_ref().map(|check| &check.value) {
            None => return Some(Script::connect_only(header, timeouts)),
            Some(Check::Script) => {
                let mut builder = ScriptBuilder::naming_steps(header);
                for step in &settings.script {
                    self.step(&mut builder, step, greeting, proxy, owner)?;
                }
                return Some(builder.build(timeouts));
            }
            Some(Check::Http) => return self.http_script(proxy, greeting, timeouts, owner),
            Some(Check::Smtp { greeting }) => Preset::Smtp { greeting: greeting.clone() },
            Some(Check::Redis) => Preset::Redis,
            Some(Check::SslHello) => Preset::SslHello,
            Some(Check::Imap) => Preset::Imap,
            Some(Check::Pop3) => Preset::Pop3,
            Some(Check::Lmtp) => Preset::Lmtp,
        };
        Some(preset.script(header, timeouts))
    }

    fn step(
        &mut self,
        builder: &mut ScriptBuilder,
        step: &Spanned<TcpCheck>,
        greeting: &Greeting,
        proxy: &Proxy,
        owner: &str,
    ) -> Option<()> {
        match &step.value {
            TcpCheck::Comment(text) => builder.comment(text),
            TcpCheck::Connect(connect) => {
                let action = Action::Connect(self.connect(connect, greeting, owner)?);
                builder.step(action, connect.comment.as_deref());
            }
            TcpCheck::Send { bytes, comment } => builder.step(Action::Send(bytes[..].into()), comment.as_deref()),
            TcpCheck::Expect(expect) => {
                let action = Action::Expect(self.expect(expect, proxy)?);
                builder.step(action, expect.comment.as_deref());
            }
            TcpCheck::Variable(variable) => builder.step(self.kept(variable, proxy), None),
        }
        Some(())
    }

    /// `configuration.txt: tcp-check connect`: what is not said is not done, unless `default` is.
    pub(super) fn connect(&mut self, connect: &TcpConnect, greeting: &Greeting, owner: &str) -> Option<Connect> {
        let ip = match &connect.address {
            Some(host) => Some(self.host(host, host.span, owner)?),
            None => None,
        };
        let own = connect.sends_proxy.then_some(Version::V1);
        let ending = if connect.lingers { Ending::Orderly } else { Ending::Reset };
        let proxy = own.or(greeting.header.filter(|_| connect.is_default));
        Some(Connect { ip, port: connect.port, proxy, tls: greeting.tls_of(connect), ending })
    }

    fn expect(&mut self, expect: &CheckExpect<CheckText>, proxy: &Proxy) -> Option<Expect> {
        let pattern = match &expect.pattern {
            CheckText::String(text) => Pattern::Text(text.as_bytes().to_vec()),
            CheckText::Binary(bytes) => Pattern::Binary(bytes.clone()),
            CheckText::Regex(expression) => Pattern::Regex(self.regex(expression, "tcp-check expect")?),
            CheckText::BinaryRegex(expression) => Pattern::BinaryRegex(self.regex(expression, "tcp-check expect")?),
        };
        let mut saying = |text: &Option<config::Format>| match text {
            Some(text) => Saying::Text(self.wording(text, proxy)),
            None => Saying::Usual,
        };
        let (praise, blame) = (saying(&expect.on_success), saying(&expect.on_error));
        let usual = Expect::new(pattern);
        Some(Expect {
            is_inverse: expect.is_inverse,
            received_least: expect.received_least.map(|least| least as usize),
            on_match: status(&expect.ok_status).unwrap_or(usual.on_match),
            on_mismatch: status(&expect.error_status).unwrap_or(usual.on_mismatch),
            on_timeout: status(&expect.timeout_status).unwrap_or(usual.on_timeout),
            praise,
            blame,
            code: self.code(&expect.code, proxy),
            ..usual
        })
    }

    /// A text, which is a formula only where it has samples in it.
    pub(super) fn wording(&mut self, format: &config::Format, proxy: &Proxy) -> Text {
        match &format.0[..] {
            [] => Text::from(""),
            [FormatPart::Text(text)] => Text::from(text.as_str()),
            _ => {
                let format = self.format(format, proxy);
                Text::Made(self.formula(Formula::Text(format)))
            }
        }
    }

    /// `status-code`
    pub(super) fn code(&mut self, code: &Option<config::Expression>, proxy: &Proxy) -> Option<check::Formula> {
        let value = self.expression(code.as_ref()?, proxy);
        Some(self.formula(Formula::Value(value)))
    }

    pub(super) fn kept(&mut self, variable: &CheckVariable, proxy: &Proxy) -> Action {
        let formula = match variable {
            CheckVariable::Set(variable, value) => {
                Formula::Keep(self.variable(variable), self.expression(value, proxy))
            }
            CheckVariable::SetText(variable, text) => {
                Formula::KeepText(self.variable(variable), self.format(text, proxy))
            }
            CheckVariable::Unset(variable) => Formula::Forget(self.variable(variable)),
        };
        Action::CarryOut(self.formula(formula))
    }

    pub(super) fn formula(&mut self, formula: Formula) -> check::Formula {
        self.formulas.push(formula);
        check::Formula(self.formulas.len() - 1)
    }

    pub(super) fn regex(&mut self, expression: &Spanned<String>, keyword: &str) -> Option<check::Regex> {
        match check::regex(expression) {
            Ok(regex) => Some(regex),
            Err(why) => {
                // Every server of the proxy meets the same line.
                let is_told = self.diagnostics.iter().any(|diagnostic| diagnostic.span == Some(expression.span));
                if !is_told {
                    let text = &expression.value;
                    let message = format!("'{keyword}' : regex '{text}' is invalid (error={why}).");
                    self.alert(Stage::Parsing, Lead::Spaced, expression.span, message);
                }
                None
            }
        }
    }
}

/// What bounds the checks of a server that is checked every `inter`.
pub(super) fn timeouts(proxy: &Proxy, inter: Duration) -> Timeouts {
    let timeouts = &proxy.settings.timeouts;
    Timeouts { inter, connect: limit(&timeouts.connect), check: limit(&timeouts.check) }
}

/// The status that a word of the file names.
pub(super) fn status(word: &Option<String>) -> Option<Status> {
    word.as_deref().and_then(Status::from_word)
}
