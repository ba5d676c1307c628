//! What one check does, step by step: the words of `tcp-check` (CFG 4.2) as values.
//!
//! A check without a script of its own is a script of one step, a connect that nobody wrote.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use proxyline::Version;
use tls::Connector;

use crate::{ExpectResponse, Formula, Pattern, Request, Status, Text};

/// What a check consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Not empty; the first one connects.
    pub steps: Arc<[Step]>,
    /// Whether texts say which step failed: scripts of the operator's do, presets have no steps to speak of.
    pub names_steps: bool,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// A response with status 404 says that the server wants nobody new (`http-check disable-on-404`).
    pub disables_on_404: bool,
}

/// The settings that bound a check (CFG 4.2, `timeout check`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// `inter` of the server: the bound of the whole check unless `check` is set.
    pub inter: Duration,
    /// `timeout connect` of the backend; it counts only when `check` is set.
    pub connect: Option<Duration>,
    /// `timeout check` of the backend: the bound of what follows the connection.
    pub check: Option<Duration>,
}

/// One line of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub action: Action,
    /// The number that texts name, from 1, comments counted; 0 for a connect that nobody wrote.
    pub number: u32,
    /// `comment` on the line itself.
    pub comment: Option<Arc<str>>,
    /// The `tcp-check comment` line before it, if there is one.
    pub remark: Option<Arc<str>>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Opens a connection, after closing the one before.
    Connect(Connect),
    /// Sends these bytes, and forgets what was received before.
    Send(Arc<[u8]>),
    /// The same with a request of HTTP/1, which is made when its time has come.
    Ask(Arc<Request>),
    /// Keeps or forgets a variable.
    CarryOut(Formula),
    /// Receives until it is clear whether the server said what was expected.
    Expect(Expect),
    /// The same, of a server that speaks HTTP/1.
    ExpectResponse(ExpectResponse),
    /// Receives a line, which is the outcome: an agent's, for [`Report`](crate::Report).
    HearLine,
    /// Receives to the end of the server's bytes and drops them, so that the close is one that the server expects. Nothing that
    /// happens here changes the outcome.
    HearOut,
}

/// Where to connect, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connect {
    /// Another address than the check's.
    pub ip: Option<IpAddr>,
    /// Another port than the check's.
    pub port: Option<u16>,
    /// The PROXY header that goes out once connected; `None` sends nothing.
    pub proxy: Option<Version>,
    /// What the connection is encrypted by, behind that; `None`: it is in clear.
    pub tls: Option<Tls>,
    /// How the connection is closed in the end.
    pub ending: Ending,
}

/// TLS with a server that is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    pub connector: Connector,
    /// The host that it is asked for.
    pub name: Option<Arc<str>>,
}

/// How a connection is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// With a reset, so that neither side keeps it in TIME_WAIT.
    #[default]
    Reset,
    /// In order (`linger`).
    Orderly,
}

/// What the server is expected to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    pub pattern: Pattern,
    /// `!`: it must not say this.
    pub is_inverse: bool,
    /// `min-recv`: how much must have come before a mismatch is one; `None` waits until the check's time is over.
    pub received_least: Option<usize>,
    /// `ok-status`, told if this is the last step.
    pub on_match: Status,
    /// `error-status`.
    pub on_mismatch: Status,
    /// `tout-status`.
    pub on_timeout: Status,
    /// What to say when it matched and is the last step.
    pub praise: Saying,
    /// What to say when it did not match.
    pub blame: Saying,
    /// The first three bytes of the answer are a code in digits.
    pub has_code: bool,
    /// `status-code`: what is told as the code, once it is clear what came.
    pub code: Option<Formula>,
}

/// Where the text about a step comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saying {
    /// The default: `(tcp-check)`, or what was not found at which step; presets say nothing.
    Usual,
    /// `on-success` or `on-error`.
    Text(Text),
    /// The first line of what was received, from this byte on and without leading blanks.
    Line { from: usize },
}

impl Script {
    /// A check that connects and is content (`check` alone).
    pub fn connect_only(proxy: Option<Version>, timeouts: Timeouts) -> Script {
        ScriptBuilder::new(proxy).build(timeouts)
    }

    /// The connect that nobody wrote, if there is one, has this TLS.
    pub fn secured(mut self, tls: Option<Tls>) -> Script {
        if let Some(Step { action: Action::Connect(connect), number: 0, .. }) =
            Arc::make_mut(&mut self.steps).first_mut()
        {
            connect.tls = tls;
        }
        self
    }
}

/// Puts a script together, line by line.
#[derive(Clone, Debug)]
pub struct ScriptBuilder {
    steps: Vec<Step>,
    number_next: u32,
    names_steps: bool,
    remark: Option<Arc<str>>,
    /// How a connect that nobody wrote greets the server.
    default_connect: Connect,
}

impl ScriptBuilder {
    /// A preset, or no script at all; `proxy` is how the server is greeted where nobody says it.
    pub fn new(proxy: Option<Version>) -> ScriptBuilder {
        let default_connect = Connect { proxy, ..Connect::default() };
        ScriptBuilder { steps: Vec::new(), number_next: 1, names_steps: false, remark: None, default_connect }
    }

    /// As [`new`](Self::new), with an orderly close.
    pub fn lingering(proxy: Option<Version>) -> ScriptBuilder {
        let mut builder = ScriptBuilder::new(proxy);
        builder.default_connect.ending = Ending::Orderly;
        builder
    }

    /// The operator's own (`option tcp-check`).
    pub fn naming_steps(proxy: Option<Version>) -> ScriptBuilder {
        ScriptBuilder { names_steps: true, ..ScriptBuilder::new(proxy) }
    }

    /// `tcp-check comment`: a step that does nothing, and says what the next ones are about.
    pub fn comment(&mut self, text: &str) {
        self.number_next += 1;
        self.remark = Some(text.into());
    }

    pub fn step(&mut self, action: Action, comment: Option<&str>) {
        let number = self.number_next;
        self.number_next += 1;
        let comment: Option<Arc<str>> = comment.map(Into::into);
        let remark = comment.clone().or_else(|| self.remark.clone());
        self.steps.push(Step { action, number, comment, remark });
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.step(Action::Send(bytes.into()), None);
    }

    /// The script; without a connect before everything else it gets one that has no number.
    ///
    /// Variables that are kept before the first connect are kept behind it: until it stands nobody asks for them.
    pub fn build(mut self, timeouts: Timeouts) -> Script {
        let is_kept = |step: &&Step| matches!(step.action, Action::CarryOut(_));
        let kept_count = self.steps.iter().take_while(is_kept).count();
        if let Some(Step { action: Action::Connect(_), .. }) = self.steps.get(kept_count) {
            self.steps[..=kept_count].rotate_right(1);
        } else {
            let action = Action::Connect(self.default_connect);
            self.steps.insert(0, Step { action, number: 0, comment: None, remark: None });
        }
        Script { steps: self.steps.into(), names_steps: self.names_steps, timeouts, disables_on_404: false }
    }
}

impl Timeouts {
    /// When a connection that is begun at `begun_at` must stand.
    pub(crate) fn connect_deadline(self, begun_at: Duration) -> Duration {
        match (self.check, self.connect) {
            (Some(_), Some(connect)) => begun_at.saturating_add(connect.min(self.inter)),
            (Some(_), None) => begun_at.saturating_add(self.inter),
            (None, _) => self.inter,
        }
    }

    /// When what follows a connection must be done.
    pub(crate) fn exchange_deadline(self, connected_at: Duration) -> Duration {
        match self.check {
            Some(check) => connected_at.saturating_add(check),
            None => self.inter,
        }
    }
}

impl Expect {
    /// `tcp-check expect PATTERN` without anything else.
    pub fn new(pattern: Pattern) -> Expect {
        Expect {
            pattern,
            is_inverse: false,
            received_least: None,
            on_match: Status::Layer7Passed,
            on_mismatch: Status::Layer7Invalid,
            on_timeout: Status::Layer7TimedOut,
            praise: Saying::Usual,
            blame: Saying::Usual,
            has_code: false,
            code: None,
        }
    }
}
