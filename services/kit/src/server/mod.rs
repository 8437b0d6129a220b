//! Starting a server, and ending it.

mod accept;
mod exposure;
mod grpc;
mod lifecycle;
mod link;
mod listen;
mod simulated;
mod tasks;

pub use exposure::{Exposure, ExposureError, SETTING as EXPOSURE_SETTING};
pub use grpc::{Readiness, UrlError, channel, dial, serve, with_standard_services};
pub use lifecycle::{Lifecycle, Signals};
pub use link::{LinkError, dial_link};
pub use listen::{BindError, Listener, bind, listen};
pub use tasks::ServiceTasks;
