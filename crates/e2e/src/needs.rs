//! What a test needs on this machine: the subject's binary and the Debian packages of its peers.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use cargo_metadata::Message;

/// The load balancer under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Debian's haproxy, the reference: it proves that a scenario expects the right thing.
    Haproxy,
    /// The `tidegate` binary of this workspace.
    Tidegate,
}

impl Subject {
    /// The binary to run.
    pub fn binary(self) -> PathBuf {
        match self {
            Subject::Haproxy => find("haproxy").expect("Subject::is_there was asked"),
            Subject::Tidegate => tidegate().to_owned(),
        }
    }

    /// Whether the subject can run here; says so when it cannot.
    pub fn is_there(self, test: &str) -> bool {
        match self {
            Subject::Haproxy => is_there(test, "haproxy", "haproxy"),
            Subject::Tidegate => true,
        }
    }
}

/// Whether `program` of the Debian package `package` is installed; `test` is reported as skipped when it is not.
///
/// # Panics
/// As [`is_installed`].
pub fn is_there(test: &str, package: &str, program: &str) -> bool {
    is_installed(test, package, find(program).is_some())
}

/// Hands out `installed`; when it is false, `test` is reported as skipped for want of the Debian package `package`.
///
/// The report is a line on stdout and, where `TIDEGATE_E2E_SKIPPED` names a file, a line at its end, so that whoever runs the
/// tests can count them.
///
/// # Panics
/// When it is not there and `TIDEGATE_E2E_REQUIRE=1` says that it must be.
pub fn is_installed(test: &str, package: &str, installed: bool) -> bool {
    if installed {
        return true;
    }
    let report = format!("skipped: {test} needs {package}");
    assert!(env::var_os("TIDEGATE_E2E_REQUIRE").is_none_or(|value| value != "1"), "{report}");
    println!("{report}");
    if let Some(path) = env::var_os("TIDEGATE_E2E_SKIPPED") {
        let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file to report to");
        writeln!(file, "{report}").expect("room for a line");
    }
    false
}

/// Where `program` is: in PATH or where Debian keeps daemons, which the PATH of a user may lack.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let daemons = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(daemons).map(|directory| directory.join(program)).find(|file| file.is_file())
}

/// The binary of this workspace: `TIDEGATE_BIN`, else what cargo builds with the profile `TIDEGATE_PROFILE`, else `dev`.
///
/// Cargo tells a test where the binaries of its own package are, not those of another one; so it is asked to build
/// `tidegate`, which costs a glance when it is up to date, and answers with the path.
fn tidegate() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match env::var_os("TIDEGATE_BIN") {
        Some(path) => PathBuf::from(path),
        None => build_tidegate(),
    })
}

fn build_tidegate() -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--quiet", "--package", "tidegate", "--message-format", "json-render-diagnostics"])
        .arg("--profile")
        .arg(env::var_os("TIDEGATE_PROFILE").unwrap_or_else(|| "dev".into()))
        .current_dir(workspace())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "tidegate does not build");
    Message::parse_stream(output.stdout.as_slice())
        .filter_map(|message| {
            let Ok(Message::CompilerArtifact(artifact)) = message else { return None };
            artifact.executable.filter(|_| artifact.target.name == "tidegate")
        })
        .last()
        .expect("the package has a binary of its name")
        .into_std_path_buf()
}

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/e2e is two levels down").to_owned()
}
