//! What a guard adds to a request, and what a lock in etcd costs next to a put.
//!
//! The service of the requests answers at once, so that nearly all of its time is that of its layers. etcd is
//! that of the group `mirror`: one node that does not wait for the disk.

#[cfg(feature = "etcd")]
mod in_etcd;

use crate::Options;
use crate::measure::{Times, nanos};
use crate::report::{Report, Row};
use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use localmap_lease::{Guard, GuardLayer, LockLimits, Locks, Mode, Otherwise, Rule, Rules};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Builder;
use tower_layer::Layer;
use tower_service::Service;

/// Answers at once.
#[derive(Clone)]
struct Hello;

impl Service<Request<()>> for Hello {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        black_box(&request);
        ready(Ok(Response::new(Full::new(Bytes::from_static(b"hello")))))
    }
}

/// The requests of a round, and the keys that take turns.
const KEYS: usize = 64;

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    requests(options, report)?;
    locks(options, report)?;
    #[cfg(feature = "etcd")]
    in_etcd::run(options, report)?;
    Ok(())
}

/// Returns a guard with some rules before the one that matches.
fn guard() -> Result<Guard> {
    let rules = Rules::new(Otherwise::Refuse)
        .rule(Rule::pass("/healthz")?)
        .rule(Rule::new("/users/{user}", "user/{user}")?)
        .rule(Rule::new("/maps/{map}/keys/{key}", "{map}/{key}")?)
        .rule(Rule::pass("/static/{*rest}")?);
    Ok(Guard::new(Locks::in_process(LockLimits::default()), rules))
}

fn requests(options: &Options, report: &mut Report) -> Result<()> {
    const SYSTEMS: [&str; 4] = [
        "no guard",
        "localmap, guard in the process, write",
        "localmap, guard in the process, read",
        "localmap, guard in the process, no lock needed",
    ];
    let count = if options.quick { 5_000 } else { 50_000 };
    let targets: Vec<String> = (0..KEYS)
        .map(|number| format!("/maps/config/keys/key-{number:08}"))
        .collect();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut guarded = GuardLayer::new(guard()?).layer(Hello);
    let mut plain = Hello;
    let times = Times::take(SYSTEMS.len(), options.rounds(), |system| {
        runtime.block_on(async {
            let (method, fixed) = match system {
                0 | 1 => ("PUT", None),
                2 => ("GET", None),
                _ => ("GET", Some("/static/logo.svg")),
            };
            let start = nanos();
            for target in targets.iter().cycle().take(count) {
                let target = fixed.unwrap_or(target);
                let request = Request::builder().method(method).uri(target).body(())?;
                let status = match system {
                    0 => ask(&mut plain, request).await?,
                    _ => ask(&mut guarded, request).await?,
                };
                ensure!(status == StatusCode::OK, "{target}: {status}");
            }
            anyhow::Ok((nanos() - start) as f64 / count as f64)
        })
    })?;
    let medians = times.medians();
    let base = medians.first().map_or(0.0, |first| first.nanos);
    for (system, median) in SYSTEMS.into_iter().zip(medians) {
        if system != SYSTEMS[0] {
            let added = median.nanos - base;
            let work = "added to a request, its URL parsed".to_owned();
            report.add(Row::new(work, system.to_owned(), "ns", added));
        }
        let work = "a request, its URL parsed";
        report.add(Row::time(work, 0, 0, system.into(), &median));
    }
    Ok(())
}

/// Sends a request, and reads all of its response.
async fn ask<S, B>(service: &mut S, request: Request<()>) -> Result<StatusCode>
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
    B: BodyExt<Data = Bytes>,
{
    let Ok(response) = service.call(request).await;
    let status = response.status();
    let body = response.into_body().collect().await;
    ensure!(body.is_ok(), "a body without an end");
    black_box(body.ok());
    Ok(status)
}

fn locks(options: &Options, report: &mut Report) -> Result<()> {
    const SYSTEMS: [(&str, Mode); 2] = [
        ("localmap, lock in the process, write", Mode::Write),
        ("localmap, lock in the process, read", Mode::Read),
    ];
    let count = if options.quick { 10_000 } else { 100_000 };
    let keys: Vec<String> = (0..KEYS)
        .map(|number| format!("config/key-{number:08}"))
        .collect();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let locks = Locks::in_process(LockLimits::default());
    let times = Times::take(SYSTEMS.len(), options.rounds(), |system| {
        runtime.block_on(async {
            let start = nanos();
            for key in keys.iter().cycle().take(count) {
                let hold = locks
                    .acquire(key, SYSTEMS[system].1, Duration::ZERO)
                    .await?;
                black_box(&hold);
            }
            anyhow::Ok((nanos() - start) as f64 / count as f64)
        })
    })?;
    for ((system, _), median) in SYSTEMS.into_iter().zip(times.medians()) {
        let work = "acquire and release a lock";
        report.add(Row::time(work, 0, 0, system.into(), &median));
    }
    Ok(())
}
