//! Real processes, a real grpcurl and a plain HTTP client.

pub mod configuration;
pub mod cut;
pub mod direct;
pub mod grpcurl;
pub mod http;
pub mod patience;
pub mod ports;
pub mod postgres;
pub mod program;
pub mod system;
pub mod upstream;
