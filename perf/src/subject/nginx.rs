//! nginx with its `stream` module, as Debian configures it where the work does not say otherwise.

use std::{
    ffi::OsString,
    fmt::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use nix::sys::{
    resource::{Resource, getrlimit},
    signal::Signal,
};

use super::{Job, Subject, find, first_line};

/// Where distributions put the module when it is not compiled in.
const MODULES: [&str; 3] = [
    "/usr/lib/nginx/modules/ngx_stream_module.so",
    "/usr/lib64/nginx/modules/ngx_stream_module.so",
    "/usr/share/nginx/modules/ngx_stream_module.so",
];

/// A column of the table.
pub(super) struct Nginx;

impl Subject for Nginx {
    fn name(&self) -> &str {
        "nginx"
    }

    fn version(&self) -> Result<String> {
        let program = find("nginx").context("nginx is not installed")?;
        let configured = std::process::Command::new(&program).arg("-V").output().context("nginx -V")?;
        let has_stream =
            String::from_utf8_lossy(&configured.stderr).split_whitespace().any(|word| word == "--with-stream");
        ensure!(
            has_stream || module().is_some(),
            "nginx has no stream module (Debian: apt-get install libnginx-mod-stream)"
        );
        first_line(&program, "-v")
    }

    fn command(&self, job: &Job) -> Result<Option<Vec<OsString>>> {
        let program = find("nginx").context("nginx is not installed")?;
        let path = job.write("nginx.conf", &configuration(job)?)?;
        let mut prefix = job.directory.clone().into_os_string();
        prefix.push("/");
        Ok(Some(vec![program.into(), "-p".into(), prefix, "-c".into(), path.into(), "-e".into(), "stderr".into()]))
    }

    fn reload_signal(&self) -> Option<Signal> {
        Some(Signal::SIGHUP)
    }
}

fn configuration(job: &Job) -> Result<String> {
    let mut text = String::new();
    if let Some(module) = module() {
        writeln!(text, "load_module {};", module.display())?;
    }
    // Each relayed connection counts twice, and so do descriptors.
    let descriptors = usize::try_from(getrlimit(Resource::RLIMIT_NOFILE)?.1).unwrap_or(usize::MAX);
    let connections = (2 * job.connections + 200).min(descriptors);
    writeln!(
        text,
        "daemon off;\nworker_processes {};\npid {}/nginx.pid;\nerror_log stderr error;\n\
         events {{ worker_connections {connections}; }}",
        job.shards,
        job.directory.display()
    )?;
    text.push_str("stream {\n    upstream back {\n");
    for origin in &job.origins {
        writeln!(text, "        server {origin};")?;
    }
    writeln!(
        text,
        "    }}\n    server {{\n        listen {}{};\n        proxy_connect_timeout 10s;\n        \
         proxy_timeout {}ms;\n        proxy_pass back;\n    }}\n}}",
        job.listen,
        // Workers that share one listener leave the spreading to chance.
        if job.shards > 1 { " reuseport" } else { "" },
        job.idle_timeout.as_millis()
    )?;
    Ok(text)
}

fn module() -> Option<PathBuf> {
    MODULES.iter().map(Path::new).find(|path| path.is_file()).map(Path::to_owned)
}
