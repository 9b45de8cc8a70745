//! The options of mirrors, for `mirror` and for `serve --mirror`.

#![cfg_attr(
    not(feature = "etcd"),
    allow(dead_code, reason = "without the feature, the options are only parsed")
)]

use crate::args::etcd::EtcdUrl;
use crate::args::values::{parse_duration, parse_size};
use anyhow::bail;
use clap::Arg;
use localmap::{CreateError, Host, HostOptions, Limits};
use localmap_mirror::MirrorOptions;
use std::str::FromStr;
use std::time::Duration;

/// The maximum length of a mirror's name, in bytes.
const MAX_NAME: usize = 64;

/// The least time between two probes, and between two audits.
const MIN_PROBE: Duration = Duration::from_millis(10);
const MIN_AUDIT: Duration = Duration::from_secs(1);

/// The defaults of the greatest age and of the time between two probes.
const MAX_STALE: Duration = Duration::from_secs(5);
const PROBE: Duration = Duration::from_secs(1);

/// The least memory of a map, and the greatest value of a mirror, which is stored with its revision.
const MIN_BYTES: u64 = 128 << 10;
const GREATEST_VALUE: u64 = (1 << 30) - 8;

/// What the mirrors of a command have in common, and the limits of the map of each.
#[derive(clap::Args)]
#[command(next_help_heading = "Mirrors")]
pub(crate) struct MirrorArgs {
    /// Maximum age of the copy: older, it is not read, and each read is an error; at least the time
    /// between two probes [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    mirror_max_stale: Option<Duration>,

    /// Time between two reads of etcd that prove the age of the copy, which is fresh up to twice that
    /// age; at least 10ms [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = |text: &str| at_least(text, MIN_PROBE))]
    mirror_probe: Option<Duration>,

    /// Time between two audits, which compare the copy with etcd, and list it again if they differ;
    /// at least 1s [default: no audits]
    #[arg(long, value_name = "TIME", value_parser = |text: &str| at_least(text, MIN_AUDIT))]
    mirror_audit: Option<Duration>,

    /// Follow the endpoints to another cluster, whose keys take the place of the copy
    ///
    /// Without it, a mirror refuses a cluster with another id than that of its copy, such as one that
    /// was wiped, and a wrong endpoint cannot empty it.
    #[arg(long)]
    mirror_accept_new_cluster: bool,

    /// Maximum memory of the map in bytes, overhead included, for example 64MiB; at least 128KiB. While
    /// the copy is listed again there are two [default: 32MiB]
    #[arg(long, value_name = "SIZE", value_parser = max_bytes)]
    mirror_max_bytes: Option<u64>,

    /// Maximum number of entries, 1 to 4294967295; with more, the copy does not fit, and there is none
    /// [default: 1048576]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)))]
    mirror_max_entries: Option<u64>,

    /// Maximum length of a key after the prefix in bytes, at most 512; longer keys are omitted
    /// [default: 128]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=512))]
    mirror_max_key: Option<u32>,

    /// Maximum size of a value in bytes, at most 1GiB less 8; keys with larger ones are omitted
    /// [default: 1MiB]
    #[arg(long, value_name = "SIZE", value_parser = max_value)]
    mirror_max_value: Option<u64>,
}

/// The options whose names are shorter where a command has nothing but a mirror.
const SHORT: [(&str, &str); 12] = [
    ("mirror_max_stale", "max-stale"),
    ("mirror_probe", "probe"),
    ("mirror_audit", "audit"),
    ("mirror_accept_new_cluster", "accept-new-cluster"),
    ("mirror_max_bytes", "max-bytes"),
    ("mirror_max_entries", "max-entries"),
    ("mirror_max_key", "max-key"),
    ("mirror_max_value", "max-value"),
    ("etcd_user_file", "user-file"),
    ("etcd_ca", "ca"),
    ("etcd_cert", "cert"),
    ("etcd_key", "key"),
];

/// Gives an option the name that it has where a command has nothing but a mirror.
pub(crate) fn short(arg: Arg) -> Arg {
    match SHORT.iter().find(|(id, _)| arg.get_id() == id) {
        Some(&(_, name)) => arg.long(name),
        None => arg,
    }
}

impl MirrorArgs {
    /// Returns the options of a mirror. `options` is what the names of these options begin with, such as
    /// `--mirror-`.
    pub(crate) fn options(&self, options: &str) -> anyhow::Result<MirrorOptions> {
        let max_stale = self.mirror_max_stale.unwrap_or(MAX_STALE);
        let probe = self.mirror_probe.unwrap_or(PROBE);
        if max_stale < probe {
            bail!(
                "{options}max-stale must be at least {options}probe, and is {} of {}",
                humantime::format_duration(max_stale),
                humantime::format_duration(probe)
            );
        }
        Ok(MirrorOptions::new()
            .limits(self.limits())
            .max_stale(max_stale)
            .probe(probe)
            .accept_new_cluster(self.mirror_accept_new_cluster)
            .audit(self.mirror_audit))
    }

    /// Creates the host of the maps of several mirrors.
    pub(crate) fn host(&self, mirrors: u32, cache: bool) -> Result<Host, CreateError> {
        // Each has its copy, the next one while it is listed, and the last one until it is dropped.
        let options = HostOptions::new()
            .max_maps(mirrors.saturating_mul(3))
            .cache(cache)
            .max_memory_for(&self.limits());
        Host::with_options(&options)
    }

    /// Returns `true` if one of these options was given.
    pub(crate) fn given(&self) -> bool {
        self.mirror_max_stale.is_some()
            || self.mirror_probe.is_some()
            || self.mirror_audit.is_some()
            || self.mirror_accept_new_cluster
            || self.mirror_max_bytes.is_some()
            || self.mirror_max_entries.is_some()
            || self.mirror_max_key.is_some()
            || self.mirror_max_value.is_some()
    }

    fn limits(&self) -> Limits {
        let default = Limits::default();
        let Limits {
            max_bytes,
            max_entries,
            max_key,
            max_value,
            ..
        } = default;
        default
            .max_bytes(self.mirror_max_bytes.unwrap_or(max_bytes))
            .max_entries(self.mirror_max_entries.unwrap_or(max_entries))
            .max_key(self.mirror_max_key.unwrap_or(max_key))
            .max_value(self.mirror_max_value.unwrap_or(max_value))
    }
}

/// Parses a time span of at least `least`.
fn at_least(text: &str, least: Duration) -> Result<Duration, String> {
    match parse_duration(text)? {
        time if time < least => Err(format!(
            "must be at least {}",
            humantime::format_duration(least)
        )),
        time => Ok(time),
    }
}

/// Parses the memory of a map.
fn max_bytes(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        size if size < MIN_BYTES => Err("must be at least 128KiB".to_owned()),
        size => Ok(size),
    }
}

/// Parses the greatest size of a value.
fn max_value(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        size if size > GREATEST_VALUE => Err("must be at most 1GiB less 8 bytes".to_owned()),
        size => Ok(size),
    }
}

/// A mirror with the name by which guests know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedMirror {
    pub(crate) name: String,
    pub(crate) url: EtcdUrl,
}

impl FromStr for NamedMirror {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, url) = text
            .split_once('=')
            .ok_or("expected NAME=etcd://HOST:PORT,…/PREFIX/")?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(plain) {
            return Err(format!(
                "the name of a mirror is 1 to {MAX_NAME} of the characters A-Z a-z 0-9 - _ ."
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            url: url.parse()?,
        })
    }
}

/// Returns the servers, the prefix and the user of a mirror.
#[cfg(feature = "etcd")]
pub(crate) fn etcd_options(
    url: EtcdUrl,
    access: &crate::args::etcd::EtcdAccess,
) -> localmap_mirror::EtcdOptions {
    let options = localmap_mirror::EtcdOptions::new(url.endpoints, url.prefix);
    let options = match &access.user {
        Some((name, password)) => options.user(name, password),
        None => options,
    };
    let options = match &access.ca {
        Some(pem) => options.ca(pem.clone()),
        None => options,
    };
    match &access.identity {
        Some((certificate, key)) => options.identity(certificate.clone(), key.clone()),
        None => options,
    }
}

/// Returns the error of an option, or a command, that needs a program with the feature `etcd`.
#[cfg(not(feature = "etcd"))]
pub(crate) fn needs_etcd(what: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "{what}: this program was built without the feature `etcd`: install it with `cargo install \
         localmap-cli --features etcd`, which needs protoc and the well-known types of protobuf (`apt \
         install protobuf-compiler libprotobuf-dev`)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_library() {
        let shown = format!("{:?}", MirrorOptions::new());
        for default in [("max_stale", MAX_STALE), ("probe", PROBE)] {
            let field = format!("{}: {:?}", default.0, default.1);
            assert!(shown.contains(&field), "{field} is not in {shown}");
        }
    }

    #[test]
    fn a_mirror_has_a_name() {
        let mirror: NamedMirror = "config=etcd://a/x=y/".parse().expect("it is one");
        assert_eq!(mirror.name, "config");
        #[cfg(feature = "etcd")]
        assert_eq!(mirror.url.prefix, b"/x=y/");
        for bad in [
            "",
            "config",
            "=etcd://a/x/",
            "a b=etcd://a/x/",
            "ä=etcd://a/x/",
        ] {
            assert!(bad.parse::<NamedMirror>().is_err(), "{bad}");
        }
        let long = format!("{}=etcd://a/x/", "n".repeat(MAX_NAME + 1));
        assert!(long.parse::<NamedMirror>().is_err());
    }
}
