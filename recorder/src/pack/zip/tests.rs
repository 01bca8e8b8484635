//! A pack comes back, and nothing else is taken for one.

use std::io::Cursor;

use super::super::ZipWriter;
use super::*;

fn pack() -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add(Part::Trace, &mut b"REEL and more".as_slice()).unwrap();
    zip.add(Part::Issue, &mut b"".as_slice()).unwrap();
    zip.add(Part::Summary, &mut b"{}".as_slice()).unwrap();
    zip.finish().unwrap().into_inner()
}

fn open(bytes: &[u8]) -> Checked<Vec<Entry>> {
    read_directory(&mut Cursor::new(bytes))
}

fn refusal(bytes: &[u8]) -> &'static str {
    match open(bytes) {
        Err(ZipFault::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn comes_back() {
    let bytes = pack();
    let entries = open(&bytes).unwrap();
    let content = |entry: &Entry| &bytes[entry.begin as usize..(entry.begin + entry.len) as usize];
    let read: Vec<(Part, &[u8])> =
        entries.iter().map(|entry| (entry.part, content(entry))).collect();
    let written: [(Part, &[u8]); 3] =
        [(Part::Trace, b"REEL and more"), (Part::Issue, b""), (Part::Summary, b"{}")];
    assert_eq!(read, written);
}

#[test]
fn cut_or_prolonged_anywhere_it_is_refused() {
    let bytes = pack();
    for len in 0..bytes.len() {
        refusal(&bytes[..len]);
    }
    refusal(&[bytes.as_slice(), b"\0"].concat());
    refusal(&[b"\0".as_slice(), &bytes].concat());
}

#[test]
fn every_changed_byte_of_its_frame_is_noticed() {
    let bytes = pack();
    let entries = open(&bytes).unwrap();
    for i in 0..bytes.len() {
        let in_content =
            |entry: &Entry| (entry.begin..entry.begin + entry.len).contains(&(i as u64));
        if entries.iter().any(in_content) {
            continue;
        }
        let mut changed = bytes.clone();
        changed[i] ^= 0x10;
        let is_same = open(&changed).is_ok_and(|read| read == entries);
        // Who made it, and when, are the only bytes that do not matter.
        if let Ok(read) = open(&changed) {
            assert!(is_same, "byte {i}: {read:?}");
        }
    }
}

#[test]
fn says_what_is_unexpected() {
    let bytes = pack();
    let with = |offset: usize, new: &[u8]| {
        let mut changed = bytes.clone();
        changed[offset..offset + new.len()].copy_from_slice(new);
        changed
    };
    let central = bytes.windows(4).position(|w| w == CENTRAL_MAGIC).unwrap();
    assert_eq!(refusal(&with(central + 10, &[8, 0])), "an entry is compressed");
    assert_eq!(refusal(&with(8, &[8, 0])), "an entry is compressed");
    assert_eq!(refusal(&with(central + 8, &[1, 0])), "an entry is encrypted or of unknown length");
    assert_eq!(refusal(&with(central + 46, b"../x.ree")), "it holds other files");
    assert_eq!(refusal(&with(30, b"run.ree/")), "it holds other files");
    assert_eq!(refusal(&with(central + 40, &[0xa1])), "an entry is no plain file");
    assert_eq!(refusal(&with(central + 24, &[0xff; 4])), "an entry is compressed");
    let long = with(central + 20, &[0xff; 8]);
    assert_eq!(refusal(&long), "an entry is longer than the file");
    let end = bytes.len() - END_LEN;
    assert_eq!(refusal(&with(end + 8, &[9, 0, 9, 0])), "it holds other files");
    assert_eq!(refusal(&with(end + 12, &[0xff; 4])), "its directory is not where it should be");
}

#[test]
fn two_files_of_one_name_are_refused() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add(Part::Trace, &mut b"a".as_slice()).unwrap();
    zip.add(Part::Issue, &mut b"b".as_slice()).unwrap();
    let mut bytes = zip.finish().unwrap().into_inner();
    let name = Part::Issue.name().as_bytes();
    while let Some(at) = bytes.windows(name.len()).position(|w| w == name) {
        // As long a name as the other one, so that nothing else changes.
        bytes[at..at + name.len()].copy_from_slice(b"run.reel");
    }
    assert_eq!(refusal(&bytes), "it holds two files of one name");
}
