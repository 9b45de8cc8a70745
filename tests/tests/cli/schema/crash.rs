//! Kills `preload` at many moments, and runs several at a time.

use super::{Place, SCHEMA};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How often `preload` is killed. LOCALMAP_SCHEMA_KILLS sets another number.
fn kills() -> u32 {
    let kills = std::env::var("LOCALMAP_SCHEMA_KILLS").ok();
    kills.and_then(|kills| kills.parse().ok()).unwrap_or(40)
}

/// Two schemas that take some time to write.
fn schemas() -> [String; 2] {
    ["a", "b"].map(|letter| format!("{SCHEMA}# {}\n", letter.repeat(128 << 10)))
}

/// When a run is killed.
enum Moment {
    /// So long after its start.
    After(Duration),
    /// So long after its temporary file has appeared.
    InTheWrite(Duration),
}

impl Moment {
    /// Spreads the moments of all rounds over the time that a run takes, and over a write.
    fn of(round: u32, run: Duration) -> Self {
        let share = round / 2 * 2 * 100 / kills();
        match round % 2 {
            0 => Self::After(run * share / 90),
            _ => Self::InTheWrite(Duration::from_micros(u64::from(share) * 40)),
        }
    }

    fn wait(&self, place: &Place, preload: &mut Child) {
        match self {
            Self::After(time) => std::thread::sleep(*time),
            Self::InTheWrite(time) => {
                let temporary = place.dest().join(".localmap-schema.new");
                while !temporary.exists() && preload.try_wait().expect("a process").is_none() {
                    std::hint::spin_loop();
                }
                let appeared = Instant::now();
                while appeared.elapsed() < *time {
                    std::hint::spin_loop();
                }
            }
        }
    }
}

#[test]
fn a_preload_that_is_killed_leaves_a_whole_schema() {
    let [old, new] = schemas();
    let place = Place::new(&old);
    fs::write(place.path().join("new.toml"), &new).expect("a file");
    let began = Instant::now();
    place.preload(&[]).ok();
    let run = began.elapsed();
    let (mut killed, mut replaced, mut before) = (0, 0, old.clone());
    for round in 0..kills() {
        let schema = if before == old {
            "new.toml"
        } else {
            "schema.toml"
        };
        let preload = place.program().args(["schema", "preload", schema, "dest"]);
        let mut preload = preload.into_command();
        let mut preload = preload.stdout(Stdio::null()).spawn().expect("the program");
        Moment::of(round, run).wait(&place, &mut preload);
        // It may have ended.
        let _ = preload.kill();
        let ended = preload.wait().expect("it ends");
        killed += u32::from(ended.signal() == Some(9));
        let loaded = localmap_schema::load(&place.dest(), None).expect("a whole schema");
        let found = String::from_utf8(loaded.source().to_vec()).expect("UTF-8");
        assert!(found == old || found == new);
        assert!(
            !ended.success() || found != before,
            "it has reported what it has not done"
        );
        replaced += u32::from(found != before);
        before = found;
    }
    println!(
        "{killed} of {} were killed, {replaced} have replaced the file",
        kills()
    );
    assert!(killed > 0);
    // What they have left behind is gone after the next one.
    place.preload(&[]).ok();
    let names = fs::read_dir(place.dest()).expect("a folder");
    let names: Vec<_> = names
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, ["localmap-schema"]);
}

#[test]
fn two_preloads_at_a_time_leave_one_whole_schema() {
    let [one, other] = schemas();
    let place = Place::new(&one);
    fs::write(place.path().join("other.toml"), &other).expect("a file");
    for _ in 0..5 {
        let preloads = ["schema.toml", "other.toml", "schema.toml"].map(|schema| {
            let preload = place.program().args(["schema", "preload", schema, "dest"]);
            preload
                .into_command()
                .stdout(Stdio::null())
                .spawn()
                .expect("the program")
        });
        for mut preload in preloads {
            assert!(preload.wait().expect("it ends").success());
        }
        let loaded = localmap_schema::load(&place.dest(), None).expect("a whole schema");
        assert!(
            [&one, &other]
                .iter()
                .any(|schema| schema.as_bytes() == loaded.source())
        );
        assert_eq!(fs::read_dir(place.dest()).expect("a folder").count(), 1);
    }
}
