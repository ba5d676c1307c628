//! Who this is, and as which HAProxy it answers.

use crate::args::Bare;
use crate::say::Pid;
use control::KernelTls;

/// HAProxy's version whose behaviour is followed; scripts that ask for a version get this one.
pub(crate) const COMPATIBLE: &str = "3.4.0";

/// `-v`
pub(crate) fn short() -> String {
    format!(
        "Tidegate version {version}\nHAProxy version {COMPATIBLE} (compatibility level of Tidegate {version})\n\
         Status: development branch - not safe for use in production.\nRunning on: {system}\n",
        version = env!("CARGO_PKG_VERSION"),
        system = system(),
    )
}

/// `-vq`, `-vqs`, `-vqb`
pub(crate) fn bare(bare: Bare) -> String {
    let branch = COMPATIBLE.rsplit_once('.').map_or(COMPATIBLE, |(branch, _)| branch);
    match bare {
        Bare::Version => format!("{COMPATIBLE}\n"),
        Bare::Branch => format!("{branch}\n"),
    }
}

/// `-vv`: what this build can do on this machine.
pub(crate) fn long() -> String {
    let engine = match uring::probe() {
        Ok(features) => format!("io_uring ({features:?})"),
        Err(refused) => format!("none: {refused}"),
    };
    let kernel_tls = match crate::kernel_tls() {
        KernelTls::Present => "available".to_string(),
        KernelTls::Absent(why) => format!("none ({why})"),
    };
    format!(
        "{}Build options :\n  TARGET  = linux-{}\nFeature list : +THREAD +IO_URING -OPENSSL -QUIC -LUA\n\
         Default settings :\n  bufsize = 16384, maxconn derived from the descriptor limit\n\
         I/O engine : {engine}\nKernel TLS : {kernel_tls}\nAvailable services : none\n",
        short(),
        std::env::consts::ARCH,
    )
}

/// The two lines that HAProxy puts in front of its other messages.
pub(crate) fn notices(pid: Pid) -> String {
    let path = std::env::args().next().unwrap_or_else(|| "tidegate".into());
    format!(
        "[NOTICE]   ({pid}) : haproxy version is {COMPATIBLE} (Tidegate {})\n\
         [NOTICE]   ({pid}) : path to executable is {path}\n",
        env!("CARGO_PKG_VERSION")
    )
}

fn system() -> String {
    match nix::sys::utsname::uname() {
        Ok(name) => [name.sysname(), name.release(), name.version(), name.machine()]
            .map(|part| part.to_string_lossy().into_owned())
            .join(" "),
        Err(_) => "Linux".into(),
    }
}
