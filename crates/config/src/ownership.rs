//! Who owns the path of a unix socket, and who may connect: the same five parameters of `bind`, `stats socket` and `unix-bind`
//! (configuration.txt §5.1 "gid", "group", "mode", "uid", "user"; §3.1 "unix-bind").

use crate::diagnostic::Diagnostic;
use crate::line::Line;
use crate::source::Spanned;
use crate::tree::{Ownership, UnixBind};
use crate::value::natural;

/// Reads the parameter `name` with its `value`; `false` if it is none of these. `Err`: what is wrong with the value.
pub(crate) fn parameter(name: &str, value: Spanned<&str>, ownership: &mut Ownership) -> Result<bool, String> {
    let named = |what: &str| match value.value {
        "" => Err(format!("'{name}' : missing {what} name")),
        named => Ok(Some(Spanned::new(named.to_string(), value.span))),
    };
    let number = || natural(value.value).map(Some).ok_or_else(|| format!("'{name}' : missing value"));
    match name {
        "mode" => ownership.mode = Some(mode(value.value)?),
        "user" => ownership.user = named("user")?,
        "group" => ownership.group = named("group")?,
        "uid" => ownership.uid = number()?,
        "gid" => ownership.gid = number()?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn mode(word: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(word, 8).ok().filter(|mode| *mode <= 0o7777);
    mode.ok_or_else(|| format!("'mode' : missing or invalid mode '{word}' (octal integer expected)"))
}

/// `unix-bind [prefix PATH] [mode MODE] [user NAME|uid N] [group NAME|gid N]`
pub(crate) fn unix_bind(line: Line<'_>, unix_bind: &mut UnixBind) -> Result<(), Diagnostic> {
    let mut at = 1;
    while at < line.count() {
        let (name, value) = (line.word(at), Spanned::new(line.word(at + 1), line.span(at + 1)));
        if name == "prefix" {
            if unix_bind.prefix.is_some() {
                return Err(line.alert(at, "unix-bind 'prefix' already specified. Continuing."));
            }
            if value.value.is_empty() {
                return Err(line.alert(at + 1, "unix_bind 'prefix' expects a path as argument."));
            }
            unix_bind.prefix = Some(value.value.to_string());
        } else if !parameter(name, value, &mut unix_bind.ownership)
            .map_err(|message| line.alert(at + 1, format!("'unix-bind' : {message}")))?
        {
            let message = "'unix-bind' only supports the 'prefix', 'mode', 'uid', 'gid', 'user' and 'group' options.";
            return Err(line.alert(at, message));
        }
        at += 2;
    }
    Ok(())
}
