//! The metrics of one scrape: which there are, and where they come from.

use crate::exposition::families::{Families, Label, family};
use crate::exposition::labels::tenant_label;
use crate::metrics::class::OperationCounts;
use crate::metrics::outcome::OUTCOME_NAMES;
use crate::metrics::requests::{RequestCounts, protocol_name};
use crate::process::Process;
use crate::request::Protocol;
use crate::survey::{ClassView, NamedTenant, Overview};
use crate::telemetry::Shared;
use localmap::{HostStats, Stats};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use std::fmt;
use std::sync::Arc;

/// The version of Wasmtime that `localmap` uses.
const WASMTIME_VERSION: &str = "48.0.8";

/// All that a scrape reports, read at its beginning.
#[derive(Debug)]
pub(crate) struct Scrape {
    operations: Vec<(Arc<str>, Vec<OperationCounts>)>,
    requests: Vec<RequestCounts>,
    in_flight: [(Protocol, u64); 2],
    overview: Arc<Overview>,
    process: Option<Process>,
    ready: bool,
}

impl Scrape {
    pub(crate) fn read(shared: &Shared) -> Self {
        let overview = shared.overview();
        let requests = &shared.metrics.requests;
        let classes = shared.metrics.classes().into_iter();
        let protocols = [Protocol::Http, Protocol::Grpc];
        Self {
            operations: classes.map(|(name, class)| (name, class.read())).collect(),
            requests: requests.read(),
            in_flight: protocols.map(|protocol| (protocol, requests.in_flight(protocol))),
            overview,
            process: Process::read(),
            ready: shared.is_ready(),
        }
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families(encoder);
        self.program(&mut families)?;
        self.operations(&mut families)?;
        self.requests(&mut families)?;
        Classes(&self.overview.classes).encode(&mut families)?;
        Named::new(&self.overview.named).encode(&mut families)?;
        if let Some(host) = &self.overview.host {
            encode_host(host, &mut families)?;
        }
        if let Some(process) = &self.process {
            encode_process(process, &mut families)?;
        }
        Ok(())
    }
}

impl Scrape {
    fn program(&self, families: &mut Families<'_>) -> fmt::Result {
        let versions = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("wasmtime", WASMTIME_VERSION),
        ];
        families.info(
            family(
                "localmap_build",
                "The versions of localmap and of Wasmtime.",
            ),
            &versions,
        )?;
        families.gauge(
            family(
                "localmap_ready",
                "Whether the program serves requests: 1 or 0.",
            ),
            u64::from(self.ready),
        )
    }

    fn operations(&self, families: &mut Families<'_>) -> fmt::Result {
        let all = || {
            let classes = self.operations.iter();
            classes.flat_map(|(class, operations)| {
                operations.iter().map(move |counts| (&**class, counts))
            })
        };
        let outcomes = all().flat_map(|(class, counts)| {
            let outcomes = OUTCOME_NAMES.into_iter().zip(counts.outcomes);
            let happened = outcomes.filter(|(_, count)| *count > 0);
            happened.map(move |(outcome, count)| {
                let operation = counts.operation.name();
                let labels = [
                    ("class", class),
                    ("operation", operation),
                    ("outcome", outcome),
                ];
                (labels, count)
            })
        });
        families.counters(
            family("localmap_operations", "Operations of maps, by outcome."),
            outcomes,
        )?;
        families.durations(
            family(
                "localmap_operation_duration",
                "The duration of operations of maps.",
            ),
            all().map(|(class, counts)| {
                let labels = [("class", class), ("operation", counts.operation.name())];
                (labels, &counts.duration)
            }),
        )
    }

    fn requests(&self, families: &mut Families<'_>) -> fmt::Result {
        let statuses = self.requests.iter().flat_map(|counts| {
            let labels = [("protocol", counts.protocol), ("method", counts.method)];
            let statuses = counts.statuses.iter();
            statuses.map(move |(status, count)| ((labels, [("status", status.name())]), *count))
        });
        families.counters(
            family("localmap_requests", "Requests that have ended, by status."),
            statuses,
        )?;
        families.durations(
            family("localmap_request_duration", "The duration of requests."),
            self.requests.iter().map(|counts| {
                let labels = [("protocol", counts.protocol), ("method", counts.method)];
                (labels, &counts.duration)
            }),
        )?;
        let in_flight = self.in_flight.iter();
        families.gauges(
            family(
                "localmap_requests_in_flight",
                "Requests that have not ended.",
            ),
            in_flight.map(|(protocol, count)| ([("protocol", protocol_name(*protocol))], *count)),
        )
    }
}

/// The sums of all classes.
struct Classes<'a>(&'a [ClassView]);

impl Classes<'_> {
    fn encode(&self, families: &mut Families<'_>) -> fmt::Result {
        self.counts(families)?;
        self.memory(families)?;
        self.tenants(families)
    }

    fn of(&self, value: impl Fn(&ClassView) -> u64) -> impl Iterator<Item = ([Label<'_>; 1], u64)> {
        let classes = self.0.iter();
        classes.map(move |class| ([("class", &*class.name)], value(class)))
    }

    fn counts(&self, families: &mut Families<'_>) -> fmt::Result {
        families.counters(
            family("localmap_hits", "Reads that found their key."),
            self.of(|class| class.stats.hits),
        )?;
        families.counters(
            family("localmap_misses", "Reads that did not find their key."),
            self.of(|class| class.stats.misses),
        )?;
        families.counters(
            family("localmap_writes", "Values that were stored."),
            self.of(|class| class.stats.writes),
        )?;
        families.counters(
            family(
                "localmap_evicted_entries",
                "Entries that were removed to make room.",
            ),
            self.of(|class| class.stats.evicted),
        )?;
        families.counters(
            family(
                "localmap_expired_entries",
                "Expired entries whose memory was reclaimed.",
            ),
            self.of(|class| class.stats.expired),
        )?;
        families.counters(
            family(
                "localmap_refused_writes",
                "Writes that were rejected by a full map.",
            ),
            self.of(|class| class.stats.refused),
        )
    }

    fn memory(&self, families: &mut Families<'_>) -> fmt::Result {
        families.gauges(
            family("localmap_entries", "Entries of live maps."),
            self.of(|class| class.stats.entries),
        )?;
        let kinds = self.0.iter().flat_map(|class| {
            let Stats {
                payload,
                overhead,
                free,
                ..
            } = class.stats;
            let kinds = [("payload", payload), ("overhead", overhead), ("free", free)];
            let name = &*class.name;
            kinds.map(|(kind, bytes)| ([("class", name), ("kind", kind)], bytes))
        });
        families.gauges(
            family("localmap_memory", "Memory of live maps, by use.").bytes(),
            kinds,
        )?;
        families.gauges(
            family("localmap_pinned", "Memory that pins hold.").bytes(),
            self.of(|class| class.stats.pinned),
        )?;
        families.gauges(
            family(
                "localmap_high_water",
                "The sum of the most memory that each live map has had.",
            )
            .bytes(),
            self.of(|class| class.stats.high_water),
        )?;
        families.gauges(
            family(
                "localmap_granted",
                "Memory that live tenants may use at the moment.",
            )
            .bytes(),
            self.of(|class| class.granted),
        )
    }

    fn tenants(&self, families: &mut Families<'_>) -> fmt::Result {
        families.gauges(
            family("localmap_tenants", "Live tenants."),
            self.of(|class| u64::from(class.tenants)),
        )?;
        families.counters(
            family("localmap_tenants_created", "Tenants that were created."),
            self.of(|class| class.created),
        )?;
        let dropped = self.0.iter().flat_map(|class| {
            let name = &*class.name;
            let dropped = class.dropped;
            dropped.map(|(reason, count)| ([("class", name), ("reason", reason)], count))
        });
        families.counters(
            family(
                "localmap_tenants_dropped",
                "Tenants that were dropped, by reason.",
            ),
            dropped,
        )?;
        families.counters(
            family(
                "localmap_refused_checkouts",
                "Checkouts of tenants that returned an error.",
            ),
            self.of(|class| class.refused),
        )?;
        families.counters(
            family(
                "localmap_rate_limited_operations",
                "Operations that exceeded a tenant's rate.",
            ),
            self.of(|class| class.rate_limited),
        )
    }
}

/// The tenants that have metrics of their own, with their labels.
struct Named<'a>(Vec<(String, &'a NamedTenant)>);

impl<'a> Named<'a> {
    fn new(tenants: &'a [NamedTenant]) -> Self {
        let tenants = tenants.iter();
        let labelled = tenants.map(|tenant| (tenant_label(tenant.name.as_ref()), tenant));
        Self(labelled.collect())
    }

    fn of(&self, value: impl Fn(&Stats) -> u64) -> impl Iterator<Item = ([Label<'_>; 2], u64)> {
        self.0.iter().map(move |(label, tenant)| {
            let labels = [("class", &*tenant.class), ("tenant", label.as_str())];
            (labels, value(&tenant.stats))
        })
    }

    fn encode(&self, families: &mut Families<'_>) -> fmt::Result {
        families.gauges(
            family(
                "localmap_tenant_entries",
                "Entries of a tenant, or of the others.",
            ),
            self.of(|stats| stats.entries),
        )?;
        families.gauges(
            family(
                "localmap_tenant_memory",
                "Memory of a tenant, or of the others.",
            )
            .bytes(),
            self.of(|stats| stats.bytes),
        )?;
        families.counters(
            family(
                "localmap_tenant_hits",
                "Reads of a tenant that found their key.",
            ),
            self.of(|stats| stats.hits),
        )?;
        families.counters(
            family(
                "localmap_tenant_misses",
                "Reads of a tenant that did not find their key.",
            ),
            self.of(|stats| stats.misses),
        )?;
        families.counters(
            family(
                "localmap_tenant_evicted_entries",
                "Entries of a tenant that made room.",
            ),
            self.of(|stats| stats.evicted),
        )?;
        families.counters(
            family(
                "localmap_tenant_expired_entries",
                "Entries of a tenant that have expired.",
            ),
            self.of(|stats| stats.expired),
        )?;
        families.counters(
            family(
                "localmap_tenant_refused_writes",
                "Writes of a tenant that found it full.",
            ),
            self.of(|stats| stats.refused),
        )
    }
}

fn encode_host(host: &HostStats, families: &mut Families<'_>) -> fmt::Result {
    families.gauge(family("localmap_maps", "Live maps."), host.live.into())?;
    families.gauge(
        family("localmap_max_maps", "The limit on live maps."),
        host.max_maps.into(),
    )?;
    families.gauge(
        family(
            "localmap_waiting_maps",
            "Maps that wait for another one to end.",
        ),
        host.waiting.into(),
    )?;
    families.counter(
        family("localmap_maps_created", "Maps that were created."),
        host.created,
    )?;
    families.counter(
        family("localmap_maps_refused", "Maps that were not created."),
        host.refused,
    )?;
    let ended = host.ended.by_cause();
    families.counters(
        family("localmap_maps_ended", "Maps that have ended, by cause."),
        ended.map(|(cause, count)| ([("cause", cause)], count)),
    )?;
    families.counter(
        family(
            "localmap_memory_denied",
            "Growths of memory that were denied to maps.",
        ),
        host.memory_denied,
    )?;
    families.counter(
        family(
            "localmap_epochs",
            "Ticks of 10 ms that came while a map was running.",
        ),
        host.epochs,
    )
}

/// Writes the metrics that all programs have, by their usual names.
fn encode_process(process: &Process, families: &mut Families<'_>) -> fmt::Result {
    families.counter_of_seconds(
        family(
            "process_cpu",
            "Time of the processor in programs and in the system.",
        ),
        process.cpu_seconds,
    )?;
    families.gauge(
        family(
            "process_resident_memory",
            "Memory of the process that is resident.",
        )
        .bytes(),
        process.resident_bytes,
    )?;
    families.gauge(
        family(
            "process_virtual_memory",
            "Addresses that the process has mapped.",
        )
        .bytes(),
        process.virtual_bytes,
    )?;
    families.gauge(
        family("process_open_fds", "File descriptors that are open."),
        process.open_fds,
    )?;
    if let Some(max_fds) = process.max_fds {
        families.gauge(
            family("process_max_fds", "The limit on open file descriptors."),
            max_fds,
        )?;
    }
    families.gauge_of_seconds(
        family(
            "process_start_time",
            "When the process began, as Unix time.",
        ),
        process.start_time_seconds,
    )?;
    families.gauge(
        family("process_threads", "Threads of the process."),
        process.threads,
    )
}
