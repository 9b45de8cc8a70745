//! The options of a mirror of etcd as a URL.

use super::options::EtcdOptions;
use std::str::FromStr;

/// The port of etcd.
const PORT: &str = "2379";

/// Why a URL is not one of a prefix of etcd.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; write it as etcd://user@host:2379,host:2379/prefix/, or with etcds:// for TLS")]
pub struct UrlError(&'static str);

impl FromStr for EtcdOptions {
    type Err = UrlError;

    /// Parses `etcd://user@host:2379,host:2379/prefix/`, or with `etcds://` for TLS.
    ///
    /// The user may have a password after a `:`, which is better set with
    /// [`password`](EtcdOptions::password). The port defaults to 2379. The prefix begins with the `/`; any
    /// other one, such as the empty one for all keys, is given as the query: `?prefix=config/`.
    ///
    /// # Errors
    ///
    /// Returns [`UrlError`], which repeats no part of the URL, since that may have a password.
    fn from_str(url: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or(UrlError("the URL has no scheme"))?;
        let endpoint_scheme = match scheme {
            "etcd" => "http",
            "etcds" => "https",
            _ => return Err(UrlError("the scheme of the URL is neither etcd nor etcds")),
        };
        if rest.contains('#') {
            return Err(UrlError("the URL has a fragment; write # as %23"));
        }
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (Some(login), hosts),
            None => (None, authority),
        };
        let hosts = hosts.split(',').map(|host| endpoint(endpoint_scheme, host));
        let endpoints: Vec<String> = hosts.collect::<Result<_, _>>()?;
        let mut options = Self::new(endpoints, prefix(path, query)?);
        if let Some(login) = login {
            let (user, password) = match login.split_once(':') {
                Some((user, password)) => (user, Some(text(password)?)),
                None => (login, None),
            };
            if user.is_empty() {
                return Err(UrlError("the URL has no name before the @"));
            }
            options.user = Some(text(user)?);
            options.password = password;
        }
        Ok(options)
    }
}

/// Returns the endpoint of a host with or without a port.
fn endpoint(scheme: &str, host: &str) -> Result<String, UrlError> {
    // The colons of an IPv6 address are in brackets.
    let (address, after) = match host.rsplit_once(']') {
        Some((address, after)) => (address.strip_prefix('['), after),
        None => match host.split_once(':') {
            Some((name, _)) => (Some(name), &host[name.len()..]),
            None => (Some(host), ""),
        },
    };
    let address = address.ok_or(UrlError("a host of the URL has brackets in a wrong place"))?;
    if address.is_empty() {
        return Err(UrlError("the URL has no host, or an empty one"));
    }
    let is_usual = |c: char| c.is_ascii_alphanumeric() || "-._:%".contains(c);
    if !address.chars().all(is_usual) {
        return Err(UrlError(
            "a host of the URL has a character that no name has",
        ));
    }
    let port = match after.strip_prefix(':') {
        None if after.is_empty() => return Ok(format!("{scheme}://{host}:{PORT}")),
        port => port.filter(|port| port.bytes().all(|byte| byte.is_ascii_digit())),
    };
    match port.and_then(|port| port.parse::<u16>().ok()) {
        Some(1..) => Ok(format!("{scheme}://{host}")),
        _ => Err(UrlError("a port of the URL is not a number of 1 to 65,535")),
    }
}

/// Returns the prefix, which is the path, or that of the query.
fn prefix(path: &str, query: Option<&str>) -> Result<Vec<u8>, UrlError> {
    match query {
        Some(query) => match query.strip_prefix("prefix=") {
            Some(prefix) if matches!(path, "" | "/") => decode(prefix),
            Some(_) => Err(UrlError(
                "the URL has a prefix as its path and another as its query",
            )),
            None => Err(UrlError("the query of the URL is not prefix=")),
        },
        None if path.is_empty() => Err(UrlError(
            "the URL has no prefix; for all keys of etcd, end it with /?prefix=",
        )),
        None => decode(path),
    }
}

fn text(encoded: &str) -> Result<String, UrlError> {
    String::from_utf8(decode(encoded)?)
        .map_err(|_| UrlError("the user or the password of the URL is not UTF-8"))
}

/// Replaces `%` and two hexadecimal digits by their byte.
fn decode(encoded: &str) -> Result<Vec<u8>, UrlError> {
    const ERROR: UrlError = UrlError("a % of the URL is not followed by two hexadecimal digits");
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let high = digit(bytes.next()).ok_or(ERROR)?;
                let low = digit(bytes.next()).ok_or(ERROR)?;
                u8::try_from(high * 16 + low).map_err(|_| ERROR)?
            }
            byte => byte,
        });
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> EtcdOptions {
        url.parse()
            .unwrap_or_else(|error| unreachable!("{url}: {error}"))
    }

    #[test]
    fn hosts_become_endpoints() {
        let endpoints = |url| parsed(url).endpoints;
        assert_eq!(endpoints("etcd://a/p/"), ["http://a:2379"]);
        assert_eq!(
            endpoints("etcds://a:1,b.example,[::1],[::1]:99/p/"),
            [
                "https://a:1",
                "https://b.example:2379",
                "https://[::1]:2379",
                "https://[::1]:99"
            ]
        );
        for url in ["etcd://a/p/", "etcds://[fe80::1]:5,10.0.0.1/p/"] {
            parsed(url).check().expect("usable");
        }
    }

    #[test]
    fn the_path_or_the_query_is_the_prefix() {
        let prefix = |url| parsed(url).prefix;
        assert_eq!(prefix("etcd://a/config/"), b"/config/");
        assert_eq!(prefix("etcd://a/"), b"/");
        assert_eq!(prefix("etcd://a/?prefix="), b"");
        assert_eq!(prefix("etcd://a?prefix=config/"), b"config/");
        assert_eq!(prefix("etcd://a/%ff%00%2f%3F,@:"), b"/\xff\x00/?,@:");
    }

    #[test]
    fn users_are_decoded_and_passwords_optional() {
        let login = |url| (parsed(url).user, parsed(url).password);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(login("etcd://a/p/"), (None, None));
        assert_eq!(login("etcd://me@a/p/"), (some("me"), None));
        assert_eq!(login("etcd://m%40e:s%3ae@a/p/"), (some("m@e"), some("s:e")));
        assert_eq!(login("etcd://me:@a/p/"), (some("me"), some("")));
        assert!(parsed("etcd://me@a/p/").check().is_err());
        parsed("etcd://me@a/p/")
            .password("b")
            .check()
            .expect("usable");
    }

    #[test]
    fn errors_say_what_is_wrong_and_repeat_nothing() {
        for url in [
            "",
            "hidden",
            "http://hidden/p/",
            "etcd://",
            "etcd:///p/",
            "etcd://hidden",
            "etcd://a,,b/p/",
            "etcd://a:hidden/p/",
            "etcd://a:0/p/",
            "etcd://a:65536/p/",
            "etcd://:1/p/",
            "etcd://a]/p/",
            "etcd://[a/p/",
            "etcd://a[]/p/",
            "etcd://@a/p/",
            "etcd://:hidden@a/p/",
            "etcd://a/p/#hidden",
            "etcd://a/p/?hidden",
            "etcd://a/p/?prefix=hidden",
            "etcd://a/%",
            "etcd://a/%4",
            "etcd://a/%hidden",
            "etcd://%ff@a/p/",
            "etcd://hid den/p/",
            "etcd://a:+1/p/",
        ] {
            let error = url.parse::<EtcdOptions>().expect_err(url).to_string();
            assert!(!error.contains("hidden"), "{error}");
            assert!(error.contains("etcd://user@host:2379"), "{error}");
        }
    }
}
