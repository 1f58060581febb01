//! Text that members write: bounded, and free of characters that change how their neighbours look.

use crate::codec::{DecodeError, check_length};

/// One line of text (G-82): `min` to `max` bytes without control or direction characters.
///
/// # Errors
/// [`DecodeError`] naming the field and the character.
pub(super) fn check_line(field: &'static str, text: &str, min: usize, max: usize) -> Result<(), DecodeError> {
    check_length(field, text.len(), min, max)?;
    check_characters(field, text, |c| c.is_control() || is_direction(c))
}

/// The name of somebody (G-82): as [`check_line`], without what cannot be seen, so that no two names look alike by it.
///
/// # Errors
/// [`DecodeError`] naming the field and the character.
pub(super) fn check_name(field: &'static str, text: &str, min: usize, max: usize) -> Result<(), DecodeError> {
    check_length(field, text.len(), min, max)?;
    check_characters(field, text, crate::text::misleads)
}

/// Several lines of text (G-82): as [`check_line`], with line feeds and tabs.
///
/// # Errors
/// [`DecodeError`] naming the field and the character.
pub(super) fn check_lines(field: &'static str, text: &str, min: usize, max: usize) -> Result<(), DecodeError> {
    check_length(field, text.len(), min, max)?;
    check_characters(field, text, |c| (c.is_control() && c != '\n' && c != '\t') || is_direction(c))
}

fn check_characters(field: &'static str, text: &str, is_bad: fn(char) -> bool) -> Result<(), DecodeError> {
    match text.chars().find(|c| is_bad(*c)) {
        None => Ok(()),
        Some(c) => {
            let problem = format!("has the character U+{:04X}, which can hide or reorder text", u32::from(c));
            Err(DecodeError::Rule { rule: "G-82", field, problem })
        }
    }
}

/// Marks, embeddings, overrides and isolates of Unicode's bidirectional algorithm (UAX #9, section 2).
const fn is_direction(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
