//! The gateway's tables, a file each.

pub mod api;
pub mod endpoint;
pub mod page_key;
pub mod retired_name;
