//! Texts of strangers: which characters make a text look like another one.

use unicode_normalization::UnicodeNormalization as _;

/// Whether `c` steers a terminal, a browser or the direction of text, or cannot be seen: controls, direction marks,
/// invisible characters, line and paragraph separators, private use.
#[must_use]
pub fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E000}'..='\u{F8FF}' | '\u{E0000}'..='\u{10FFFF}')
}

/// What in a label a reader takes for one blank, and is not: another blank character, or several of them.
#[must_use]
pub fn odd_blank(label: &str) -> Option<String> {
    let odd = label.chars().find(|c| *c != ' ' && (c.is_whitespace() || *c == '\u{2800}'));
    let several = || label.contains("  ").then(|| "several blanks one behind the other".to_owned());
    odd.map(|c| format!("U+{:04X}", u32::from(c))).or_else(several)
}

/// A label without what readers hardly tell apart: compatible forms of one character (NFKC), and capital or small letters.
#[must_use]
pub fn folded(label: &str) -> String {
    // By way of capital letters, which also makes one of ß and ss.
    let small: String = label.nfkc().collect::<String>().to_uppercase().to_lowercase();
    small.nfkc().collect()
}
