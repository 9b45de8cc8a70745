//! The crate `localmap-sidecar-client`: each operation, pipelines, and its waiting and errors.

use super::client::Sidecar;
use crate::serve::client::PATIENCE;
use localmap_sidecar_client::{
    Batch, Change, Client, ClientOptions, Condition, Error, OperationResult, Outcome, Pipeline,
    RejectionReason, Scan, Tenant, Ttl,
};
use localmap_tests::guest;
use std::time::Duration;

const KEY: &[u8] = b"\x00\xff";
const MINUTE: Ttl = Ttl::After(Duration::from_secs(60));

fn tenant(sidecar: &Sidecar, name: &str) -> Tenant {
    let options = ClientOptions::new().timeout(PATIENCE);
    let client = Client::connect_with(sidecar.socket(), &options).expect("a client");
    client.tenant(name)
}

/// Returns why the map has rejected a call; `Unknown` if it is another error.
fn reason<T: std::fmt::Debug>(result: Result<T, Error>) -> RejectionReason {
    match result.expect_err("it is rejected") {
        Error::Rejected(rejection) => rejection.reason,
        _ => RejectionReason::Unknown,
    }
}

#[tokio::test]
async fn reads_and_writes_are_those_of_the_library() -> Result<(), Error> {
    let sidecar = Sidecar::start(&[]);
    let map = tenant(&sidecar, "t");
    let first = map.set(KEY, "v", MINUTE).await?;
    let entry = map.get_entry(KEY).await?.expect("present");
    assert_eq!((&entry.value[..], entry.version), (&b"v"[..], first));
    assert!(
        entry
            .expires_in
            .is_some_and(|left| left <= Duration::from_secs(60))
    );
    assert_eq!(map.get("nothing").await?, None);
    let values = map.get_many([KEY, b"nothing", KEY]).await?;
    assert_eq!(values, [Some("v".into()), None, Some("v".into())]);
    assert!(map.contains(KEY).await? && !map.contains("nothing").await?);
    let second = map
        .set_if(KEY, "", Ttl::Never, Condition::Version(first))
        .await?;
    assert_eq!(
        map.get_entry(KEY).await?.and_then(|entry| entry.expires_in),
        None
    );
    assert!(map.touch(KEY, MINUTE).await? && !map.touch("nothing", MINUTE).await?);
    assert_eq!(map.increment("n", -7, Ttl::Default).await?, -7);
    assert_eq!(
        map.increment("n", i64::MAX, Ttl::Default).await?,
        i64::MAX - 7
    );
    map.delete_if(KEY, second).await?;
    assert_eq!(
        map.take("n").await?.as_deref(),
        Some(&(i64::MAX - 7).to_le_bytes()[..])
    );
    assert!(!map.delete("n").await?);
    let stats = map.stats().await?;
    assert_eq!((stats.entries, stats.epoch), (0, None));
    Ok(())
}

#[tokio::test]
async fn rejections_have_their_reason() -> Result<(), Error> {
    let sidecar = Sidecar::start(&["--max-entries", "2"]);
    let map = tenant(&sidecar, "t");
    let version = map.set("k", "v", Ttl::Default).await?;
    let conflict = |current| RejectionReason::Conflict { current };
    let absent = map.set_if("k", "w", Ttl::Default, Condition::Absent).await;
    assert_eq!(reason(absent), conflict(Some(version)));
    let present = map
        .set_if("nothing", "w", Ttl::Default, Condition::Present)
        .await;
    assert_eq!(reason(present), conflict(None));
    assert_eq!(
        reason(map.delete_if("k", version + 9).await),
        conflict(Some(version))
    );
    assert_eq!(
        reason(map.set("", "", Ttl::Default).await),
        RejectionReason::InvalidKey
    );
    let zero = Ttl::After(Duration::ZERO);
    assert_eq!(
        reason(map.set("k", "", zero).await),
        RejectionReason::InvalidTtl
    );
    let large = vec![0; (1 << 20) + 1];
    assert_eq!(
        reason(map.set("k", large, Ttl::Default).await),
        RejectionReason::ValueTooLarge
    );
    assert_eq!(
        reason(map.increment("k", 1, Ttl::Default).await),
        RejectionReason::NotACounter
    );
    map.increment("n", i64::MAX, Ttl::Default).await?;
    assert_eq!(
        reason(map.increment("n", 1, Ttl::Default).await),
        RejectionReason::Overflow
    );
    assert_eq!(
        reason(map.set("third", "", Ttl::Default).await),
        RejectionReason::Full
    );
    let batch = [
        Change::Delete { key: "k".into() },
        Change::DeleteIf {
            key: "n".into(),
            version: 1_000,
        },
    ];
    let error = map.apply(batch).await.expect_err("a conflict");
    let Error::Rejected(rejection) = error else {
        panic!("{error:?}");
    };
    assert_eq!(rejection.index, Some(1));
    assert!(map.contains("k").await?);
    Ok(())
}

#[tokio::test]
async fn batches_and_scans_return_all() -> Result<(), Error> {
    let sidecar = Sidecar::start(&[]);
    let map = tenant(&sidecar, "t");
    let outcomes = map
        .apply([
            Change::Set {
                key: "a".into(),
                value: "1".into(),
                ttl: MINUTE,
            },
            Change::SetIf {
                key: "b".into(),
                value: "2".into(),
                ttl: Ttl::Never,
                condition: Condition::Absent,
            },
            Change::Increment {
                key: "n".into(),
                delta: 4,
                ttl: Ttl::Default,
            },
            Change::Touch {
                key: "nothing".into(),
                ttl: MINUTE,
            },
            Change::Delete { key: "b".into() },
        ])
        .await?;
    let [Outcome::Stored(first), Outcome::Stored(second), rest @ ..] = &outcomes[..] else {
        panic!("{outcomes:?}");
    };
    assert!(first < second);
    assert_eq!(
        *rest,
        [
            Outcome::Counter(4),
            Outcome::Touched(false),
            Outcome::Deleted(true)
        ]
    );
    for at in 0..300_u32 {
        map.set(format!("page:{at:03}"), vec![1; 10_000], Ttl::Default)
            .await?;
    }
    let mut scan = Scan::new(&map, "page:");
    let (mut keys, mut pages) = (Vec::new(), 0);
    while let Some(entries) = scan.next_page().await? {
        pages += 1;
        keys.extend(entries.into_iter().map(|found| found.key));
    }
    assert!(pages > 2, "{pages}");
    let values = map.get_many(&keys).await?;
    assert!(
        values
            .iter()
            .all(|value| value.as_ref().is_some_and(|value| value.len() == 10_000))
    );
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 300);
    Ok(())
}

#[tokio::test]
async fn a_pipeline_returns_what_the_calls_return() -> Result<(), Error> {
    let sidecar = Sidecar::start(&[]);
    let map = tenant(&sidecar, "t");
    let pipeline = Pipeline::open(&map).await?;
    let batch = Batch::new()
        .set(KEY, "v", MINUTE)
        .get(KEY)
        .get_entry(KEY)
        .contains(KEY)
        .set_if(KEY, "w", Ttl::Default, Condition::Absent)
        .increment("n", -2, Ttl::Default)
        .touch("n", MINUTE)
        .take(KEY)
        .get(KEY)
        .delete_if("n", 1_000)
        .delete("n");
    let results = pipeline.run(batch).await?;
    use OperationResult as R;
    let [
        R::Stored(version),
        R::Value(value),
        R::Entry(entry),
        R::Present(true),
        rest @ ..,
    ] = &results[..]
    else {
        panic!("{results:?}");
    };
    assert_eq!((&value[..], entry.version), (&b"v"[..], *version));
    let [
        R::Rejected(conflict),
        R::Counter(-2),
        R::Present(true),
        R::Value(taken),
        rest @ ..,
    ] = rest
    else {
        panic!("{rest:?}");
    };
    let current = Some(*version);
    assert_eq!(conflict.reason, RejectionReason::Conflict { current });
    assert_eq!(taken, "v");
    assert!(
        matches!(rest, [R::Absent, R::Rejected(_), R::Present(true)]),
        "{rest:?}"
    );
    Ok(())
}

#[tokio::test]
async fn many_batches_are_under_way_and_stay_in_order() -> Result<(), Error> {
    let sidecar = Sidecar::start(&[]);
    let pipeline = Pipeline::open(&tenant(&sidecar, "t")).await?;
    let mut sent = Vec::new();
    for _ in 0..500 {
        // Waits while too many are under way, although nobody takes their results.
        let batch = Batch::new().increment("n", 1, Ttl::Default);
        sent.push(pipeline.send(batch).await?);
    }
    for (at, sent) in (0..).zip(sent) {
        assert_eq!(sent.results().await?, [OperationResult::Counter(at + 1)]);
    }
    Ok(())
}

#[tokio::test]
async fn a_call_waits_for_a_sidecar_and_finds_the_next_one() -> Result<(), Error> {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("map.sock");
    let options = ClientOptions::new().timeout(PATIENCE);
    let client = Client::connect_with(&socket, &options)?;
    let map = client.tenant("t");
    let waiting = tokio::spawn({
        let map = map.clone();
        async move { map.set("k", "v", Ttl::Default).await }
    });
    let starting = socket.clone();
    let start = move || Sidecar::at(&starting, &[]);
    let mut sidecar = tokio::task::spawn_blocking(start).await.expect("no panic");
    waiting.await.expect("no panic")?;
    sidecar.signal("KILL");
    sidecar.wait();
    let starting = socket.clone();
    let start = move || Sidecar::at(&starting, &[]);
    let _sidecar = tokio::task::spawn_blocking(start).await.expect("no panic");
    let found = match map.get("k").await {
        // The end of the first one was not noticed before.
        Err(Error::Unavailable { .. }) => map.get("k").await,
        found => found,
    };
    assert_eq!(found?, None);
    Ok(())
}

#[tokio::test]
async fn a_guest_answers_or_its_failure_is_told_from_others() -> Result<(), Error> {
    let option = format!("handled={}", guest("handled").display());
    let sidecar = Sidecar::start(&["--guest", &option]);
    let map = tenant(&sidecar, "t");
    map.set("k", "v", Ttl::Default).await?;
    assert_eq!(map.call_guest("handled", "get k").await?, "v");
    let error = map.call_guest("handled", "fail for a reason").await;
    let Err(Error::Guest { message, .. }) = error else {
        return error.map(drop);
    };
    assert_eq!(message, "for a reason");
    let failed = map.call_guest("handled", "count-and-panic n").await;
    assert!(
        matches!(failed, Err(Error::GuestFailed { .. })),
        "{failed:?}"
    );
    let none = map.call_guest("none", "").await;
    assert!(matches!(none, Err(Error::NoGuest { .. })), "{none:?}");
    Ok(())
}

#[tokio::test]
async fn errors_of_the_way_to_the_map_have_their_cause() -> Result<(), Error> {
    let sidecar = Sidecar::start(&["--max-maps", "1"]);
    let map = tenant(&sidecar, "first");
    map.contains("k").await?;
    let second = tenant(&sidecar, "second").contains("k").await;
    assert!(
        matches!(second, Err(Error::LimitReached { .. })),
        "{second:?}"
    );
    let name = tenant(&sidecar, "no/name").contains("k").await;
    assert!(matches!(name, Err(Error::Invalid { .. })), "{name:?}");
    let too_large = map.set("k", vec![0; 4 << 20], Ttl::Default).await;
    assert!(
        matches!(too_large, Err(Error::TooLarge { .. })),
        "{too_large:?}"
    );
    // The connection goes on.
    assert!(!map.contains("k").await?);
    Ok(())
}

#[tokio::test]
async fn the_end_of_the_sidecar_ends_a_pipeline_with_a_reason() -> Result<(), Error> {
    let mut sidecar = Sidecar::start(&[]);
    let pipeline = Pipeline::open(&tenant(&sidecar, "t")).await?;
    pipeline.run(Batch::new().get("k")).await?;
    sidecar.signal("TERM");
    sidecar.wait();
    let error = pipeline
        .run(Batch::new().get("k"))
        .await
        .expect_err("ended");
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    assert!(error.is_temporary());
    Ok(())
}
