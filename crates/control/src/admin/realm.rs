//! Whom a command on the master's socket is for (`management.txt` §9.4). There is one process, which answers as both.

use super::conversation::Command;

/// As whom the process answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Realm {
    /// As the process that serves: on admin sockets, and behind `@1` or `@!PID`.
    Worker,
    /// As the one that watches over it: on the socket of `-S`, and behind `@master`.
    Master,
}

/// A command, and what its prefix says of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Routed {
    To(Realm, Command),
    /// The prefix stands alone: what follows is for them.
    Stay(Realm),
    /// There is no such process.
    Nobody(String),
}

/// Takes the prefix off. Without one, the command is for `standard`.
pub(super) fn routed(mut command: Command, standard: Realm, pid: u32) -> Routed {
    let Some(prefix) = command.words.first().filter(|word| word.starts_with('@')) else {
        return Routed::To(standard, command);
    };
    let realm = match &prefix[1..] {
        "" | "master" => Realm::Master,
        "1" => Realm::Worker,
        name if name.strip_prefix('!').and_then(|number| number.parse().ok()) == Some(pid) => Realm::Worker,
        _ => return Routed::Nobody(format!("Can't find the target PID matching the prefix '{prefix}'\n")),
    };
    command.words.remove(0);
    if command.words.is_empty() { Routed::Stay(realm) } else { Routed::To(realm, command) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Routed) {
        let command = |line: &str| Command { words: line.split(' ').map(str::to_owned).collect(), payload: None };
        assert_eq!(routed(command(line), Realm::Master, 17), expected, "{line}");
    }

    fn to(realm: Realm, line: &str) -> Routed {
        Routed::To(realm, Command { words: line.split(' ').map(str::to_owned).collect(), payload: None })
    }

    /// As HAProxy 2.6 takes them.
    #[test]
    fn prefixes() {
        check("show proc", to(Realm::Master, "show proc"));
        check("@1 show info", to(Realm::Worker, "show info"));
        check("@!17 show info", to(Realm::Worker, "show info"));
        check("@master show proc", to(Realm::Master, "show proc"));
        check("@1", Routed::Stay(Realm::Worker));
        check("@", Routed::Stay(Realm::Master));
        for prefix in ["@2", "@!999", "@x", "@!"] {
            let message = format!("Can't find the target PID matching the prefix '{prefix}'\n");
            check(&format!("{prefix} show info"), Routed::Nobody(message));
        }
    }
}
