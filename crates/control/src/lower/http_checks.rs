//! Checks that speak HTTP: `option httpchk` and the `http-check` lines become a script.

use super::Lowering;
use super::checks::{Greeting, status};
use check::{
    Action, ExpectResponse, FieldPattern, How, HttpVersion, Likeness, Method, Pattern, Request, Script, ScriptBuilder,
    Text, Timeouts, Wanted,
};
use config::{CheckExpect, HttpCheck, HttpFieldPattern, HttpPattern, HttpScript, HttpSend, Proxy};
use proxyline::Version;
use std::sync::Arc;
use table::Formula;

/// What `http-check send-state` adds to each request.
const STATE_FIELD: &str = "x-haproxy-server-state";

impl Lowering<'_> {
    pub(super) fn http_script(
        &mut self,
        proxy: &Proxy,
        greeting: &Greeting,
        timeouts: Timeouts,
        owner: &str,
    ) -> Option<Script> {
        let settings = &proxy.settings;
        let state = settings.tells_state.then(|| self.standing());
        let mut steps = Steps::new(greeting.header, &settings.http_script, state);
        for step in &settings.http_script.steps {
            match &step.value {
                HttpCheck::Comment(text) => steps.builder.comment(text),
                HttpCheck::Connect(connect) => {
                    let action = Action::Connect(self.connect(connect, greeting, owner)?);
                    steps.expect_something();
                    steps.builder.step(action, connect.comment.as_deref());
                }
                HttpCheck::Send(send) => {
                    let request = self.request(&steps.next(send), proxy);
                    steps.send(request, send.comment.as_deref());
                }
                HttpCheck::Variable(variable) => {
                    let action = self.kept(variable, proxy);
                    steps.builder.step(action, None);
                }
                HttpCheck::Expect(expect) => {
                    self.send_something(&mut steps, proxy);
                    let response = self.expected_response(expect, steps.answered_as, proxy)?;
                    steps.expect(response, expect.comment.as_deref());
                }
            }
        }
        self.send_something(&mut steps, proxy);
        steps.expect_something();
        Some(Script { disables_on_404: settings.disables_on_404, ..steps.builder.build(timeouts) })
    }

    /// Expectations come after a request, be it that of the option.
    fn send_something(&mut self, steps: &mut Steps<'_>, proxy: &Proxy) {
        if !steps.is_sent {
            let request = self.request(&steps.next(&HttpSend::default()), proxy);
            steps.send(request, None);
        }
    }

    fn request(&mut self, send: &HttpSend, proxy: &Proxy) -> Request {
        let usual = Request::default();
        let fields = send.fields.iter().map(|(name, value)| (name.clone(), self.wording(value, proxy))).collect();
        Request {
            method: send.method.clone().unwrap_or(usual.method),
            uri: send.uri.as_ref().map_or(usual.uri, |uri| self.wording(uri, proxy)),
            version: send.version.map_or(usual.version, |version| match version {
                config::HttpVersion::Http10 => HttpVersion::Http10,
                config::HttpVersion::Http11 => HttpVersion::Http11,
            }),
            fields,
            body: send.body.as_ref().map_or(usual.body, |body| self.wording(body, proxy)),
        }
    }

    /// `http-check send-state`
    fn standing(&mut self) -> Text {
        let named = self.config.global.node.as_ref().map(|node| node.value.clone());
        let node = named.unwrap_or_else(crate::log::hostname);
        Text::Made(self.formula(Formula::Standing { node: node.into() }))
    }

    fn expected_response(
        &mut self,
        expect: &CheckExpect<HttpPattern>,
        answered_as: Method,
        proxy: &Proxy,
    ) -> Option<ExpectResponse> {
        let wanted = match &expect.pattern {
            HttpPattern::Status(ranges) => Wanted::Status(ranges.iter().map(|&(first, last)| first..=last).collect()),
            HttpPattern::StatusRegex(expression) => Wanted::StatusRegex(self.regex(expression, "http-check expect")?),
            HttpPattern::String(text) => Wanted::Content(Pattern::Text(text.as_bytes().to_vec())),
            HttpPattern::Regex(expression) => {
                Wanted::Content(Pattern::Regex(self.regex(expression, "http-check expect")?))
            }
            HttpPattern::StringFormat(format) => match self.wording(format, proxy) {
                Text::Fixed(text) => Wanted::Content(Pattern::Text(text.to_vec())),
                Text::Made(formula) => Wanted::ContentMade(formula),
            },
            HttpPattern::Field(HttpFieldPattern { name, value, is_whole }) => Wanted::Field(FieldPattern {
                name: self.likeness(name, proxy)?,
                value: match value {
                    Some(value) => Some(self.likeness(value, proxy)?),
                    None => None,
                },
                is_whole: *is_whole,
            }),
        };
        let usual = ExpectResponse::new(wanted, answered_as);
        Some(ExpectResponse {
            is_inverse: expect.is_inverse,
            received_least: expect.received_least.map(|least| least as usize),
            on_match: status(&expect.ok_status).unwrap_or(usual.on_match),
            on_mismatch: status(&expect.error_status).unwrap_or(usual.on_mismatch),
            on_timeout: status(&expect.timeout_status).unwrap_or(usual.on_timeout),
            praise: expect.on_success.as_ref().map(|text| self.wording(text, proxy)),
            blame: expect.on_error.as_ref().map(|text| self.wording(text, proxy)),
            code: self.code(&expect.code, proxy),
            ..usual
        })
    }

    fn likeness(&mut self, likeness: &config::Likeness, proxy: &Proxy) -> Option<Likeness> {
        let (how, format) = match likeness {
            config::Likeness::Whole(format) => (How::Whole, format),
            config::Likeness::Begin(format) => (How::Begin, format),
            config::Likeness::End(format) => (How::End, format),
            config::Likeness::Inside(format) => (How::Inside, format),
            config::Likeness::Regex(expression) => {
                return Some(Likeness::Regex(self.regex(expression, "http-check expect")?));
            }
        };
        Some(Likeness::Text(how, self.wording(format, proxy)))
    }
}

/// A script under construction, with what goes without saying.
struct Steps<'a> {
    builder: ScriptBuilder,
    /// What `option httpchk` says; the first request is completed by it.
    option: &'a HttpSend,
    is_first_sent: bool,
    /// On the present connection.
    is_sent: bool,
    is_expected: bool,
    /// What the last request was.
    answered_as: Method,
    /// What each request says of the server.
    state: Option<Text>,
}

impl<'a> Steps<'a> {
    fn new(header: Option<Version>, script: &'a HttpScript, state: Option<Text>) -> Steps<'a> {
        Steps {
            builder: ScriptBuilder::new(header),
            option: &script.request,
            is_first_sent: false,
            is_sent: false,
            is_expected: false,
            answered_as: Request::default().answered_as(),
            state,
        }
    }

    /// What is sent next: the first request of a script is completed by that of the option.
    fn next(&self, send: &HttpSend) -> HttpSend {
        if self.is_first_sent { send.clone() } else { completed(send, self.option) }
    }

    fn send(&mut self, mut request: Request, comment: Option<&str>) {
        request.fields.extend(self.state.clone().map(|state| (STATE_FIELD.to_string(), state)));
        self.answered_as = request.answered_as();
        self.builder.step(Action::Ask(Arc::new(request)), comment);
        (self.is_first_sent, self.is_sent) = (true, true);
    }

    fn expect(&mut self, response: ExpectResponse, comment: Option<&str>) {
        self.builder.step(Action::ExpectResponse(response), comment);
        self.is_expected = true;
    }

    /// Every request is followed by an expectation, be it the usual one. Behind it a new connection may begin.
    fn expect_something(&mut self) {
        if self.is_sent && !self.is_expected {
            self.expect(ExpectResponse::usual(self.answered_as), None);
        }
        (self.is_sent, self.is_expected) = (false, false);
    }
}

/// What the script says itself, and the rest of the option; fields are taken together.
fn completed(send: &HttpSend, option: &HttpSend) -> HttpSend {
    HttpSend {
        method: send.method.as_ref().or(option.method.as_ref()).cloned(),
        uri: send.uri.as_ref().or(option.uri.as_ref()).cloned(),
        version: send.version.or(option.version),
        fields: if send.fields.is_empty() { option.fields.clone() } else { send.fields.clone() },
        body: send.body.as_ref().or(option.body.as_ref()).cloned(),
        comment: send.comment.clone(),
    }
}
