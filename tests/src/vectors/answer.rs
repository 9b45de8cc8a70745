//! Formats answers as tokens.

use localmap_engine::{ConfigureError, Error, KeyFault, Limits, Outcome, Policy, Setting, Stats};

use super::{Entry, token::Token};

/// The answer of an operation.
pub(super) type Answer = Vec<Token>;

pub(super) fn name(name: &str) -> Answer {
    vec![Token::Name(name.into())]
}

pub(super) fn truth(truth: bool) -> Answer {
    name(if truth { "true" } else { "false" })
}

pub(super) fn number(number: impl Into<i128>) -> Answer {
    vec![Token::Number(number.into())]
}

/// Returns `none`, or the tokens of the value.
fn or_none<T>(there: Option<T>, tokens: impl FnOnce(T) -> Answer) -> Answer {
    there.map_or_else(|| name("none"), tokens)
}

pub(super) fn found(value: Option<Vec<u8>>) -> Answer {
    or_none(value, |value| vec![Token::Bytes(value)])
}

pub(super) fn version(result: Result<u64, Error>) -> Answer {
    match result {
        Ok(version) => [name("version"), number(version)].concat(),
        Err(error) => refused(error),
    }
}

pub(super) fn entry(entry: Entry) -> Answer {
    let left = entry.expires_in.map_or_else(|| name("never"), number);
    [
        vec![Token::Bytes(entry.value)],
        name("version"),
        number(entry.version),
        name("expires-in"),
        left,
    ]
    .concat()
}

pub(super) fn refused(error: Error) -> Answer {
    let what = match error {
        Error::InvalidKey(fault) => {
            let what = match fault {
                KeyFault::Empty => name("empty"),
                KeyFault::TooLong(len) => [name("too-long"), number(len)].concat(),
                KeyFault::NotUtf8 => name("not-utf8"),
            };
            [name("invalid-key"), what].concat()
        }
        Error::ValueTooLarge(max) => [name("value-too-large"), number(max)].concat(),
        Error::InvalidTtl => name("invalid-ttl"),
        Error::Full => name("full"),
        Error::Conflict(version) => [name("conflict"), or_none(version, number)].concat(),
        Error::NotACounter => name("not-a-counter"),
        Error::Overflow => name("overflow"),
    };
    [name("error"), what].concat()
}

/// Returns the answer to a rejected batch: the index of the change, counted from 0, and the error.
pub(super) fn refused_at(index: u32, error: Error) -> Answer {
    [name("change"), number(index), refused(error)].concat()
}

/// Returns the outcome of one change of a batch.
pub(super) fn outcome(outcome: Outcome) -> Answer {
    let (what, outcome) = match outcome {
        Outcome::Stored(version) => ("version", number(version)),
        Outcome::Counter(sum) => ("counter", number(sum)),
        Outcome::Touched(there) => ("touched", truth(there)),
        Outcome::Deleted(there) => ("deleted", truth(there)),
    };
    [name(what), outcome].concat()
}

pub(super) fn refused_limits(error: ConfigureError) -> Answer {
    let (what, setting) = match error {
        ConfigureError::OutOfRange(setting) => ("out-of-range", setting),
        ConfigureError::Lowered(setting) => ("lowered", setting),
    };
    let setting = match setting {
        Setting::MaxEntries => "max-entries",
        Setting::MaxBytes => "max-bytes",
        Setting::MaxKey => "max-key",
        Setting::MaxValue => "max-value",
        Setting::DefaultTtl => "default-ttl",
        Setting::Utf8Keys => "utf8-keys",
        Setting::Policy => "policy",
        Setting::MaxPins => "max-pins",
    };
    [name("error"), name(what), name(setting)].concat()
}

/// Returns one of the statistics.
pub(super) fn stat(stats: &Stats, field: &str) -> Result<Answer, String> {
    Ok(number(match field {
        "entries" => stats.entries,
        "bytes" => stats.bytes,
        "hits" => stats.hits,
        "misses" => stats.misses,
        "writes" => stats.writes,
        "expired" => stats.expired,
        "payload" => stats.payload,
        "overhead" => stats.overhead,
        "free" => stats.free,
        "pinned" => stats.pinned,
        "high-water" => stats.high_water,
        "evicted" => stats.evicted,
        "refused" => stats.refused,
        other => return Err(format!("no field `{other}`")),
    }))
}

/// Checks what holds for the statistics of every map at any time.
pub(super) fn check_stats(stats: &Stats, limits: &Limits) -> Result<(), String> {
    let parts = stats.payload + stats.overhead + stats.free;
    let rules = [
        ("its parts add up to its bytes", parts == stats.bytes),
        (
            "its high water is not below its bytes",
            stats.high_water >= stats.bytes,
        ),
        (
            "pinned bytes are in use",
            stats.pinned <= stats.payload + stats.overhead,
        ),
        (
            "its entries are within the limit",
            stats.entries <= limits.max_entries,
        ),
        (
            "its high water is within the limit",
            stats.high_water <= limits.max_bytes,
        ),
    ];
    match rules.iter().find(|(_, holds)| !holds) {
        Some((rule, _)) => Err(format!("this does not hold: {rule}: {stats:?} {limits:?}")),
        None => Ok(()),
    }
}

/// Returns one of the limits.
pub(super) fn limit(limits: &Limits, setting: &str) -> Result<Answer, String> {
    Ok(match setting {
        "max-entries" => number(limits.max_entries),
        "max-bytes" => number(limits.max_bytes),
        "max-key" => number(limits.max_key),
        "max-value" => number(limits.max_value),
        "default-ttl" => or_none(limits.default_ttl, number),
        "utf8-keys" => truth(limits.utf8_keys),
        "policy" => name(match limits.policy {
            Policy::Refuse => "refuse",
            Policy::Lru => "lru",
            Policy::S3Fifo => "s3-fifo",
        }),
        "max-pins" => number(limits.max_pins),
        other => return Err(format!("no setting `{other}`")),
    })
}
