//! Laws of the small pieces: nothing is lost, nothing is invented.

use althing_tui::format::{blocks_and_time, grouped, parse_weight, percent, scale, short_id, thousands};
use althing_tui::text::{counted, cut, legible, width, wrap};
use althing_tui::untrusted::{Untrusted, is_showable};
use althing_tui::widget::bar;
use proptest::prelude::*;

/// Eighths that a drawn bar shows.
fn eighths(filled: &str) -> u32 {
    filled
        .chars()
        .map(|c| match c {
            '█' => 8,
            '▉' => 7,
            '▊' => 6,
            '▋' => 5,
            '▌' => 4,
            '▍' => 3,
            '▎' => 2,
            '▏' => 1,
            other => panic!("{other} in a bar"),
        })
        .sum()
}

proptest! {
    #[test]
    fn a_legible_sentence_has_the_same_letters(text in "(bcrt1q[a-z0-9]{20,40}|[0-9]{1,12} sat|[a-z.,]{0,6}| ){0,9}") {
        let letters = |s: &str| s.chars().filter(|c| !matches!(c, ' ' | ',')).collect::<String>();
        prop_assert_eq!(letters(&legible(&text)), letters(&text));
        prop_assert_eq!(letters(&counted(&text)), letters(&text));
    }

    #[test]
    fn whatever_arrives_only_the_showable_leaves(text in any::<String>()) {
        let shown = Untrusted::new(&text).line();
        prop_assert!(shown.chars().all(|c| is_showable(c) || c == '⟦'));
    }

    #[test]
    fn different_texts_never_look_the_same(a in "\\PC{0,4}[⟦⟧U+a\u{200b}\u{202e}]{0,6}", b in "[⟦⟧U+20BE\u{200b}\u{202e}]{0,12}") {
        prop_assert_eq!(a == b, Untrusted::new(&a).line() == Untrusted::new(&b).line());
    }

    #[test]
    fn wrapping_loses_only_blanks(text in "[a-zé日 ]{0,80}", columns in 2usize..30) {
        let lines = wrap(&text, columns);
        prop_assert!(lines.iter().all(|line| width(line) <= columns), "{lines:?}");
        let letters = |s: &str| s.chars().filter(|c| *c != ' ').collect::<String>();
        prop_assert_eq!(letters(&lines.concat()), letters(&text));
    }

    #[test]
    fn cutting_fits(text in "\\PC{0,60}", columns in 0usize..40) {
        let cut_text = cut(&text, columns);
        prop_assert!(width(&cut_text) <= columns);
        prop_assert!(width(&text) > columns || cut_text == text);
    }

    #[test]
    fn bars_are_honest(part in any::<u128>(), whole in any::<u128>(), cells in 1u16..200) {
        let (filled, empty) = bar(part, whole, cells);
        prop_assert_eq!(filled.chars().count() + empty.chars().count(), usize::from(cells));
        let shown = eighths(&filled);
        prop_assert_eq!(shown == 0, part == 0);
        if whole > 0 && part < whole {
            prop_assert!(shown < u32::from(cells) * 8 || whole >= 1 << 96);
        }
    }

    #[test]
    fn scaling_is_exact_where_it_fits(part in 0u64.., whole in 1u64.., steps in 1u32..100_000) {
        let exact = u128::from(part.min(whole)) * u128::from(steps) / u128::from(whole);
        prop_assert_eq!(scale(u128::from(part), u128::from(whole), steps), exact);
    }

    #[test]
    fn separators_change_nothing_else(value in any::<u128>()) {
        prop_assert_eq!(thousands(value).replace(',', ""), value.to_string());
        prop_assert_eq!(parse_weight(&value.to_string()), Some(value));
    }

    #[test]
    fn grouping_changes_nothing_else(text in "[0-9a-z]{0,80}") {
        prop_assert_eq!(grouped(&text).replace(' ', ""), text);
    }
}

#[test]
fn small_figures() {
    assert_eq!(thousands(0), "0");
    assert_eq!(thousands(1_234_567), "1,234,567");
    assert_eq!(percent(1, 3), "33.3 %");
    assert_eq!(percent(1, 0), "0.0 %");
    assert_eq!(parse_weight("+1"), None);
    assert_eq!(parse_weight(""), None);
    assert_eq!(short_id("0123456789"), "01234567…");
    assert_eq!(blocks_and_time(1, "bitcoin"), "1 block, about 10 min");
    assert_eq!(blocks_and_time(144, "bitcoin"), "144 blocks, about 1 d 0 h");
    assert_eq!(blocks_and_time(12, "regtest"), "12 blocks");
    assert_eq!(althing_tui::format::bitcoin(123_456_789), "1.23456789 BTC");
}

#[test]
fn addresses_and_amounts_of_a_sentence_are_grouped() {
    let sentence = "The treasury pays 50000 sat to address tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx.";
    let shown = "The treasury pays 50,000 sat to address tb1q w508 d6qe jxtd g4y5 r3za rvar y0c5 xw7k xpjz sx.";
    assert_eq!(legible(sentence), shown);
    assert_eq!(legible("#50000 at height 50000, by tb1 or 12"), "#50000 at height 50,000, by tb1 or 12");
    let plain = "The treasury pays 50,000 sat to address tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx.";
    assert_eq!(counted(sentence), plain, "what is copied stays in one piece");
    let sums = "yes 1200000, no 0, abstain 0 of total weight 1800000, 2 ballots, within 4320 blocks; 50000, sat";
    let shown = "yes 1,200,000, no 0, abstain 0 of total weight 1,800,000, 2 ballots, within 4,320 blocks; 50000, sat";
    assert_eq!(counted(sums), shown);
    assert_eq!(counted("abstain 1200, 30000 stands aside."), "abstain 1,200, 30,000 stands aside.");
}
