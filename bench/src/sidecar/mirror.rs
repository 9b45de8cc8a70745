//! How long a change takes to a mirror, from the moment when the set is sent, while another connection
//! makes 20,000 sets a second. All clients are on one thread, on any core, like the sidecar.

use super::server::Sidecar;
use super::stream::Stream;
use super::work::{PIPELINE, SIZE, TENANT, VALUE, framed, opening, set_operation};
use crate::Options;
use crate::measure::{on_all_cores, quantile, wall};
use crate::report::{Report, Row};
use anyhow::{Result, ensure};
use bytes::Bytes;
use localmap_sidecar_proto::mirror_request::{Ack, Kind, Open};
use localmap_sidecar_proto::{MirrorRequest, MirrorResponse, PipelineRequest};
use prost::Message;
use std::time::Duration;
use tokio::runtime;
use tokio::time::{MissedTickBehavior, interval};

const MIRROR: &str = "/localmap.sidecar.v1.Maps/Mirror";

/// Each millisecond, this number of keys is set.
const SETS: u64 = 20;
const KEYS: u64 = 10_000;

/// Each time after this number of milliseconds, one of the sets is observed.
const OBSERVED: u64 = 7;
const OBSERVED_KEY: &str = "observed";

pub(super) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let time = Duration::from_secs(if options.quick { 1 } else { 10 });
    let nanos = on_all_cores(|| {
        let sidecar = Sidecar::start(&[])?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(observe(&sidecar, time))
    })?;
    ensure!(!nanos.is_empty(), "the mirror has seen no change");
    for (what, at) in [("median", 0.5), ("99th percentile", 0.99)] {
        let work = format!("a change at a mirror, next to 20,000 sets a second: {what}");
        report.add(Row {
            size: SIZE,
            entries: KEYS,
            ..Row::new(work, "localmap sidecar".into(), "ns", quantile(&nanos, at))
        });
    }
    Ok(())
}

/// Returns the nanoseconds that each observed change took.
async fn observe(sidecar: &Sidecar, time: Duration) -> Result<Vec<f64>> {
    let socket = sidecar.socket();
    let mut writer = Stream::open(&socket, PIPELINE, &opening()).await?;
    writer.next().await?;
    let open = Open {
        tenant: TENANT.into(),
        ..Open::default()
    };
    let open = MirrorRequest {
        kind: Some(Kind::Open(open)),
    };
    let mirror = Stream::open(&socket, MIRROR, &open).await?;
    let writes = write(writer);
    let mut nanos = Vec::new();
    tokio::select! {
        ended = writes => ended?,
        ended = read(mirror, &mut nanos) => ended?,
        () = tokio::time::sleep(time) => {}
    }
    Ok(nanos)
}

/// Sets keys without end. The value of the observed one is the time at which it was sent.
async fn write(mut writer: Stream) -> Result<()> {
    let mut ticks = interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for tick in 0u64.. {
        ticks.tick().await;
        let key = |set| format!("key:{:012}", (tick * SETS + set) * 6_007 % KEYS);
        let mut operations: Vec<_> = (1..SETS)
            .map(|set| set_operation(key(set), Bytes::from_static(&VALUE)))
            .collect();
        operations.push(match tick % OBSERVED {
            0 => {
                let now = Bytes::copy_from_slice(&wall().to_le_bytes());
                set_operation(OBSERVED_KEY.into(), now)
            }
            _ => set_operation(key(0), Bytes::from_static(&VALUE)),
        });
        let request = PipelineRequest {
            operations,
            ..PipelineRequest::default()
        };
        writer.send(framed(&request)).await?;
        writer.next().await?;
    }
    Ok(())
}

/// Acknowledges all responses, and notes how old the observed changes are.
async fn read(mut mirror: Stream, nanos: &mut Vec<f64>) -> Result<()> {
    loop {
        let response = MirrorResponse::decode(mirror.next().await?)?;
        for entry in &response.entries {
            if entry.key == OBSERVED_KEY
                && let Some(sent) = entry.value.first_chunk()
            {
                nanos.push((wall() - u64::from_le_bytes(*sent)) as f64);
            }
        }
        let ack = Ack {
            nonce: response.nonce,
        };
        let ack = MirrorRequest {
            kind: Some(Kind::Ack(ack)),
        };
        mirror.send(framed(&ack)).await?;
    }
}
