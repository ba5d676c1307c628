//! The Debian package: made, installed, started, removed. On a copy of the file system that only this test sees, so that the machine
//! stays as it is.

use std::process::Command;

use nix::unistd::Uid;
use tempfile::TempDir;

use e2e::{Subject, needs};

/// Runs in a mount namespace of its own (`unshare -m`), where `/` is read through an overlay in memory. `$1` is the package.
const SCRIPT: &str = r#"
set -eu
mount -t tmpfs tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$2/upper,workdir=$2/work" "$2/root"
cp "$1" "$2/root/tidegate.deb"
mount -t proc proc "$2/root/proc"
mount -t tmpfs tmpfs "$2/root/run"
mount --bind /dev "$2/root/dev"
chroot "$2/root" /bin/sh -eu <<'IN_THE_COPY'
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
dpkg --force-depends -i /tidegate.deb >/dev/null
id tidegate >/dev/null
test -d /run/tidegate
/usr/sbin/tidegate -c -f /etc/tidegate/tidegate.cfg
/usr/sbin/tidegate -D -f /etc/tidegate/tidegate.cfg -p /run/tidegate.pid
pid=$(cat /run/tidegate.pid)
grep -q "^Uid:[[:space:]]*$(id -u tidegate)[[:space:]]" "/proc/$pid/status"
test -S /run/tidegate/admin.sock
kill "$pid"
while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
echo '# mine' >>/etc/tidegate/tidegate.cfg
dpkg -r tidegate >/dev/null
test ! -e /usr/sbin/tidegate
grep -q '# mine' /etc/tidegate/tidegate.cfg
dpkg -P tidegate >/dev/null
test ! -e /etc/tidegate/tidegate.cfg
echo installed, started and removed
IN_THE_COPY
"#;

#[test]
fn the_debian_package_is_installed_started_and_removed() {
    let test = "the_debian_package_is_installed_started_and_removed";
    if !needs::is_installed(test, "root's rights", Uid::effective().is_root())
        || !needs::is_there(test, "dpkg", "dpkg-deb")
        || !needs::is_there(test, "adduser", "adduser")
    {
        return;
    }
    let directory = TempDir::new().expect("a directory");
    let build = needs::workspace().join("configs/debian/build");
    let output = Command::new(build).arg(Subject::Tidegate.binary()).arg(directory.path()).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let package = String::from_utf8(output.stdout).expect("a path").trim_end().to_owned();
    let copy = directory.path().join("copy");
    std::fs::create_dir(&copy).expect("a directory of our own");
    let output = Command::new("timeout")
        .args(["60", "unshare", "--mount", "sh", "-c", SCRIPT, "sh"])
        .arg(&package)
        .arg(&copy)
        .output()
        .expect("util-linux is essential in Debian");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.contains("installed, started and removed"), "{stdout}{stderr}");
}

/// The unit, where systemd's own checker is there to read it.
#[test]
fn the_unit_is_read_by_systemd() {
    if needs::find("systemd-analyze").is_none() {
        return;
    }
    let directory = TempDir::new().expect("a directory");
    let text =
        std::fs::read_to_string(needs::workspace().join("configs/systemd/tidegate.service")).expect("it is there");
    let unit = directory.path().join("tidegate.service");
    // It complains of programs that are not installed.
    std::fs::write(&unit, text.replace("/usr/sbin/tidegate", "/bin/true")).expect("room for a file");
    let output = Command::new("systemd-analyze").arg("verify").arg(&unit).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("tidegate.service")).collect();
    assert_eq!(ours, [""; 0]);
}
