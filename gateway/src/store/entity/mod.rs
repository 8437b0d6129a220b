//! The gateway's tables, a file each.

pub mod api;
pub mod endpoint;
pub mod retired_name;
