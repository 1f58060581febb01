//! Between eight numbers in memory and vectors that hold one word of each.

use core::arch::x86_64::*;

/// Vector i holds word i of each row, row k in lane k.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load(rows: [&[u64; 4]; 8]) -> [__m512i; 4] {
    let load = |row: &[u64; 4]| {
        // SAFETY: 32 bytes behind a reference to as many; the load needs no alignment.
        unsafe { _mm256_loadu_si256(row.as_ptr().cast()) }
    };
    let pair = |low, high| _mm512_inserti64x4::<1>(_mm512_castsi256_si512(load(low)), load(high));
    // Rows 0 and 2, 1 and 3, ... share a vector, so that the lanes come out in the order of the rows.
    let (a, b) = (pair(rows[0], rows[2]), pair(rows[1], rows[3]));
    let (c, d) = (pair(rows[4], rows[6]), pair(rows[5], rows[7]));
    // Words 0 and 2, words 1 and 3, of the first four and the last four rows.
    let (even_low, odd_low) = (_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    let (even_high, odd_high) = (_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d));
    [
        _mm512_shuffle_i64x2::<0b10_00_10_00>(even_low, even_high),
        _mm512_shuffle_i64x2::<0b10_00_10_00>(odd_low, odd_high),
        _mm512_shuffle_i64x2::<0b11_01_11_01>(even_low, even_high),
        _mm512_shuffle_i64x2::<0b11_01_11_01>(odd_low, odd_high),
    ]
}

/// The rows of which vector i holds word i, lane k as row k.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store(words: [__m512i; 4]) -> [[u64; 4]; 8] {
    // Words 0 and 1 of rows 0, 2, 4, 6 and of rows 1, 3, 5, 7; the same of words 2 and 3.
    let (even_low, odd_low) = (_mm512_unpacklo_epi64(words[0], words[1]), _mm512_unpackhi_epi64(words[0], words[1]));
    let (even_high, odd_high) = (_mm512_unpacklo_epi64(words[2], words[3]), _mm512_unpackhi_epi64(words[2], words[3]));
    let front = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    let back = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    let mut rows = [[0; 4]; 8];
    let pairs = [
        (0, 2, _mm512_permutex2var_epi64(even_low, front, even_high)),
        (1, 3, _mm512_permutex2var_epi64(odd_low, front, odd_high)),
        (4, 6, _mm512_permutex2var_epi64(even_low, back, even_high)),
        (5, 7, _mm512_permutex2var_epi64(odd_low, back, odd_high)),
    ];
    for (first, second, pair) in pairs {
        for (row, half) in [(first, _mm512_castsi512_si256(pair)), (second, _mm512_extracti64x4_epi64::<1>(pair))] {
            let row: &mut [u64; 4] = &mut rows[row];
            // SAFETY: 32 bytes behind a reference to as many; the store needs no alignment.
            unsafe { _mm256_storeu_si256(row.as_mut_ptr().cast(), half) };
        }
    }
    rows
}

/// Lanes in which all four words are equal.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn equal(a: &[__m512i; 4], b: &[__m512i; 4]) -> __mmask8 {
    let mut difference = _mm512_xor_si512(a[0], b[0]);
    for i in 1..4 {
        difference = _mm512_or_si512(difference, _mm512_xor_si512(a[i], b[i]));
    }
    _mm512_testn_epi64_mask(difference, difference)
}
