//! Random draws with the skew of real loads: few numbers are drawn often, most rarely.

/// Draws `count` numbers below `space`. The frequency of a number n is proportional to
/// 1 / (n + 1)^0.99, the skew of YCSB. The same `seed` gives the same numbers.
#[must_use]
pub fn zipf(space: u32, count: u32, seed: u64) -> Vec<u32> {
    let mut sum = 0.0;
    let sums: Vec<f64> = (1..=space)
        .map(|rank| {
            sum += f64::from(rank).powf(-0.99);
            sum
        })
        .collect();
    let mut random = seed;
    (0..count)
        .map(|_| {
            // splitmix64.
            random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (random ^ random >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            // As many bits as an f64 holds.
            let part = ((mixed ^ mixed >> 31) >> 11) as f64 / (1u64 << 53) as f64;
            let rank = sums.partition_point(|&below| below <= part * sum);
            u32::try_from(rank).map_or(space - 1, |rank| rank.min(space - 1))
        })
        .collect()
}
