//! Numbers of 256 and 512 bits as little-endian words of 64 bits: what field and scalars share.

/// 256 bits, least significant word first.
pub(super) type Words = [u64; 4];

/// Reads 32 bytes, most significant first.
pub(super) fn from_be_bytes(bytes: &[u8; 32]) -> Words {
    let (words, _) = bytes.as_chunks::<8>();
    [3, 2, 1, 0].map(|i| u64::from_be_bytes(words[i]))
}

/// Writes 32 bytes, most significant first.
pub(super) fn to_be_bytes(words: &Words) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, word) in bytes.chunks_exact_mut(8).zip(words.iter().rev()) {
        chunk.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

/// Sum modulo 2^256, and whether it overflowed.
#[inline(always)]
pub(super) fn add(a: &Words, b: &Words) -> (Words, bool) {
    let (r0, c) = a[0].overflowing_add(b[0]);
    let (r1, c) = carrying_add(a[1], b[1], c);
    let (r2, c) = carrying_add(a[2], b[2], c);
    let (r3, c) = carrying_add(a[3], b[3], c);
    ([r0, r1, r2, r3], c)
}

/// Difference modulo 2^256, and whether it went below zero.
#[inline(always)]
pub(super) fn sub(a: &Words, b: &Words) -> (Words, bool) {
    let (r0, c) = a[0].overflowing_sub(b[0]);
    let (r1, c) = borrowing_sub(a[1], b[1], c);
    let (r2, c) = borrowing_sub(a[2], b[2], c);
    let (r3, c) = borrowing_sub(a[3], b[3], c);
    ([r0, r1, r2, r3], c)
}

/// Product of 512 bits.
#[inline(always)]
pub(super) fn mul(a: &Words, b: &Words) -> [u64; 8] {
    let mut product = [0; 8];
    for (i, &left) in a.iter().enumerate() {
        let mut carry = 0;
        for (j, &right) in b.iter().enumerate() {
            (product[i + j], carry) = mul_add(left, right, product[i + j], carry);
        }
        product[i + 4] = carry;
    }
    product
}

/// `a * b + c + d` as low and high word; cannot overflow: (2^64 - 1)^2 + 2 (2^64 - 1) = 2^128 - 1.
#[inline(always)]
pub(super) fn mul_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let wide = u128::from(a) * u128::from(b) + u128::from(c) + u128::from(d);
    (wide as u64, (wide >> 64) as u64)
}

#[inline(always)]
fn carrying_add(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let (sum, first) = a.overflowing_add(b);
    let (sum, second) = sum.overflowing_add(u64::from(carry));
    (sum, first | second)
}

#[inline(always)]
fn borrowing_sub(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    let (difference, first) = a.overflowing_sub(b);
    let (difference, second) = difference.overflowing_sub(u64::from(borrow));
    (difference, first | second)
}
