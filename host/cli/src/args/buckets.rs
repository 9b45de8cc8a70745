//! The options for guests that import `wasi:keyvalue`.

use crate::args::values::parse_duration;
use localmap::Buckets;
use std::time::Duration;

/// The buckets of guests that import wasi:keyvalue.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "The map")]
pub(crate) struct BucketArgs {
    /// Time to live of entries that a guest sets in this bucket of wasi:keyvalue, for example
    /// sessions=30m; may be repeated [default: --default-ttl]
    #[arg(long = "bucket-ttl", value_name = "NAME=TIME", value_parser = parse_ttl)]
    ttls: Vec<(String, Duration)>,
}

impl BucketArgs {
    pub(crate) fn buckets(&self) -> Buckets {
        let ttls = self.ttls.iter();
        ttls.fold(Buckets::new(), |buckets, (bucket, ttl)| {
            buckets.ttl(bucket, *ttl)
        })
    }

    /// Returns `true` if any of these options was given.
    pub(crate) fn given(&self) -> bool {
        !self.ttls.is_empty()
    }
}

/// Parses `NAME=TIME`. The name may contain `=`, the time may not.
fn parse_ttl(text: &str) -> Result<(String, Duration), String> {
    let (name, ttl) = text
        .rsplit_once('=')
        .ok_or("expected NAME=TIME, for example sessions=30m")?;
    Ok((name.to_owned(), parse_duration(ttl)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_ttl_is_a_name_and_a_time() {
        let of = |name: &str, seconds| Ok((name.to_owned(), Duration::from_secs(seconds)));
        assert_eq!(parse_ttl("sessions=30m"), of("sessions", 1800));
        assert_eq!(parse_ttl("a=b=1s"), of("a=b", 1));
        assert_eq!(parse_ttl("=1s"), of("", 1));
        for bad in ["", "sessions", "sessions=", "sessions=0s", "sessions=soon"] {
            assert!(parse_ttl(bad).is_err(), "{bad}");
        }
    }
}
