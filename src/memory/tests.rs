use std::fs;

use super::*;

const MIB: u64 = 1 << 20;

/// A machine's files with 8 GiB to spare, no limits, and those of `files` besides.
fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let usual = [
        ("proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n"),
        ("proc/self/status", "Name:\tx\nVmSize:\t 102400 kB\nVmHWM:\t 4096 kB\nVmData:\t  51200 kB\n"),
        (
            "proc/self/limits",
            "Max data size  unlimited  unlimited  bytes\nMax address space  unlimited  unlimited  bytes\n",
        ),
    ];
    for (name, text) in usual.iter().chain(files) {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

#[track_caller]
fn leaves(files: &[(&str, &str)], mebibytes: u64, bound: Bound) {
    let root = machine(files);
    assert_eq!(tightest(bounds_below(root.path())), Some(Spare { bytes: mebibytes * MIB, bound }));
}

/// The second version as it is mounted on most systems.
const SECOND: (&str, &str) =
    ("proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");

#[test]
fn the_machine_and_ulimit_bound_what_can_be_taken() {
    leaves(&[], 8192, Bound::Machine);
    let limits = "Max data size  unlimited  unlimited  bytes\nMax address space  209715200  unlimited  bytes\n";
    leaves(&[("proc/self/limits", limits)], 100, Bound::AddressSpace);
    let limits = "Max data size  62914560  unlimited  bytes\nMax address space  209715200  unlimited  bytes\n";
    leaves(&[("proc/self/limits", limits)], 10, Bound::Data);
    // More is taken already than a limit that was lowered allows.
    leaves(&[("proc/self/limits", "Max data size  1024  1024  bytes\n")], 0, Bound::Data);
    assert_eq!(bounds_below(Path::new("/nowhere")), []);
}

#[test]
fn every_bound_is_known_not_the_tightest_alone() {
    let limits = "Max data size  62914560  unlimited  bytes\nMax address space  209715200  unlimited  bytes\n";
    let group = ("proc/self/cgroup", "0::/\n");
    let limit = ("sys/fs/cgroup/memory.max", "52428800\n");
    let usage = ("sys/fs/cgroup/memory.current", "10485760\n");
    let root = machine(&[SECOND, group, limit, usage, ("proc/self/limits", limits)]);
    let bounds: Vec<_> = bounds_below(root.path()).iter().map(|spare| (spare.bound, spare.bytes / MIB)).collect();
    assert_eq!(bounds, [(Bound::Machine, 8192), (Bound::Cgroup, 40), (Bound::AddressSpace, 100), (Bound::Data, 10)]);
}

#[test]
fn of_the_second_version_every_group_above_counts() {
    let group = ("proc/self/cgroup", "0::/user.slice/job.scope\n");
    let job = ("sys/fs/cgroup/user.slice/job.scope/memory.max", "max\n");
    let used = ("sys/fs/cgroup/user.slice/job.scope/memory.current", "52428800\n");
    leaves(&[SECOND, group, job, used], 8192, Bound::Machine);

    let slice = ("sys/fs/cgroup/user.slice/memory.max", "209715200\n");
    let of_all = ("sys/fs/cgroup/user.slice/memory.current", "157286400\n");
    leaves(&[SECOND, group, job, used, slice, of_all], 50, Bound::Cgroup);

    // Files that are only kept as long as there is room.
    let kept = "anon 52428800\nfile 104857600\ninactive_file 73400320\nactive_file 20971520\ninactive_anon 9\n";
    let kept = ("sys/fs/cgroup/user.slice/memory.stat", kept);
    leaves(&[SECOND, group, job, used, slice, of_all, kept], 140, Bound::Cgroup);

    let tight = ("sys/fs/cgroup/user.slice/job.scope/memory.max", "62914560\n");
    leaves(&[SECOND, group, tight, used, slice, of_all, kept], 10, Bound::Cgroup);
}

#[test]
fn of_the_first_version_the_hierarchy_of_memory_counts() {
    let mounts = "31 24 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                  32 24 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                  33 24 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    let groups = "5:cpu,cpuacct:/elsewhere\n4:memory:/jobs/7\n0::/\n";
    let base = [("proc/self/mountinfo", mounts), ("proc/self/cgroup", groups)];
    let limit = ("sys/fs/cgroup/memory/jobs/7/memory.limit_in_bytes", "209715200\n");
    let usage = ("sys/fs/cgroup/memory/jobs/7/memory.usage_in_bytes", "104857600\n");
    leaves(&[base[0], base[1], limit, usage], 100, Bound::Cgroup);

    let kept = "inactive_file 1\ntotal_inactive_file 20971520\ntotal_active_file 10485760\n";
    let kept = ("sys/fs/cgroup/memory/jobs/7/memory.stat", kept);
    leaves(&[base[0], base[1], limit, usage, kept], 130, Bound::Cgroup);

    let no_limit = (limit.0, "9223372036854771712\n");
    leaves(&[base[0], base[1], no_limit, usage, kept], 8192, Bound::Machine);
    let above = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "62914560\n");
    let used_above = ("sys/fs/cgroup/memory/memory.usage_in_bytes", "0\n");
    leaves(&[base[0], base[1], no_limit, usage, above, used_above], 60, Bound::Cgroup);
}

/// In a container the process's path may begin with what is mounted, or lead out of it.
#[test]
fn in_a_container_its_own_group_is_the_top() {
    let limit = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "52428800\n");
    let usage = ("sys/fs/cgroup/memory/memory.usage_in_bytes", "10485760\n");
    let mounts = "32 24 0:28 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
    for groups in ["4:memory:/docker/abc\n", "4:memory:/docker\n", "4:memory:/\n"] {
        leaves(&[("proc/self/mountinfo", mounts), ("proc/self/cgroup", groups), limit, usage], 40, Bound::Cgroup);
    }
    let limit = ("sys/fs/cgroup/memory.max", "52428800\n");
    let usage = ("sys/fs/cgroup/memory.current", "10485760\n");
    for groups in ["0::/\n", "0::/../other\n"] {
        leaves(&[SECOND, ("proc/self/cgroup", groups), limit, usage], 40, Bound::Cgroup);
    }
    // A place with a space, a tab, a line break and a backslash in its name.
    let mounts = "32 24 0:28 / /sys/fs/my\\040\\011\\012\\134040groups rw - cgroup2 none rw\n";
    let limit = ("sys/fs/my \t\n\\040groups/a b/memory.max", "52428800\n");
    let usage = ("sys/fs/my \t\n\\040groups/a b/memory.current", "10485760\n");
    leaves(&[("proc/self/mountinfo", mounts), ("proc/self/cgroup", "0::/a b\n"), limit, usage], 40, Bound::Cgroup);
}

/// A file system may be mounted several times, a part of it here and another one there.
#[test]
fn of_several_mounts_the_last_that_shows_the_group_counts() {
    let elsewhere = "31 24 0:26 /other /mnt/other rw - cgroup2 none rw\n";
    let earlier = "32 24 0:26 / /mnt/all rw - cgroup2 none rw\n";
    let own = "33 24 0:26 /jobs /sys/fs/cgroup rw - cgroup2 none rw\n";
    let later = "34 24 0:26 /jobs/other /mnt/later rw - cgroup2 none rw\n";
    let group = ("proc/self/cgroup", "0::/jobs/7\n");
    let limits = [
        ("mnt/other/memory.max", "1048576\n"),
        ("mnt/other/memory.current", "0\n"),
        ("mnt/later/memory.max", "2097152\n"),
        ("mnt/later/memory.current", "0\n"),
        ("sys/fs/cgroup/7/memory.max", "52428800\n"),
        ("sys/fs/cgroup/7/memory.current", "10485760\n"),
        ("mnt/all/jobs/7/memory.max", "62914560\n"),
        ("mnt/all/jobs/7/memory.current", "10485760\n"),
    ];
    let leaves = |mounts: &[&str], mebibytes| {
        let mounts = mounts.concat();
        leaves(&[&[("proc/self/mountinfo", mounts.as_str()), group][..], &limits].concat(), mebibytes, Bound::Cgroup);
    };
    leaves(&[elsewhere, own, later], 40);
    leaves(&[earlier, own, later], 40);
    leaves(&[own, earlier, later], 50);
    // Where none shows it, the top of the last one is all there is.
    leaves(&[elsewhere, later], 2);
}

#[test]
fn what_cannot_be_read_bounds_nothing() {
    let group = ("proc/self/cgroup", "0::/a\nnonsense\n1:\n");
    let limit = ("sys/fs/cgroup/a/memory.max", "much\n");
    let usage = ("sys/fs/cgroup/a/memory.current", "1\n");
    leaves(&[SECOND, group, limit, usage], 8192, Bound::Machine);
    leaves(&[group, ("sys/fs/cgroup/a/memory.max", "1\n"), usage], 8192, Bound::Machine);
    let mounts = ("proc/self/mountinfo", "nonsense\n30 24 0:26 / - cgroup2\n\n");
    leaves(&[mounts, group, limit, usage], 8192, Bound::Machine);
}

#[test]
fn every_bound_is_named() {
    let said = |bound| Spare { bytes: 5 * MIB, bound }.to_string();
    assert_eq!(said(Bound::Machine), "this machine has 5 MiB to spare");
    assert_eq!(said(Bound::Cgroup), "the memory limit of its cgroup leaves 5 MiB");
    assert_eq!(said(Bound::AddressSpace), "`ulimit -v` leaves 5 MiB");
    assert_eq!(said(Bound::Data), "`ulimit -d` leaves 5 MiB");
}

#[test]
fn this_system_says_how_much_there_is() {
    if cfg!(any(target_os = "linux", windows, target_os = "macos")) {
        let Spare { bytes, .. } = spare().unwrap();
        assert!((MIB..1 << 50).contains(&bytes), "{bytes} bytes");
    }
}

#[test]
fn the_peak_covers_what_was_touched() {
    let touched = vec![1_u8; 64 << 20];
    if let Some(peak) = peak() {
        let sum = touched.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        assert!(peak > 64 * MIB, "{peak} with {sum} bytes touched");
    }
}
