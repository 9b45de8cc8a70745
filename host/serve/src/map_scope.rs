//! The scope of a map, with which it ends.

use hyper::header::{AUTHORIZATION, COOKIE, HeaderName, PROXY_AUTHORIZATION};
use localmap::Inspection;
use std::str::FromStr;

/// The scope of a map, with which it ends.
///
/// The default depends on the guest, see [`MapScope::default_for`].
///
/// ```
/// use localmap_serve::MapScope;
///
/// assert_eq!("server".parse(), Ok(MapScope::Server));
/// assert!(matches!("header:X-Tenant".parse(), Ok(MapScope::Header(name)) if name == "x-tenant"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapScope {
    /// Each request has its own map, which ends with its guest.
    Request,
    /// The requests of a connection share a map, which ends with the connection.
    Connection,
    /// Requests with the same value of this header, such as a tenant, share a map. The map ends
    /// when it has been idle for
    /// [`HandlerOptions::idle_timeout`](crate::HandlerOptions::idle_timeout).
    ///
    /// Clients can send any value, so have a trusted proxy set this header.
    Header(HeaderName),
    /// All requests share one map, which ends with the [`Handler`](crate::Handler).
    Server,
}

impl MapScope {
    /// Returns the scope for a guest if no other is chosen: [`Server`](Self::Server) if it imports
    /// `wasi:keyvalue`, whose buckets are expected to outlive a request, and otherwise
    /// [`Request`](Self::Request).
    ///
    /// ```
    /// use localmap_serve::MapScope;
    ///
    /// let map = localmap::inspect(localmap::MAP_COMPONENT)?;
    /// assert_eq!(MapScope::default_for(&map), MapScope::Request);
    /// # Ok::<(), localmap::ComponentError>(())
    /// ```
    pub fn default_for(guest: &Inspection) -> Self {
        match guest.keyvalue.is_empty() {
            true => Self::Request,
            false => Self::Server,
        }
    }

    /// Returns `true` if maps are created and dropped frequently.
    pub(crate) fn is_short(&self) -> bool {
        matches!(self, Self::Request | Self::Connection)
    }

    /// Returns `true` if maps belong to the values of a header that nobody may see.
    pub(crate) fn is_secret(&self) -> bool {
        match self {
            Self::Header(header) => [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(header),
            _ => false,
        }
    }

    /// Returns the class of its maps for telemetry; `None` if they belong to tenants.
    pub(crate) fn class(&self) -> Option<&'static str> {
        match self {
            Self::Request => Some("request"),
            Self::Connection => Some("connection"),
            Self::Server => Some("server"),
            Self::Header(_) => None,
        }
    }
}

/// The error returned if a string is not a [`MapScope`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseMapScopeError {
    /// The text after `header:` is not a valid header name.
    #[error("`{name}` is not a valid header name")]
    #[non_exhaustive]
    HeaderName {
        /// The text after `header:`.
        name: String,
    },
    /// The string is none of the four scopes.
    #[error("expected request, connection, header:NAME or server")]
    Unknown,
}

/// Parses `request`, `connection`, `server` or `header:NAME`. The case of a header name does
/// not matter.
impl FromStr for MapScope {
    type Err = ParseMapScopeError;

    fn from_str(text: &str) -> Result<Self, ParseMapScopeError> {
        match text {
            "request" => Ok(Self::Request),
            "connection" => Ok(Self::Connection),
            "server" => Ok(Self::Server),
            _ => match text.strip_prefix("header:") {
                Some(name) => HeaderName::from_bytes(name.as_bytes())
                    .map(Self::Header)
                    .map_err(|_| ParseMapScopeError::HeaderName {
                        name: name.to_owned(),
                    }),
                None => Err(ParseMapScopeError::Unknown),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_one_of_four() {
        assert_eq!("request".parse(), Ok(MapScope::Request));
        assert_eq!("connection".parse(), Ok(MapScope::Connection));
        assert_eq!("server".parse(), Ok(MapScope::Server));
        let tenant = HeaderName::from_static("x-tenant");
        assert_eq!("header:X-Tenant".parse(), Ok(MapScope::Header(tenant)));
    }

    #[test]
    fn other_texts_are_errors() {
        for bad in ["", "Request", "tenant", "header"] {
            let error = bad.parse::<MapScope>();
            assert_eq!(error, Err(ParseMapScopeError::Unknown), "{bad}");
        }
        for bad in ["header:", "header:x tenant", "header:ä"] {
            let error = bad.parse::<MapScope>();
            assert!(
                matches!(error, Err(ParseMapScopeError::HeaderName { .. })),
                "{bad}"
            );
        }
    }
}
