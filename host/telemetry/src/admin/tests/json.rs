use super::*;
use serde_json::Value;

fn names(page: &Value) -> Vec<&str> {
    let tenants = page["tenants"].as_array().expect("an array");
    let name = |tenant: &'_ Value| tenant["name"].as_str().map(str::len);
    assert!(tenants.iter().all(|tenant| name(tenant).is_some()));
    tenants
        .iter()
        .filter_map(|tenant| tenant["name"].as_str())
        .collect()
}

#[test]
fn tenants_are_sorted_filtered_and_paged() {
    let fixture = Fixture::new();
    let all = fixture.json("/maps");
    assert_eq!(all["total"], 5 + HOSTILE.len());
    assert_eq!(all["matched"], all["total"]);
    assert_eq!(all["next_offset"], Value::Null);

    let few = fixture.json("/maps?class=few&sort=entries");
    assert_eq!(names(&few), ["e", "d", "c", "b", "a"]);
    let fifth = &few["tenants"][0];
    assert_eq!(
        (&fifth["entries"], &fifth["hits"], &fifth["misses"]),
        (&5.into(), &5.into(), &1.into())
    );
    assert_eq!(
        (&fifth["class"], &fifth["kind"]),
        (&"few".into(), &"tenant".into())
    );
    assert_eq!(fifth["id"], 5, "the fifth one that was created");
    assert!(fifth["idle_ms"].is_u64() && fifth["bytes"].is_u64());
    let ratio = fixture.json("/maps?class=few&sort=hit_ratio&order=asc");
    assert_eq!(names(&ratio), ["a", "b", "c", "d", "e"]);

    let mut paged = Vec::new();
    let mut offset = Some(0);
    while let Some(at) = offset {
        let page = fixture.json(&format!("/maps?sort=refused&limit=2&offset={at}"));
        paged.extend(names(&page).into_iter().map(str::to_owned));
        offset = page["next_offset"].as_u64();
    }
    assert_eq!(paged.len(), 5 + HOSTILE.len());
    paged.sort();
    paged.dedup();
    assert_eq!(
        paged.len(),
        5 + HOSTILE.len(),
        "each of them is on one page"
    );
    let beyond = fixture.json("/maps?offset=18446744073709551615");
    assert!(names(&beyond).is_empty() && beyond["next_offset"].is_null());

    let found = fixture.json("/maps?filter=SCRIPT%3Eal");
    assert_eq!(names(&found), [HOSTILE[0].1]);
    assert_eq!(names(&fixture.json("/maps?filter=%ff")), ["\u{fffd}"]);
    assert!(names(&fixture.json("/maps?filter=absent")).is_empty());
}

#[test]
fn hostile_names_stay_text() {
    let fixture = Fixture::new();
    let others = fixture.json("/maps?class=others");
    for (bytes, text) in HOSTILE {
        let tenants = others["tenants"].as_array().expect("an array");
        let found = tenants.iter().find(|tenant| tenant["name"] == text);
        let hex = found.and_then(|tenant| tenant["name_hex"].as_str());
        let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, Some(expected.as_str()), "{text:?}");
    }
    let raw = fixture.get("/maps").body;
    assert!(!raw.contains(&0x1b) && !raw.contains(&b'\n') && !raw.contains(&0));
}

#[test]
fn sums_are_those_of_the_tenants_and_of_the_operations() {
    let fixture = Fixture::new();
    fixture.telemetry.set_ready(true);
    let stats = fixture.json("/stats");
    let bounds = stats["bounds_ns"].as_array().expect("bounds");
    let bounds: Vec<_> = bounds.iter().filter_map(Value::as_u64).collect();
    assert!(bounds.len() > 10 && bounds.is_sorted());
    assert_eq!(
        (&stats["ready"], &stats["metrics"], &stats["tracing"]),
        (&true.into(), &true.into(), &false.into())
    );
    assert!(stats["started_ms"].as_u64() > Some(0) && stats["uptime_us"].as_u64() > Some(0));
    let class = &stats["classes"][0];
    assert_eq!(
        (&class["name"], &class["tenants"], &class["entries"]),
        (&"few".into(), &5.into(), &15.into())
    );
    assert_eq!(
        (&class["hits"], &class["misses"], &class["writes"]),
        (&15.into(), &5.into(), &15.into())
    );
    assert_eq!(
        class["outcomes"],
        serde_json::json!({"hit": 15, "miss": 5, "ok": 15})
    );
    let operations = class["operations"].as_array().expect("operations");
    for (kind, count) in [("get", 20), ("set", 15)] {
        let operation = operations
            .iter()
            .find(|operation| operation["kind"] == kind);
        let operation = operation.expect(kind);
        assert_eq!(operation["count"], count);
        let buckets = operation["buckets"].as_array().expect("buckets");
        let counts = buckets
            .iter()
            .map(|bucket| bucket[1].as_u64().expect("a count"));
        assert_eq!(counts.sum::<u64>(), count);
        assert!(
            buckets
                .iter()
                .all(|bucket| bucket[0].as_u64() <= Some(bounds.len() as u64))
        );
    }
    assert!(stats["host"]["live"].as_u64() >= Some(fixture.tenants.len() as u64));
    assert_eq!(stats["host"]["ended"]["trapped"], 0);
}
