//! The probes of the program, as tools find them: notes in its file.

use std::{env, fs};

/// A probe, by its [note](https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation).
struct Probe<'a> {
    name: &'a str,
    arguments: usize,
    semaphore: u64,
}

/// A section of an ELF file of 64 bits.
struct Section<'a> {
    name: &'a str,
    address: u64,
    bytes: &'a [u8],
}

fn number(file: &[u8], at: usize, len: usize) -> usize {
    let bytes = file[at..at + len].iter().rev();
    bytes.fold(0, |number, byte| number << 8 | usize::from(*byte))
}

fn text(bytes: &[u8]) -> &str {
    let end = bytes.iter().position(|byte| *byte == 0);
    str::from_utf8(&bytes[..end.expect("it ends")]).expect("it is text")
}

fn sections(file: &[u8]) -> impl Iterator<Item = Section<'_>> {
    assert_eq!(
        &file[..6],
        b"\x7fELF\x02\x01",
        "64 bits, the lowest byte first"
    );
    let (first, count) = (number(file, 0x28, 8), number(file, 0x3c, 2));
    let header = move |index: usize| first + 64 * index;
    let names = number(file, header(number(file, 0x3e, 2)) + 0x18, 8);
    (0..count).map(header).map(move |header| {
        let (start, len) = (
            number(file, header + 0x18, 8),
            number(file, header + 0x20, 8),
        );
        Section {
            name: text(&file[names + number(file, header, 4)..]),
            address: number(file, header + 0x10, 8) as u64,
            // A section without bytes in the file can have any start.
            bytes: file.get(start..start + len).unwrap_or_default(),
        }
    })
}

fn probes(mut notes: &[u8]) -> Vec<Probe<'_>> {
    let mut probes = Vec::new();
    while !notes.is_empty() {
        let (name, description) = (number(notes, 0, 4), number(notes, 4, 4));
        let start = 12 + name.next_multiple_of(4);
        let note = &notes[start..start + description];
        let provider = text(&note[24..]);
        let name = text(&note[24 + provider.len() + 1..]);
        let arguments = text(&note[24 + provider.len() + name.len() + 2..]);
        if provider == "localmap" {
            probes.push(Probe {
                name,
                arguments: arguments.split_ascii_whitespace().count(),
                semaphore: number(note, 16, 8) as u64,
            });
        }
        notes = &notes[start + description.next_multiple_of(4)..];
    }
    probes
}

#[test]
fn the_program_has_five_probes_that_are_off_until_somebody_listens() {
    // The program is next to the folder of the tests.
    let test = env::current_exe().expect("this program");
    let folder = test.ancestors().nth(2).expect("a folder");
    let file = fs::read(folder.join("localmap")).expect("the program");
    let section = |name: &str| sections(&file).find(|section| section.name == name);
    let notes = section(".note.stapsdt").expect("there are notes");
    let mut probes = probes(notes.bytes);
    probes.sort_by_key(|probe| probe.name);
    let found: Vec<_> = probes
        .iter()
        .map(|probe| (probe.name, probe.arguments))
        .collect();
    let expected = [
        ("evict", 2),
        ("map__dropped", 3),
        ("map__made", 2),
        ("op__done", 6),
        ("op__start", 3),
    ];
    assert_eq!(found, expected);
    // Each has a number of its own that tools increase, and all are 0 in the file.
    let semaphores = section(".probes").expect("there are semaphores");
    assert_eq!(semaphores.bytes, [0; 10]);
    let mut places: Vec<_> = probes
        .iter()
        .map(|probe| probe.semaphore - semaphores.address)
        .collect();
    places.sort_unstable();
    assert_eq!(places, [0, 2, 4, 6, 8]);
}
