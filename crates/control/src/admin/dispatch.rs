//! From what a client says to the command that is meant, and to who carries it out.

use super::client::{Answer, Asked};
use super::commands::{Call, Run, Spec, table};
use super::desk::Desk;
use super::realm::Realm;
use super::sessions::Wanted;
use super::{frontends, help};
use config::Access;
use table::{FrontendId, Standing};

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
    let Some(spec) = find(words, realm) else { return Reply::Now(help::unknown(words, asked.access, realm).into()) };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        find(&words, Realm::Worker).map(|spec| spec.words.join(" "))
    }

    #[test]
    fn the_longest_command_is_meant() {
        assert_eq!(found("show stat up").as_deref(), Some("show stat"));
        assert_eq!(found("show servers state be").as_deref(), Some("show servers state"));
        assert_eq!(found("show servers"), None);
        assert_eq!(found("show statistics"), None);
    }
}
