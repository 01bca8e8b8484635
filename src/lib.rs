//! Taskreel.
