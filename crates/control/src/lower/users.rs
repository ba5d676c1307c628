//! Users: each list once, however many rules ask it.

use super::Lowering;
use std::sync::Arc;
use table::{Password, User, Userlist};

impl Lowering<'_> {
    /// The list of this name, which was checked to exist.
    pub(super) fn userlist(&mut self, name: &str) -> Arc<Userlist> {
        if let Some(known) = self.userlists.get(name) {
            return Arc::clone(known);
        }
        let lists = self.config.userlists.iter();
        let list = lists.filter(|list| list.name.value == name).map(userlist).next();
        let list = Arc::new(list.unwrap_or(Userlist { users: Vec::new() }));
        self.userlists.insert(name.to_owned(), Arc::clone(&list));
        list
    }
}

/// Groups may name their users, and users their groups.
fn userlist(list: &config::Userlist) -> Userlist {
    let lowered = |user: &config::User| {
        let has =
            |group: &&config::Group| group.users.contains(&user.name.value) || user.groups.contains(&group.name.value);
        User {
            name: user.name.as_str().into(),
            password: match &user.password {
                config::Password::Plain(text) => Password::Plain(text.as_str().into()),
                config::Password::Hash(hash) => Password::Hash(hash.as_str().into()),
            },
            groups: list.groups.iter().filter(has).map(|group| group.name.as_str().into()).collect(),
        }
    };
    Userlist { users: list.users.iter().map(lowered).collect() }
}
