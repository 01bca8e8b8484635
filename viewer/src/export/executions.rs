//! Who ran what, when, and for whom, as columns: what search, selection and arrows are answered from.

use serde::Serialize;

use super::{Index, Store};
use crate::fold::Run;
use crate::ledger::Executions;
use crate::wire::Packed;

/// Most executions: about 25 bytes each.
const ROWS_MAX: usize = 300_000;

#[derive(Serialize)]
struct Embedded<'a> {
    #[serde(flatten)]
    executions: &'a Executions,
    end_ns: u64,
}

pub(super) fn keep(run: &Run, store: &mut Store, index: &mut Index) {
    let ledger = run.ledger();
    if ledger.n_executions() > ROWS_MAX {
        store.left_out.push(format!(
            "search, selection and arrows: the run has more than {ROWS_MAX} executions"
        ));
        return;
    }
    let executions = ledger.executions();
    let part =
        Packed::json("executions", &Embedded { executions: &executions, end_ns: run.now().0 });
    if Store::bytes(&part) > store.room() / 2 {
        store.left_out.push("search, selection and arrows, for want of room".to_owned());
        return;
    }
    index.executions = Some(store.keep(part));
    index.path = Some(store.keep(Packed::json("path", &ledger.critical_path())));
}
