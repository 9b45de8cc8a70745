//! Fails each step of a write in turn, and ends the process or the power there.

use super::disk::{Disk, Fault};
use super::{FILE_NAME, StoreFault, TEMPORARY, store};
use std::io::ErrorKind;

const OLD: &[u8] = b"the old contents, of some length";
const NEW: &[u8] = b"the new contents, which are longer than the old ones";

/// The folders in which a write may begin.
fn folders() -> [Disk; 4] {
    [
        Disk::default(),
        Disk::with(&[(FILE_NAME, OLD)]),
        Disk::with(&[(FILE_NAME, OLD), (TEMPORARY, b"half of an earlier wri")]),
        Disk::with(&[(TEMPORARY, b""), ("another", b"file")]),
    ]
}

/// The number of steps of a write in this folder.
fn steps(folder: &Disk) -> usize {
    let folder = folder.reopen();
    store(&folder, NEW, 0o640).expect("no fault");
    folder.steps().len()
}

/// Checks that the file is the old one or the new one, and that another run completes the write.
fn check(found: &Disk, began: &Disk, what: &str) {
    let old = began.files().get(FILE_NAME).cloned();
    let file = found.files().get(FILE_NAME).cloned();
    assert!(
        file == old || file.as_deref() == Some(NEW),
        "{what}: {file:?}"
    );
    let again = found.reopen();
    let written = store(&again, NEW, 0o640).unwrap_or_else(|fault| panic!("{what}: {fault:?}"));
    assert_eq!(written, file.as_deref() != Some(NEW), "{what}");
    let mut expected = began.files();
    expected.remove(TEMPORARY);
    expected.insert(FILE_NAME.to_owned(), NEW.to_vec());
    assert_eq!(again.files(), expected, "{what}");
}

#[test]
fn a_step_that_fails_leaves_the_old_file_or_the_new_one_and_nothing_else() {
    let kinds = [
        ErrorKind::StorageFull,
        ErrorKind::ReadOnlyFilesystem,
        ErrorKind::Interrupted,
    ];
    for began in folders() {
        for step in 0..steps(&began) {
            for kind in kinds {
                for fault in [Fault::Fails(kind), Fault::FailsHalfway(kind)] {
                    let folder = began.reopen().fail_at(step, fault);
                    let done = store(&folder, NEW, 0o640);
                    let made = folder.steps();
                    let what = format!("{fault:?} at step {step} of {made:?}");
                    match made[step] {
                        // An old file that cannot be read is replaced.
                        "read" => assert!(done.is_ok(), "{what}"),
                        _ => assert!(
                            matches!(done, Err(StoreFault::Step { ref source, .. }) if source.kind() == kind),
                            "{what}: {done:?}"
                        ),
                    }
                    let left = folder.files().contains_key(TEMPORARY);
                    let early = ["lock", "names", "remove", "create"].contains(&made[step]);
                    assert!(!left || early, "{what}: a temporary file is left");
                    check(&folder, &began, &what);
                }
            }
        }
    }
}

#[test]
fn a_process_that_is_killed_leaves_the_old_file_or_the_new_one() {
    for began in folders() {
        for step in 0..steps(&began) {
            for fault in [Fault::Killed, Fault::KilledHalfway] {
                let folder = began.reopen().fail_at(step, fault);
                let done = store(&folder, NEW, 0o640);
                let what = format!("{fault:?} at step {step} of {:?}", folder.steps());
                // A read that is killed is the last step, though it does not fail the write.
                assert!(done.is_err(), "{what}");
                check(&folder, &began, &what);
            }
        }
    }
}

/// The power may fail in any step. Names that were not synced may be lost, one without another, and
/// so may bytes.
#[test]
fn a_power_failure_leaves_the_old_file_or_the_new_one() {
    let mut found_new = 0;
    for began in folders() {
        for step in 0..steps(&began) {
            for fault in [Fault::Killed, Fault::KilledHalfway] {
                let folder = began.reopen().fail_at(step, fault);
                let _ = store(&folder, NEW, 0o640);
                let what = format!("{fault:?} at step {step} of {:?}", folder.steps());
                for found in folder.after_power_failure() {
                    found_new +=
                        usize::from(found.files().get(FILE_NAME).is_some_and(|file| file == NEW));
                    check(&found, &began, &what);
                }
            }
        }
    }
    assert!(found_new > 0, "the new file is never there");
}

#[test]
fn what_was_reported_as_written_survives_a_power_failure() {
    for began in folders() {
        let folder = began.reopen();
        assert!(store(&folder, NEW, 0o640).expect("no fault"));
        for found in folder.after_power_failure() {
            assert_eq!(found.files().get(FILE_NAME).map(Vec::as_slice), Some(NEW));
        }
    }
}

#[test]
fn a_second_run_with_the_same_contents_writes_nothing() {
    let folder = Disk::with(&[(FILE_NAME, OLD)]);
    assert!(store(&folder, NEW, 0o640).expect("no fault"));
    let again = folder.reopen();
    assert!(!store(&again, NEW, 0o640).expect("no fault"));
    assert_eq!(again.steps(), ["lock", "names", "read", "sync"]);
    // Another mode is written like other contents.
    assert!(store(&folder.reopen(), NEW, 0o600).expect("no fault"));
}
