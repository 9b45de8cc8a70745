//! What each command does with a component, as the command itself would decide.

use crate::commands::instance::declared_memory;
use crate::commands::{plug, run, serve, shell};
use localmap::{Incompatibility, Inspection, names};
use localmap_serve::SandboxConfig;

/// The verdict of a command on a component.
pub(super) struct Verdict {
    pub(super) command: &'static str,
    /// The map of the component.
    pub(super) map: MapKind,
    /// What the command does with it.
    pub(super) gives: String,
    /// What else is needed: an option of the command, or imports that the host of the result gives.
    pub(super) condition: Option<String>,
    /// The reasons why the command refuses it; empty if it fits.
    pub(super) misfits: Vec<String>,
    /// The same reasons for readers, who need only one of many that are alike.
    pub(super) brief: Vec<String>,
}

/// The map that a component uses under a command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MapKind {
    /// The command gives it a map.
    Given,
    /// A map has been plugged into it, or it is one itself.
    Included,
    /// It imports none.
    None,
    /// The command does not take it.
    Refused,
}

impl MapKind {
    /// Returns the name of the kind in JSON.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Given => Some("given"),
            Self::Included => Some("included"),
            Self::None => Some("none"),
            Self::Refused => None,
        }
    }
}

/// Returns the verdicts of all commands that take a component.
pub(super) fn all(bytes: &[u8], found: &Inspection) -> anyhow::Result<[Verdict; 4]> {
    let own = own_map(found);
    let by_plug = plug::fit::misfits(bytes, found);
    let mut by_run = run::fit::misfits(bytes, found, false)?;
    if own == MapKind::Given && by_run.is_empty() {
        match run::fit::is_linked(found) {
            true => by_run.extend(run::fit::not_linkable(bytes, found)),
            false => by_run.extend(by_plug.iter().cloned()),
        }
    }
    Ok([
        Verdict::new(
            "run",
            own,
            match own {
                MapKind::Given => format!("it gets a map of its own{}", buckets(found)),
                MapKind::Included => "it has its own map, which is plugged into it".to_owned(),
                _ => "it runs without a map, since it imports none".to_owned(),
            } + match found.handler.is_some() {
                true => "; only `localmap serve` calls its HTTP handler",
                false => "",
            },
            by_run,
        )
        .with_condition(memory(found)),
        Verdict::new(
            "serve",
            own,
            match own {
                MapKind::Given => format!("it gets a map (--map-scope){}", buckets(found)),
                MapKind::Included => {
                    "each request has its own map, which is plugged into the component".to_owned()
                }
                _ => "it answers without a map, since it imports none".to_owned(),
            },
            serve::fit::misfits(bytes, found),
        )
        .with_condition(memory(found))
        .with_condition(mirrors(found)),
        Verdict::new(
            "plug",
            MapKind::Given,
            format!("the result has its own map{}", buckets(found)),
            by_plug,
        )
        .with_condition(other_imports(found)),
        Verdict::new(
            "shell",
            MapKind::Included,
            "it is a map, which the shell can use".to_owned(),
            shell::fit::misfits(bytes, found),
        )
        .with_brief(&found.provider),
    ])
}

impl Verdict {
    fn new(command: &'static str, map: MapKind, gives: String, misfits: Vec<String>) -> Self {
        let map = match misfits.is_empty() {
            true => map,
            false => MapKind::Refused,
        };
        Self {
            command,
            map,
            gives,
            condition: None,
            brief: misfits.clone(),
            misfits,
        }
    }

    /// Adds a condition, if there is one and the component fits.
    fn with_condition(mut self, condition: Option<String>) -> Self {
        if let Some(condition) = condition.filter(|_| self.misfits.is_empty()) {
            self.condition = Some(match self.condition {
                Some(other) => format!("{other}, and {condition}"),
                None => condition,
            });
        }
        self
    }

    /// Shortens the reasons why a component is not a map: an app has many imports that a map must
    /// not have, and one of them is enough.
    fn with_brief(mut self, reasons: &[Incompatibility]) -> Self {
        let (imports, others): (Vec<_>, Vec<_>) = reasons
            .iter()
            .partition(|reason| matches!(reason, Incompatibility::ExtraImport { .. }));
        if imports.len() > 1 {
            let shown = others.into_iter().chain(imports.first().copied());
            self.brief = shown.map(ToString::to_string).collect();
            self.brief.push(match imports.len() - 1 {
                1 => "1 more import of this kind".to_owned(),
                more => format!("{more} more imports of this kind"),
            });
        }
        self
    }
}

/// Says which option a guest needs whose memories are initially larger than the default limit. Only
/// its code decides which of them it creates, so it is not refused.
fn memory(found: &Inspection) -> Option<String> {
    let initial = declared_memory(found);
    let default = SandboxConfig::DEFAULT_MAX_MEMORY as u64;
    (initial > default).then(|| {
        format!(
            "with -W max-memory-size=SIZE, since its memories have {initial} bytes at its start, \
             and the default limit is {default}"
        )
    })
}

/// Says which option a guest needs that reads mirrors.
fn mirrors(found: &Inspection) -> Option<String> {
    let reads = found.mirror_import().is_some();
    reads.then(|| "with --mirror NAME=etcd://HOST:2379/PREFIX/, since it reads mirrors".to_owned())
}

/// Names the imports that neither a map nor WASI 0.2 serves.
fn other_imports(found: &Inspection) -> Option<String> {
    let served = ["localmap:core/", "wasi:keyvalue/"];
    let wasi = |name: &str| {
        let version = name.split_once('@').map_or("", |(_, version)| version);
        name.starts_with("wasi:") && version.starts_with("0.2.") && !version.contains('-')
    };
    let imports = found.imports.iter().filter(|import| {
        let name = import.name.as_str();
        let called = import.kind == "function" || !import.functions.is_empty();
        let served = served.iter().any(|prefix| name.starts_with(prefix));
        called && !wasi(name) && (!served || found.mirror_import() == Some(name))
    });
    let names: Vec<&str> = imports.map(|import| import.name.as_str()).collect();
    (!names.is_empty()).then(|| format!("on a host that provides {}", names.join(", ")))
}

/// Returns the map of a component that a command takes.
fn own_map(found: &Inspection) -> MapKind {
    if found.app.first() != Some(&Incompatibility::NoMapImport) {
        MapKind::Given
    } else if found.has_export(names::CONTROL) && run::fit::other_control(found).is_none() {
        MapKind::Included
    } else {
        MapKind::None
    }
}

/// Says that a map serves buckets, for components that import them.
fn buckets(found: &Inspection) -> &'static str {
    match found.keyvalue.is_empty() {
        true => "",
        false => ", which holds its buckets of wasi:keyvalue",
    }
}
