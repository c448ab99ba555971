//! What Linux's control groups leave of memory, in version 1 and version 2: the least of what every
//! group above this process leaves, as far as its file system shows them.

use std::path::{Component, Path, PathBuf};

use super::read;

/// A version of control groups: how its files are called.
struct Version {
    /// The type of its file system.
    file_system: &'static str,
    /// The controller that the file system, and the line of the process, have to name, if any.
    controller: Option<&'static str>,
    limit: &'static str,
    usage: &'static str,
    /// What `memory.stat` calls the bytes of files that are kept as long as nobody needs the room.
    caches: [&'static str; 2],
}

const VERSIONS: [Version; 2] = [
    Version {
        file_system: "cgroup2",
        controller: None,
        limit: "memory.max",
        usage: "memory.current",
        caches: ["inactive_file", "active_file"],
    },
    Version {
        file_system: "cgroup",
        controller: Some("memory"),
        limit: "memory.limit_in_bytes",
        usage: "memory.usage_in_bytes",
        caches: ["total_inactive_file", "total_active_file"],
    },
];

/// A line of `/proc/self/mountinfo`.
struct Mount {
    /// What of the file system is mounted.
    root: PathBuf,
    /// Where it is mounted.
    at: PathBuf,
    file_system: String,
    /// Options of the file system, which name the controllers of version 1.
    options: String,
}

/// Bytes that the groups of this process leave; files lie below `root`.
pub(super) fn spare(root: &Path) -> Option<u64> {
    let mounts = read(root, "proc/self/mountinfo")?;
    let mounts: Vec<_> = mounts.lines().filter_map(mount).collect();
    let groups = read(root, "proc/self/cgroup")?;
    let left = VERSIONS.iter().filter_map(|version| {
        let group = groups.lines().find_map(|line| version.group(line))?;
        // Of those at one place, the last one is seen.
        let mounts = || mounts.iter().rev().filter(|mount| version.is_mounted(mount));
        let mount = mounts().find(|mount| mount.below(group).is_some()).or_else(|| mounts().next())?;
        folders(root, mount, group).iter().filter_map(|folder| version.left(folder)).min()
    });
    left.min()
}

impl Version {
    /// The path of the process's group, where this line of `/proc/self/cgroup` (number, controllers
    /// and path) is about this version's memory.
    fn group<'a>(&self, line: &'a str) -> Option<&'a str> {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let is_ours = match self.controller {
            Some(controller) => controllers.split(',').any(|name| name == controller),
            None => controllers.is_empty(),
        };
        is_ours.then_some(path)
    }

    fn is_mounted(&self, mount: &Mount) -> bool {
        let names = |controller| mount.options.split(',').any(|option| option == controller);
        mount.file_system == self.file_system && self.controller.is_none_or(names)
    }

    /// Bytes that the group in `folder` leaves, if it has a limit.
    fn left(&self, folder: &Path) -> Option<u64> {
        // Without a limit it reads `max`, or a number beyond any memory.
        let limit: u64 = read(folder, self.limit)?.trim().parse().ok()?;
        let usage: u64 = read(folder, self.usage)?.trim().parse().ok()?;
        let statistics = read(folder, "memory.stat").unwrap_or_default();
        let cached = |line: &str| {
            let (name, bytes) = line.split_once(' ')?;
            if self.caches.contains(&name) { bytes.trim().parse::<u64>().ok() } else { None }
        };
        let cached = statistics.lines().filter_map(cached).fold(0, u64::saturating_add);
        Some(limit.saturating_sub(usage.saturating_sub(cached)))
    }
}

/// The folders of a group and of all above it, as far as `mount` shows them.
fn folders(root: &Path, mount: &Mount, group: &str) -> Vec<PathBuf> {
    let top = root.join(mount.at.strip_prefix("/").unwrap_or(&mount.at));
    // A container sees its own group as the top, and may be told a path outside of it.
    let below = mount.below(group).unwrap_or(Path::new(""));
    below.ancestors().map(|below| top.join(below)).collect()
}

impl Mount {
    /// The path of a group below the place of the mount, where that shows it.
    fn below<'a>(&self, group: &'a str) -> Option<&'a Path> {
        let is_inside = |path: &&Path| path.components().all(|part| matches!(part, Component::Normal(_)));
        Path::new(group).strip_prefix(&self.root).ok().filter(is_inside)
    }
}

/// Reads a line such as `30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw`.
fn mount(line: &str) -> Option<Mount> {
    let (place, kind) = line.split_once(" - ")?;
    let (mut place, mut kind) = (place.split(' ').skip(3), kind.split(' '));
    let (root, at) = (place.next()?, place.next()?);
    let (file_system, options) = (kind.next()?, kind.nth(1)?);
    let path = |escaped: &str| {
        // The backslash last: it begins the others.
        let characters = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
        PathBuf::from(
            characters.iter().fold(escaped.to_string(), |path, (code, character)| path.replace(code, character)),
        )
    };
    Some(Mount { root: path(root), at: path(at), file_system: file_system.to_string(), options: options.to_string() })
}
