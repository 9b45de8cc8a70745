//! All rules of a guard, of which the first that matches a request decides.

use super::path::{self, PathFault, Separators};
use super::rule::{MAX_WAIT, Rule};
use super::template::KeyFault;
use crate::limits::LockLimits;
use crate::mode::Mode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Uri};
use std::sync::Arc;
use std::time::Duration;

/// The maximum number of rules.
pub(super) const MAX_RULES: usize = 1_000;
/// The wait limit of a rule that has none.
const WAIT: Duration = Duration::from_secs(1);
/// The TTL of a lease in etcd.
const TTL: Duration = Duration::from_secs(10);
/// The range of the TTL: etcd grants no less than 2 s.
pub(super) const MIN_TTL: Duration = Duration::from_secs(2);
pub(super) const MAX_TTL: Duration = Duration::from_secs(3_600);

/// What happens to a request that no rule names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// It is refused: with 403, or `PERMISSION_DENIED` of gRPC.
    Refuse,
    /// It needs no lock.
    Pass,
}

/// The rules of a guard. The first rule that matches a request decides.
///
/// Paths are compared decoded, without empty segments: `/a//%62/` is `/a/b`. Queries are ignored. A path
/// that programs read in different ways, with a segment `.` or `..`, a malformed `%`, or an encoded `/`, is
/// refused with 400, whatever the rules say. Case matters.
///
/// ```
/// use localmap_lease::{Otherwise, Rule, Rules};
///
/// let rules = Rules::new(Otherwise::Refuse)
///     .rule(Rule::pass("/healthz")?)
///     .rule(Rule::new("/maps/{map}/{key}", "{map}/{key}")?);
/// # Ok::<(), localmap_lease::RulesError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Rules {
    pub(super) rules: Vec<Rule>,
    pub(super) otherwise: Otherwise,
    separators: Separators,
    pub(super) wait: Duration,
    ttl: Duration,
    limits: LockLimits,
}

/// The lock that a request needs.
#[derive(Debug, Clone)]
pub(crate) struct Demand {
    pub(crate) key: Arc<str>,
    pub(crate) mode: Mode,
    pub(crate) wait: Duration,
}

/// The reason why the rules refuse a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("no rule of the guard names the request")]
    Unnamed,
    #[error(transparent)]
    Path(#[from] PathFault),
    #[error(transparent)]
    Key(#[from] KeyFault),
}

impl Rules {
    /// Creates rules without any: all requests are refused or passed. See [`Rules`] for an example.
    #[must_use]
    pub fn new(otherwise: Otherwise) -> Self {
        Self {
            rules: Vec::new(),
            otherwise,
            separators: Separators::Refuse,
            wait: WAIT,
            ttl: TTL,
            limits: LockLimits::default(),
        }
    }

    /// Adds a rule, after those that are there. See [`Rules`] for an example.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Sets how long requests wait for a lock if their rule does not say it, at most 10 minutes. 0 refuses
    /// them at once. Default 1 s.
    ///
    /// ```
    /// use localmap_lease::{Otherwise, Rules};
    /// use std::time::Duration;
    ///
    /// let rules = Rules::new(Otherwise::Refuse)
    ///     .wait(Duration::from_millis(200))
    ///     .ttl(Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait.min(MAX_WAIT);
        self
    }

    /// Sets the TTL that a lease in etcd should have, from 2 s to an hour; other values are moved into
    /// this range, and fractions of a second are rounded up. Default 10 s. See [`wait`](Self::wait) for an
    /// example.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl.clamp(MIN_TTL, MAX_TTL);
        self
    }

    /// Sets whether a segment of a path can have an encoded `/` (`%2F`), and a `\`, encoded or not. Default
    /// `false`: such a request is refused with 400, since many programs decode a path before they divide it,
    /// and would take `/maps%2Fa` for `/maps/a`, which a rule names. Set it for a program that divides first,
    /// as axum does.
    ///
    /// ```
    /// use localmap_lease::{Otherwise, Rules};
    ///
    /// let rules = Rules::new(Otherwise::Refuse).escaped_slashes(true);
    /// ```
    #[must_use]
    pub fn escaped_slashes(mut self, keep: bool) -> Self {
        self.separators = match keep {
            true => Separators::Keep,
            false => Separators::Refuse,
        };
        self
    }

    /// Returns the TTL that a lease in etcd should have.
    #[must_use]
    pub fn lease_ttl(&self) -> Duration {
        self.ttl
    }

    /// Sets how many requests can wait. Default: [`LockLimits::default`].
    #[must_use]
    pub fn limits(mut self, limits: LockLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Returns how many requests can wait, for [`Locks`](crate::Locks).
    #[must_use]
    pub fn lock_limits(&self) -> LockLimits {
        self.limits
    }

    /// Returns what a request must lock; `None` if it needs no lock.
    pub(crate) fn demand(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Option<Demand>, Fault> {
        let segments = path::segments(target(uri), self.separators)?;
        let matching = segments.as_deref().and_then(|segments| {
            let rule = self
                .rules
                .iter()
                .find(|rule| rule.matches(method, segments));
            Some((rule?, segments))
        });
        let Some((rule, segments)) = matching else {
            return match self.otherwise {
                Otherwise::Pass => Ok(None),
                Otherwise::Refuse => Err(Fault::Unnamed),
            };
        };
        let demand = rule.demand(method, segments, headers)?;
        Ok(demand.map(|(key, mode, wait)| Demand {
            key: key.into(),
            mode,
            wait: wait.unwrap_or(self.wait),
        }))
    }
}

/// Returns the path of a target. That of `CONNECT` has none.
fn target(uri: &Uri) -> &str {
    match uri.path_and_query() {
        Some(target) => target.path(),
        None => "",
    }
}

/// Returns the content type of a call of gRPC, or of gRPC-Web.
pub(crate) fn grpc_type(headers: &HeaderMap) -> Option<&HeaderValue> {
    let kind = headers.get(CONTENT_TYPE)?;
    kind.as_bytes()
        .starts_with(b"application/grpc")
        .then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(rules: &Rules, method: &str, target: &str) -> Result<Option<Demand>, Fault> {
        let method = Method::try_from(method).expect("a method");
        let uri = Uri::try_from(target).expect("a target");
        rules.demand(&method, &uri, &HeaderMap::new())
    }

    fn key(rules: &Rules, method: &str, target: &str) -> String {
        match demand(rules, method, target) {
            Ok(Some(demand)) => format!("{} {}", demand.mode, demand.key),
            Ok(None) => "pass".to_owned(),
            Err(fault) => fault.to_string(),
        }
    }

    fn rules(otherwise: Otherwise) -> Rules {
        let rule = |path, key| Rule::new(path, key).expect("a rule");
        Rules::new(otherwise)
            .rule(Rule::pass("/maps/health").expect("a rule"))
            .rule(rule("/maps/{map}", "{map}").methods([Method::DELETE]))
            .rule(rule("/maps/{map}/{key}", "{map}/{key}").wait(Duration::ZERO))
            .rule(rule("/maps/{map}/{*rest}", "deep").mode(Mode::Read))
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let rules = rules(Otherwise::Refuse);
        let unnamed = "no rule of the guard names the request";
        for (method, target, expected) in [
            ("GET", "/maps/health", "pass"),
            ("DELETE", "/maps/health", "pass"),
            ("DELETE", "/maps/a", "write a"),
            ("PUT", "/maps/a", unnamed),
            ("GET", "/maps/a/b", "read a/b"),
            ("HEAD", "/maps/a/b", "read a/b"),
            ("PUT", "/maps/a/b", "write a/b"),
            ("POST", "/maps/a/b", "write a/b"),
            ("PATCH", "/maps/a/b", "write a/b"),
            ("DELETE", "/maps/a/b", "write a/b"),
            ("PURGE", "/maps/a/b", "write a/b"),
            ("PUT", "/maps/a/b/c", "read deep"),
            ("GET", "/", unnamed),
            ("OPTIONS", "*", unnamed),
            ("CONNECT", "localhost:80", unnamed),
        ] {
            assert_eq!(key(&rules, method, target), expected, "{method} {target}");
        }
        let found = demand(&rules, "GET", "/maps/a/b").expect("it is named");
        assert_eq!(found.expect("a lock").wait, Duration::ZERO);
        let found = demand(&rules, "GET", "/maps/a/b/c").expect("it is named");
        assert_eq!(found.expect("a lock").wait, WAIT);
    }

    #[test]
    fn what_no_rule_names_can_pass_but_not_what_has_two_meanings() {
        let rules = rules(Otherwise::Pass);
        assert_eq!(key(&rules, "GET", "/other"), "pass");
        assert_eq!(key(&rules, "OPTIONS", "*"), "pass");
        assert!(key(&rules, "GET", "/other/../maps/a/b").contains("`.` or `..`"));
        assert!(key(&rules, "GET", "/other/%zz").contains("hexadecimal"));
    }

    #[test]
    fn hostile_spellings_of_a_path_have_one_key() {
        let rules = rules(Otherwise::Refuse);
        for target in [
            "/maps/a/b",
            "/maps/a/%62",
            "/%6Daps/%61/b",
            "//maps//a///b",
            "/maps/a/b/",
            "/maps/a/b?x=/../",
            "http://other/maps/a/b",
        ] {
            assert_eq!(key(&rules, "PUT", target), "write a/b", "{target}");
        }
        assert_eq!(key(&rules, "PUT", "/maps/a/B"), "write a/B");
        for target in ["/maps/a/b%2fc", "/maps%2Fa/b", "/maps/a\\b", "/maps%5ca/b"] {
            assert!(
                key(&rules, "PUT", target).contains("encoded `/`"),
                "{target}"
            );
        }
        let kept = rules.escaped_slashes(true);
        assert_eq!(key(&kept, "PUT", "/maps/a/b%2fc"), "write a/b%2Fc");
        assert_eq!(key(&kept, "PUT", "/maps/a\\b/c"), "write a%5Cb/c");
    }

    #[test]
    fn limits_are_moved_into_their_ranges() {
        let rules = Rules::new(Otherwise::Pass);
        assert_eq!(rules.clone().ttl(Duration::ZERO).lease_ttl(), MIN_TTL);
        assert_eq!(rules.clone().ttl(Duration::MAX).lease_ttl(), MAX_TTL);
        assert_eq!(rules.wait(Duration::MAX).wait, MAX_WAIT);
    }
}
