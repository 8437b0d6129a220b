//! Starting a server, and ending it.

mod accept;
mod exposure;
mod grpc;
mod lifecycle;
mod listen;
mod tasks;

pub use exposure::{Exposure, ExposureError, SETTING as EXPOSURE_SETTING};
pub use grpc::{Readiness, UrlError, channel, serve, with_standard_services};
pub use lifecycle::{Lifecycle, signalled};
pub use listen::{BindError, bind};
pub use tasks::ServiceTasks;
