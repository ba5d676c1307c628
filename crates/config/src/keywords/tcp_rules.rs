//! The actions of `tcp-request` and `tcp-response` rules (configuration.txt §4.3).

use crate::fetch::Speaker;
use crate::keywords::effects::EffectName;
use crate::place::Place;
use crate::tree::{TcpAction, TcpResponseAction};

/// What an action means to Tidegate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Meaning<A> {
    Served(A),
    /// It lets the next rule be asked.
    Effect(EffectName),
    /// Known to HAProxy, and refused unread.
    Refused,
}

/// Every action of HAProxy's `tcp-request` rules, without its arguments.
pub(crate) const ACTIONS: &[(&str, Meaning<TcpAction>)] = &[
    ("accept", Meaning::Served(TcpAction::Accept)),
    ("attach-srv", Meaning::Refused),
    ("capture", Meaning::Effect(EffectName::Capture)),
    ("close", Meaning::Refused),
    ("del-acl", Meaning::Refused),
    ("do-log", Meaning::Refused),
    ("do-resolve", Meaning::Refused),
    ("expect-netscaler-cip", Meaning::Refused),
    ("expect-proxy", Meaning::Refused),
    ("lua", Meaning::Refused),
    ("reject", Meaning::Served(TcpAction::Reject)),
    ("sc-add-gpc", Meaning::Refused),
    ("sc-inc-gpc", Meaning::Refused),
    ("sc-inc-gpc0", Meaning::Refused),
    ("sc-inc-gpc1", Meaning::Refused),
    ("sc-set-gpt", Meaning::Refused),
    ("sc-set-gpt0", Meaning::Refused),
    ("send-spoe-group", Meaning::Refused),
    ("set-bandwidth-limit", Meaning::Refused),
    ("set-bc-mark", Meaning::Refused),
    ("set-bc-tos", Meaning::Refused),
    ("set-dst", Meaning::Effect(EffectName::SetDst)),
    ("set-dst-port", Meaning::Effect(EffectName::SetDstPort)),
    ("set-fc-mark", Meaning::Refused),
    ("set-fc-tos", Meaning::Refused),
    ("set-log-level", Meaning::Effect(EffectName::SetLogLevel)),
    ("set-mark", Meaning::Refused),
    ("set-nice", Meaning::Refused),
    ("set-priority-class", Meaning::Refused),
    ("set-priority-offset", Meaning::Refused),
    ("set-retries", Meaning::Refused),
    ("set-src", Meaning::Effect(EffectName::SetSrc)),
    ("set-src-port", Meaning::Effect(EffectName::SetSrcPort)),
    ("set-tos", Meaning::Refused),
    ("set-var", Meaning::Effect(EffectName::SetVar)),
    ("set-var-fmt", Meaning::Effect(EffectName::SetVarFmt)),
    ("silent-drop", Meaning::Served(TcpAction::Drop)),
    ("switch-mode", Meaning::Refused),
    ("track-sc0", Meaning::Refused),
    ("unset-var", Meaning::Effect(EffectName::UnsetVar)),
    ("use-service", Meaning::Refused),
];

/// Every action of HAProxy's `tcp-response content` rules, without its arguments.
pub(crate) const RESPONSE_ACTIONS: &[(&str, Meaning<TcpResponseAction>)] = &[
    ("accept", Meaning::Served(TcpResponseAction::Accept)),
    ("close", Meaning::Served(TcpResponseAction::Close)),
    ("del-acl", Meaning::Refused),
    ("do-log", Meaning::Refused),
    ("lua", Meaning::Refused),
    ("ot-group", Meaning::Refused),
    ("reject", Meaning::Served(TcpResponseAction::Reject)),
    ("sc-add-gpc", Meaning::Refused),
    ("sc-inc-gpc", Meaning::Refused),
    ("sc-inc-gpc0", Meaning::Refused),
    ("sc-inc-gpc1", Meaning::Refused),
    ("sc-set-gpt", Meaning::Refused),
    ("sc-set-gpt0", Meaning::Refused),
    ("send-spoe-group", Meaning::Refused),
    ("set-bandwidth-limit", Meaning::Refused),
    ("set-fc-mark", Meaning::Refused),
    ("set-fc-tos", Meaning::Refused),
    ("set-log-level", Meaning::Refused),
    ("set-mark", Meaning::Refused),
    ("set-nice", Meaning::Refused),
    ("set-tos", Meaning::Refused),
    ("set-var", Meaning::Effect(EffectName::SetVar)),
    ("set-var-fmt", Meaning::Effect(EffectName::SetVarFmt)),
    ("silent-drop", Meaning::Served(TcpResponseAction::Drop)),
    ("unset-var", Meaning::Effect(EffectName::UnsetVar)),
];

/// The lists of such rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TcpList {
    Connection,
    Session,
    /// On contents, of a section with a front.
    Content,
    BackContent,
    Response,
}

impl TcpList {
    /// How its lines begin.
    pub(crate) fn keyword(self) -> &'static str {
        match self {
            TcpList::Connection => "tcp-request connection",
            TcpList::Session => "tcp-request session",
            TcpList::Content | TcpList::BackContent => "tcp-request content",
            TcpList::Response => "tcp-response content",
        }
    }

    /// Whether it is asked before there is a stream that a line could tell of.
    pub(crate) fn is_early(self) -> bool {
        match self {
            TcpList::Connection | TcpList::Session => true,
            TcpList::Content | TcpList::BackContent | TcpList::Response => false,
        }
    }

    /// Whose bytes it is about.
    pub(crate) fn speaker(self) -> Speaker {
        match self {
            TcpList::Connection | TcpList::Session | TcpList::Content | TcpList::BackContent => Speaker::Client,
            TcpList::Response => Speaker::Server,
        }
    }

    pub(crate) fn place(self) -> Place {
        match self {
            TcpList::Connection => Place::Connection,
            TcpList::Session => Place::Session,
            TcpList::Content => Place::FrontContent,
            TcpList::BackContent => Place::BackContent,
            TcpList::Response => Place::Response,
        }
    }
}
