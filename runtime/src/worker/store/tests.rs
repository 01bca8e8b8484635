use std::sync::Arc;

use super::*;

fn result(byte: u8, bytes: usize) -> Bytes {
    vec![byte; bytes].into()
}

fn spilling(target: u64) -> (tempfile::TempDir, Store, Arc<Mutex<Vec<Moved>>>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::spilling(target, folder.path().join("spill"));
    let moved = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&moved);
    store.observe(move |one| seen.lock().unwrap().push(one));
    (folder, store, moved)
}

fn add(store: &Store, task: u32, bytes: usize) {
    store.insert(TaskId(task), result(task as u8, bytes));
    store.settle(TaskId(task));
}

#[test]
fn the_least_recently_used_go_to_disk_and_come_back() {
    let (folder, store, moved) = spilling(30_000);
    for task in 0..4 {
        add(&store, task, 10_000);
    }
    store.get(TaskId(0));
    assert!(matches!(store.make_room(0), Room::Made));
    assert_eq!((store.n_bytes(), store.n_spilled_bytes()), (30_000, 10_000));
    assert_eq!(store.get(TaskId(1)), None);
    assert!(store.contains(TaskId(1)));
    assert!(matches!(store.open(TaskId(1)), Some(Held::Disk(_, 10_000))));
    assert_eq!(store.load(TaskId(1)), Some(result(1, 10_000)));
    // There was no room for it: the next one went.
    assert_eq!((store.n_bytes(), store.n_spilled_bytes()), (30_000, 10_000));
    let seen: Vec<(u32, bool)> =
        moved.lock().unwrap().iter().map(|moved| (moved.task.0, moved.to_disk)).collect();
    assert_eq!(seen, [(1, true), (2, true), (1, false)]);
    assert!(matches!(store.make_room(10_000), Room::Made));
    store.free(&[TaskId(0), TaskId(1), TaskId(2), TaskId(3), TaskId(4)]);
    assert_eq!((store.n_bytes(), store.n_spilled_bytes()), (0, 0));
    drop(store);
    assert_eq!(std::fs::read_dir(folder.path().join("spill")).unwrap().count(), 0);
}

#[test]
fn what_is_in_use_small_or_unreported_stays_in_memory() {
    let (_folder, store, moved) = spilling(0);
    add(&store, 0, 10_000);
    add(&store, 1, 100);
    store.insert(TaskId(2), result(2, 10_000));
    let in_use = store.get(TaskId(0));
    assert!(matches!(store.make_room(0), Room::Stuck));
    assert!(moved.lock().unwrap().is_empty());
    drop(in_use);
    store.settle(TaskId(2));
    assert!(matches!(store.make_room(0), Room::Stuck));
    assert_eq!(moved.lock().unwrap().len(), 2);
    assert_eq!(store.n_bytes(), 100);
}

#[test]
fn a_disk_that_takes_nothing_leaves_results_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    let store = Store::spilling(0, file);
    add(&store, 0, 10_000);
    assert!(matches!(store.make_room(0), Room::Failed(_)));
    assert_eq!(store.get(TaskId(0)), Some(result(0, 10_000)));
    assert_eq!((store.n_bytes(), store.n_spilled_bytes()), (10_000, 0));
}

#[test]
fn threads_that_spill_restore_and_free_at_once_agree() {
    let (_folder, store, moved) = spilling(50_000);
    let store = Arc::new(store);
    let threads: Vec<_> = (0..4_u32)
        .map(|thread| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                for round in 0..200_u32 {
                    let task = (thread * 7 + round * 13) % 20;
                    match round % 4 {
                        0 => add(&store, task, 10_000),
                        3 => store.free(&[TaskId(task)]),
                        _ => {
                            if let Some(found) = store.load(TaskId(task)) {
                                assert_eq!(found, result(task as u8, 10_000));
                            }
                        }
                    }
                    assert!(!matches!(store.make_room(0), Room::Failed(_)));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let all: Vec<TaskId> = (0..20).map(TaskId).collect();
    store.free(&all);
    assert_eq!((store.n_bytes(), store.n_spilled_bytes()), (0, 0));
    assert!(moved.lock().unwrap().iter().any(|moved| !moved.to_disk));
}

#[test]
fn what_a_killed_worker_spilled_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join("taskreel-spill-1-0");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("lock"), "").unwrap();
    std::fs::write(left.join("0"), "a result").unwrap();
    let other = folder.path().join("somebody-elses");
    std::fs::create_dir(&other).unwrap();
    let store = Store::spilling(0, folder.path().to_owned());
    add(&store, 0, 10_000);
    assert!(matches!(store.make_room(0), Room::Made));
    assert!(!left.exists());
    assert!(other.exists());
    // Another store of the same process leaves this one's folder alone.
    let second = Store::spilling(0, folder.path().to_owned());
    add(&second, 0, 10_000);
    assert!(matches!(second.make_room(0), Room::Made));
    assert_eq!(store.load(TaskId(0)), Some(result(0, 10_000)));
}
