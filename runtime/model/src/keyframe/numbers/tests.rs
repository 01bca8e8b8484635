//! Columns come back, short where they may be; what claims more than is there is refused.

use super::*;

const CONFIG: bincode::config::Configuration = bincode::config::standard();

fn stored(numbers: &Numbers) -> Vec<u8> {
    bincode::serde::encode_to_vec(numbers, CONFIG).expect("plain data encodes")
}

fn restored(bytes: &[u8]) -> Option<Numbers> {
    bincode::serde::decode_from_slice(bytes, CONFIG).ok().map(|(numbers, _)| numbers)
}

#[test]
fn they_come_back() {
    let all_sorts = vec![0, 1, 254, 255, 256, 1 << 40, u64::MAX, 255, 0];
    for list in [vec![], vec![7], vec![7; 900], vec![255; 9], vec![u64::MAX; 3], all_sorts] {
        let column: Numbers = list.iter().copied().collect();
        let again = restored(&stored(&column)).expect("it was just made");
        assert_eq!(again, column);
        let mut reader = again.read();
        let read: Vec<u64> = list.iter().map(|_| reader.next().expect("one more")).collect();
        assert_eq!((read, reader.next().is_err()), (list, true));
    }
    let mut column = Numbers::default();
    let signed = [0, -1, 1, i64::MIN, i64::MAX];
    signed.iter().for_each(|number| column.push_signed(*number));
    let mut reader = column.read();
    assert!(signed.iter().all(|number| reader.next_signed() == Ok(*number)));
}

#[test]
fn what_says_nothing_new_takes_no_room() {
    let column: Numbers = std::iter::repeat_n(9_u32, 1_000_000).collect();
    assert!(stored(&column).len() < 9);
}

#[test]
fn forged_ones_are_refused() {
    let column: Numbers = [1_u64, 300, 70_000].into_iter().collect();
    let whole = stored(&column);
    // How many; their number and the bytes; the number of bytes of the large ones, and these.
    assert_eq!(whole, [3, 3, 1, 255, 255, 6, 44, 112, 1, 17, 0, 1]);
    for (at, byte) in [(0, 4), (0, 0), (1, 2), (5, 5), (5, 0)] {
        let mut forged = whole.clone();
        forged[at] = byte;
        assert_eq!(restored(&forged), None, "byte {at} is {byte}");
    }
    // Ever so many large ones, of which none is there.
    assert_eq!(restored(&[253, 0, 0, 0, 0, 0, 0, 0, 1, 1, 255, 0]), None);
}
