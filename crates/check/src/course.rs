//! How one check goes: a machine that runs a script, in plain bytes.
//!
//! ```text
//!              ┌──────────────── next step ──────────────────────────────┐
//!              ▼                                                         │
//!   Connecting ──Connected──▶ Greeting ──Sent (all)──▶ Securing ──▶ (step done) ──▶ Sending, Receiving ──▶ (step done)
//!       │                     (PROXY header)           (TLS)             │              ▲  │ Received: not clear yet
//!       │                                                                │              └──┘
//!       └── failure, deadline, mismatch ──▶ Finished ◀───────────────────┘ no step left
//! ```
//!
//! All times are counted from the beginning of the check.
//!
//! **Invariant:** once it is finished, the outcome does not change.

use std::sync::Arc;
use std::time::Duration;

use proxyline::{Addresses, Header, encode_local};

use crate::formula::NoFormulas;
use crate::http::{ExpectResponse, Verdict};
use crate::probe::{Event, Next};
use crate::script::{Action, Connect, Expect, Saying, Script, Step, Tls};
use crate::{Errno, Formula, Formulas, Outcome, Status};

/// What is kept of what a server says between two sends; a pattern that needs more is not found.
const INPUT_MOST: usize = 16 * 1024;

/// What is to be done for a [`Course`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask<'a> {
    /// I/O; sends and receives are of plain bytes.
    Io(Next<'a>),
    /// Begin TLS on the connection that there is: answer with [`Course::on_secured`] or [`Course::on_not_secured`].
    Secure(&'a Tls),
}

/// One check under way, as it looks from within its TLS.
#[derive(Debug)]
pub(crate) struct Course {
    script: Script,
    formulas: Box<dyn Formulas>,
    /// The step at work.
    at: usize,
    phase: Phase,
    /// When the present phase must be over.
    deadline: Duration,
    /// What the server said since the last send.
    input: Vec<u8>,
    is_input_ended: bool,
    /// The last code that an expectation found.
    code: u16,
    /// A response with status 404 will do: the server may stop, and is in use until then.
    takes_404: bool,
}

#[derive(Debug)]
enum Phase {
    Connecting,
    /// **Invariant:** `sent < header.len()`.
    Greeting {
        header: Header,
        sent: usize,
    },
    /// TLS is under way.
    Securing,
    /// **Invariant:** `sent < bytes.len()`.
    Sending {
        bytes: Arc<[u8]>,
        sent: usize,
    },
    Receiving,
    Finished(Outcome),
}

impl Course {
    /// A check that begins now; [`next`](Probe::next) says how.
    ///
    /// Panics when the script does not begin with a connect, which its builder sees to.
    pub(crate) fn new(script: Script) -> Course {
        assert!(matches!(script.steps.first(), Some(Step { action: Action::Connect(_), .. })));
        let deadline = script.timeouts.connect_deadline(Duration::ZERO);
        let phase = Phase::Connecting;
        let (formulas, input) = (Box::new(NoFormulas), Vec::new());
        Course { script, formulas, at: 0, phase, deadline, input, is_input_ended: false, code: 0, takes_404: false }
    }

    /// The script has formulas, and this is who knows them.
    pub(crate) fn with_formulas(self, formulas: Box<dyn Formulas>) -> Course {
        Course { formulas, ..self }
    }

    /// The server is not down: only then may it ask to be left alone (CFG 4.2, `http-check disable-on-404`).
    pub(crate) fn of_server_in_use(self) -> Course {
        Course { takes_404: self.script.disables_on_404, ..self }
    }

    /// What is to be done.
    pub(crate) fn next(&self) -> Ask<'_> {
        Ask::Io(match (&self.phase, &self.step().action) {
            (Phase::Finished(outcome), _) => Next::Finish(outcome),
            (Phase::Connecting, Action::Connect(connect)) => Next::Connect(connect),
            (Phase::Greeting { header, sent }, _) => Next::Send(&header[*sent..]),
            (Phase::Securing, Action::Connect(Connect { tls: Some(tls), .. })) => return Ask::Secure(tls),
            (Phase::Sending { bytes, sent }, _) => Next::Send(&bytes[*sent..]),
            (Phase::Receiving, _) => Next::Receive,
            (Phase::Connecting | Phase::Securing, action) => {
                unreachable!("no phase of {action:?}")
            }
        })
    }

    /// When to report `DeadlineReached`; `None` once the check is over. It moves when a connection stands.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        match self.phase {
            Phase::Finished(_) => None,
            Phase::Connecting | Phase::Greeting { .. } | Phase::Securing | Phase::Sending { .. } | Phase::Receiving => {
                Some(self.deadline)
            }
        }
    }

    /// Takes what happened at `elapsed`.
    ///
    /// Once the check is over it changes nothing: what was under way may still report. Panics on an answer to
    /// something that was not asked for.
    pub(crate) fn handle(&mut self, elapsed: Duration, event: Event<'_>) {
        if !matches!(self.phase, Phase::Finished(_)) {
            match event {
                Event::Connected(connection) => self.on_connected(elapsed, connection),
                Event::ConnectFailed(errno) => self.fail(elapsed, Status::Layer4Failed, errno.network_words()),
                Event::SocketFailed(errno) => self.fail(elapsed, Status::SocketFailed, errno.system_words()),
                Event::Sent(count) => self.on_sent(elapsed, count),
                Event::Received(bytes) => self.on_received(elapsed, bytes),
                Event::Ended => self.on_ended(elapsed),
                Event::Broken(errno) => self.on_broken(elapsed, errno),
                Event::DeadlineReached => self.on_late(elapsed),
            }
        }
    }

    /// The server's TLS stands.
    pub(crate) fn on_secured(&mut self, elapsed: Duration) {
        assert!(matches!(self.phase, Phase::Securing));
        self.deadline = self.script.timeouts.exchange_deadline(elapsed);
        self.step_done(elapsed);
    }

    /// It came to nothing; `words` say why.
    pub(crate) fn on_not_secured(&mut self, elapsed: Duration, words: String) {
        assert!(matches!(self.phase, Phase::Securing));
        self.fail(elapsed, Status::Layer6Invalid, words);
    }

    fn on_connected(&mut self, elapsed: Duration, connection: Option<Addresses>) {
        let Action::Connect(connect) = &self.step().action else { panic!("connected without being asked to") };
        assert!(matches!(self.phase, Phase::Connecting));
        let (proxy, is_secure) = (connect.proxy, connect.tls.is_some());
        // The time of a connect is that of its TLS, too.
        if !is_secure {
            self.deadline = self.script.timeouts.exchange_deadline(elapsed);
        }
        match proxy {
            Some(version) => self.phase = Phase::Greeting { header: encode_local(version, connection), sent: 0 },
            None => self.on_introduced(elapsed),
        }
    }

    /// The PROXY header is sent, or there is none.
    fn on_introduced(&mut self, elapsed: Duration) {
        match self.is_secure() {
            true => self.phase = Phase::Securing,
            false => self.step_done(elapsed),
        }
    }

    /// Whether the step is a connect with TLS.
    fn is_secure(&self) -> bool {
        matches!(self.step().action, Action::Connect(Connect { tls: Some(_), .. }))
    }

    fn on_sent(&mut self, elapsed: Duration, count: usize) {
        let (sent, total) = match &mut self.phase {
            Phase::Greeting { header, sent } => (sent, header.len()),
            Phase::Sending { bytes, sent } => (sent, bytes.len()),
            phase @ (Phase::Connecting | Phase::Securing | Phase::Receiving | Phase::Finished(_)) => {
                panic!("sent in {phase:?}")
            }
        };
        *sent += count;
        assert!(*sent <= total);
        if *sent < total {
            return;
        }
        match self.phase {
            Phase::Greeting { .. } => self.on_introduced(elapsed),
            Phase::Connecting | Phase::Securing | Phase::Sending { .. } | Phase::Receiving | Phase::Finished(_) => {
                self.step_done(elapsed);
            }
        }
    }

    fn on_received(&mut self, elapsed: Duration, bytes: &[u8]) {
        assert!(matches!(self.phase, Phase::Receiving));
        if matches!(self.step().action, Action::HearOut) {
            return;
        }
        let room = INPUT_MOST - self.input.len();
        self.input.extend_from_slice(&bytes[..bytes.len().min(room)]);
        // Nothing of what comes now can be kept: it is judged by what there is.
        self.is_input_ended |= self.input.len() == INPUT_MOST;
        self.judge(elapsed);
    }

    fn on_ended(&mut self, elapsed: Duration) {
        assert!(matches!(self.phase, Phase::Receiving));
        self.is_input_ended = true;
        match self.step().action {
            Action::HearOut => self.step_done(elapsed),
            Action::Connect(_)
            | Action::Send(_)
            | Action::Ask(_)
            | Action::CarryOut(_)
            | Action::Expect(_)
            | Action::ExpectResponse(_)
            | Action::HearLine => self.judge(elapsed),
        }
    }

    /// An error behind bytes is only their end: servers that have answered may well reset.
    fn on_broken(&mut self, elapsed: Duration, errno: Errno) {
        let is_heard_out = matches!(self.step().action, Action::HearOut);
        match &self.phase {
            Phase::Receiving if is_heard_out || !self.input.is_empty() => self.on_ended(elapsed),
            Phase::Greeting { .. } => self.fail(elapsed, Status::Layer4Failed, errno.network_words()),
            Phase::Receiving | Phase::Sending { .. } => self.fail(elapsed, Status::SocketFailed, errno.to_string()),
            Phase::Connecting | Phase::Securing | Phase::Finished(_) => panic!("nothing was under way"),
        }
    }

    fn on_late(&mut self, elapsed: Duration) {
        match (&self.phase, &self.step().action) {
            (Phase::Receiving, Action::HearOut) => self.step_done(elapsed),
            (
                Phase::Receiving,
                Action::Expect(Expect { on_timeout, .. }) | Action::ExpectResponse(ExpectResponse { on_timeout, .. }),
            ) => self.fail(elapsed, *on_timeout, String::new()),
            (Phase::Connecting | Phase::Greeting { .. }, _) => {
                self.fail(elapsed, Status::Layer4TimedOut, String::new());
            }
            (Phase::Securing, _) => self.fail(elapsed, Status::Layer6TimedOut, String::new()),
            (Phase::Sending { .. } | Phase::Receiving, _) => self.fail(elapsed, Status::Layer7TimedOut, String::new()),
            (Phase::Finished(_), _) => unreachable!("a check that is over has no deadline"),
        }
    }

    fn step_done(&mut self, elapsed: Duration) {
        match self.script.steps.get(self.at + 1) {
            Some(_) => {
                self.at += 1;
                self.begin_step(elapsed);
            }
            None => self.pass(elapsed),
        }
    }

    fn begin_step(&mut self, elapsed: Duration) {
        match &self.script.steps[self.at].action {
            Action::Connect(_) => {
                self.forget_input();
                self.deadline = self.script.timeouts.connect_deadline(elapsed);
                self.phase = Phase::Connecting;
            }
            Action::Send(bytes) if bytes.is_empty() => self.step_done(elapsed),
            Action::Send(bytes) => self.begin_to_send(Arc::clone(bytes)),
            Action::Ask(request) => {
                let bytes = request.bytes(&mut *self.formulas, &self.input);
                self.begin_to_send(bytes.into());
            }
            Action::CarryOut(formula) => {
                self.formulas.carry_out(*formula, &self.input);
                self.step_done(elapsed);
            }
            Action::Expect(_) | Action::ExpectResponse(_) | Action::HearLine => {
                self.phase = Phase::Receiving;
                if !self.input.is_empty() || self.is_input_ended {
                    self.judge(elapsed);
                }
            }
            Action::HearOut if self.is_input_ended => self.step_done(elapsed),
            Action::HearOut => self.phase = Phase::Receiving,
        }
    }

    fn begin_to_send(&mut self, bytes: Arc<[u8]>) {
        self.forget_input();
        self.phase = Phase::Sending { bytes, sent: 0 };
    }

    fn forget_input(&mut self) {
        self.input.clear();
        self.is_input_ended = false;
    }

    /// Whether what was received is what was expected, as far as that is clear already.
    fn judge(&mut self, elapsed: Duration) {
        let step = self.step().clone();
        match &step.action {
            Action::Expect(expect) => self.judge_bytes(elapsed, &step, expect),
            Action::ExpectResponse(expect) => self.judge_response(elapsed, &step, expect),
            Action::HearLine => self.judge_line(elapsed, &step),
            Action::Connect(_) | Action::Send(_) | Action::Ask(_) | Action::CarryOut(_) | Action::HearOut => {
                panic!("nothing was expected")
            }
        }
    }

    fn judge_response(&mut self, elapsed: Duration, step: &Step, expect: &ExpectResponse) {
        match expect.judge(&self.input, self.is_input_ended, self.takes_404, &mut *self.formulas) {
            Verdict::Open => {}
            Verdict::Fits { code } => {
                self.code = code;
                self.step_done(elapsed);
            }
            Verdict::Unfit { status, code, info } => {
                self.code = code;
                self.look_for_code(expect.code);
                self.finish(elapsed, status, with_comment(info, step));
            }
        }
    }

    /// What was not said to the end of a line may be half a word.
    fn judge_line(&mut self, elapsed: Duration, step: &Step) {
        let line = self.input.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        if line.len() < self.input.len() {
            let line = line.to_vec();
            return self.finish(elapsed, Status::Unchanged, line);
        }
        match (self.is_input_ended, self.input.is_empty()) {
            (false, _) => {}
            (true, true) => {
                let text = format!("TCPCHK got an empty response at step {}", step.number);
                self.finish(elapsed, Status::Layer7Invalid, text.into_bytes());
            }
            (true, false) => {
                self.finish(elapsed, Status::Layer7TimedOut, b"Ignoring incomplete line from agent".to_vec());
            }
        }
    }

    fn judge_bytes(&mut self, elapsed: Duration, step: &Step, expect: &Expect) {
        if self.input.is_empty() && self.is_input_ended {
            let text = format!("TCPCHK got an empty response at step {}", step.number);
            return self.finish(elapsed, expect.on_mismatch, with_comment(text.into_bytes(), step));
        }
        let least = expect.pattern.size_least().max(expect.received_least.unwrap_or(0));
        if self.input.len() < least && !self.is_input_ended {
            return;
        }
        let is_found = expect.pattern.is_in(&self.input);
        if !is_found && !self.is_input_ended && expect.received_least.is_none() {
            return;
        }
        if expect.has_code {
            self.code = code(&self.input);
        }
        if is_found == expect.is_inverse {
            let info = self.blame(step, expect, is_found);
            self.look_for_code(expect.code);
            return self.finish(elapsed, expect.on_mismatch, info);
        }
        self.step_done(elapsed);
    }

    /// `status-code`: what is told as the code.
    fn look_for_code(&mut self, formula: Option<Formula>) {
        let code = formula.and_then(|formula| self.formulas.number(formula, &self.input));
        self.code = code.map_or(self.code, |code| code as u16);
    }

    /// What is said of a mismatch.
    fn blame(&mut self, step: &Step, expect: &Expect, is_found: bool) -> Vec<u8> {
        match &expect.blame {
            Saying::Text(text) => with_comment(text.now(&mut *self.formulas, &self.input).into_owned(), step),
            Saying::Line { from } => first_line(&self.input, *from),
            Saying::Usual if self.script.names_steps => {
                let what = if is_found { "matched unwanted content" } else { "did not match content" };
                let text = format!("TCPCHK {what} {} at step {}", expect.pattern.unmatched(), step.number);
                with_comment(text.into_bytes(), step)
            }
            Saying::Usual => Vec::new(),
        }
    }

    /// No step is left.
    fn pass(&mut self, elapsed: Duration) {
        let usual = if self.script.names_steps { b"(tcp-check)".to_vec() } else { Vec::new() };
        let last = self.script.steps.iter().rev().find(|step| !matches!(step.action, Action::HearOut)).cloned();
        let (status, info) = match last.as_ref().map(|step| &step.action) {
            Some(Action::Expect(expect)) => {
                let info = match &expect.praise {
                    Saying::Usual => usual,
                    Saying::Text(text) => text.now(&mut *self.formulas, &self.input).into_owned(),
                    Saying::Line { from } => first_line(&self.input, *from),
                };
                self.look_for_code(expect.code);
                (expect.on_match, info)
            }
            Some(Action::ExpectResponse(_)) if self.takes_404 && self.code == 404 => {
                (Status::Layer7PassedConditionally, Vec::new())
            }
            Some(Action::ExpectResponse(expect)) => {
                let praise = expect.praise.as_ref().map(|text| text.now(&mut *self.formulas, &self.input).into_owned());
                self.look_for_code(expect.code);
                (expect.on_match, praise.unwrap_or_default())
            }
            Some(Action::Connect(connect)) => {
                let status = if connect.tls.is_some() { Status::Layer6Passed } else { Status::Layer4Passed };
                let is_written = last.as_ref().is_some_and(|step| step.number > 0);
                (status, if is_written { usual } else { Vec::new() })
            }
            Some(Action::CarryOut(_)) => {
                self.code = 0;
                (Status::Layer7Passed, usual)
            }
            Some(Action::Send(_) | Action::Ask(_) | Action::HearLine | Action::HearOut) | None => {
                (Status::Layer7Passed, usual)
            }
        };
        self.finish(elapsed, status, info);
    }

    /// Ends on what the world did; `words` say what that was.
    fn fail(&mut self, elapsed: Duration, status: Status, words: String) {
        let place = if self.script.names_steps { self.place() } else { String::new() };
        self.finish(elapsed, status, format!("{words}{place}").into_bytes());
    }

    /// Where in the operator's script it is: ` at step 2 of tcp-check (expect string 'OK') comment: 'the greeting'`.
    fn place(&self) -> String {
        let step = &self.script.steps[self.waits_at()];
        let what = match &step.action {
            Action::Connect(_) if step.number == 0 => return " at initial connection step of tcp-check".into(),
            Action::Connect(Connect { port: Some(port), .. }) => format!("connect port {port}"),
            Action::Connect(_) => "connect".into(),
            Action::Send(_) | Action::Ask(_) => "send".into(),
            Action::CarryOut(_) => "action".into(),
            Action::Expect(expect) => format!("expect {}", expect.pattern),
            Action::ExpectResponse(_) => "expect response".into(),
            Action::HearLine => "expect line".into(),
            Action::HearOut => "expect end".into(),
        };
        let remark = step.remark.as_ref().map(|remark| format!(" comment: '{remark}'")).unwrap_or_default();
        format!(" at step {} of tcp-check ({what}){remark}", step.number)
    }

    /// Expectations in a row look at the same bytes: HAProxy names the first of them while it waits.
    fn waits_at(&self) -> usize {
        let is_expect = |at: &usize| matches!(self.script.steps[*at].action, Action::Expect(_));
        if !is_expect(&self.at) {
            return self.at;
        }
        (0..=self.at).rev().take_while(is_expect).last().unwrap_or(self.at)
    }

    fn finish(&mut self, duration: Duration, status: Status, info: Vec<u8>) {
        let code = if status.has_code() { self.code } else { 0 };
        self.phase = Phase::Finished(Outcome { status, code, info, duration });
    }

    fn step(&self) -> &Step {
        &self.script.steps[self.at]
    }
}

fn with_comment(mut text: Vec<u8>, step: &Step) -> Vec<u8> {
    if let Some(comment) = &step.comment {
        text.extend_from_slice(b" comment: ");
        text.extend_from_slice(comment.as_bytes());
    }
    text
}

/// Three digits in front, as SMTP and its kin begin their answers (RFC 5321 §4.2).
fn code(said: &[u8]) -> u16 {
    let digits = said.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn first_line(said: &[u8], from: usize) -> Vec<u8> {
    let text = said.get(from..).unwrap_or_default();
    let start = if from > 0 { text.iter().take_while(|&&byte| byte == b' ').count() } else { 0 };
    let line = text[start..].iter().copied().take_while(|byte| !matches!(byte, b'\r' | b'\n'));
    line.collect()
}
