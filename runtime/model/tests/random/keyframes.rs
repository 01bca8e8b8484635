//! Stored states: they come back as they were, and forged ones do no harm.

use proptest::prelude::prop::sample::Index;
use taskreel_model::{Event, Keyframe, Stamped, State};

const PLENTY: u64 = 1 << 30;

fn bytes_of(keyframe: &Keyframe) -> Vec<u8> {
    bincode::serde::encode_to_vec(keyframe, bincode::config::standard())
        .expect("plain data encodes")
}

fn parse(bytes: &[u8]) -> Option<Keyframe> {
    let limited = bincode::config::standard().with_limit::<{ 1 << 20 }>();
    bincode::serde::decode_from_slice(bytes, limited).ok().map(|(keyframe, _)| keyframe)
}

/// Folds a log, storing and restoring the state every so many events.
pub(crate) fn restore_along(log: &[Stamped<Event>], every: usize) {
    let mut state = State::new();
    for (n, event) in log.iter().enumerate() {
        if n % every == 0 {
            let stored = bytes_of(&state.keyframe());
            let restored = parse(&stored).expect("it was just made").restore(PLENTY);
            assert_eq!(restored.as_ref(), Ok(&state), "before event {n}");
            state = restored.expect("compared above");
        }
        state.apply(event, &mut Vec::new()).expect("live it was legal");
    }
}

/// Changes bytes of a stored state, and folds what follows of the log if it is still one.
pub(crate) fn fold_from_forged(log: &[Stamped<Event>], at: usize, changes: &[(Index, u8)]) {
    let mut state = State::new();
    for event in &log[..at] {
        state.apply(event, &mut Vec::new()).expect("live it was legal");
    }
    let mut stored = bytes_of(&state.keyframe());
    for (index, byte) in changes {
        let len = stored.len();
        stored[index.index(len)] = *byte;
    }
    let Some(Ok(mut state)) = parse(&stored).map(|keyframe| keyframe.restore(1 << 24)) else {
        return;
    };
    for event in &log[at..] {
        let event = Stamped { seq: state.next_seq(), ..event.clone() };
        // Refused or not: it must not panic.
        let _ = state.apply(&event, &mut Vec::new());
    }
}
