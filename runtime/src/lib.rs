//! Scheduler, worker, client and wire of Taskreel.
