//! One rule: which requests, and what they lock.

use super::path::Segment;
use super::pattern::Pattern;
use super::template::{KeyFault, Template};
use crate::mode::Mode;
use http::Method;
use http::header::HeaderMap;
use std::time::Duration;

/// The maximum time for which a request can wait.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(600);

/// A rule: which requests it is for, and the lock that they need.
///
/// | pattern of a path | matches |
/// |---|---|
/// | `/maps/config` | this path, in each of its spellings: `/maps/%63onfig`, `//maps/config/` |
/// | `/maps/{map}` | one segment after `/maps`; the key can use its name |
/// | `/files/{*rest}` | one or more segments after `/files` |
///
/// The template of a key consists of texts, names of the pattern, and headers, which are the metadata of
/// gRPC: `{map}/{key}`, `user/{header:x-user}`. A template without a name is one lock for all requests.
/// Values are [encoded](crate::MAX_KEY_LEN), so that two requests share a key only if their values are the
/// same. Between two values must be a character that they cannot contain.
///
/// ```
/// use localmap_lease::{Mode, Rule};
/// use http::Method;
///
/// let rule = Rule::new("/maps/{map}/{key}", "{map}/{key}")?.methods([Method::GET, Method::PUT]);
/// let search = Rule::new("/search/{map}", "{map}")?.mode(Mode::Read);
/// let grpc = Rule::grpc("maps.v1.Maps/Set", "{header:x-map-key}")?;
/// let health = Rule::pass("/healthz")?;
/// # Ok::<(), localmap_lease::RulesError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Rule {
    pattern: Pattern,
    /// Empty for all.
    methods: Vec<Method>,
    /// `None` for requests that need no lock.
    lock: Option<Lock>,
}

#[derive(Debug, Clone)]
struct Lock {
    template: Template,
    mode: Option<Mode>,
    wait: Option<Duration>,
}

/// A value that a rule cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{why}", match .line {
    Some(line) => format!("line {line}: "),
    None => String::new(),
})]
pub struct RulesError {
    line: Option<usize>,
    why: String,
}

impl RulesError {
    pub(super) fn new(line: Option<usize>, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { line, why }
    }

    /// Returns the line of the file, counted from 1, if the rules are from one. See
    /// [`Rules::from_toml`](crate::Rules::from_toml) for an example.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }
}

impl Rule {
    /// Creates a rule for the paths of a pattern, which lock the key of a template. See [`Rule`] for both,
    /// and an example.
    ///
    /// # Errors
    ///
    /// Returns [`RulesError`] if the pattern or the template is malformed, or the template uses a name that
    /// the pattern does not have.
    pub fn new(path: &str, key: &str) -> Result<Self, RulesError> {
        Self::path(path)?.lock(key)
    }

    /// Creates a rule for a method of gRPC, `package.Service/Method`, or `package.Service/*` for all of a
    /// service. As a layer sees messages only as bytes, the key comes from metadata:
    /// `{header:x-map-key}`. See [`Rule`] for an example.
    ///
    /// The mode of all calls is [`Mode::Write`], unless [`mode`](Self::mode) sets another.
    ///
    /// # Errors
    ///
    /// Returns [`RulesError`] if the name or the template is malformed.
    pub fn grpc(method: &str, key: &str) -> Result<Self, RulesError> {
        Self::grpc_method(method)?.lock(key)
    }

    /// Creates a rule for requests that need no lock. See [`Rule`] for an example.
    ///
    /// # Errors
    ///
    /// Returns [`RulesError`] if the pattern is malformed.
    pub fn pass(path: &str) -> Result<Self, RulesError> {
        Self::path(path)
    }

    /// Sets the methods that the rule is for. Default: all.
    #[must_use]
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods = methods.into_iter().collect();
        self
    }

    /// Sets how the lock is held. Default: [`Mode::of_method`]. Has no effect on a rule that
    /// [passes](Self::pass) requests.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        if let Some(lock) = &mut self.lock {
            lock.mode = Some(mode);
        }
        self
    }

    /// Sets how long a request waits for the lock, at most 10 minutes. 0 refuses it at once. Default:
    /// [`Rules::wait`](crate::Rules::wait).
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        if let Some(lock) = &mut self.lock {
            lock.wait = Some(wait.min(MAX_WAIT));
        }
        self
    }

    /// Creates a rule for the paths of a pattern, without a lock.
    pub(super) fn path(path: &str) -> Result<Self, RulesError> {
        let pattern = Pattern::parse(path);
        let pattern = pattern.map_err(|why| format!("the path `{path}`: {why}"));
        Ok(Self::of(pattern.map_err(|why| RulesError::new(None, why))?))
    }

    /// Creates a rule for a method of gRPC, without a lock.
    pub(super) fn grpc_method(method: &str) -> Result<Self, RulesError> {
        let pattern = Pattern::parse_grpc(method);
        let pattern = pattern.map_err(|why| format!("the gRPC method `{method}`: {why}"));
        Ok(Self::of(pattern.map_err(|why| RulesError::new(None, why))?))
    }

    fn of(pattern: Pattern) -> Self {
        Self {
            pattern,
            methods: Vec::new(),
            lock: None,
        }
    }

    /// Gives a rule its lock.
    pub(super) fn lock(mut self, key: &str) -> Result<Self, RulesError> {
        let template = Template::parse(key, &self.pattern);
        let template = template.map_err(|why| format!("the key `{key}`: {why}"));
        self.lock = Some(Lock {
            template: template.map_err(|why| RulesError::new(None, why))?,
            mode: None,
            wait: None,
        });
        Ok(self)
    }

    /// Returns `true` if the rule is for a request.
    pub(super) fn matches(&self, method: &Method, segments: &[Segment<'_>]) -> bool {
        (self.methods.is_empty() || self.methods.contains(method)) && self.pattern.matches(segments)
    }

    /// Returns `true` if no request is left for `other`, which comes later.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let methods = self.methods.is_empty()
            || !other.methods.is_empty()
                && other
                    .methods
                    .iter()
                    .all(|method| self.methods.contains(method));
        methods && self.pattern.covers(&other.pattern)
    }

    /// Returns the key, the mode and the wait limit of a request that the rule matches; `None` if it needs
    /// no lock.
    pub(super) fn demand(
        &self,
        method: &Method,
        segments: &[Segment<'_>],
        headers: &HeaderMap,
    ) -> Result<Option<(String, Mode, Option<Duration>)>, KeyFault> {
        let Some(lock) = &self.lock else {
            return Ok(None);
        };
        let key = lock.template.key(segments, headers)?;
        let mode = lock.mode.unwrap_or_else(|| Mode::of_method(method));
        Ok(Some((key, mode, lock.wait)))
    }
}
