//! The buckets of durations.
//!
//! The upper bounds are powers of the fourth root of 2, in seconds, from 2^-24 (59.6 ns) to 2^4 (16 s).
//! These are the bounds of Prometheus' native histograms of schema 2. Every fourth of them is a power of
//! two: the bounds of the classic histogram. So both are read from the same counts.
//!
//! A bucket includes its upper bound. A duration is a whole number of nanoseconds, so it is at most a
//! bound if and only if it is at most the bound's whole nanoseconds: that is what is compared, and no
//! duration is rounded.

/// The schema of the native histogram: a duration doubles in 2^2 buckets.
pub(crate) const SCHEMA: i32 = 2;

/// The number of buckets in which a duration doubles.
pub(crate) const PER_DOUBLING: usize = 1 << SCHEMA;

/// The exponent of the first bound: 2^-24 s.
pub(crate) const MIN_EXPONENT: i32 = -24;

/// The exponent of the last bound: 2^4 s.
pub(crate) const MAX_EXPONENT: i32 = 4;

/// The number of bounds.
pub(crate) const BOUNDS: usize = (MAX_EXPONENT - MIN_EXPONENT) as usize * PER_DOUBLING + 1;

/// The number of buckets. The last one is for durations above the last bound.
pub(crate) const BUCKETS: usize = BOUNDS + 1;

/// The upper bounds in nanoseconds, rounded down. A duration that is equal to a bound is in its bucket.
pub(crate) const BOUNDS_NS: [u64; BOUNDS] = bounds();

/// The bounds from 0.5 to 1, as Prometheus has them (`exponentialBounds` of its client).
const ROOTS: [f64; PER_DOUBLING] = [
    0.5,
    0.594_603_557_501_360_5,
    0.707_106_781_186_547_5,
    0.840_896_415_253_714_4,
];

const fn bounds() -> [u64; BOUNDS] {
    let mut bounds = [0; BOUNDS];
    let mut index = 0;
    while index < BOUNDS {
        // A bound is its 53 bits times 2^(exponent - 53).
        let bits = ROOTS[index % PER_DOUBLING].to_bits();
        let bits = (bits & ((1 << 52) - 1)) | (1 << 52);
        #[expect(clippy::cast_possible_truncation, reason = "there are few")]
        let exponent = MIN_EXPONENT + 1 + (index / PER_DOUBLING) as i32;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "16 s are less than 2^34 ns"
        )]
        let nanos = ((1_000_000_000 * bits as u128) >> (53 - exponent)) as u64;
        bounds[index] = nanos;
        index += 1;
    }
    bounds
}

/// The bounds, and one that nothing exceeds.
const LIMITS: [u64; BUCKETS] = {
    let mut limits = [u64::MAX; BUCKETS];
    let mut index = 0;
    while index < BOUNDS {
        limits[index] = BOUNDS_NS[index];
        index += 1;
    }
    limits
};

/// The number of leading bits of a duration that choose a cell: the first 1, and those after it.
const CELL_BITS: u32 = 4;

/// The number of cells of durations that have the same length in bits.
const CELLS: usize = 1 << (CELL_BITS - 1);

/// For each cell, the bucket of its shortest duration. The longest duration of a cell is less than 9/8
/// of the shortest, and a bucket is wider than that. So a cell has at most two buckets.
const FIRST: [u8; 64 * CELLS] = {
    let mut first = [0; 64 * CELLS];
    let (mut cell, mut bucket) = (0, 0);
    while cell < first.len() {
        let leading = (CELLS + cell % CELLS) as u128;
        let shortest = (leading << (cell / CELLS)) >> (CELL_BITS - 1);
        while bucket < BOUNDS && shortest > BOUNDS_NS[bucket] as u128 {
            bucket += 1;
        }
        #[expect(clippy::cast_possible_truncation, reason = "there are fewer than 256")]
        let number = bucket as u8;
        first[cell] = number;
        cell += 1;
    }
    first
};

/// Returns the bucket of a duration: less than [`BUCKETS`].
#[inline]
pub(crate) fn bucket_of(nanos: u64) -> usize {
    let nanos = nanos | u64::from(nanos == 0);
    let zeros = nanos.leading_zeros();
    let length = (u64::BITS - 1 - zeros) as usize;
    let leading = ((nanos << zeros) >> (u64::BITS - CELL_BITS)) as usize;
    let first = usize::from(FIRST[length * CELLS + leading % CELLS]);
    first + usize::from(nanos > LIMITS[first])
}

/// Returns 2 to the power of `exponent`, which is that of a normal number.
pub(crate) fn power_of_two(exponent: i32) -> f64 {
    f64::from(exponent).exp2()
}

/// Durations that were read from a histogram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Durations {
    /// The number of durations, which is the sum of the buckets.
    pub(crate) count: u64,
    /// The sum of the durations, in nanoseconds.
    pub(crate) sum_ns: u64,
    /// The number of durations in each bucket.
    pub(crate) buckets: Vec<u64>,
}

/// The buckets of a native histogram that are not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Native {
    /// Durations of at most the first bound, 2^-24 s.
    pub(crate) zero_count: u64,
    /// The buckets that follow each other: how many are empty before them, and their number. The first
    /// one begins at the bucket of this number.
    pub(crate) spans: Vec<(i32, u32)>,
    /// The count of each bucket, less that of the bucket before.
    pub(crate) deltas: Vec<i64>,
}

impl Durations {
    /// Creates it from the sum and the buckets.
    pub(crate) fn new(sum_ns: u64, buckets: Vec<u64>) -> Self {
        Self {
            count: buckets.iter().sum(),
            sum_ns,
            buckets,
        }
    }

    /// Returns the sum of the durations, in seconds.
    pub(crate) fn sum_seconds(&self) -> f64 {
        self.sum_ns as f64 / 1e9
    }

    /// Returns the upper bounds of the classic histogram in seconds, each with the number of durations
    /// since the one before. The last bound is infinite.
    pub(crate) fn classic(&self) -> Vec<(f64, u64)> {
        let (first, rest) = self.buckets.split_at_checked(1).unwrap_or_default();
        let doublings = rest
            .chunks(PER_DOUBLING)
            .map(|buckets| buckets.iter().sum());
        let counts = first.iter().copied().chain(doublings);
        let bounds = (MIN_EXPONENT..=MAX_EXPONENT).map(power_of_two);
        bounds.chain([f64::INFINITY]).zip(counts).collect()
    }

    /// Returns the native histogram. The bucket of number n has the upper bound 2^(n/4) s. Durations above
    /// the last bound, 16 s, count in the bucket after it.
    pub(crate) fn native(&self) -> Native {
        let (zero_count, rest) = self.buckets.split_first().unwrap_or((&0, &[]));
        let mut native = Native {
            zero_count: *zero_count,
            spans: Vec::new(),
            deltas: Vec::new(),
        };
        let (mut next, mut last) = (0, 0);
        let numbers = (MIN_EXPONENT << SCHEMA) + 1..;
        for (number, count) in numbers.zip(rest).filter(|(_, count)| **count > 0) {
            match native.spans.last_mut() {
                Some((_, length)) if number == next => *length += 1,
                _ => native.spans.push((number - next, 1)),
            }
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            native.deltas.push(count - last);
            (next, last) = (number + 1, count);
        }
        native
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the bucket by comparing with each bound.
    fn slow_bucket_of(nanos: u64) -> usize {
        BOUNDS_NS.iter().filter(|bound| nanos > **bound).count()
    }

    #[test]
    fn a_bucket_includes_its_bound_and_not_the_next_nanosecond() {
        for (index, bound) in BOUNDS_NS.into_iter().enumerate() {
            assert_eq!(bucket_of(bound - 1), slow_bucket_of(bound - 1));
            assert_eq!(bucket_of(bound), index);
            assert_eq!(bucket_of(bound + 1), index + 1);
        }
        for edge in (0..64).map(|bit| 1_u64 << bit) {
            for nanos in [edge - 1, edge, edge + 1, edge + edge / 8] {
                assert_eq!(bucket_of(nanos), slow_bucket_of(nanos), "{nanos}");
            }
        }
        assert_eq!((bucket_of(0), bucket_of(u64::MAX)), (0, BUCKETS - 1));
    }

    #[test]
    fn each_duration_up_to_a_millisecond_is_in_its_bucket() {
        let mut bucket = 0;
        for nanos in 0..1_000_000 {
            bucket += usize::from(nanos > BOUNDS_NS[bucket]);
            assert_eq!(bucket_of(nanos), bucket, "{nanos}");
        }
    }

    /// A bound of n nanoseconds is the largest n with n <= 10^9 * 2^(k/4), or n^4 <= 10^36 * 2^k, for
    /// the exact root and not only for the nearest float.
    #[test]
    fn bounds_are_roots_of_powers_of_two() {
        for (index, bound) in BOUNDS_NS
            .into_iter()
            .enumerate()
            .filter(|(_, ns)| *ns < 1 << 30)
        {
            let steps = i32::try_from(index).expect("it is small") + MIN_EXPONENT * 4;
            let fits = |nanos: u64| {
                let fourth = u128::from(nanos).pow(4);
                let limit = 10_u128.pow(36);
                match u32::try_from(steps) {
                    Ok(steps) => fourth <= limit << steps,
                    Err(_) => fourth <= limit >> -steps,
                }
            };
            assert!(fits(bound) && !fits(bound + 1), "{index}: {bound}");
        }
    }

    #[test]
    fn every_fourth_bound_is_a_power_of_two() {
        let seconds = |exponent| {
            #[expect(clippy::cast_possible_truncation)]
            let nanos = (1e9 * power_of_two(exponent)) as u64;
            nanos
        };
        let powers: Vec<u64> = (MIN_EXPONENT..=MAX_EXPONENT).map(seconds).collect();
        let every_fourth: Vec<u64> = BOUNDS_NS.into_iter().step_by(4).collect();
        assert_eq!(every_fourth, powers);
        assert_eq!(BOUNDS_NS.last(), Some(&16_000_000_000));
    }

    #[test]
    fn native_buckets_are_those_that_are_not_empty() {
        let native = |durations: &[u64]| {
            let mut buckets = vec![0; BUCKETS];
            for nanos in durations {
                buckets[bucket_of(*nanos)] += 1;
            }
            let Native {
                zero_count,
                spans,
                deltas,
            } = Durations::new(0, buckets).native();
            (zero_count, spans, deltas)
        };
        assert_eq!(native(&[0, 59]), (2, vec![], vec![]));
        // 2^0 s is the bound of bucket 0, and 2^(-95/4) s that of the first one.
        assert_eq!(native(&[1_000_000_000]), (0, vec![(0, 1)], vec![1]));
        assert_eq!(native(&[60, 60]), (0, vec![(-95, 1)], vec![2]));
        let second = 1_000_000_000;
        let seconds = [
            second,
            second,
            second + 1,
            2 * second,
            2 * second + 1,
            u64::MAX,
        ];
        assert_eq!(
            native(&seconds),
            (0, vec![(0, 2), (2, 2), (11, 1)], vec![2, -1, 0, 0, 0])
        );
    }

    #[test]
    fn classic_buckets_have_the_same_durations() {
        let mut buckets = vec![0; BUCKETS];
        // 2^-24 s are 59.6 ns; 2^-23 s are 119.2 ns.
        for nanos in [
            0,
            59,
            60,
            119,
            120,
            16_000_000_000,
            16_000_000_001,
            u64::MAX,
        ] {
            buckets[bucket_of(nanos)] += 1;
        }
        let classic = Durations::new(0, buckets).classic();
        assert_eq!(classic.len(), 30);
        assert_eq!(classic[0], (power_of_two(-24), 2));
        assert_eq!(classic[1], (power_of_two(-23), 2));
        assert_eq!(classic[2], (power_of_two(-22), 1));
        assert_eq!(classic[28], (16.0, 1));
        assert_eq!(classic[29], (f64::INFINITY, 2));
    }
}
