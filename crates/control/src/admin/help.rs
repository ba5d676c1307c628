//! What operators are told of the commands: all that they may say, and those that are like what they said.

use super::client::Answer;
use super::commands::{Call, Spec, table};
use super::master;
use super::realm::Realm;
use config::Access;

/// Commands that every list of them ends with.
const ALWAYS: [&str; 3] = ["help", "prompt", "quit"];

/// The most commands that are proposed to somebody who misspelled one.
const NEAREST_MOST: usize = 5;

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

pub(super) fn unknown(words: &[String], access: Access, realm: Realm) -> String {
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
    table(Realm::Worker).filter(is_always).for_each(|spec| text.push_str(&spec.line()));
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
        let all = table(Realm::Worker).chain(table(Realm::Master));
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
