//! The names that are part of a route, and so never change: endpoints, gRPC services and their methods.
//!
//! They compare by bytes: no case folding, no Unicode. So what is authorized is what is routed.

use std::fmt;

/// Most bytes in an endpoint's name.
pub const MAX_ENDPOINT_NAME_BYTES: usize = 63;
/// Most bytes in the full name of a gRPC service.
pub const MAX_SERVICE_NAME_BYTES: usize = 255;
/// Most bytes in the name of a gRPC method.
pub const MAX_METHOD_NAME_BYTES: usize = 127;

/// The rule that a name of this kind must keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteNameError {
    /// Not an endpoint's name.
    #[error(
        "must be 1 to {MAX_ENDPOINT_NAME_BYTES} characters of a-z, 0-9 and -, and begin and end with a letter or digit"
    )]
    Endpoint,
    /// Not the full name of a protobuf service.
    #[error(
        "must be the full name of a protobuf service, like shop.v1.Orders, of at most {MAX_SERVICE_NAME_BYTES} characters"
    )]
    Service,
    /// Not the name of a protobuf method.
    #[error("must be the name of a protobuf method, like ListOrders, of at most {MAX_METHOD_NAME_BYTES} characters")]
    Method,
}

macro_rules! route_names {
    ($($(#[$doc:meta])* $name:ident, $check:ident, $error:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Reads the name as a caller writes it.
            ///
            /// # Errors
            /// The rule, if `text` breaks it.
            pub fn parse(text: &str) -> Result<Self, RouteNameError> {
                if $check(text) { Ok(Self(text.into())) } else { Err(RouteNameError::$error) }
            }

            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
    )+};
}

route_names! {
    /// The name of an HTTP endpoint: `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`.
    EndpointName, is_endpoint, Endpoint;
    /// The full name of a gRPC service: identifiers joined by dots.
    ServiceName, is_service, Service;
    /// The name of a gRPC method: an identifier.
    MethodName, is_method, Method;
}

fn is_endpoint(text: &str) -> bool {
    (1..=MAX_ENDPOINT_NAME_BYTES).contains(&text.len())
        && text.bytes().all(is_endpoint_byte)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A label's key is an endpoint's name that begins with a letter.
pub(crate) fn is_label_key(text: &str) -> bool {
    is_endpoint(text) && text.starts_with(|first: char| first.is_ascii_lowercase())
}

fn is_service(text: &str) -> bool {
    text.len() <= MAX_SERVICE_NAME_BYTES && text.split('.').all(is_identifier)
}

fn is_method(text: &str) -> bool {
    text.len() <= MAX_METHOD_NAME_BYTES && is_identifier(text)
}

fn is_endpoint_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
}

fn is_identifier(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !text.is_empty()
        && !starts_with_digit(text)
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

/// Whether some endpoint's name begins with `text`.
pub(crate) fn begins_endpoint(text: &str) -> bool {
    text.len() <= MAX_ENDPOINT_NAME_BYTES && text.bytes().all(is_endpoint_byte) && !text.starts_with('-')
}

/// Whether some service's full name begins with `text`.
pub(crate) fn begins_service(text: &str) -> bool {
    let (whole, last) = text.rsplit_once('.').map_or((None, text), |(whole, last)| (Some(whole), last));
    text.len() <= MAX_SERVICE_NAME_BYTES && whole.is_none_or(is_service) && (last.is_empty() || is_identifier(last))
}

/// Whether some method's name begins with `text`.
pub(crate) fn begins_method(text: &str) -> bool {
    text.is_empty() || is_method(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoints_name_is_a_lower_case_dns_label() {
        for right in ["a", "0", "sales-orders", "a--b", &"a".repeat(63)] {
            assert!(EndpointName::parse(right).is_ok(), "{right}");
        }
        for wrong in ["", "-a", "a-", "Sales", "a_b", "a.b", "a/b", "a*", "ä", "a ", &"a".repeat(64)] {
            assert_eq!(EndpointName::parse(wrong), Err(RouteNameError::Endpoint), "{wrong}");
        }
    }

    #[test]
    fn a_services_name_is_a_protobuf_full_name() {
        for right in ["Orders", "shop.v1.Orders", "_a.B_2"] {
            assert!(ServiceName::parse(right).is_ok(), "{right}");
        }
        for wrong in ["", ".", "a.", ".a", "a..b", "1a", "a.1b", "a-b", "a/b", "a*", "é", &"a".repeat(256)] {
            assert_eq!(ServiceName::parse(wrong), Err(RouteNameError::Service), "{wrong}");
        }
    }

    #[test]
    fn a_methods_name_is_an_identifier() {
        assert!(MethodName::parse("ListOrders").is_ok());
        for wrong in ["", "a.b", "1a", "a/b", "*", &"a".repeat(128)] {
            assert_eq!(MethodName::parse(wrong), Err(RouteNameError::Method), "{wrong}");
        }
    }
}
