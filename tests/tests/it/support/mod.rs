//! Real processes, a real grpcurl and a plain HTTP client.

pub mod configuration;
pub mod grpcurl;
pub mod http;
pub mod ports;
pub mod postgres;
pub mod program;
pub mod system;
pub mod upstream;
