//! What is said of a setting that is in the way, and the exit code.

use super::tree::{Tree, limits, status};
use localmap_tests::localmap;

fn limited(name: &str, soft: &str, hard: &str) -> Tree {
    Tree::new().file("/proc/self/limits", &limits(&[(name, soft, hard)]))
}

fn v2(name: &str, text: &str) -> Tree {
    Tree::new()
        .file("/proc/self/cgroup", "0::/\n")
        .file(
            "/proc/self/mountinfo",
            "35 28 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        )
        .file(&format!("/sys/fs/cgroup/{name}"), text)
}

#[test]
fn a_roomy_machine_fits() {
    let report = Tree::new().report(&[]);
    assert_eq!(report.code, 0);
    assert_eq!(report.at("/verdict"), "fits");
    assert_eq!(report.at("/findings").as_array().map(Vec::len), Some(0));
}

#[test]
fn open_files_are_compared_with_the_requests_at_a_time() {
    let few = limited("Max open files", "512", "20000").report(&[]);
    assert_eq!(few.code, 1);
    few.says(
        "ulimit -n",
        "less",
        &["512", "1000 requests", "ulimit -n 1024"],
    );
    let hard = limited("Max open files", "256", "512").report(&[]);
    hard.says(
        "ulimit -n",
        "less",
        &["256", "hard limit of 512", "nofile=1024"],
    );
    let none = limited("Max open files", "8", "8").report(&[]);
    assert_eq!(none.code, 2);
    assert_eq!(none.at("/verdict"), "fails");
    none.says("ulimit -n", "fails", &["8 open files"]);
    let enough = limited("Max open files", "2048", "2048").report(&[]);
    assert_eq!(enough.finding("ulimit -n"), None);
}

#[test]
fn a_quota_below_one_processor_works_with_less() {
    let report = v2("cpu.max", "25000 100000").report(&[]);
    assert_eq!(report.code, 1);
    report.says(
        "cpu quota",
        "less",
        &["0.25", "100 ms", "resources.limits.cpu"],
    );
    assert_eq!(v2("cpu.max", "100000 100000").report(&[]).code, 0);
}

#[test]
fn more_workers_than_processors_are_noted() {
    let report = v2("cpu.max", "150000 100000").report(&["--workers", "8"]);
    assert_eq!(report.code, 0);
    report.says(
        "--workers",
        "note",
        &["8 threads", "2 processors", "--workers 2"],
    );
}

#[test]
fn a_memory_limit_must_hold_a_map_and_an_instance() {
    let report = |options: &[&str]| v2("memory.max", "268435456").report(options);
    let full = report(&[]);
    assert_eq!(full.code, 1);
    let words = [
        "256",
        "memory.max",
        "raise it to 352MiB",
        "-W max-memory-size=160MiB",
    ];
    full.says("memory limit", "less", &words);
    let less = report(&["-W", "max-memory-size=160MiB"]);
    assert_eq!(less.code, 0, "{:#}", less.json);
    assert_eq!(less.at("/serve/full_maps"), 1);
    let small = ["-W", "max-memory-size=64MiB", "--max-bytes", "4MiB"];
    assert_eq!(report(&small).at("/serve/full_maps"), 32);
    let tiny = v2("memory.max", "16777216").report(&[]);
    assert_eq!(tiny.code, 2);
    tiny.says("memory limit", "fails", &["16", "raise it to"]);
    assert!(!tiny.json.to_string().contains("-W max-memory-size"));
}

#[test]
fn mappings_are_compared_with_the_maps() {
    let report = |max_maps: &str| Tree::new().report(&["--max-maps", max_maps]);
    assert_eq!(report("10000").code, 0);
    let many = report("200000");
    assert_eq!(many.code, 1);
    many.says(
        "vm.max_map_count",
        "less",
        &["65530", "200000", "sysctl -w vm.max_map_count="],
    );
    let (_, _, mend) = many.finding("vm.max_map_count").expect("it is there");
    // What it says mends it.
    let raised = mend.split(['=', ';']).nth(1).expect("a number");
    let raised = Tree::new()
        .file("/proc/sys/vm/max_map_count", raised)
        .report(&["--max-maps", "200000"]);
    assert_eq!(raised.code, 0, "{mend}");
    let fewer = mend.rsplit(' ').next().expect("a number");
    assert_eq!(report(fewer).code, 0, "{mend}");
}

#[test]
fn threads_are_compared_with_the_limits_on_them() {
    let user = |limit| limited("Max processes", limit, "unlimited");
    assert_eq!(user("5").report(&[]).code, 2);
    let some = user("40").report(&[]);
    assert_eq!(some.code, 1);
    some.says(
        "ulimit -u",
        "less",
        &["40 threads", "needs 17", "ulimit -u 81"],
    );
    assert_eq!(user("81").report(&[]).code, 0);
    // It does not bind root.
    let root = status(8).replace("1000", "0");
    assert_eq!(
        user("5").file("/proc/self/status", &root).report(&[]).code,
        0
    );
    let group = v2("pids.max", "10").report(&[]);
    assert_eq!(group.code, 2);
    group.says(
        "pids.max",
        "fails",
        &["/sys/fs/cgroup/pids.max", "TasksMax"],
    );
    assert_eq!(v2("pids.max", "10").report(&["--workers", "1"]).code, 1);
}

#[test]
fn a_small_stack_or_address_space_or_data_segment_is_named() {
    for (name, value, setting, mend) in [
        ("Max stack size", "786432", "ulimit -s", "ulimit -s 8192"),
        (
            "Max address space",
            "4294967296",
            "ulimit -v",
            "ulimit -v unlimited",
        ),
        (
            "Max data size",
            "4294967296",
            "ulimit -d",
            "ulimit -d unlimited",
        ),
    ] {
        let report = limited(name, value, "unlimited").report(&[]);
        assert_eq!(report.code, 1, "{name}");
        report.says(setting, "less", &[mend]);
    }
}

/// Nothing that needs them can start.
#[test]
fn a_tiny_stack_fails() {
    let report = limited("Max stack size", "65536", "unlimited").report(&[]);
    assert_eq!(report.code, 2);
    report.says("ulimit -s", "fails", &["64.0 KiB", "ulimit -s 8192"]);
}

#[test]
fn the_settings_of_the_kernel_are_judged() {
    let meminfo = "MemTotal: 33554432 kB\nCommitLimit: 1000000 kB\nCommitted_AS: 900000 kB\n\
                   HugePages_Total: 512\nHugepagesize: 2048 kB\n";
    let report = Tree::new()
        .file("/proc/meminfo", meminfo)
        .file("/proc/sys/vm/overcommit_memory", "2\n")
        .file(
            "/sys/kernel/mm/transparent_hugepage/enabled",
            "[always] madvise never\n",
        )
        .report(&[]);
    assert_eq!(report.code, 1);
    report.says(
        "vm.overcommit_memory",
        "less",
        &["97.7 MiB", "sysctl -w vm.overcommit_memory=0"],
    );
    report.says("vm.nr_hugepages", "note", &["1.0 GiB"]);
    report.says("transparent_hugepage", "note", &["madvise"]);
    assert_eq!(report.at("/kernel/huge_pages"), 1_u64 << 30);
}

#[test]
fn the_text_has_what_the_json_has() {
    let folder = Tree::new();
    let text = folder.text(&["--max-maps", "200000"]);
    for words in [
        "6.12.1",
        "processors           8",
        "32.0 GiB, 16.0 GiB available",
        "200000; there are mappings for",
        "less  vm.max_map_count:",
        "-> sysctl -w vm.max_map_count=",
        "It works with less",
    ] {
        assert!(text.contains(words), "`{words}` is not in: {text}");
    }
}

/// The manifest has one line for both commands.
#[test]
fn limits_of_a_guest_are_given_as_for_serve() {
    for options in [
        &["-W", "max-memory-size=160MiB,timeout=10s"][..],
        &["-W", "timeout=10s", "-W", "max-memory-size=160MiB"],
    ] {
        let report = v2("memory.max", "268435456").report(options);
        assert_eq!(report.code, 0, "{:#}", report.json);
    }
}

#[test]
fn options_that_are_wrong_are_refused() {
    let refused = |options: &[&str], code, words: &str| {
        let finished = localmap().arg("doctor").args(options).run();
        assert_eq!(finished.code, Some(code), "{options:?}");
        assert!(finished.stderr.contains(words), "{}", finished.stderr);
    };
    refused(&["--workers", "0"], 2, "from 1 to 1024");
    refused(&["-W", "fuel=1"], 2, "max-memory-size=SIZE");
    refused(&["-W", "max-memory-size=0"], 2, "greater than zero");
    refused(&["--max-maps", "0"], 2, "--max-maps");
    refused(&["--root", "/no/such/folder"], 2, "no folder `proc`");
}
