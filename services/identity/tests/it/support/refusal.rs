//! What a refusal says.

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Its reason.
pub fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// Its code and reason.
pub fn told<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, String) {
    let status = result.expect_err("a refusal");
    (status.code(), reason(&status))
}

/// The fields that it names.
pub fn fields<T: std::fmt::Debug>(result: Result<T, Status>) -> Vec<String> {
    let status = result.expect_err("a refusal");
    assert_eq!((status.code(), reason(&status)), (Code::InvalidArgument, "INVALID_FIELD".to_owned()), "{status:?}");
    let bad = status.get_details_bad_request().expect("fields");
    bad.field_violations.into_iter().map(|violation| violation.field).collect()
}
