//! Commands that concern the client who says them and nobody else. Those of them that every socket has stand here as they stand in its
//! table.

use super::client::{Answer, Effect};
use super::commands::{Call, Run, Spec, spec};
use super::help;
use config::Access;

pub(super) const LEVEL: Spec =
    spec(&["show", "cli", "level"], "show cli level", "what this client may do", Access::User, Run::Client(level));
pub(super) const OPERATOR: Spec =
    spec(&["operator"], "operator", "be no more than an operator from now on", Access::Operator, Run::Client(operator));
pub(super) const USER: Spec =
    spec(&["user"], "user", "be no more than a user from now on", Access::User, Run::Client(user));
pub(super) const HELP: Spec =
    spec(&["help"], "help [<command>]", "these commands, or those like a word", Access::User, Run::Client(help::help));
pub(super) const PROMPT: Spec = spec(
    &["prompt"],
    "prompt [i|n]",
    "go on after an answer, with a prompt, or no longer",
    Access::User,
    Run::Client(prompt),
);
pub(super) const QUIT: Spec = spec(&["quit"], "quit", "end the conversation", Access::User, Run::Client(quit));

pub(super) fn level(call: &Call<'_>) -> Answer {
    format!("{}\n", call.access.word()).into()
}

pub(super) fn operator(_: &Call<'_>) -> Answer {
    Answer::with(Effect::Lower(Access::Operator))
}

pub(super) fn user(_: &Call<'_>) -> Answer {
    Answer::with(Effect::Lower(Access::User))
}

pub(super) fn quit(_: &Call<'_>) -> Answer {
    Answer::with(Effect::End)
}

pub(super) fn prompt(call: &Call<'_>) -> Answer {
    match call.word(0) {
        "" => Answer::with(Effect::TogglePrompt),
        "i" => Answer::with(Effect::SetPrompt(true)),
        "n" => Answer::with(Effect::SetPrompt(false)),
        _ => "'prompt' only supports 'i' and 'n'.\n".into(),
    }
}

/// HAProxy 3's, without its condition, which is about servers that are to be deleted. Without a unit the delay is in milliseconds.
pub(super) fn wait(call: &Call<'_>) -> Answer {
    match (call.word(0), call.word(1), config::time(call.word(0))) {
        ("" | "-h", ..) | (_, "-h", _) => "Usage: wait {-h|<duration>}\n".into(),
        (_, "", Ok(delay)) => Answer::with(Effect::Wait(delay)),
        (_, "", Err(_)) => "Invalid duration.\n".into(),
        (..) => "Conditions are not supported.\n".into(),
    }
}

pub(super) fn expert_mode(call: &Call<'_>) -> Answer {
    match call.word(0) {
        "" => "expert-mode is OFF\n".into(),
        "off" => Answer::default(),
        _ => "There are no commands for experts.\n".into(),
    }
}

/// Without a unit the delay is in seconds here, unlike in the file (`management.txt` §9.3).
pub(super) fn set_timeout(call: &Call<'_>) -> Answer {
    if call.word(0) != "cli" {
        return "'set timeout' only supports 'cli'.\n".into();
    }
    let word = call.word(1);
    let seconds = word.parse::<u64>().ok().map(std::time::Duration::from_secs);
    match seconds.or_else(|| config::time(word).ok().filter(|_| !word.is_empty())) {
        Some(delay) if !delay.is_zero() => Answer::with(Effect::SetTimeout(delay)),
        Some(_) => "Invalid timeout value.\n".into(),
        None if word.is_empty() => "Expects an integer value.\n".into(),
        None => "Invalid timeout value.\n".into(),
    }
}
