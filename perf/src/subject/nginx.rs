//! nginx, with its `stream` module where it relays, as Debian configures it where the work does not say otherwise.

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

use super::{Job, NGINX, Subject, find, first_line};
use crate::scenario::HttpProxy;

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
        NGINX
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
    if let Some(module) = module().filter(|_| job.http.is_none()) {
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
    match job.http {
        None => text.push_str(&relay(job)?),
        Some(http) => text.push_str(&proxy(job, http)?),
    }
    Ok(text)
}

fn relay(job: &Job) -> Result<String> {
    let mut text = String::new();
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

/// Connections to origins are kept unless the work says otherwise: nginx's own default is one for each request.
fn proxy(job: &Job, http: HttpProxy) -> Result<String> {
    let mut text = String::new();
    let directory = job.directory.display();
    write!(text, "http {{\n    access_log off;\n    client_max_body_size 0;\n    keepalive_requests 1000000000;\n")?;
    for part in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        writeln!(text, "    {part}_temp_path {directory}/{part};")?;
    }
    text.push_str("    upstream back {\n");
    for origin in &job.origins {
        writeln!(text, "        server {origin};")?;
    }
    if !http.is_server_closed {
        text.push_str("        keepalive 10000;\n        keepalive_requests 1000000000;\n");
    }
    let idle = job.idle_timeout.as_millis();
    write!(
        text,
        "    }}\n    server {{\n        listen {}{};\n        keepalive_timeout {idle}ms;\n        proxy_connect_timeout 10s;\n        \
         proxy_read_timeout {idle}ms;\n        proxy_request_buffering off;\n        proxy_http_version 1.1;\n        \
         proxy_set_header Connection {};\n",
        job.listen,
        if job.shards > 1 { " reuseport" } else { "" },
        if http.is_server_closed { "close" } else { "\"\"" },
    )?;
    for rule in 0..http.rules {
        writeln!(text, "        location /x/{rule:02}/ {{ proxy_pass http://back; }}")?;
    }
    if http.rules == 0 {
        text.push_str("        location / { proxy_pass http://back; }\n");
    }
    text.push_str("    }\n}\n");
    Ok(text)
}

fn module() -> Option<PathBuf> {
    MODULES.iter().map(Path::new).find(|path| path.is_file()).map(Path::to_owned)
}
