//! A process as others can know it, on this machine and elsewhere.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A process, and how to tell whether it is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The name of its machine, or of its container.
    host: String,
    /// Its number.
    number: u32,
    /// Where that number means this process: a machine, from one start to the next, and there a
    /// namespace of processes, of which containers have one each. Only Linux tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    realm: Option<String>,
    /// When it began, as Linux counts: numbers are used again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    began: Option<String>,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.number, self.host)
    }
}

impl Process {
    /// This process.
    pub fn this() -> Self {
        let (number, realm) = (std::process::id(), realm());
        let began = realm.as_ref().and_then(|_| status(number)).map(|(_, began)| began);
        Process { host: host(), number, realm, began }
    }

    /// Whether it is known to have ended; never of one whose number means nothing here.
    pub fn has_ended(&self) -> bool {
        // Virtual machines that go on from one snapshot count as one start, but may have names.
        if self.realm.is_none() || self.host != host() || self.realm != realm() {
            return false;
        }
        // Others' processes may be hidden, but not from a signal that is not sent.
        let is_another = |began: String| self.began.as_ref().is_some_and(|own| *own != began);
        is_free(self.number) || status(self.number).is_some_and(|(is_over, began)| is_over || is_another(began))
    }
}

/// Of a process that is there, whether it has ended and only nobody has asked how, and when it
/// began.
#[cfg(target_os = "linux")]
fn status(number: u32) -> Option<(bool, String)> {
    let line = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // The program's name, in brackets, may hold anything.
    let (_, behind) = line.rsplit_once(')')?;
    let mut words = behind.split_whitespace();
    let is_over = matches!(words.next()?, "Z" | "X");
    // The 22nd word of the line.
    Some((is_over, words.nth(18)?.to_string()))
}

#[cfg(not(target_os = "linux"))]
fn status(_number: u32) -> Option<(bool, String)> {
    None
}

#[cfg(target_os = "linux")]
fn realm() -> Option<String> {
    realm_of(std::process::id(), std::path::Path::new("/proc"))
}

/// The realm of process `number`, where `proc` is that of its namespace: a process in a new one may
/// still see the old one's, whose numbers are others'.
#[cfg(target_os = "linux")]
fn realm_of(number: u32, proc: &std::path::Path) -> Option<String> {
    let shown = std::fs::read_link(proc.join("self")).ok()?;
    if shown.as_os_str() != number.to_string().as_str() {
        return None;
    }
    let start = std::fs::read_to_string(proc.join("sys/kernel/random/boot_id")).ok()?;
    let namespace = std::fs::read_link(proc.join("self/ns/pid")).ok()?;
    Some(format!("{} {}", start.trim(), namespace.display()))
}

#[cfg(not(target_os = "linux"))]
fn realm() -> Option<String> {
    None
}

/// Whether no process has this number.
#[cfg(target_os = "linux")]
fn is_free(number: u32) -> bool {
    let process = i32::try_from(number).ok().and_then(rustix::process::Pid::from_raw);
    process.is_some_and(|process| rustix::process::test_kill_process(process) == Err(rustix::io::Errno::SRCH))
}

#[cfg(not(target_os = "linux"))]
fn is_free(_number: u32) -> bool {
    false
}

#[cfg(unix)]
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "this machine".to_string())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_that_ended_is_known_to_have() {
        let this = Process::this();
        assert!(!this.has_ended() && this.realm.is_some() && this.began.is_some());
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let number = child.id();
        let other = Process { number, began: status(number).map(|(_, began)| began), ..this.clone() };
        assert!(!other.has_ended());
        child.kill().unwrap();
        while status(number).is_some_and(|(is_over, _)| !is_over) {
            std::thread::yield_now();
        }
        assert!(other.has_ended(), "nobody has waited for it");
        child.wait().unwrap();
        assert!(other.has_ended());
        assert!(!Process { realm: Some("elsewhere".to_string()), ..other.clone() }.has_ended());
        assert!(!Process { host: "elsewhere".to_string(), ..other.clone() }.has_ended());
        assert!(!Process { realm: None, ..other }.has_ended());
        let reused = Process { began: Some("1".to_string()), ..this };
        assert!(reused.has_ended(), "another process has its number now");
    }

    #[test]
    fn another_namespaces_files_tell_nothing() {
        use std::os::unix::fs::symlink;
        let proc = tempfile::tempdir().unwrap();
        let file = |name: &str| proc.path().join(name);
        for folder in ["7/ns", "sys/kernel/random"] {
            std::fs::create_dir_all(file(folder)).unwrap();
        }
        std::fs::write(file("sys/kernel/random/boot_id"), "start\n").unwrap();
        symlink("pid:[1]", file("7/ns/pid")).unwrap();
        assert_eq!(realm_of(7, proc.path()), None, "it does not show this process");
        symlink("7", file("self")).unwrap();
        assert_eq!(realm_of(7, proc.path()), Some("start pid:[1]".to_string()));
        assert_eq!(realm_of(1, proc.path()), None);
        assert_eq!(realm(), realm_of(std::process::id(), std::path::Path::new("/proc")));
    }
}
