//! `userlist` sections: who may be whom (configuration.txt §12.1 "Userlists").

use crate::diagnostic::Diagnostic;
use crate::line::Line;
use crate::reports::Reports;
use crate::source::Spanned;

/// `userlist NAME`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Userlist {
    pub name: Spanned<String>,
    pub users: Vec<User>,
    pub groups: Vec<Group>,
}

/// `user NAME password|insecure-password TEXT [groups NAME,…]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    pub name: Spanned<String>,
    pub password: Password,
    pub groups: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Password {
    Plain(String),
    /// As `crypt(5)` has it, by one of its methods that are served.
    Hash(String),
}

/// `group NAME [users NAME,…]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    pub name: Spanned<String>,
    pub users: Vec<String>,
}

const METHODS: &str = "passwords are 'insecure-password', or hashes that begin with $5$ or $6$ (SHA-256, SHA-512)";

/// A line of the section.
pub(crate) fn line(line: Line<'_>, list: &mut Userlist, reports: &mut Reports) -> Result<(), Diagnostic> {
    match line.keyword() {
        "user" => user(line, list, reports),
        "group" => group(line, list),
        other => Err(line.alert(0, format!("unknown keyword '{other}' in 'userlist' section"))),
    }
}

fn user(line: Line<'_>, list: &mut Userlist, reports: &mut Reports) -> Result<(), Diagnostic> {
    let name = named(line, "user")?;
    if list.users.iter().any(|known| known.name.value == name.value) {
        let message = format!("'user': user '{}' already exists in userlist '{}'.", name.value, list.name.value);
        return Err(line.alert(1, message));
    }
    let (mut password, mut groups) = (None, Vec::new());
    let mut at = 2;
    while !line.word(at).is_empty() {
        let (word, value) = (line.word(at), line.word(at + 1));
        if value.is_empty() {
            return Err(line.alert(at, format!("'user': '{word}' expects an argument.")));
        }
        match word {
            "insecure-password" => password = Some(Password::Plain(value.to_string())),
            "password" if value.starts_with("$5$") || value.starts_with("$6$") => {
                password = Some(Password::Hash(value.to_string()));
            }
            "password" => {
                reports.refuse_with(line.span(at), "user password of this kind", METHODS);
                return Ok(());
            }
            "groups" => groups.extend(value.split(',').filter(|name| !name.is_empty()).map(str::to_string)),
            other => return Err(line.alert(at, format!("unknown keyword '{other}' in 'users' line."))),
        }
        at += 2;
    }
    // Without a password nobody can be that user.
    if let Some(password) = password {
        list.users.push(User { name, password, groups });
    }
    Ok(())
}

fn group(line: Line<'_>, list: &mut Userlist) -> Result<(), Diagnostic> {
    let name = named(line, "group")?;
    if list.groups.iter().any(|known| known.name.value == name.value) {
        let message = format!("'group': group '{}' already exists in userlist '{}'.", name.value, list.name.value);
        return Err(line.alert(1, message));
    }
    let users = match (line.word(2), line.word(3)) {
        ("", _) => Vec::new(),
        ("users", users) if !users.is_empty() => {
            users.split(',').filter(|name| !name.is_empty()).map(str::to_string).collect()
        }
        (other, _) => return Err(line.alert(2, format!("'group' only supports 'users' option (got '{other}')."))),
    };
    line.ends_at(4, "group")?;
    list.groups.push(Group { name, users });
    Ok(())
}

fn named(line: Line<'_>, keyword: &str) -> Result<Spanned<String>, Diagnostic> {
    match line.word(1) {
        "" => Err(line.alert(1, format!("'{keyword}' expects <name> as arguments."))),
        name => Ok(Spanned::new(name.to_string(), line.span(1))),
    }
}
