//! A tree of files of /proc and /sys, and the report on it.

use localmap_tests::localmap;
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// The files of a roomy machine without cgroups.
pub(super) struct Tree(TempDir);

/// The exit code of a report, and its JSON.
pub(super) struct Report {
    pub(super) code: i32,
    pub(super) json: Value,
}

impl Tree {
    pub(super) fn new() -> Self {
        let tree = Self(tempfile::tempdir().expect("a folder"));
        let namespaces = [
            ("cgroup", 4_026_531_835_u64),
            ("pid", 4_026_531_836),
            ("user", 4_026_531_837),
        ];
        namespaces
            .iter()
            .fold(tree, |tree, (name, number)| tree.namespace(name, *number))
            .file("/proc/self/status", &status(8))
            .file("/proc/self/cgroup", "")
            .file("/proc/self/mountinfo", "")
            .file("/proc/self/limits", &limits(&[]))
            .file(
                "/proc/meminfo",
                "MemTotal: 33554432 kB\nMemAvailable: 16777216 kB\n",
            )
            .file("/proc/sys/kernel/osrelease", "6.12.1\n")
            .file("/proc/sys/vm/max_map_count", "65530\n")
            .file("/proc/sys/vm/overcommit_memory", "0\n")
    }

    /// Writes a file, and the folders in which it is.
    pub(super) fn file(self, path: &str, text: &str) -> Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
        self
    }

    pub(super) fn without(self, path: &str) -> Self {
        fs::remove_file(self.path(path)).expect("a file");
        self
    }

    pub(super) fn namespace(self, name: &str, number: u64) -> Self {
        let link = self.path(&format!("/proc/self/ns/{name}"));
        fs::create_dir_all(link.parent().expect("a folder")).expect("a folder");
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(format!("{name}:[{number}]"), link).expect("a link");
        self
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    /// Returns the report for these options.
    pub(super) fn report(&self, options: &[&str]) -> Report {
        report(Some(self.0.path()), options)
    }
}

impl Tree {
    /// Returns the report as text.
    pub(super) fn text(&self, options: &[&str]) -> String {
        let doctor = localmap().arg("doctor").args(options);
        doctor.arg("--root").arg(self.0.path()).run().text()
    }
}

/// Returns the report on a tree, or on this machine.
pub(super) fn report(root: Option<&Path>, options: &[&str]) -> Report {
    let mut doctor = localmap().args(["doctor", "--json"]).args(options);
    if let Some(root) = root {
        doctor = doctor.arg("--root").arg(root);
    }
    let finished = doctor.run();
    assert_eq!(finished.stderr, "");
    Report {
        code: finished.code.expect("it ends"),
        json: serde_json::from_str(&finished.text()).expect("JSON"),
    }
}

impl Report {
    /// Returns a value of the JSON.
    pub(super) fn at(&self, pointer: &str) -> &Value {
        let value = self.json.pointer(pointer);
        assert!(value.is_some(), "{pointer} is not in {:#}", self.json);
        value.expect("it is there")
    }

    /// Returns the level, text and mending of the finding on a setting, if there is one.
    pub(super) fn finding(&self, setting: &str) -> Option<(String, String, String)> {
        let findings = self.at("/findings").as_array().expect("a list");
        let found = findings.iter().find(|found| found["setting"] == setting)?;
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        Some((text("level"), text("text"), text("mend")))
    }

    /// Asserts that a setting has a finding of this level, whose text and mending contain words.
    pub(super) fn says(&self, setting: &str, level: &str, words: &[&str]) {
        let found = self.finding(setting);
        assert!(found.is_some(), "nothing on {setting} in {:#}", self.json);
        let (found, text, mend) = found.expect("it is there");
        assert_eq!(found, level, "{text}");
        for word in words {
            assert!(
                text.contains(word) || mend.contains(word),
                "`{word}` is not in: {text} -> {mend}"
            );
        }
    }
}

/// Returns `/proc/self/status` of a process that may use this number of processors.
pub(super) fn status(processors: u32) -> String {
    format!(
        "Name:\tlocalmap\nUid:\t1000\t1000\t1000\t1000\nVmSize:\t  123456 kB\nVmRSS:\t   23456 kB\n\
         Cpus_allowed_list:\t0-{}\n",
        processors - 1
    )
}

/// Returns `/proc/self/limits` in which these limits differ: name, soft and hard.
pub(super) fn limits(changed: &[(&str, &str, &str)]) -> String {
    let mut text = format!(
        "{:26}{:21}{:21}Units\n",
        "Limit", "Soft Limit", "Hard Limit"
    );
    for (name, soft, hard) in [
        ("Max data size", "unlimited", "unlimited"),
        ("Max stack size", "8388608", "unlimited"),
        ("Max processes", "96365", "96365"),
        ("Max open files", "20000", "20000"),
        ("Max locked memory", "8388608", "8388608"),
        ("Max address space", "unlimited", "unlimited"),
    ] {
        let other = changed.iter().find(|(changed, ..)| *changed == name);
        let (soft, hard) = other.map_or((soft, hard), |(_, soft, hard)| (soft, hard));
        text += &format!("{name:26}{soft:21}{hard:21}units\n");
    }
    text
}
