//! The commands of an admin socket: their words, who may say them, what carries them out.

use super::client::{Answer, Asked};
use super::desk::Desk;
use super::realm::Realm;
use super::sessions::Wanted;
use super::{
    authorities, certificates, change, configuration, errors, explain, frontends, latency, limits, lists, manners,
    master, server, tell,
};
use config::Access;
use table::{FrontendId, Standing};

/// One command.
pub(crate) struct Spec {
    /// Its words, without arguments.
    words: &'static [&'static str],
    /// How it is to be written, for `help`.
    usage: &'static str,
    doc: &'static str,
    /// Who may say it.
    access: Access,
    run: Run,
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
    spec(
        &["show", "cli", "level"],
        "show cli level",
        "what this client may do",
        Access::User,
        Run::Client(manners::level),
    ),
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
    spec(
        &["operator"],
        "operator",
        "be no more than an operator from now on",
        Access::Operator,
        Run::Client(manners::operator),
    ),
    spec(&["user"], "user", "be no more than a user from now on", Access::User, Run::Client(manners::user)),
    spec(
        &["set", "timeout"],
        "set timeout [cli] <delay>",
        "how long this client may be silent",
        Access::User,
        Run::Client(manners::set_timeout),
    ),
    spec(&["help"], "help [<command>]", "these commands, or those like a word", Access::User, Run::Client(help)),
    spec(
        &["prompt"],
        "prompt [i|n]",
        "go on after an answer, with a prompt, or no longer",
        Access::User,
        Run::Client(manners::prompt),
    ),
    spec(
        &["wait"],
        "wait <delay>",
        "let a while pass before the next command",
        Access::User,
        Run::Client(manners::wait),
    ),
    spec(&["quit"], "quit", "end the conversation", Access::User, Run::Client(manners::quit)),
];

/// Commands that every list of them ends with.
const ALWAYS: [&str; 3] = ["help", "prompt", "quit"];

/// The most commands that are proposed to somebody who misspelled one.
const NEAREST_MOST: usize = 5;

pub(super) const fn spec(
    words: &'static [&'static str],
    usage: &'static str,
    doc: &'static str,
    access: Access,
    run: Run,
) -> Spec {
    Spec { words, usage, doc, access, run }
}

/// What is answered.
pub(crate) enum Reply {
    Now(Answer),
    /// These sessions, once the shards have told of them.
    Sessions(Wanted),
    /// Nothing, once all listeners of this frontend have followed.
    Stand(FrontendId, Standing),
    /// How the next reading of the configuration went.
    Reload,
}

/// Answers a command.
pub(crate) fn answer(desk: &mut Desk<'_>, asked: &Asked) -> Reply {
    let words = &asked.command.words;
    let realm = asked.realm;
    let Some(spec) = find(words, realm) else { return Reply::Now(unknown(words, asked.access, realm).into()) };
    if asked.access < spec.access {
        return Reply::Now(DENIED.into());
    }
    let call = Call {
        arguments: &words[spec.words.len()..],
        payload: asked.command.payload.as_deref(),
        access: asked.access,
        realm,
    };
    match spec.run {
        Run::Desk(run) => Reply::Now(run(desk, &call)),
        Run::Client(run) => Reply::Now(run(&call)),
        Run::Reload => Reply::Reload,
        Run::Stand(standing) => match frontends::ordered(desk, &call, standing) {
            Ok(frontend) => Reply::Stand(frontend, standing),
            Err(message) => Reply::Now(message.into()),
        },
        Run::Sessions => match Wanted::of(desk.table, &call) {
            Ok(wanted) => Reply::Sessions(wanted),
            Err(message) => Reply::Now(message.into()),
        },
    }
}

/// Carries out a command of an operator who is known already, and answers what it says.
///
/// # Panics
/// There is no such command, or it is one that needs the shards.
pub(crate) fn command(desk: &mut Desk<'_>, words: Vec<String>) -> String {
    let spec = find(&words, Realm::Worker).expect("whoever asks knows the commands");
    let arguments = &words[spec.words.len()..];
    let call = Call { arguments, payload: None, access: Access::Admin, realm: Realm::Worker };
    match spec.run {
        Run::Desk(run) => run(desk, &call).text,
        Run::Client(run) => run(&call).text,
        Run::Sessions | Run::Stand(_) | Run::Reload => {
            unreachable!("shards and files are asked for clients of a socket alone")
        }
    }
}

pub(crate) const DENIED: &str = "Permission denied\n";

/// The command with the most words that `words` begin with.
fn find(words: &[String], realm: Realm) -> Option<&'static Spec> {
    table(realm).filter(|spec| spec.begins(words)).max_by_key(|spec| spec.words.len())
}

impl Spec {
    fn begins(&self, words: &[String]) -> bool {
        words.len() >= self.words.len() && self.common_count(words) == self.words.len()
    }

    /// How many words at the beginning are the same.
    fn common_count(&self, words: &[String]) -> usize {
        self.words.iter().zip(words).take_while(|(own, said)| *own == said).count()
    }

    fn line(&self) -> String {
        format!("  {:<40}: {}\n", self.usage, self.doc)
    }
}

fn table(realm: Realm) -> impl Iterator<Item = &'static Spec> {
    let tables: &[&[Spec]] = match realm {
        Realm::Worker => &[TABLE, lists::TABLE, certificates::TABLE, authorities::TABLE],
        Realm::Master => &[master::TABLE],
    };
    tables.iter().flat_map(|table| table.iter())
}

pub(super) fn help(call: &Call<'_>) -> Answer {
    let mut text = String::from("The following commands are valid at this level:\n");
    match call.arguments {
        [] => list(&mut text, permitted(call.access, call.realm)),
        words => list(&mut text, like(words, call.access, call.realm)),
    }
    if call.realm == Realm::Master {
        text.push_str(master::PREFIXES);
    }
    text.into()
}

fn unknown(words: &[String], access: Access, realm: Realm) -> String {
    if words.is_empty() {
        let mut text = String::from("Unknown command. Please enter one of the following commands only:\n");
        list(&mut text, permitted(access, realm));
        return text;
    }
    let mut text = String::from("Unknown command, but maybe one of the following ones is a better match:\n");
    list(&mut text, like(words, access, realm));
    text
}

fn permitted(access: Access, realm: Realm) -> Vec<&'static Spec> {
    table(realm).filter(|spec| spec.access <= access).collect()
}

fn list(text: &mut String, specs: Vec<&Spec>) {
    let is_always = |spec: &&Spec| ALWAYS.contains(&spec.words[0]);
    specs.into_iter().filter(|spec| !is_always(spec)).for_each(|spec| text.push_str(&spec.line()));
    TABLE.iter().filter(is_always).for_each(|spec| text.push_str(&spec.line()));
}

/// All that begin like `words`; if these say more than their beginning, those of them that are spelled most alike.
fn like(words: &[String], access: Access, realm: Realm) -> Vec<&'static Spec> {
    let common = permitted(access, realm).iter().map(|spec| spec.common_count(words)).max().unwrap_or(0);
    let mut near: Vec<&Spec> =
        permitted(access, realm).into_iter().filter(|spec| spec.common_count(words) == common).collect();
    let is_whole = common == words.len();
    if near.len() > NEAREST_MOST && !is_whole {
        let said = words.join(" ");
        near.sort_by_key(|spec| config::spelling_distance(&said, &spec.words.join(" ")));
        near.truncate(NEAREST_MOST);
    }
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn found(text: &str) -> Option<String> {
        find(&words(text), Realm::Worker).map(|spec| spec.words.join(" "))
    }

    #[test]
    fn the_longest_command_is_meant() {
        assert_eq!(found("show stat up").as_deref(), Some("show stat"));
        assert_eq!(found("show servers state be").as_deref(), Some("show servers state"));
        assert_eq!(found("show servers"), None);
        assert_eq!(found("show statistics"), None);
    }

    #[test]
    fn what_begins_alike_is_proposed() {
        let text = unknown(&words("show servers foo"), Access::User, Realm::Worker);
        let proposed: Vec<&str> = text.lines().skip(1).filter_map(|line| line.get(2..20)).collect();
        assert_eq!(proposed[..2], ["show servers conn ", "show servers state"]);
        assert_eq!(proposed.len(), 2 + ALWAYS.len());
        assert!(unknown(&words("sho stat"), Access::User, Realm::Worker).contains("  show stat ["));
    }

    #[test]
    fn lines_are_aligned() {
        let aligned = |spec: &Spec| spec.line().chars().nth(42) == Some(':') && spec.line().starts_with("  ");
        let all = TABLE.iter().chain(lists::TABLE).chain(certificates::TABLE).chain(authorities::TABLE);
        let all = all.chain(master::TABLE);
        let crooked: Vec<&str> = all.filter(|spec| !aligned(spec)).map(|spec| spec.usage).collect();
        assert_eq!(crooked, [""; 0]);
    }

    #[test]
    fn a_user_is_not_offered_what_it_may_not_do() {
        let Answer { text, .. } =
            help(&Call { arguments: &[], payload: None, access: Access::User, realm: Realm::Worker });
        assert!(text.contains("show info") && !text.contains("show env"), "{text}");
    }
}
