//! What a request asks for.

use std::fmt;

use crate::route::{EndpointName, MethodName, RouteNameError, ServiceName};

/// One endpoint, or one method of a gRPC service. Its text is canonical: two resources are the same if their texts are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// `endpoints/{name}`, with all paths below it.
    Endpoint(EndpointName),
    /// `apis/{package.Service}/{Method}`
    Method {
        /// The full name of the service.
        service: ServiceName,
        /// The method.
        method: MethodName,
    },
}

/// Why a text is no resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourceError {
    /// Neither kind of resource.
    #[error("must be endpoints/{{name}} or apis/{{package.Service}}/{{Method}}")]
    Kind,
    /// One of its names breaks its rule.
    #[error("the name {0}")]
    Name(#[from] RouteNameError),
}

pub(crate) const ENDPOINTS: &str = "endpoints/";
pub(crate) const APIS: &str = "apis/";

impl Resource {
    /// Reads a resource in its canonical form.
    ///
    /// # Errors
    /// If `text` is anything else.
    pub fn parse(text: &str) -> Result<Self, ResourceError> {
        if let Some(name) = text.strip_prefix(ENDPOINTS) {
            return Ok(Self::Endpoint(EndpointName::parse(name)?));
        }
        let api = text.strip_prefix(APIS).ok_or(ResourceError::Kind)?;
        let (service, method) = api.split_once('/').ok_or(ResourceError::Kind)?;
        Ok(Self::Method { service: ServiceName::parse(service)?, method: MethodName::parse(method)? })
    }

    /// Reads the path of a gRPC call, `/{package.Service}/{Method}`, byte by byte as it came.
    ///
    /// # Errors
    /// If `path` is anything else.
    pub fn parse_grpc_path(path: &str) -> Result<Self, ResourceError> {
        let (service, method) =
            path.strip_prefix('/').and_then(|path| path.split_once('/')).ok_or(ResourceError::Kind)?;
        Ok(Self::Method { service: ServiceName::parse(service)?, method: MethodName::parse(method)? })
    }

    /// Whether its text begins with `stem`.
    pub(crate) fn begins_with(&self, stem: &str) -> bool {
        let mut rest = stem;
        for part in self.parts() {
            if rest.len() <= part.len() {
                return part.starts_with(rest);
            }
            let Some(after) = rest.strip_prefix(part) else { return false };
            rest = after;
        }
        rest.is_empty()
    }

    /// Whether its text is `stem`.
    pub(crate) fn is(&self, stem: &str) -> bool {
        self.parts().iter().map(|part| part.len()).sum::<usize>() == stem.len() && self.begins_with(stem)
    }

    fn parts(&self) -> [&str; 4] {
        match self {
            Self::Endpoint(name) => [ENDPOINTS, name.as_str(), "", ""],
            Self::Method { service, method } => [APIS, service.as_str(), "/", method.as_str()],
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().into_iter().try_for_each(|part| out.write_str(part))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_resource_has_one_text() {
        for text in ["endpoints/sales", "apis/shop.v1.Orders/List"] {
            assert_eq!(Resource::parse(text).expect("a resource").to_string(), text);
        }
        for wrong in [
            "",
            "endpoints",
            "endpoints/",
            "endpoints/a/b",
            "Endpoints/a",
            "/endpoints/a",
            "apis/a.B",
            "apis/a.B/",
            "apis/a.B/C/D",
            "apis//C",
            "APIS/a.B/C",
            "endpoints/*",
            "*",
            "endpoints/a%2a",
            " endpoints/a",
        ] {
            assert!(Resource::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_grpc_path_is_taken_by_its_exact_bytes() {
        let resource = Resource::parse_grpc_path("/shop.v1.Orders/List").expect("a path");
        assert_eq!(resource.to_string(), "apis/shop.v1.Orders/List");

        for wrong in [
            "shop.v1.Orders/List",
            "//shop.v1.Orders/List",
            "/shop.v1.Orders/List/",
            "/shop.v1.Orders//List",
            "/a%2EB/C",
            "/a.B/C?x",
        ] {
            assert!(Resource::parse_grpc_path(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn beginnings_agree_with_the_text(text in "(endpoints/[ab]{1,3}|apis/[ab]{1,2}\\.[AB]/[AB]{1,2})", stem in "(endpoints/|apis/)?[abAB./]{0,6}") {
            let resource = Resource::parse(&text).expect("made to be one");
            prop_assert_eq!(resource.begins_with(&stem), text.starts_with(&stem));
            prop_assert_eq!(resource.is(&stem), text == stem);
            for end in 0..=text.len() {
                prop_assert!(resource.begins_with(text.get(..end).expect("ASCII")));
            }
            prop_assert!(resource.is(&text));
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text: String) {
            let _ = (Resource::parse(&text), Resource::parse_grpc_path(&text));
        }
    }
}
