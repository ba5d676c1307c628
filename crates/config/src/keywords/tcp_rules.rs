//! The actions of `tcp-request` and `tcp-response` rules (configuration.txt §4.3).

use crate::tree::{TcpAction, TcpResponseAction};

/// What an action means to Tidegate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Meaning<A> {
    Served(A),
    /// Known to HAProxy, and refused unread.
    Refused,
}

/// Every action of HAProxy's `tcp-request` rules, without its arguments.
pub(crate) const ACTIONS: &[(&str, Meaning<TcpAction>)] = &[
    ("accept", Meaning::Served(TcpAction::Accept)),
    ("attach-srv", Meaning::Refused),
    ("capture", Meaning::Refused),
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
    ("set-dst", Meaning::Refused),
    ("set-dst-port", Meaning::Refused),
    ("set-fc-mark", Meaning::Refused),
    ("set-fc-tos", Meaning::Refused),
    ("set-log-level", Meaning::Refused),
    ("set-mark", Meaning::Refused),
    ("set-nice", Meaning::Refused),
    ("set-priority-class", Meaning::Refused),
    ("set-priority-offset", Meaning::Refused),
    ("set-retries", Meaning::Refused),
    ("set-src", Meaning::Refused),
    ("set-src-port", Meaning::Refused),
    ("set-tos", Meaning::Refused),
    ("set-var", Meaning::Refused),
    ("set-var-fmt", Meaning::Refused),
    ("silent-drop", Meaning::Served(TcpAction::Drop)),
    ("switch-mode", Meaning::Refused),
    ("track-sc0", Meaning::Refused),
    ("unset-var", Meaning::Refused),
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
    ("set-var", Meaning::Refused),
    ("set-var-fmt", Meaning::Refused),
    ("silent-drop", Meaning::Served(TcpResponseAction::Drop)),
    ("unset-var", Meaning::Refused),
];
