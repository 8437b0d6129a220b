//! The data plane against real sockets: what upstreams get, byte by byte, and what callers are told.

#![cfg(test)]

mod decider;
mod grpc;
mod harness;
mod hostile;
mod http_endpoints;
mod memory;
mod own_services;
mod recorder;
mod refusals;
mod streaming;
