//! The commands of an admin socket: their words, who may say them, what carries them out.

use super::client::Answer;
use super::desk::Desk;
use super::realm::Realm;
use super::{
    authorities, certificates, change, configuration, errors, explain, latency, limits, lists, manners, master, server,
    tell,
};
use config::Access;
use table::Standing;

/// One command.
pub(crate) struct Spec {
    /// Its words, without arguments.
    pub(super) words: &'static [&'static str],
    /// How it is to be written, for `help`.
    pub(super) usage: &'static str,
    pub(super) doc: &'static str,
    /// Who may say it.
    pub(super) access: Access,
    pub(super) run: Run,
}

/// What carries a command out.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// Reads, or changes, what control knows.
    Desk(fn(&mut Desk<'_>, &Call<'_>) -> Answer),
    /// Lists sessions, which only the shards know.
    Sessions,
    /// Makes a frontend stand so, on all shards.
    Stand(Standing),
    /// Reads the configuration again.
    Reload,
    /// Concerns nobody but the client.
    Client(fn(&Call<'_>) -> Answer),
}

/// A command as it was said.
pub(crate) struct Call<'a> {
    /// What stands behind the command's own words.
    pub(crate) arguments: &'a [String],
    /// What follows `<<`.
    pub(crate) payload: Option<&'a str>,
    pub(crate) access: Access,
    pub(crate) realm: Realm,
}

impl Call<'_> {
    /// The argument at this place; empty where there is none.
    pub(crate) fn word(&self, index: usize) -> &str {
        self.arguments.get(index).map_or("", String::as_str)
    }

    pub(crate) fn has(&self, word: &str) -> bool {
        self.arguments.iter().any(|argument| argument == word)
    }
}

/// Sorted by what they do to the process: what reads, then what changes, then what concerns the client.
const TABLE: &[Spec] = &[
    spec(
        &["show", "activity"],
        "show activity",
        "turns and connections of every shard",
        Access::Operator,
        Run::Desk(tell::activity),
    ),
    spec(&["show", "backend"], "show backend", "names of the backends", Access::User, Run::Desk(tell::backends)),
    manners::LEVEL,
    spec(&["show", "cli", "sockets"], "show cli sockets", "admin sockets", Access::User, Run::Desk(tell::sockets)),
    spec(
        &["show", "config"],
        "show config",
        "the configuration in force, as its files were",
        Access::Admin,
        Run::Desk(configuration::show),
    ),
    spec(
        &["show", "config", "diff"],
        "show config diff",
        "what the files say now that is not in force",
        Access::Admin,
        Run::Desk(configuration::diff),
    ),
    spec(
        &["show", "env"],
        "show env [var]",
        "environment of the process",
        Access::Operator,
        Run::Desk(tell::environment),
    ),
    spec(
        &["show", "errors"],
        "show errors [<px>] [request|response]",
        "requests and responses that could not be read",
        Access::Operator,
        Run::Desk(errors::show),
    ),
    spec(&["show", "info"], "show info [desc|json|typed]*", "the process", Access::User, Run::Desk(tell::info)),
    spec(
        &["show", "latency"],
        "show latency [<backend>[/<server>]]",
        "percentiles of queue, connect and total time, in ms",
        Access::User,
        Run::Desk(latency::show),
    ),
    spec(
        &["show", "servers", "conn"],
        "show servers conn [<backend>]",
        "connections of every server",
        Access::User,
        Run::Desk(tell::servers_conn),
    ),
    spec(
        &["show", "servers", "state"],
        "show servers state [<backend>]",
        "state of every server, as it can be loaded again",
        Access::User,
        Run::Desk(tell::servers_state),
    ),
    spec(
        &["show", "reloads"],
        "show reloads",
        "what the last reloads changed, and how long they took",
        Access::Operator,
        Run::Desk(tell::reloads),
    ),
    spec(
        &["show", "sess"],
        "show sess [help|<id>|<filter>]",
        "sessions, or some of them",
        Access::Operator,
        Run::Sessions,
    ),
    spec(
        &["show", "stat"],
        "show stat [desc|json|no-maint|typed|up]*",
        "counters of every proxy and server",
        Access::User,
        Run::Desk(tell::stat),
    ),
    spec(
        &["show", "version"],
        "show version",
        "version of HAProxy whose behaviour is followed",
        Access::User,
        Run::Client(tell::version),
    ),
    spec(
        &["explain"],
        "explain src=<ip> dst=<addr> [sni=<name>]",
        "what would become of a connection, and why",
        Access::Operator,
        Run::Desk(explain::explain),
    ),
    spec(
        &["clear", "counters"],
        "clear counters [all]",
        "forget what was most, or everything that was counted",
        Access::Operator,
        Run::Desk(change::clear_counters),
    ),
    spec(
        &["get", "weight"],
        "get weight <bk>/<srv>",
        "weight of a server, and what the file says",
        Access::User,
        Run::Desk(server::weight_of),
    ),
    spec(
        &["set", "weight"],
        "set weight <bk>/<srv> <weight>[%]",
        "change the weight of a server",
        Access::Admin,
        Run::Desk(server::set_weight),
    ),
    spec(
        &["set", "maxconn", "frontend"],
        "set maxconn frontend <frontend> <value>",
        "change how many connections a frontend takes",
        Access::Admin,
        Run::Desk(limits::set_frontend),
    ),
    spec(
        &["set", "maxconn", "global"],
        "set maxconn global <value>",
        "change how many connections the process takes",
        Access::Admin,
        Run::Desk(limits::set_process),
    ),
    spec(
        &["set", "maxconn", "server"],
        "set maxconn server <bk>/<srv> <value>",
        "change how many connections a server takes",
        Access::Admin,
        Run::Desk(server::set_maxconn),
    ),
    spec(
        &["set", "rate-limit"],
        "set rate-limit <setting> <value>",
        "change how many connections or sessions the process takes per second",
        Access::Admin,
        Run::Desk(limits::set_rate),
    ),
    spec(
        &["set", "server"],
        "set server <bk>/<srv> [opts]",
        "change the state, health, weight or address of a server",
        Access::Admin,
        Run::Desk(server::set),
    ),
    spec(
        &["enable", "server"],
        "enable server <bk>/<srv>",
        "let a server serve again",
        Access::Admin,
        Run::Desk(server::enable),
    ),
    spec(
        &["disable", "server"],
        "disable server <bk>/<srv>",
        "take a server out for maintenance",
        Access::Admin,
        Run::Desk(server::disable),
    ),
    spec(
        &["enable", "health"],
        "enable health <bk>/<srv>",
        "go on with the checks of a server",
        Access::Admin,
        Run::Desk(server::enable_health),
    ),
    spec(
        &["disable", "health"],
        "disable health <bk>/<srv>",
        "stop the checks of a server",
        Access::Admin,
        Run::Desk(server::disable_health),
    ),
    spec(
        &["enable", "agent"],
        "enable agent <bk>/<srv>",
        "go on with the agent checks of a server",
        Access::Admin,
        Run::Desk(server::enable_agent),
    ),
    spec(
        &["disable", "agent"],
        "disable agent <bk>/<srv>",
        "stop the agent checks of a server",
        Access::Admin,
        Run::Desk(server::disable_agent),
    ),
    spec(
        &["enable", "frontend"],
        "enable frontend <frontend>",
        "let a paused frontend take connections again",
        Access::Admin,
        Run::Stand(Standing::Open),
    ),
    spec(
        &["disable", "frontend"],
        "disable frontend <frontend>",
        "pause a frontend: it refuses connections",
        Access::Admin,
        Run::Stand(Standing::Paused),
    ),
    spec(
        &["shutdown", "frontend"],
        "shutdown frontend <frontend>",
        "stop a frontend until the next reload",
        Access::Admin,
        Run::Stand(Standing::Stopped),
    ),
    spec(
        &["shutdown", "session"],
        "shutdown session <id>",
        "end one session",
        Access::Admin,
        Run::Desk(server::shutdown_session),
    ),
    spec(
        &["shutdown", "sessions", "server"],
        "shutdown sessions server <bk>/<srv>",
        "end the sessions of a server",
        Access::Admin,
        Run::Desk(server::shutdown_sessions),
    ),
    spec(
        &["expert-mode"],
        "expert-mode [on|off]",
        "whether commands for experts may be said; there are none",
        Access::Admin,
        Run::Client(manners::expert_mode),
    ),
    manners::OPERATOR,
    manners::USER,
    spec(
        &["set", "timeout"],
        "set timeout [cli] <delay>",
        "how long this client may be silent",
        Access::User,
        Run::Client(manners::set_timeout),
    ),
    manners::HELP,
    manners::PROMPT,
    spec(
        &["wait"],
        "wait <delay>",
        "let a while pass before the next command",
        Access::User,
        Run::Client(manners::wait),
    ),
    manners::QUIT,
];

pub(super) const fn spec(
    words: &'static [&'static str],
    usage: &'static str,
    doc: &'static str,
    access: Access,
    run: Run,
) -> Spec {
    Spec { words, usage, doc, access, run }
}

impl Spec {
    pub(super) fn begins(&self, words: &[String]) -> bool {
        words.len() >= self.words.len() && self.common_count(words) == self.words.len()
    }

    /// How many words at the beginning are the same.
    pub(super) fn common_count(&self, words: &[String]) -> usize {
        self.words.iter().zip(words).take_while(|(own, said)| *own == said).count()
    }

    pub(super) fn line(&self) -> String {
        format!("  {:<40}: {}\n", self.usage, self.doc)
    }
}

/// The commands of a socket.
pub(super) fn table(realm: Realm) -> impl Iterator<Item = &'static Spec> {
    let tables: &[&[Spec]] = match realm {
        Realm::Worker => &[TABLE, lists::TABLE, certificates::TABLE, authorities::TABLE],
        Realm::Master => &[master::TABLE],
    };
    tables.iter().flat_map(|table| table.iter())
}
