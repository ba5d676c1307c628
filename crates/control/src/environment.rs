//! What `$NAME` stands for in a configuration: the process's environment, and the variables that HAProxy adds to it
//! (configuration.txt §2.4).

use crate::load::Files;
use config::{COMPATIBLE_VERSION, Environment};
use std::path::PathBuf;

/// The environment of a configuration that is read from `files`.
pub(crate) fn of(files: &Files) -> impl Environment + use<> {
    let names: Vec<String> = files.paths.iter().map(PathBuf::as_path).map(|path| path.display().to_string()).collect();
    let cfgfiles = names.join(";");
    let local_peer = files.local_peer.clone().unwrap_or_else(host_name);
    let is_master = files.is_master;
    move |name: &str| match name {
        "HAPROXY_MWORKER" if is_master => Some("1".into()),
        "HAPROXY_CFGFILES" => Some(cfgfiles.clone()),
        "HAPROXY_LOCALPEER" => Some(local_peer.clone()),
        "HAPROXY_BRANCH" => Some(branch()),
        name => std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()),
    }
}

/// `3.4` of `3.4.0`.
fn branch() -> String {
    COMPATIBLE_VERSION.rsplit_once('.').map_or(COMPATIBLE_VERSION, |(branch, _)| branch).to_owned()
}

fn host_name() -> String {
    nix::sys::utsname::uname().map(|name| name.nodename().to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_haproxy_adds() {
        let paths = vec!["a.cfg".into(), "conf.d".into()];
        let local_peer = Some("me".into());
        let environment = of(&Files { paths, local_peer, is_master: true, master_socket: None });
        let seen =
            ["HAPROXY_CFGFILES", "HAPROXY_LOCALPEER", "HAPROXY_BRANCH", "HAPROXY_MWORKER", "TIDEGATE_UNSET_IN_TESTS"];
        let seen = seen.map(|name| environment.var(name));
        assert_eq!(seen, [Some("a.cfg;conf.d".into()), Some("me".into()), Some("3.4".into()), Some("1".into()), None]);
    }
}
