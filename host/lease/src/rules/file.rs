//! Reads rules from TOML, strictly: whatever is unknown or out of its range is an error with its line.

use super::rule::{MAX_WAIT, Rule, RulesError};
use super::set::{MAX_RULES, MAX_TTL, MIN_TTL, Otherwise, Rules};
use crate::limits::LockLimits;
use crate::mode::Mode;
use http::Method;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    otherwise: OtherwiseName,
    wait: Option<Spanned<Span>>,
    ttl: Option<Spanned<Span>>,
    #[serde(default)]
    escaped_slashes: bool,
    max_waiters: Option<Spanned<i64>>,
    max_waiters_per_key: Option<Spanned<i64>>,
    #[serde(default)]
    rule: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OtherwiseName {
    Refuse,
    Pass,
}

/// A rule.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Entry {
    methods: Option<Spanned<Methods>>,
    path: Option<Spanned<String>>,
    grpc: Option<Spanned<String>>,
    key: Option<Spanned<String>>,
    mode: Option<ModeName>,
    wait: Option<Spanned<Span>>,
}

/// A time span, such as `500ms`.
#[derive(Clone, Copy)]
struct Span(Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "expected a time span with a unit, such as \"500ms\" or \"5s\""
        )]
        enum Form {
            Text(String),
        }
        let Form::Text(text) = Form::deserialize(from)?;
        humantime::parse_duration(&text).map(Self).map_err(|_| {
            D::Error::custom(format!(
                "`{text}` is no time span with a unit, such as \"500ms\" or \"5s\""
            ))
        })
    }
}

/// Some methods of HTTP, or one.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a list of methods, such as [\"PUT\", \"DELETE\"]"
)]
enum Methods {
    One(String),
    Some(Vec<String>),
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ModeName {
    Read,
    Write,
    Pass,
}

/// Finds the lines of errors.
struct Lines<'a>(&'a str);

impl Lines<'_> {
    fn error(&self, at: &Range<usize>, why: impl Into<String>) -> RulesError {
        let before = self.0.as_bytes().get(..at.start).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count();
        RulesError::new(Some(line + 1), why)
    }

    /// Adds the line of a value to an error.
    fn of<T>(&self, value: &Spanned<T>, error: &RulesError) -> RulesError {
        self.error(&value.span(), error.to_string())
    }
}

/// The fields of a file that a rule does not have.
const OF_FILE: [&str; 5] = [
    "otherwise",
    "ttl",
    "escaped-slashes",
    "max-waiters",
    "max-waiters-per-key",
];

impl Rules {
    /// Reads rules from a file in TOML, whose fields are those of this type and of [`Rule`]:
    ///
    /// ```
    /// use localmap_lease::Rules;
    ///
    /// let rules = Rules::from_toml(
    ///     r#"
    ///     otherwise = "refuse"    # or "pass"; required
    ///     wait = "1s"             # the default
    ///     ttl = "10s"             # the default; for leases in etcd
    ///     escaped-slashes = false # the default
    ///     max-waiters = 10_000
    ///     max-waiters-per-key = 1_000
    ///
    ///     [[rule]]
    ///     path = "/healthz"
    ///     mode = "pass"
    ///
    ///     [[rule]]
    ///     methods = ["GET", "HEAD", "PUT", "DELETE"]  # or one, or none for all
    ///     path = "/maps/{map}/{key}"
    ///     key = "{map}/{key}"
    ///     wait = "500ms"
    ///
    ///     [[rule]]
    ///     grpc = "maps.v1.Maps/Set"
    ///     key = "{header:x-map-key}"
    ///     mode = "write"
    ///     "#,
    /// )?;
    ///
    /// let error = Rules::from_toml("otherwise = \"refuse\"\nwiat = \"1s\"").unwrap_err();
    /// assert_eq!(error.line(), Some(2));
    /// # Ok::<(), localmap_lease::RulesError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`RulesError`], which names the line, if the file is not TOML, has an unknown field, a value
    /// outside of its range, a malformed pattern or template, or a rule that is never reached.
    pub fn from_toml(text: &str) -> Result<Self, RulesError> {
        parse(text)
    }
}

impl FromStr for Rules {
    type Err = RulesError;

    /// Reads rules as [`Rules::from_toml`] does.
    fn from_str(text: &str) -> Result<Self, RulesError> {
        Self::from_toml(text)
    }
}

fn parse(text: &str) -> Result<Rules, RulesError> {
    let lines = Lines(text);
    let file: File = toml::from_str(text).map_err(|error| {
        let mut why = error.message().replace('\n', " ");
        let unknown = OF_FILE.iter().find(|name| {
            let unknown = format!("unknown field `{name}`, expected one of `methods`");
            why.starts_with(&unknown)
        });
        if let Some(name) = unknown {
            why = format!("`{name}` is for the whole file: move it before the first [[rule]]");
        }
        match error.span() {
            Some(at) => lines.error(&at, why),
            None => RulesError::new(None, why),
        }
    })?;
    let mut rules = Rules::new(match file.otherwise {
        OtherwiseName::Refuse => Otherwise::Refuse,
        OtherwiseName::Pass => Otherwise::Pass,
    });
    rules = rules.escaped_slashes(file.escaped_slashes);
    if let Some(wait) = &file.wait {
        rules = rules.wait(span(&lines, "wait", wait, Duration::ZERO, MAX_WAIT)?);
    }
    if let Some(ttl) = &file.ttl {
        rules = rules.ttl(span(&lines, "ttl", ttl, MIN_TTL, MAX_TTL)?);
    }
    let mut limits = LockLimits::default();
    if let Some(max) = &file.max_waiters {
        limits = limits.max_waiters(number(&lines, "max-waiters", max)?);
    }
    if let Some(max) = &file.max_waiters_per_key {
        limits = limits.max_waiters_per_key(number(&lines, "max-waiters-per-key", max)?);
    }
    rules = rules.limits(limits);
    if file.rule.is_empty() {
        return Err(RulesError::new(
            None,
            "there is no rule: add one, with [[rule]], path = \"/maps/{map}\" and key = \"{map}\"",
        ));
    }
    if file.rule.len() > MAX_RULES {
        let at = file.rule[MAX_RULES].span();
        return Err(lines.error(&at, format!("there are more than {MAX_RULES} rules")));
    }
    for entry in &file.rule {
        let rule = rule(&lines, entry)?;
        if let Some(first) = rules.rules.iter().position(|before| before.covers(&rule)) {
            let first = lines.error(&file.rule[first].span(), "");
            return Err(lines.error(
                &entry.span(),
                format!(
                    "the rule is never reached, since that of line {} takes all of its requests: \
                     move it before that one",
                    first.line().unwrap_or_default()
                ),
            ));
        }
        rules = rules.rule(rule);
    }
    Ok(rules)
}

fn rule(lines: &Lines<'_>, entry: &Spanned<Entry>) -> Result<Rule, RulesError> {
    let (at, entry) = (entry.span(), entry.get_ref());
    let rule = match (&entry.path, &entry.grpc) {
        (Some(path), None) => Rule::path(path.get_ref()).map_err(|error| lines.of(path, &error))?,
        (None, Some(method)) => {
            Rule::grpc_method(method.get_ref()).map_err(|error| lines.of(method, &error))?
        }
        (None, None) => {
            return Err(lines.error(
                &at,
                "the rule has no path: add path = \"/maps/{map}\", or grpc = \"package.Service/Method\"",
            ));
        }
        (Some(_), Some(grpc)) => {
            return Err(lines.error(&grpc.span(), "the rule has a path already: leave out grpc"));
        }
    };
    let rule = match &entry.methods {
        Some(names) => rule.methods(methods(lines, names)?),
        None => rule,
    };
    let (mode, key) = match (entry.mode, &entry.key) {
        (Some(ModeName::Pass), None) => match &entry.wait {
            Some(wait) => {
                let why = "the rule locks nothing (mode = \"pass\"): leave out wait";
                return Err(lines.error(&wait.span(), why));
            }
            None => return Ok(rule),
        },
        (Some(ModeName::Pass), Some(key)) => {
            let why = "the rule locks nothing (mode = \"pass\"): leave out key";
            return Err(lines.error(&key.span(), why));
        }
        (_, None) => {
            return Err(lines.error(
                &at,
                "the rule has no key: add key = \"{name}\" with a name of its path, \
                 key = \"{header:NAME}\", or a text for one lock; or mode = \"pass\" for none",
            ));
        }
        (mode, Some(key)) => (mode, key),
    };
    let mut rule = rule
        .lock(key.get_ref())
        .map_err(|error| lines.of(key, &error))?;
    match mode {
        Some(ModeName::Read) => rule = rule.mode(Mode::Read),
        Some(ModeName::Write) => rule = rule.mode(Mode::Write),
        Some(ModeName::Pass) | None => {}
    }
    if let Some(wait) = &entry.wait {
        rule = rule.wait(span(lines, "wait", wait, Duration::ZERO, MAX_WAIT)?);
    }
    Ok(rule)
}

fn methods(lines: &Lines<'_>, names: &Spanned<Methods>) -> Result<Vec<Method>, RulesError> {
    let all = match names.get_ref() {
        Methods::One(name) => std::slice::from_ref(name),
        Methods::Some(names) => names,
    };
    let error = |why: String| lines.error(&names.span(), why);
    if all.is_empty() {
        let why = "methods is empty: name some, or leave it out for all";
        return Err(error(why.to_owned()));
    }
    let method = |text: &String| {
        if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            let why = format!("the method `{text}`: methods are in upper case");
            return Err(error(why));
        }
        Method::try_from(text.as_str()).map_err(|_| error(format!("`{text}` is no method of HTTP")))
    };
    all.iter().map(method).collect()
}

/// Checks the range of a time span.
fn span(
    lines: &Lines<'_>,
    name: &str,
    time: &Spanned<Span>,
    min: Duration,
    max: Duration,
) -> Result<Duration, RulesError> {
    let Span(found) = *time.get_ref();
    if (min..=max).contains(&found) {
        return Ok(found);
    }
    let (min, max) = (
        humantime::format_duration(min),
        humantime::format_duration(max),
    );
    let why = format!("{name} is a time span from {min} to {max}");
    Err(lines.error(&time.span(), why))
}

fn number(lines: &Lines<'_>, name: &str, number: &Spanned<i64>) -> Result<u32, RulesError> {
    let found = u32::try_from(*number.get_ref()).ok();
    found.ok_or_else(|| {
        let why = format!("{name} is a number from 0 to {}", u32::MAX);
        lines.error(&number.span(), why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_rules_with_their_limits() {
        let rules = parse(
            r#"
            otherwise = "pass"
            wait = "2s"
            ttl = "5s"
            max-waiters = 7
            max-waiters-per-key = 3

            [[rule]]
            methods = ["PUT", "DELETE"]
            path = "/maps/{map}/{key}"
            key = "{map}/{key}"
            wait = "0s"

            [[rule]]
            grpc = "maps.v1.Maps/*"
            key = "{header:x-map-key}"
            mode = "read"

            [[rule]]
            path = "/healthz"
            mode = "pass"
            "#,
        );
        let rules = rules.expect("it is valid");
        assert_eq!(rules.rules.len(), 3);
        assert_eq!(rules.otherwise, Otherwise::Pass);
        assert_eq!(rules.wait, Duration::from_secs(2));
        assert_eq!(rules.lease_ttl(), Duration::from_secs(5));
        let limits = LockLimits::default().max_waiters(7).max_waiters_per_key(3);
        assert_eq!(rules.lock_limits(), limits);
    }

    #[test]
    fn an_error_names_its_line_and_what_is_wrong() {
        let rule = "otherwise = \"refuse\"\n[[rule]]\n";
        for (text, line, why) in [
            ("", Some(1), "missing field `otherwise`"),
            ("otherwise = \"maybe\"", Some(1), "unknown variant `maybe`"),
            (
                "otherwise = \"pass\"\nwiat = \"1s\"",
                Some(2),
                "unknown field `wiat`",
            ),
            (
                "otherwise = \"pass\"\n\nwait = \"1\"",
                Some(3),
                "`1` is no time span with a unit, such as \"500ms\"",
            ),
            (
                "otherwise = \"pass\"\nwait = 1",
                Some(2),
                "expected a time span with a unit, such as \"500ms\" or \"5s\"",
            ),
            (
                "otherwise = \"pass\"",
                None,
                "there is no rule: add one, with [[rule]]",
            ),
            (
                "[[rule]]\npath = \"/a\"\notherwise = \"pass\"",
                Some(3),
                "`otherwise` is for the whole file: move it before the first [[rule]]",
            ),
            (
                "otherwise = \"pass\"\nwait = \"11m\"",
                Some(2),
                "from 0s to 10m",
            ),
            (
                "otherwise = \"pass\"\nttl = \"1s\"",
                Some(2),
                "from 2s to 1h",
            ),
            (
                "otherwise = \"pass\"\nmax-waiters = -1",
                Some(2),
                "from 0 to",
            ),
            ("otherwise = \"pass\"\n[rule]", Some(2), "invalid type"),
            ("otherwise = \"pass\"\r\n[[rule", Some(2), ""),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(error.line(), line, "{text}: {error}");
            assert!(error.to_string().contains(why), "{text}: {error}");
        }
        for (text, line, why) in [
            ("", 2, "has no path"),
            ("path = \"/a\"", 2, "has no key: add key"),
            ("path = \"/a\"\ngrpc = \"a/b\"", 4, "leave out grpc"),
            (
                "path = \"a\"\nkey = \"k\"",
                3,
                "the path `a`: a path begins",
            ),
            ("grpc = \"a\"\nkey = \"k\"", 3, "the gRPC method `a`"),
            (
                "path = \"/{a}\"\nkey = \"{b}\"",
                4,
                "the key `{b}`: the path has no name",
            ),
            (
                "path = \"/a\"\nkey = \"k\"\nmode = \"reed\"",
                5,
                "unknown variant `reed`",
            ),
            (
                "path = \"/a\"\nkey = \"k\"\nmode = \"pass\"",
                4,
                "leave out key",
            ),
            (
                "path = \"/a\"\nmode = \"pass\"\nwait = \"1s\"",
                5,
                "leave out wait",
            ),
            ("path = \"/a\"\nkey = \"k\"\nwait = \"-1s\"", 5, "time span"),
            (
                "path = \"/a\"\nkey = \"k\"\nmethods = []",
                5,
                "methods is empty",
            ),
            (
                "path = \"/a\"\nkey = \"k\"\nmethods = [\n\"PUT\",\n\"put\"]",
                5,
                "upper case",
            ),
            (
                "path = \"/a\"\nkey = \"k\"\nmethods = [\"A B\"]",
                5,
                "no method of HTTP",
            ),
            (
                "path = \"/a\"\nkey = \"k\"\nmethod = \"PUT\"",
                5,
                "unknown field `method`",
            ),
        ] {
            let text = format!("{rule}{text}");
            let error = parse(&text).expect_err(&text);
            assert_eq!(error.line(), Some(line), "{text}: {error}");
            assert!(error.to_string().contains(why), "{text}: {error}");
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_rule_that_is_never_reached_is_an_error() {
        let text = "otherwise = \"refuse\"\n[[rule]]\npath = \"/{*all}\"\nkey = \"k\"\n\n\
                    [[rule]]\npath = \"/healthz\"\nmode = \"pass\"\n";
        let error = parse(text).expect_err("the second is not reached");
        assert_eq!(error.line(), Some(6));
        assert!(
            error.to_string().contains("that of line 2 takes all"),
            "{error}"
        );
        let methods = text.replace("key", "methods = [\"PUT\"]\nkey");
        assert!(parse(&methods).is_ok());
    }

    #[test]
    fn there_are_no_more_rules_than_allowed() {
        let mut text = "otherwise = \"refuse\"\n".to_owned();
        for number in 0..=MAX_RULES {
            text.push_str(&format!(
                "[[rule]]\npath = \"/{number}\"\nmode = \"pass\"\n"
            ));
        }
        let error = parse(&text).expect_err("one too many");
        assert!(
            error.to_string().contains("more than 1000 rules"),
            "{error}"
        );
    }
}
