//! The limits of cgroups, wherever they are mounted and however they are nested.

use super::tree::{Tree, limits, status};
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;

/// A mount of version 2, or of version 1 if there are controllers.
fn mount(root: &str, point: &str, controllers: &str) -> String {
    let (kind, options) = match controllers {
        "" => ("cgroup2", "rw,nsdelegate".to_owned()),
        names => ("cgroup", format!("rw,{names}")),
    };
    format!("35 28 0:26 {root} {point} rw,relatime shared:9 - {kind} {kind} {options}\n")
}

fn v2(group: &str, root: &str) -> Tree {
    Tree::new()
        .file("/proc/self/cgroup", &format!("0::{group}\n"))
        .file("/proc/self/mountinfo", &mount(root, "/sys/fs/cgroup", ""))
}

#[test]
fn a_quota_and_a_limit_of_version_2_are_found() {
    let report = v2("/user.slice/app", "/")
        .file("/sys/fs/cgroup/user.slice/app/cpu.max", "150000 100000\n")
        .file("/sys/fs/cgroup/user.slice/app/memory.max", "536870912\n")
        .file("/sys/fs/cgroup/user.slice/app/memory.high", "500000000\n")
        .file("/sys/fs/cgroup/user.slice/app/pids.max", "500\n")
        .report(&[]);
    assert_eq!(report.at("/cgroups/version"), "2");
    let file = |name: &str| format!("/sys/fs/cgroup/user.slice/app/{name}");
    let cpu = json!({ "quota": 150_000, "period": 100_000, "file": file("cpu.max") });
    assert_eq!(report.at("/cgroups/cpu"), &cpu);
    let memory = json!({ "value": 512 * MIB, "file": file("memory.max") });
    assert_eq!(report.at("/cgroups/memory"), &memory);
    assert_eq!(report.at("/cgroups/memory_high/value"), 500_000_000);
    assert_eq!(report.at("/cgroups/threads/value"), 500);
    // Rounded up: one thread could not use it.
    assert_eq!(report.at("/serve/workers"), 2);
}

#[test]
fn the_smallest_limit_of_all_parents_counts() {
    let report = v2("/pod/container", "/")
        .file("/sys/fs/cgroup/pod/container/cpu.max", "800000 100000\n")
        .file("/sys/fs/cgroup/pod/cpu.max", "100000 50000\n")
        .file("/sys/fs/cgroup/pod/container/memory.max", "max\n")
        .file("/sys/fs/cgroup/pod/memory.max", "1073741824\n")
        .report(&[]);
    assert_eq!(report.at("/cgroups/cpu/file"), "/sys/fs/cgroup/pod/cpu.max");
    assert_eq!(report.at("/cgroups/memory/value"), 1024 * MIB);
    assert_eq!(report.at("/serve/workers"), 2);
}

#[test]
fn version_1_is_read_where_each_controller_is_mounted() {
    let mounts = mount("/", "/cg/cpu,cpuacct", "cpu,cpuacct")
        + &mount("/", "/cg/memory", "memory")
        + &mount("/", "/cg/systemd", "name=systemd");
    let report = Tree::new()
        .file(
            "/proc/self/cgroup",
            "4:memory:/a/b\n3:cpu,cpuacct:/a\n1:name=systemd:/x\n",
        )
        .file("/proc/self/mountinfo", &mounts)
        .file("/cg/cpu,cpuacct/a/cpu.cfs_quota_us", "-1\n")
        .file("/cg/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n")
        .file("/cg/cpu,cpuacct/cpu.cfs_quota_us", "300000\n")
        .file("/cg/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
        .file(
            "/cg/memory/a/b/memory.limit_in_bytes",
            "9223372036854771712\n",
        )
        .file("/cg/memory/a/memory.limit_in_bytes", "268435456\n")
        .report(&[]);
    assert_eq!(report.at("/cgroups/version"), "1");
    assert_eq!(
        report.at("/cgroups/cpu/file"),
        "/cg/cpu,cpuacct/cpu.cfs_quota_us"
    );
    assert_eq!(report.at("/serve/workers"), 3);
    assert_eq!(
        report.at("/cgroups/memory/file"),
        "/cg/memory/a/memory.limit_in_bytes"
    );
}

/// Version 2 is mounted at another place than the standard library expects.
#[test]
fn controllers_of_both_versions_are_read() {
    let mounts =
        mount("/", "/sys/fs/cgroup/memory", "memory") + &mount("/", "/sys/fs/cgroup/unified", "");
    let report = Tree::new()
        .file("/proc/self/cgroup", "2:memory:/m\n0::/u\n")
        .file("/proc/self/mountinfo", &mounts)
        .file("/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "1048576\n")
        .file("/sys/fs/cgroup/unified/u/cpu.max", "400000 100000\n")
        .report(&[]);
    assert_eq!(report.at("/cgroups/version"), "1 and 2");
    assert_eq!(report.at("/serve/workers"), 4);
    assert_eq!(report.at("/cgroups/memory/value"), 1_048_576);
}

/// A container without a namespace of cgroups, whose own part of the tree is mounted.
#[test]
fn a_mount_of_a_part_of_the_tree_is_seen_through() {
    let tree = |group: &str| {
        v2(group, "/docker/abc")
            .file("/sys/fs/cgroup/cpu.max", "200000 100000\n")
            .file("/sys/fs/cgroup/inner/cpu.max", "100000 100000\n")
            .report(&[])
    };
    let own = tree("/docker/abc");
    assert_eq!(own.at("/serve/workers"), 2);
    assert_eq!(own.at("/cgroups/elsewhere"), &json!([]));
    assert_eq!(tree("/docker/abc/inner").at("/serve/workers"), 1);
}

#[test]
fn inside_a_namespace_the_root_has_the_limits_of_the_container() {
    let report = v2("/", "/")
        .namespace("cgroup", 4_026_532_700)
        .file("/sys/fs/cgroup/cpu.max", "200000 100000\n")
        .file("/sys/fs/cgroup/memory.max", "1073741824\n")
        .report(&[]);
    assert_eq!(report.at("/serve/workers"), 2);
    assert_eq!(report.at("/cgroups/memory/value"), 1024 * MIB);
    assert_eq!(report.at("/process/namespaces"), &json!(["cgroup"]));
    report.says("cgroup namespace", "note", &["of a pod", "cannot be seen"]);
}

/// As with `unshare --cgroup` without a new mount, or a process that was moved.
#[test]
fn a_cgroup_outside_of_the_mount_is_reported() {
    for (group, root) in [("/", "/../.."), ("/../other", "/"), ("/a", "/b")] {
        let report = v2(group, root)
            .file("/sys/fs/cgroup/cpu.max", "200000 100000\n")
            .file("/proc/outside", "1")
            .report(&[]);
        let all = json!(["cpu", "memory", "pids"]);
        assert_eq!(report.at("/cgroups/elsewhere"), &all, "{group} {root}");
        report.says("cgroup", "note", &["cannot be seen", "cpu, memory, pids"]);
        assert_eq!(report.at("/serve/workers"), 2, "the mount's own limit");
    }
}

#[test]
fn without_limits_or_without_cgroups_all_processors_are_used() {
    let unlimited = v2("/", "/")
        .file("/sys/fs/cgroup/cpu.max", "max 100000\n")
        .file("/sys/fs/cgroup/memory.max", "max\n")
        .file("/sys/fs/cgroup/pids.max", "max\n");
    let missing = v2("/gone (deleted)", "/");
    for tree in [unlimited, missing, Tree::new()] {
        let report = tree.report(&[]);
        assert_eq!(report.code, 0, "{:#}", report.json);
        for limit in ["cpu", "memory", "memory_high", "threads"] {
            assert_eq!(report.at(&format!("/cgroups/{limit}")), &Value::Null);
        }
        assert_eq!(report.at("/serve/workers"), 8);
    }
    assert_eq!(Tree::new().report(&[]).at("/cgroups/version"), &Value::Null);
}

#[test]
fn a_quota_above_the_processors_adds_no_threads() {
    let tree = v2("/", "/")
        .file("/sys/fs/cgroup/cpu.max", "9900000 100000\n")
        .file("/proc/self/status", &status(3));
    assert_eq!(tree.report(&[]).at("/serve/workers"), 3);
    assert_eq!(tree.report(&["--workers", "5"]).at("/serve/workers"), 5);
}

#[test]
fn garbage_limits_nothing_and_is_named() {
    for garbage in [
        "",
        "garbage",
        "max",
        "0 100000",
        "100000 0",
        "-5 100000",
        "99999999999999999999999 1",
        "100000 x",
        "\u{0}\u{fffd}",
    ] {
        let report = v2("/", "/")
            .file("/sys/fs/cgroup/cpu.max", garbage)
            .file("/sys/fs/cgroup/memory.max", "lots")
            .report(&[]);
        assert_eq!(report.at("/serve/workers"), 8, "{garbage}");
        assert_eq!(report.at("/cgroups/memory"), &Value::Null);
        report.says("/proc, /sys", "unknown", &["cannot be understood"]);
        assert_eq!(report.code, 1);
    }
}

/// Nothing that a file contains is trusted.
#[test]
fn what_cannot_be_read_cannot_be_told() {
    let files = [
        "/proc/self/cgroup",
        "/proc/self/mountinfo",
        "/proc/self/limits",
        "/proc/self/status",
        "/proc/meminfo",
        "/proc/sys/vm/max_map_count",
    ];
    for text in [
        "",
        ":::",
        "0::",
        "0\n - \n",
        "a b c d e - ",
        "\u{0}",
        "- - - -",
    ] {
        let tree = files
            .iter()
            .fold(v2("/", "/"), |tree, file| tree.file(file, text));
        let report = tree.report(&[]);
        assert_eq!(report.code, 1, "{text:?}: {:#}", report.json);
    }
    for file in files {
        let report = Tree::new().without(file).report(&[]);
        assert_eq!(report.code, 1, "{file}");
        assert_eq!(report.at("/verdict"), "unknown", "{file}");
        report.says("/proc, /sys", "unknown", &["cannot tell", file]);
    }
    let tree = files
        .iter()
        .fold(v2("/", "/"), |tree, file| tree.without(file));
    assert_eq!(tree.report(&[]).code, 1);
    let text = tree.text(&[]);
    assert!(!text.contains("It fits."), "{text}");
    assert!(text.contains("how many fit is unknown"), "{text}");
    assert!(
        text.lines().all(|line| !line.trim_end().ends_with(';')),
        "{text}"
    );
}

#[test]
fn one_limit_that_is_garbled_is_unknown() {
    let garbled = limits(&[("Max stack size", "x", "y")]);
    let report = Tree::new().file("/proc/self/limits", &garbled).report(&[]);
    assert_eq!(report.code, 1);
    report.says("/proc, /sys", "unknown", &["/proc/self/limits"]);
}

#[test]
fn a_mount_point_with_spaces_is_found() {
    let report = Tree::new()
        .file("/proc/self/cgroup", "0::/a:b c\n")
        .file("/proc/self/mountinfo", &mount("/", "/my\\040cgroups", ""))
        .file("/my cgroups/a:b c/cpu.max", "100000 100000\n")
        .report(&[]);
    assert_eq!(report.at("/serve/workers"), 1);
}
