//! The rules of ARCHITECTURE.md about who may depend on whom and where `unsafe` may stand, asserted from `cargo metadata` and the
//! sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use e2e::needs;

/// The layers: what a crate may name, and with it whatever that one may name. A crate that is not here is a test crate: nobody here
/// may depend on it.
const MAY_DEPEND_ON: [(&str, &[&str]); 17] = [
    ("buf", &[]),
    ("driver", &["buf"]),
    ("socket", &["driver"]),
    ("process", &[]),
    ("uring", &["socket", "driver", "buf"]),
    ("epoll", &["socket", "driver", "buf"]),
    ("sim", &["driver", "buf"]),
    ("http1", &[]),
    ("proxyline", &[]),
    ("tls", &[]),
    // What a check says to a server stands in the table, in the words of whoever runs it.
    ("table", &["check", "http1"]),
    ("config", &[]),
    ("session", &["driver", "buf", "http1", "proxyline", "tls", "table"]),
    ("shard", &["session", "driver", "buf", "table", "tls"]),
    ("check", &["http1", "tls", "proxyline"]),
    // It stands above the shards and empties their letter boxes: it knows the letters (ARCHITECTURE.md).
    // What it inherits, and no crate without `unsafe` can take over, it gets from `socket`.
    ("control", &["config", "table", "check", "shard", "session", "driver", "socket"]),
    ("tidegate", &["control", "shard", "uring", "epoll", "process"]),
];

/// Crates that take values and answer with values.
const WITHOUT_EFFECTS: [&str; 7] = ["session", "http1", "tls", "proxyline", "table", "config", "check"];

/// Paths that lead out of a crate without effects: sockets, files, threads, processes, the clock, the environment, chance.
const EFFECTS: [&str; 12] = [
    "std::fs",
    "std::io::stdin",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::os::unix::net",
    "std::thread",
    "std::process",
    "std::env",
    "Instant::now",
    "SystemTime",
    "RandomState",
];

/// Libraries that are an async runtime.
const RUNTIMES: [&str; 5] = ["tokio", "tokio-uring", "async-std", "smol", "futures-executor"];

/// Crates that talk to the kernel about memory, and the one that splits the process. Everything else forbids `unsafe`.
const MAY_BE_UNSAFE: [&str; 5] = ["buf", "socket", "uring", "epoll", "process"];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(needs::workspace().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata runs")
}

/// What `package` needs to be built, not what only its tests use.
fn dependencies(package: &Package) -> impl Iterator<Item = &str> {
    let built = |kind| matches!(kind, DependencyKind::Normal | DependencyKind::Build);
    package
        .dependencies
        .iter()
        .filter(move |dependency| built(dependency.kind))
        .map(|dependency| dependency.name.as_str())
}

/// The dependencies among the crates of this workspace, by name.
fn edges(metadata: &Metadata) -> BTreeMap<&str, BTreeSet<&str>> {
    let packages = metadata.workspace_packages();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    packages
        .iter()
        .map(|package| (package.name.as_str(), dependencies(package).filter(|name| ours.contains(name)).collect()))
        .collect()
}

/// Everything that `from` depends on, directly or not.
fn reach<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = edges[from].iter().copied().collect();
    while let Some(name) = open.pop() {
        if reached.insert(name) {
            open.extend(&edges[name]);
        }
    }
    reached
}

#[test]
fn every_dependency_points_down() {
    let metadata = metadata();
    let layers: BTreeMap<&str, BTreeSet<&str>> =
        MAY_DEPEND_ON.into_iter().map(|(name, below)| (name, below.iter().copied().collect())).collect();
    let edges = edges(&metadata);
    let wrong: Vec<String> = edges
        .iter()
        .filter(|(from, _)| layers.contains_key(*from))
        .flat_map(|(from, to)| {
            let below = reach(&layers, from);
            to.iter()
                .filter(move |name| !below.contains(*name))
                .map(move |name| format!("{from} may not depend on {name}"))
        })
        .collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn nobody_builds_on_a_test_crate() {
    let metadata = metadata();
    let known: BTreeSet<&str> = MAY_DEPEND_ON.iter().map(|(name, _)| *name).collect();
    for (from, to) in edges(&metadata) {
        for name in to.iter().filter(|_| known.contains(from)) {
            assert!(known.contains(name), "{from} depends on {name}, which is for tests");
        }
    }
}

#[test]
fn the_data_plane_knows_no_kernel_and_no_control() {
    let metadata = metadata();
    let edges = edges(&metadata);
    for (from, never) in [
        ("shard", ["uring", "epoll", "sim", "control", "config"].as_slice()),
        ("session", &["uring", "epoll", "sim", "control", "config"]),
        ("uring", &["session", "shard"]),
        ("config", &["table"]),
        ("table", &["config"]),
    ] {
        let reached = reach(&edges, from);
        for name in never {
            assert!(!reached.contains(name), "{from} reaches {name}");
        }
    }
}

#[test]
fn an_async_runtime_is_only_in_control() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        for name in dependencies(package).filter(|name| RUNTIMES.contains(name)) {
            assert_eq!(package.name.as_str(), "control", "{name}");
        }
    }
}

#[test]
fn what_has_no_effects_names_none() {
    let mut wrong = Vec::new();
    for (path, text) in sources(&WITHOUT_EFFECTS) {
        for (number, line) in shipped_lines(&text) {
            let named = EFFECTS.iter().filter(|effect| line.contains(*effect));
            wrong.extend(named.map(|effect| format!("{}:{number}: {effect}", path.display())));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn unsafe_stands_where_it_may() {
    let metadata = metadata();
    let forbidding =
        metadata.workspace_packages().into_iter().filter(|package| !MAY_BE_UNSAFE.contains(&package.name.as_str()));
    let roots = forbidding.flat_map(|package| &package.targets).filter(|target| target.is_lib() || target.is_bin());
    let lax: Vec<&str> = roots
        .map(|target| target.src_path.as_str())
        .filter(|path| !fs::read_to_string(path).expect("a target has a source").contains("#![forbid(unsafe_code)]"))
        .collect();
    assert_eq!(lax, [""; 0], "they do not forbid unsafe");
}

/// Every Rust file of the named crates that exist, with its text.
fn sources(crates: &[&str]) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let roots = crates.iter().map(|name| needs::workspace().join("crates").join(name).join("src"));
    roots.filter(|root| root.is_dir()).for_each(|root| collect(&root, &mut files));
    files
}

fn collect(directory: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(directory).expect("a readable directory") {
        let path = entry.expect("a readable directory").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_tests(&path) {
            let text = fs::read_to_string(&path).expect("sources are UTF-8");
            files.push((path, text));
        }
    }
}

fn is_tests(path: &Path) -> bool {
    path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| stem.ends_with("tests"))
}

/// The lines that are built without tests, numbered, without comments: a module of tests in braces ends the file, one in a file of its
/// own is two lines.
fn shipped_lines(text: &str) -> Vec<(usize, &str)> {
    let mut shipped = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        if line.trim_start().starts_with("#[cfg(test)]") {
            if lines.next().is_some_and(|(_, item)| item.ends_with('{')) {
                break;
            }
        } else {
            shipped.push((number, line.split("//").next().unwrap_or_default()));
        }
    }
    shipped
}
