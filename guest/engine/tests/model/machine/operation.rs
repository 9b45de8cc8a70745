//! Operations on a map or its clock, and how they are decoded from bytes.

use arbitrary::{Result, Unstructured};
use localmap_engine::{Limits, Policy, Ttl};

use super::case::Scale;
use super::values::{Datum, LONGEST, invalid};

/// An operation. Keys are numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operation {
    Advance(u64),
    Rewind(u64),
    /// Sets the clock to the earliest deadline, plus or minus an offset.
    AdvanceToDeadline(i8),
    Get(u16),
    GetEntry(u16),
    GetMany(Vec<u16>),
    Contains(u16),
    Take(u16),
    /// A single change, through its own function.
    One(Change),
    Apply(Vec<Change>),
    Pin(u16),
    /// Releases one of the pins.
    Unpin(u8),
    /// A complete scan of the keys that begin with the first bytes of this key.
    Scan(u16, u8, u32),
    /// One page of one of two scans that are interleaved with other operations.
    Page(u8, u32),
    Len,
    Stats,
    Sweep(u32),
    Clear,
    Configure(Limits),
    /// Sets consecutive keys, from a first number, to the same value and TTL.
    Fill(u16, u16, Datum, Ttl),
}

/// A change of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Change {
    Set(u16, Datum, Ttl),
    SetIf(u16, Datum, Ttl, When),
    Increment(u16, i64, Ttl),
    Touch(u16, Ttl),
    Delete(u16),
    DeleteIf(u16, Wanted),
}

/// A condition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum When {
    Absent,
    Present,
    Version(Wanted),
}

/// A version.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wanted {
    /// The version of the key before the call.
    Current,
    /// The last assigned version minus this number.
    Before(u64),
}

impl Change {
    pub(super) const fn key(&self) -> u16 {
        match *self {
            Self::Set(key, ..) | Self::SetIf(key, ..) | Self::Increment(key, ..) => key,
            Self::Touch(key, _) | Self::Delete(key) | Self::DeleteIf(key, _) => key,
        }
    }

    /// Decodes a change of a batch. Most of these do not fail.
    fn random_of_several(u: &mut Unstructured<'_>, scale: Scale) -> Result<Self> {
        Ok(match u.int_in_range(0..=7u8)? {
            0 => Self::random(u, scale)?,
            1 => Self::Delete(key(u, scale)?),
            2 => Self::Touch(key(u, scale)?, ttl(u)?),
            _ => Self::Set(key(u, scale)?, datum(u)?, ttl(u)?),
        })
    }

    fn random(u: &mut Unstructured<'_>, scale: Scale) -> Result<Self> {
        let key = key(u, scale)?;
        Ok(match u.int_in_range(0..=39u8)? {
            0..20 => Self::Set(key, datum(u)?, ttl(u)?),
            20..25 => Self::SetIf(key, datum(u)?, ttl(u)?, when(u)?),
            25..31 => Self::Increment(key, counter(u)?, ttl(u)?),
            31..35 => Self::Touch(key, ttl(u)?),
            35..38 => Self::Delete(key),
            _ => Self::DeleteIf(key, wanted(u)?),
        })
    }
}

impl Operation {
    /// Decodes the next operation from the bytes.
    pub(super) fn random(u: &mut Unstructured<'_>, scale: Scale) -> Result<Self> {
        Ok(match u.int_in_range(0..=127u8)? {
            0..10 => Self::Advance(step(u)?),
            10..14 => Self::AdvanceToDeadline(u.int_in_range(-1..=1)?),
            14..16 => Self::Rewind(step(u)?),
            16..22 => Self::Get(key(u, scale)?),
            22..26 => Self::GetEntry(key(u, scale)?),
            26..29 => Self::GetMany(several(u, 5, |u| key(u, scale))?),
            29..31 => Self::Contains(key(u, scale)?),
            31..34 => Self::Take(key(u, scale)?),
            34..84 => Self::One(Change::random(u, scale)?),
            84..94 => Self::Apply(several(u, 6, |u| Change::random_of_several(u, scale))?),
            94..100 => Self::Pin(key(u, scale)?),
            100..105 => Self::Unpin(u.arbitrary()?),
            105..107 => Self::Scan(
                key(u, scale)?,
                u.int_in_range(0..=3)?,
                u.int_in_range(0..=8)?,
            ),
            107..115 => Self::Page(u.int_in_range(0..=1)?, u.int_in_range(0..=3)?),
            115..117 => Self::Len,
            117..119 => Self::Stats,
            119..122 => Self::Sweep(u.int_in_range(0..=4)?),
            122 => Self::Clear,
            123 => Self::Configure(limits(u, scale)?),
            _ => match scale {
                Scale::Tiny => Self::Get(key(u, scale)?),
                Scale::Wide => Self::fill(u, scale, 60)?,
                Scale::Large => Self::fill(u, scale, 1500)?,
            },
        })
    }

    fn fill(u: &mut Unstructured<'_>, scale: Scale, most: u16) -> Result<Self> {
        let (from, count) = (key(u, scale)? % scale.keys(), u.int_in_range(1..=most)?);
        Ok(Self::Fill(from, count, small(u)?, ttl(u)?))
    }
}

fn several<T>(
    u: &mut Unstructured<'_>,
    most: u8,
    mut one: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    (0..u.int_in_range(0..=most)?).map(|_| one(u)).collect()
}

/// Decodes a key, which is occasionally not valid.
fn key(u: &mut Unstructured<'_>, scale: Scale) -> Result<u16> {
    Ok(match u.arbitrary::<u8>()? {
        which @ 250.. => invalid(which),
        low => match scale {
            Scale::Tiny => u16::from(low) % scale.keys(),
            _ => u16::from_be_bytes([u.arbitrary()?, low]) % scale.keys(),
        },
    })
}

fn counter(u: &mut Unstructured<'_>) -> Result<i64> {
    Ok(match u.int_in_range(0..=9u8)? {
        0 => i64::MAX,
        1 => i64::MIN,
        2 => u.arbitrary()?,
        _ => u.int_in_range(-3..=3)?,
    })
}

fn small(u: &mut Unstructured<'_>) -> Result<Datum> {
    Ok(Datum::Bytes(u.int_in_range(0..=60)?, u.arbitrary()?))
}

fn datum(u: &mut Unstructured<'_>) -> Result<Datum> {
    let len = match u.int_in_range(0..=31u8)? {
        0..5 => return Ok(Datum::Counter(counter(u)?)),
        5..7 => 8,
        7..24 => return small(u),
        24..28 => u.int_in_range(60..=3000)?,
        // Lengths near the boundaries of size classes.
        28..30 => {
            let size = 1u32 << u.int_in_range(4..=16u8)?;
            (size + u.int_in_range(0..=48)?).saturating_sub(40)
        }
        _ => u.int_in_range(3000..=LONGEST)?,
    };
    Ok(Datum::Bytes(len.min(LONGEST), u.arbitrary()?))
}

/// Decodes a time span at a boundary: small, near a tick, or near a power of two.
fn span(u: &mut Unstructured<'_>) -> Result<u64> {
    Ok(match u.int_in_range(0..=31u8)? {
        0..12 => u.int_in_range(1..=4)?,
        12..16 => u.int_in_range(1..=2000)?,
        16..18 => grain(u)?,
        18..30 => {
            let power = 1u64 << u.int_in_range(0..=63u8)?;
            (power - 1).saturating_add(u.int_in_range(0..=2)?).max(1)
        }
        30 => u64::MAX,
        _ => u.arbitrary::<u64>()?.max(1),
    })
}

/// Near multiples of the granularity with which writes free entries that are due.
fn grain(u: &mut Unstructured<'_>) -> Result<u64> {
    Ok((u.int_in_range(1..=3)? << 24) - 1 + u.int_in_range(0..=2)?)
}

fn step(u: &mut Unstructured<'_>) -> Result<u64> {
    Ok(match u.int_in_range(0..=31u8)? {
        0..18 => u.int_in_range(0..=3)?,
        18..24 => u.int_in_range(0..=2000)?,
        24..28 => grain(u)?,
        // Not so far that all entries expire.
        _ => span(u)? >> 8,
    })
}

fn ttl(u: &mut Unstructured<'_>) -> Result<Ttl> {
    Ok(match u.int_in_range(0..=31u8)? {
        0 => Ttl::After(0),
        1..5 => Ttl::Default,
        5..13 => Ttl::Never,
        _ => Ttl::After(span(u)?),
    })
}

fn when(u: &mut Unstructured<'_>) -> Result<When> {
    Ok(match u.int_in_range(0..=3u8)? {
        0 => When::Absent,
        1 => When::Present,
        _ => When::Version(wanted(u)?),
    })
}

fn wanted(u: &mut Unstructured<'_>) -> Result<Wanted> {
    Ok(match u.int_in_range(0..=1u8)? {
        0 => Wanted::Current,
        _ => Wanted::Before(u.int_in_range(0..=9)?),
    })
}

/// Limits that are reached soon, or not at all.
pub(super) fn limits(u: &mut Unstructured<'_>, scale: Scale) -> Result<Limits> {
    let max_entries = match scale {
        Scale::Tiny => u.int_in_range(1..=9)?,
        Scale::Wide => 40 * u.int_in_range(1..=9)?,
        Scale::Large => 1000 * u.int_in_range(1..=9)?,
    };
    let roomy = match scale {
        Scale::Tiny => 0,
        Scale::Wide => 1 << 19,
        Scale::Large => 1 << 20,
    };
    let limits = Limits {
        // The largest number stands for a limit that is never reached.
        max_entries: if max_entries % 9 == 0 {
            100_000
        } else {
            max_entries
        },
        max_bytes: roomy
            + match u.int_in_range(0..=9u8)? {
                0..2 => 131_072,
                2 => 131_072 + u.int_in_range(0..=200_000)?,
                3..5 => 131_072 + u.int_in_range(0..=20_000)?,
                5..7 => 400_000,
                _ => 32 << 20,
            },
        max_value: match u.int_in_range(0..=15u8)? {
            0 => 0,
            1 => 7,
            2 => 8,
            3 => 3000,
            _ => 1 << 20,
        },
        default_ttl: match u.int_in_range(0..=3u8)? {
            0 => Some(span(u)?),
            _ => None,
        },
        utf8_keys: u.ratio(1, 8)?,
        policy: match u.int_in_range(0..=2u8)? {
            0 => Policy::Refuse,
            1 => Policy::Lru,
            _ => Policy::S3Fifo,
        },
        ..Limits::default()
    };
    let max_pins = u.int_in_range(0..=5)?;
    Ok(Limits {
        max_pins,
        // Uses the same byte as before, so that the corpus keeps its meaning.
        max_key: match max_pins {
            0 => 127,
            1..4 => 128,
            _ => 512,
        },
        ..limits
    })
}
