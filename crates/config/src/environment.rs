//! Environment variables as the caller provides them: this crate never looks at the process.

use std::collections::HashMap;

/// Looks up `$NAME`. `None` means unset, which is not the same as empty (`${NAME-default}`).
pub trait Environment {
    fn var(&self, name: &str) -> Option<String>;
}

impl Environment for HashMap<String, String> {
    fn var(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}

impl<F: Fn(&str) -> Option<String>> Environment for F {
    fn var(&self, name: &str) -> Option<String> {
        self(name)
    }
}
