//! Traces as files: written, read, followed, cut, damaged, and as their description says.

mod run;

mod round_trip;
