//! Whole-system tests: real processes of the `passgate` program, real databases, real grpcurl.
//!
//! The tests are in `tests/it`, one binary; this library is empty.
