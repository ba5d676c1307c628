//! The actions of `http-request`, `http-response` and `http-after-response` (configuration.txt §4.3).

use crate::fetch::Speaker;
use crate::keywords::effects::EffectName;

/// The rulesets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ruleset {
    Request,
    Response,
    AfterResponse,
}

/// The actions that are read, without their arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keyword {
    AddAcl,
    AddHeader,
    Allow,
    Auth,
    DelAcl,
    DelHeader,
    DelMap,
    Deny,
    Effect(EffectName),
    Redirect,
    Reject,
    ReplaceHeader,
    ReplacePath,
    ReplacePathq,
    ReplaceUri,
    ReplaceValue,
    Return,
    SetHeader,
    SetMap,
    SetMethod,
    SetPath,
    SetPathq,
    SetQuery,
    SetStatus,
    SetUri,
    SilentDrop,
    StrictMode,
    Tarpit,
    UseService,
    WaitForBody,
}

/// In which rulesets an action is known: those on requests, on responses, and behind responses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct In(bool, bool, bool);

const ALL: In = In(true, true, true);
const BOTH: In = In(true, true, false);
const REQUEST: In = In(true, false, false);
const RESPONSE: In = In(false, true, false);
const RESPONSES: In = In(false, true, true);

/// Every action of HAProxy's; `None`: refused unread.
pub(crate) const ACTIONS: &[(&str, In, Option<Keyword>)] = &[
    ("add-acl", ALL, Some(Keyword::AddAcl)),
    ("add-header", ALL, Some(Keyword::AddHeader)),
    ("allow", ALL, Some(Keyword::Allow)),
    ("auth", REQUEST, Some(Keyword::Auth)),
    ("cache-store", RESPONSE, None),
    ("cache-use", REQUEST, None),
    ("capture", ALL, Some(Keyword::Effect(EffectName::Capture))),
    ("del-acl", ALL, Some(Keyword::DelAcl)),
    ("del-header", ALL, Some(Keyword::DelHeader)),
    ("del-headers-bin", ALL, None),
    ("del-map", ALL, Some(Keyword::DelMap)),
    ("deny", BOTH, Some(Keyword::Deny)),
    ("disable-l7-retry", REQUEST, None),
    ("do-log", ALL, None),
    ("do-resolve", REQUEST, None),
    ("early-hint", REQUEST, None),
    ("lua", BOTH, None),
    ("normalize-uri", REQUEST, None),
    ("ot-group", ALL, None),
    ("pause", BOTH, None),
    ("redirect", BOTH, Some(Keyword::Redirect)),
    ("reject", REQUEST, Some(Keyword::Reject)),
    ("replace-header", ALL, Some(Keyword::ReplaceHeader)),
    ("replace-path", REQUEST, Some(Keyword::ReplacePath)),
    ("replace-pathq", REQUEST, Some(Keyword::ReplacePathq)),
    ("replace-uri", REQUEST, Some(Keyword::ReplaceUri)),
    ("replace-value", ALL, Some(Keyword::ReplaceValue)),
    ("return", BOTH, Some(Keyword::Return)),
    ("sc-add-gpc", ALL, None),
    ("sc-inc-gpc", ALL, None),
    ("sc-inc-gpc0", ALL, None),
    ("sc-inc-gpc1", ALL, None),
    ("sc-set-gpt", ALL, None),
    ("sc-set-gpt0", ALL, None),
    ("send-spoe-group", BOTH, None),
    ("set-bandwidth-limit", BOTH, None),
    ("set-bc-mark", REQUEST, None),
    ("set-bc-tos", REQUEST, None),
    ("set-cookie-fmt", RESPONSE, None),
    ("set-dst", REQUEST, Some(Keyword::Effect(EffectName::SetDst))),
    ("set-dst-port", REQUEST, Some(Keyword::Effect(EffectName::SetDstPort))),
    ("set-fc-mark", BOTH, None),
    ("set-fc-tos", BOTH, None),
    ("set-header", ALL, Some(Keyword::SetHeader)),
    ("set-headers-bin", ALL, None),
    ("set-log-level", ALL, Some(Keyword::Effect(EffectName::SetLogLevel))),
    ("set-map", ALL, Some(Keyword::SetMap)),
    ("set-mark", BOTH, None),
    ("set-method", REQUEST, Some(Keyword::SetMethod)),
    ("set-nice", BOTH, None),
    ("set-path", REQUEST, Some(Keyword::SetPath)),
    ("set-pathq", REQUEST, Some(Keyword::SetPathq)),
    ("set-priority-class", REQUEST, None),
    ("set-priority-offset", REQUEST, None),
    ("set-query", REQUEST, Some(Keyword::SetQuery)),
    ("set-retries", REQUEST, None),
    ("set-src", REQUEST, Some(Keyword::Effect(EffectName::SetSrc))),
    ("set-src-port", REQUEST, Some(Keyword::Effect(EffectName::SetSrcPort))),
    ("set-status", RESPONSES, Some(Keyword::SetStatus)),
    ("set-timeout", BOTH, None),
    ("set-tos", BOTH, None),
    ("set-uri", REQUEST, Some(Keyword::SetUri)),
    ("set-var", ALL, Some(Keyword::Effect(EffectName::SetVar))),
    ("set-var-fmt", ALL, Some(Keyword::Effect(EffectName::SetVarFmt))),
    ("silent-drop", BOTH, Some(Keyword::SilentDrop)),
    ("strict-mode", ALL, Some(Keyword::StrictMode)),
    ("tarpit", REQUEST, Some(Keyword::Tarpit)),
    ("track-sc0", BOTH, None),
    ("track-sc1", BOTH, None),
    ("track-sc2", BOTH, None),
    ("unset-var", ALL, Some(Keyword::Effect(EffectName::UnsetVar))),
    ("use-service", REQUEST, Some(Keyword::UseService)),
    ("wait-for-body", BOTH, Some(Keyword::WaitForBody)),
    ("wait-for-handshake", REQUEST, None),
];

impl Ruleset {
    /// The keyword of its lines.
    pub(crate) fn keyword(self) -> &'static str {
        match self {
            Ruleset::Request => "http-request",
            Ruleset::Response => "http-response",
            Ruleset::AfterResponse => "http-after-response",
        }
    }

    /// Whose message it is about.
    pub(crate) fn speaker(self) -> Speaker {
        match self {
            Ruleset::Request => Speaker::Client,
            Ruleset::Response | Ruleset::AfterResponse => Speaker::Server,
        }
    }

    /// Its actions.
    pub(crate) fn actions(self) -> impl Iterator<Item = (&'static str, Option<Keyword>)> {
        let is_known = move |In(request, response, after): In| match self {
            Ruleset::Request => request,
            Ruleset::Response => response,
            Ruleset::AfterResponse => after,
        };
        ACTIONS.iter().filter(move |(_, known, _)| is_known(*known)).map(|&(name, _, keyword)| (name, keyword))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_sorted() {
        assert!(ACTIONS.is_sorted_by(|one, next| one.0 < next.0));
    }
}
