//! Where a condition stands, and what can be asked there (configuration.txt §7.3: "sample fetches … are only available").

use crate::acl::{Condition, Expression, Test};
use crate::fetch::{ContentPart, CookieForm, Credential, Fetch, FieldForm, MessagePart, Number, Part, Speaker};
use crate::tree::{Proxy, Role};

/// The rule that a condition belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Connection,
    Session,
    /// `tcp-request content` of a frontend.
    FrontContent,
    /// `tcp-request content` of a backend.
    BackContent,
    UseBackend,
    UseServer,
    /// `ignore-persist` and `force-persist`.
    Persist,
    /// `tcp-response content` of a backend.
    Response,
    /// `http-request` and `redirect` of a frontend.
    FrontRequest,
    BackRequest,
    HttpResponse,
    AfterResponse,
}

impl Place {
    /// HAProxy's name of it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Place::Connection => "frontend tcp-request connection rule",
            Place::Session => "frontend tcp-request session rule",
            Place::FrontContent => "frontend tcp-request content rule",
            Place::BackContent | Place::Persist => "backend tcp-request content rule",
            Place::UseBackend => "frontend use-backend rule",
            Place::UseServer => "backend use-server, balance or stick-match rule",
            Place::Response => "backend tcp-response content rule",
            Place::FrontRequest => "frontend http-request header rule",
            Place::BackRequest => "backend http-request header rule",
            Place::HttpResponse | Place::AfterResponse => "backend http-response header rule",
        }
    }

    /// How HAProxy names the line within a sentence.
    pub(crate) fn within(self) -> &'static str {
        match self {
            Place::Connection => " in 'tcp-request connection'",
            Place::Session => " in 'tcp-request session'",
            Place::FrontContent | Place::BackContent => " in 'tcp-request content'",
            Place::Response => " in 'tcp-response content'",
            Place::FrontRequest | Place::BackRequest => " in 'http-request'",
            Place::HttpResponse => " in 'http-response'",
            Place::AfterResponse => " in 'http-after-response'",
            Place::UseBackend | Place::UseServer | Place::Persist => "",
        }
    }

    fn hears_client(self) -> bool {
        match self {
            Place::Connection | Place::Session | Place::Response | Place::HttpResponse | Place::AfterResponse => false,
            Place::FrontContent
            | Place::BackContent
            | Place::FrontRequest
            | Place::BackRequest
            | Place::UseBackend
            | Place::UseServer
            | Place::Persist => true,
        }
    }

    /// Whether there is a connection to a server.
    fn has_server(self) -> bool {
        match self {
            Place::Response | Place::HttpResponse | Place::AfterResponse => true,
            Place::Connection
            | Place::Session
            | Place::FrontContent
            | Place::BackContent
            | Place::FrontRequest
            | Place::BackRequest
            | Place::UseBackend
            | Place::UseServer
            | Place::Persist => false,
        }
    }

    fn has_backend(self) -> bool {
        match self {
            Place::Connection | Place::Session | Place::FrontContent | Place::FrontRequest | Place::UseBackend => false,
            Place::BackContent
            | Place::BackRequest
            | Place::UseServer
            | Place::Persist
            | Place::Response
            | Place::HttpResponse
            | Place::AfterResponse => true,
        }
    }
}

impl Proxy {
    /// All conditions, each with its place.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = (Place, &Condition)> {
        let content = if self.role == Role::Backend { Place::BackContent } else { Place::FrontContent };
        let lists = [
            (Place::Connection, &self.tcp.connection),
            (Place::Session, &self.tcp.session),
            (content, &self.tcp.content),
        ];
        let of_rules =
            lists.into_iter().flat_map(|(place, rules)| rules.iter().map(move |rule| (place, &rule.condition)));
        let routes = self.rules.iter().map(|rule| (Place::UseBackend, &rule.condition));
        let optional = of_rules.chain(routes).filter_map(|(place, condition)| Some((place, condition.as_ref()?)));
        let of_responses =
            self.tcp.response.iter().filter_map(|rule| Some((Place::Response, rule.condition.as_ref()?)));
        let on_requests = if self.role == Role::Backend { Place::BackRequest } else { Place::FrontRequest };
        let lists = [
            (on_requests, &self.http.request),
            (on_requests, &self.http.redirects),
            (on_requests, &self.stats_rules),
            (Place::HttpResponse, &self.http.response),
            (Place::AfterResponse, &self.http.after_response),
        ];
        let of_http =
            lists.into_iter().flat_map(|(place, rules)| rules.iter().map(move |rule| (place, &rule.condition)));
        let of_http = of_http.filter_map(|(place, condition)| Some((place, condition.as_ref()?)));
        optional
            .chain(of_http)
            .chain(self.monitor_fail.iter().map(|condition| (Place::FrontRequest, condition)))
            .chain(self.stats_admin.iter().map(move |condition| (on_requests, &condition.value)))
            .chain(of_responses)
            .chain(self.use_servers.iter().map(|rule| (Place::UseServer, &rule.condition)))
            .chain(self.persist_rules.iter().map(|rule| (Place::Persist, &rule.condition)))
    }
}

impl Test {
    /// Whether it asks for what is not there in such a rule.
    pub(crate) fn conflicts_with(&self, place: Place) -> bool {
        self.fetch().is_some_and(|fetch| fetch.conflicts_with(place))
    }

    /// The name of a fetch that [`conflicts_with`](Self::conflicts_with) some rules.
    pub(crate) fn keyword(&self) -> &'static str {
        match self.fetch() {
            Some(Fetch::Payload(speaker, part)) => keyword_of(*speaker, *part),
            Some(Fetch::Message(part)) => message_keyword(part),
            Some(Fetch::BackendName) => "be_name",
            Some(Fetch::BackTls(_)) => "ssl_bc",
            Some(Fetch::Number(_)) => "be_id",
            Some(Fetch::Address(_) | Fetch::FrontendName | Fetch::Text(_) | Fetch::Tls(_) | Fetch::Announced(_))
            | Some(Fetch::Variable(_) | Fetch::VariableOr(..) | Fetch::Octets(_) | Fetch::Random(_) | Fetch::Uuid)
            | Some(Fetch::Session(_) | Fetch::Hostname | Fetch::Environment(_) | Fetch::WaitEnd)
            | None => "",
        }
    }

    pub(crate) fn fetch(&self) -> Option<&Fetch> {
        match self {
            Test::Sample { expression: Expression { fetch, .. }, .. } => Some(fetch),
            Test::Unserved => None,
        }
    }
}

impl Fetch {
    /// Whether it is not there in such a rule.
    pub(crate) fn conflicts_with(&self, place: Place) -> bool {
        match self {
            Fetch::Payload(Speaker::Client, _) => !place.hears_client(),
            Fetch::Payload(Speaker::Server, _) => place != Place::Response,
            Fetch::Message(part) => match part.speaker() {
                Speaker::Client => !place.hears_client(),
                Speaker::Server => !matches!(place, Place::HttpResponse | Place::AfterResponse),
            },
            Fetch::BackendName | Fetch::Number(Number::BackendId) => !place.has_backend(),
            Fetch::BackTls(_) => !place.has_server(),
            Fetch::Address(_)
            | Fetch::Number(_)
            | Fetch::FrontendName
            | Fetch::Text(_)
            | Fetch::Tls(_)
            | Fetch::Announced(_)
            | Fetch::Variable(_)
            | Fetch::VariableOr(..)
            | Fetch::Octets(_)
            | Fetch::Random(_)
            | Fetch::Uuid
            | Fetch::Session(_)
            | Fetch::Hostname
            | Fetch::Environment(_)
            | Fetch::WaitEnd => false,
        }
    }

    /// The same for one that [`conflicts_with`](Self::conflicts_with) a rule on connections or contents.
    pub(crate) fn needs_in_rules(&self) -> &'static str {
        let is_of_line = matches!(self, Fetch::Message(MessagePart::Status | MessagePart::Version(Speaker::Server)));
        match (self.needs(), self) {
            _ if is_of_line => "HTTP response",
            (Some(needs), _) => needs,
            (None, Fetch::BackTls(_)) => "server-side connection",
            (None, Fetch::Message(_)) => "HTTP request headers",
            (None, _) => "backend",
        }
    }

    /// What must be at hand for it, in HAProxy's words; nothing where it can be asked until a session is told of.
    pub(crate) fn needs(&self) -> Option<&'static str> {
        match self {
            Fetch::Message(MessagePart::Method | MessagePart::Status) => None,
            Fetch::Message(part) => Some(match part.speaker() {
                Speaker::Client => "HTTP request headers",
                Speaker::Server => "HTTP response headers",
            }),
            Fetch::Payload(Speaker::Client, _) => Some("request buffer"),
            Fetch::Payload(Speaker::Server, _) => Some("response buffer"),
            Fetch::Address(_)
            | Fetch::Number(_)
            | Fetch::FrontendName
            | Fetch::BackendName
            | Fetch::Text(_)
            | Fetch::Tls(_)
            | Fetch::Announced(_)
            | Fetch::BackTls(_)
            | Fetch::Variable(_)
            | Fetch::VariableOr(..)
            | Fetch::Octets(_)
            | Fetch::Random(_)
            | Fetch::Uuid
            | Fetch::Session(_)
            | Fetch::Hostname
            | Fetch::Environment(_)
            | Fetch::WaitEnd => None,
        }
    }
}

fn keyword_of(speaker: Speaker, part: Part) -> &'static str {
    let is_client = speaker == Speaker::Client;
    match part {
        Part::Length if is_client => "req.len",
        Part::Length => "res.len",
        Part::Slice { .. } if is_client => "req.payload",
        Part::Slice { .. } => "res.payload",
        Part::Counted { .. } if is_client => "req.payload_lv",
        Part::Counted { .. } => "res.payload_lv",
        Part::HelloType if is_client => "req.ssl_hello_type",
        Part::HelloType => "res.ssl_hello_type",
        Part::HelloVersion => "req.ssl_ver",
        Part::HelloName => "req.ssl_sni",
        Part::HelloProtocols => "req.ssl_alpn",
        Part::HelloCurves => "req.ssl_ec_ext",
        Part::HelloTicket => "req.ssl_st_ext",
        Part::Http => "req.proto_http",
    }
}

fn message_keyword(part: &MessagePart) -> &'static str {
    match part {
        MessagePart::Method => "method",
        MessagePart::Target => "url",
        MessagePart::Path => "path",
        MessagePart::PathAndQuery => "pathq",
        MessagePart::Query => "query",
        MessagePart::Base => "base",
        MessagePart::BaseAndQuery => "baseq",
        MessagePart::FieldNames(Speaker::Client, _) => "req.hdr_names",
        MessagePart::FieldNames(Speaker::Server, _) => "res.hdr_names",
        MessagePart::FieldLines(Speaker::Client) => "req.hdrs",
        MessagePart::FieldLines(Speaker::Server) => "res.hdrs",
        MessagePart::Credential(Credential::User) => "http_auth_user",
        MessagePart::Credential(Credential::Password) => "http_auth_pass",
        MessagePart::Credential(Credential::Scheme) => "http_auth_type",
        MessagePart::Credential(Credential::Bearer) => "http_auth_bearer",
        MessagePart::Version(Speaker::Client) => "req.ver",
        MessagePart::Version(Speaker::Server) => "res.ver",
        MessagePart::Status => "status",
        MessagePart::Cookie { speaker, form, .. } => match (speaker, form) {
            (Speaker::Client, CookieForm::Text) => "req.cook",
            (Speaker::Client, CookieForm::Count) => "req.cook_cnt",
            (Speaker::Client, CookieForm::Number) => "req.cook_val",
            (Speaker::Server, CookieForm::Text) => "res.cook",
            (Speaker::Server, CookieForm::Count) => "res.cook_cnt",
            (Speaker::Server, CookieForm::Number) => "res.cook_val",
        },
        MessagePart::Parameter(parameter) if parameter.is_number => "urlp_val",
        MessagePart::Parameter(_) => "url_param",
        MessagePart::Authorized(_) => "http_auth",
        MessagePart::Groups(_) => "http_auth_group",
        MessagePart::Content(speaker, part) => match (speaker, part) {
            (Speaker::Client, ContentPart::Octets) => "req.body",
            (Speaker::Client, ContentPart::Length) => "req.body_len",
            (Speaker::Client, ContentPart::Size) => "req.body_size",
            (_, ContentPart::Parameter(_)) => "req.body_param",
            (Speaker::Server, ContentPart::Octets) => "res.body",
            (Speaker::Server, ContentPart::Length) => "res.body_len",
            (Speaker::Server, ContentPart::Size) => "res.body_size",
        },
        MessagePart::Field { speaker: Speaker::Client, form, .. } => match form {
            FieldForm::Text => "req.hdr",
            FieldForm::Count => "req.hdr_cnt",
            FieldForm::Number => "req.hdr_val",
            FieldForm::Address => "req.hdr_ip",
        },
        MessagePart::Field { speaker: Speaker::Server, form, .. } => match form {
            FieldForm::Text => "res.hdr",
            FieldForm::Count => "res.hdr_cnt",
            FieldForm::Number => "res.hdr_val",
            FieldForm::Address => "res.hdr_ip",
        },
    }
}
