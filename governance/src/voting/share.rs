//! Comparing shares exactly: products of 128-bit sums with small factors, never a division.

/// `a * x >= b * y`, exact for all values.
pub(super) fn product_at_least(a: u128, x: u64, b: u128, y: u64) -> bool {
    product(a, x) >= product(b, y)
}

/// High and low half of a 256-bit product; compares as the number does.
fn product(a: u128, x: u64) -> (u128, u128) {
    let x = u128::from(x);
    let (high, low) = ((a >> 64) * x, (a & u128::from(u64::MAX)) * x);
    let (low, carry) = low.overflowing_add(high << 64);
    ((high >> 64) + u128::from(carry), low)
}
