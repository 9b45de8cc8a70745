//! `--map-per`: what a map belongs to.

use hyper::header::HeaderName;

/// What a map belongs to, and ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lifetime {
    Request,
    Connection,
    /// The value of this header.
    Header(HeaderName),
    Server,
}

impl Lifetime {
    /// Whether maps come and go all the time.
    pub(super) fn is_short(&self) -> bool {
        matches!(self, Self::Request | Self::Connection)
    }
}

/// Reads the option. The names of headers have no case.
pub(super) fn parse(text: &str) -> Result<Lifetime, String> {
    match text {
        "request" => Ok(Lifetime::Request),
        "connection" => Ok(Lifetime::Connection),
        "server" => Ok(Lifetime::Server),
        _ => match text.strip_prefix("header:") {
            Some(name) => HeaderName::from_bytes(name.as_bytes())
                .map(Lifetime::Header)
                .map_err(|_| format!("`{name}` is no name of a header")),
            None => Err("expected request, connection, header:NAME or server".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_one_of_four() {
        assert_eq!(parse("request"), Ok(Lifetime::Request));
        assert_eq!(parse("connection"), Ok(Lifetime::Connection));
        assert_eq!(parse("server"), Ok(Lifetime::Server));
        let tenant = HeaderName::from_static("x-tenant");
        assert_eq!(parse("header:X-Tenant"), Ok(Lifetime::Header(tenant)));
    }

    #[test]
    fn what_is_none_says_why() {
        for bad in [
            "",
            "Request",
            "tenant",
            "header",
            "header:",
            "header:x tenant",
            "header:ä",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
