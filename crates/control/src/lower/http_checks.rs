//! Checks that speak HTTP: `option httpchk` and the `http-check` lines become a script.

use super::Lowering;
use super::checks::{Greeting, status};
use check::{Action, ExpectResponse, HttpVersion, Pattern, Request, Script, ScriptBuilder, Timeouts, Wanted};
use config::{CheckExpect, HttpCheck, HttpPattern, HttpScript, HttpSend, Proxy};
use proxyline::Version;

impl Lowering<'_> {
    pub(super) fn http_script(
        &mut self,
        proxy: &Proxy,
        greeting: &Greeting,
        timeouts: Timeouts,
        owner: &str,
    ) -> Option<Script> {
        let settings = &proxy.settings;
        let mut steps = Steps::new(greeting.header, &settings.http_script);
        for step in &settings.http_script.steps {
            match &step.value {
                HttpCheck::Comment(text) => steps.builder.comment(text),
                HttpCheck::Connect(connect) => {
                    let action = Action::Connect(self.connect(connect, greeting, owner)?);
                    steps.expect_something();
                    steps.builder.step(action, connect.comment.as_deref());
                }
                HttpCheck::Send(send) => steps.send(send),
                HttpCheck::Expect(expect) => {
                    steps.send_something();
                    let response = self.expected_response(expect, &steps.sent)?;
                    steps.expect(response, expect.comment.as_deref());
                }
            }
        }
        steps.send_something();
        steps.expect_something();
        Some(Script { disables_on_404: settings.disables_on_404, ..steps.builder.build(timeouts) })
    }

    fn expected_response(&mut self, expect: &CheckExpect<HttpPattern>, request: &Request) -> Option<ExpectResponse> {
        let wanted = match &expect.pattern {
            HttpPattern::Status(ranges) => Wanted::Status(ranges.iter().map(|&(first, last)| first..=last).collect()),
            HttpPattern::StatusRegex(expression) => Wanted::StatusRegex(self.regex(expression, "http-check expect")?),
            HttpPattern::String(text) => Wanted::Content(Pattern::Text(text.as_bytes().to_vec())),
            HttpPattern::Regex(expression) => {
                Wanted::Content(Pattern::Regex(self.regex(expression, "http-check expect")?))
            }
        };
        let usual = ExpectResponse::new(wanted, request.answered_as());
        Some(ExpectResponse {
            is_inverse: expect.is_inverse,
            received_least: expect.received_least.map(|least| least as usize),
            on_match: status(&expect.ok_status).unwrap_or(usual.on_match),
            on_mismatch: status(&expect.error_status).unwrap_or(usual.on_mismatch),
            on_timeout: status(&expect.timeout_status).unwrap_or(usual.on_timeout),
            praise: expect.on_success.as_deref().map(Into::into),
            blame: expect.on_error.as_deref().map(Into::into),
            ..usual
        })
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
    /// The last request.
    sent: Request,
}

impl<'a> Steps<'a> {
    fn new(header: Option<Version>, script: &'a HttpScript) -> Steps<'a> {
        Steps {
            builder: ScriptBuilder::new(header),
            option: &script.request,
            is_first_sent: false,
            is_sent: false,
            is_expected: false,
            sent: Request::default(),
        }
    }

    fn send(&mut self, send: &HttpSend) {
        self.sent = if self.is_first_sent { request(send) } else { request(&completed(send, self.option)) };
        self.builder.step(Action::Send(self.sent.bytes().into()), send.comment.as_deref());
        (self.is_first_sent, self.is_sent) = (true, true);
    }

    /// Expectations come after a request, be it that of the option.
    fn send_something(&mut self) {
        if !self.is_sent {
            self.send(&HttpSend::default());
        }
    }

    fn expect(&mut self, response: ExpectResponse, comment: Option<&str>) {
        self.builder.step(Action::ExpectResponse(response), comment);
        self.is_expected = true;
    }

    /// Every request is followed by an expectation, be it the usual one. Behind it a new connection may begin.
    fn expect_something(&mut self) {
        if self.is_sent && !self.is_expected {
            self.expect(ExpectResponse::usual(self.sent.answered_as()), None);
        }
        (self.is_sent, self.is_expected) = (false, false);
    }
}

/// The first request of a script is that of the option, but for what the script says itself; fields are taken together.
fn completed(send: &HttpSend, option: &HttpSend) -> HttpSend {
    let or = |own: &Option<String>, usual: &Option<String>| own.as_ref().or(usual.as_ref()).cloned();
    HttpSend {
        method: or(&send.method, &option.method),
        uri: or(&send.uri, &option.uri),
        version: send.version.or(option.version),
        fields: if send.fields.is_empty() { option.fields.clone() } else { send.fields.clone() },
        body: or(&send.body, &option.body),
        comment: send.comment.clone(),
    }
}

fn request(send: &HttpSend) -> Request {
    let usual = Request::default();
    Request {
        method: send.method.clone().unwrap_or(usual.method),
        uri: send.uri.clone().unwrap_or(usual.uri),
        version: send.version.map_or(usual.version, |version| match version {
            config::HttpVersion::Http10 => HttpVersion::Http10,
            config::HttpVersion::Http11 => HttpVersion::Http11,
        }),
        fields: send.fields.clone(),
        body: send.body.clone().unwrap_or_default().into_bytes(),
    }
}
