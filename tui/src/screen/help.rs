//! Help: the keys from the table they come from, and what the words mean.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::App;
use crate::keymap::Context;
use crate::text::{hanging, paragraph};
use crate::widget::{Pen, centred, panel, scrolled};

/// What the words on the screens mean.
pub const GLOSSARY: [(&str, &str); 19] = [
    (
        "promised",
        "the hub signed a receipt: by a stated height the ballot is under an anchored root, or the receipt proves its fault",
    ),
    ("logged", "the ballot is in the log that this machine verified, under a signed head"),
    ("anchored", "an epoch header covers it, and the link that commits to the header was broadcast"),
    ("confirmed", "the link is in a block, with that many blocks on it"),
    ("final", "deep enough: no longer undone by a reorganisation"),
    ("roll", "the members with their weights, fixed before the proposal was published"),
    ("stake", "bitcoin that a member locks in a channel with the hub; it gives weight and stays the member's"),
    ("hub", "keeps the log and receipts entries; it can delay, but not forge, count twice or take"),
    ("log", "every proposal, ballot and comment in one order, with one root of hashes"),
    ("receipt", "the hub's signature that an entry is in the log at a position"),
    ("epoch", "a number of blocks; at its end every tree is closed into one header"),
    ("link", "the Bitcoin transaction that commits to a header and spends the link before it"),
    ("quorum", "how much of the roll has to take part"),
    ("threshold", "how much of yes and no has to be yes"),
    ("qt", "in the list of proposals: quorum and threshold are met by the sums so far"),
    ("delegate", "hands weight on where one does not vote; one's own ballot always goes first"),
    ("gate", "a small output of the DAO that a payment must spend, so that no decision is paid twice"),
    ("guardian", "may put off or stop what passed, within a window; can never pay"),
    ("audit", "the whole log, replayed and checked on this machine"),
];

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, area: Rect, scroll: u16) {
    let inner = panel(pen, centred(area, 84, 40), "Help", true);
    let columns = usize::from(inner.width);
    let mut lines = Vec::new();
    for context in ordered(app) {
        lines.push(Line::styled(context.title(), pen.theme.title));
        for binding in app.keymap.of(context) {
            lines.push(Line::from(vec![
                Span::styled(format!("  {:<18}", binding.names()), pen.theme.key),
                Span::styled(binding.help, pen.theme.text),
            ]));
        }
        lines.push(Line::default());
    }
    lines.push(Line::styled("What the words mean", pen.theme.title));
    for (word, meaning) in GLOSSARY {
        lines.extend(hanging(&format!("  {word:<10}"), meaning, columns, pen.theme.text));
    }
    lines.push(Line::default());
    lines.extend(paragraph(
        "Everything shown was recomputed on this machine from the public log and its own Bitcoin source. What is not \
         known yet is said to be so. Every screen is also a command: althing --help.",
        columns,
        pen.theme.dim,
    ));
    scrolled(pen, inner, lines, scroll);
}

/// The contexts of what lies below first, then the others.
fn ordered(app: &App) -> Vec<Context> {
    let mut contexts: Vec<Context> = app.contexts_below_help().to_vec();
    for context in Context::ALL {
        if !contexts.contains(&context) {
            contexts.push(context);
        }
    }
    contexts
}
