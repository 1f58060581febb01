//! What the words mean, how things are done, and what each party is trusted for; first what matters where one comes from.

use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::Line;

use super::help::GLOSSARY;
use crate::app::lesson::STEPS;
use crate::app::{App, Screen};
use crate::text::{hanging, paragraph};
use crate::widget::{Pen, panel, scrolled};

/// Who can do what, and who cannot.
const TRUST: [(&str, &str); 5] = [
    (
        "hub",
        "can delay or go away; cannot forge a ballot, count it twice, drop what it receipted unseen, or take stake",
    ),
    (
        "member",
        "can vote, change the vote and leave at any time; cannot vote twice, nor with weight that is not locked",
    ),
    ("treasurer", "one alone can refuse, not pay; a colluding quorum can pay, but never unseen"),
    ("guardian", "can put off or stop what passed, within a window; cannot pay"),
    ("miners", "can delay finality; cannot change what is final"),
];

/// Draws the screen.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, area: Rect) {
    let inner = panel(pen, area, "Learn", true);
    let columns = usize::from(inner.width);
    let theme = pen.theme;
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let from = app.back.last().copied().filter(|screen| *screen != Screen::Learn).unwrap_or(Screen::Home);
    let mut lines = vec![Line::styled(format!("Where you come from: {}", from.title()), bold)];
    lines.extend(paragraph(about(from), columns, theme.text));
    lines.push(Line::default());
    lines.push(Line::styled("Ten steps", bold));
    lines.extend(paragraph(
        "althing learn plays them through on a private DAO, with coins worth nothing.",
        columns,
        theme.dim,
    ));
    for (number, step) in (1..).zip(&STEPS) {
        lines.extend(hanging(
            &format!("{number:>2}. "),
            &format!("{}. {}", step.title, step.text),
            columns,
            theme.text,
        ));
    }
    lines.push(Line::default());
    lines.push(Line::styled("Who is trusted for what", bold));
    for (who, what) in TRUST {
        lines.extend(hanging(&format!("{who:<10}"), what, columns, theme.text));
    }
    lines.push(Line::default());
    lines.push(Line::styled("What the words mean", bold));
    for (word, meaning) in GLOSSARY {
        lines.extend(hanging(&format!("{word:<10}"), meaning, columns, theme.text));
    }
    scrolled(pen, inner, lines, app.scroll);
}

/// What a screen is for, and what to do there.
pub(super) fn about(screen: Screen) -> &'static str {
    match screen {
        Screen::Home => {
            "Home lists what needs you: alarms, votes that close, ballots on their way. Enter opens what a line is about."
        }
        Screen::Proposals => {
            "The list shows where each proposal stands. q and t beside a bar say that quorum and threshold are met. / finds by a few letters, v votes, n writes a proposal."
        }
        Screen::Proposal => {
            "Left: what follows if it passes, the text, the discussion. Right: the sums, the marks of quorum and threshold, and your ballot's way to finality. w shows why the result is true."
        }
        Screen::Ballots => {
            "Each ballot of yours with its way: promised, logged, anchored, confirmed, final. w recomputes every step, e writes a proof file that anybody can check."
        }
        Screen::Treasury => {
            "Payments that were decided, with the gate that each must spend, from when and until when. Treasurers sign only what stands here."
        }
        Screen::Channels => {
            "Your stake lies in channels with the hub and stays yours. o locks more, p pays dues, c closes together with the hub, F alone if it does not answer."
        }
        Screen::Members => {
            "Everybody on the roll with stake and weight. d hands your weight on where you do not vote; your own ballot always goes first."
        }
        Screen::Chain => {
            "The links: one transaction an epoch, each spending the one before, so there is one history. Enter shows one in full, to compare with any explorer."
        }
        Screen::Audit => {
            "What your machine checks all the time, the replay of the whole log, and the report. a replays, s writes the report to a file."
        }
        Screen::Learn => "You are here.",
        Screen::Operator => "How the node and its log are doing: growth, epochs, links and fees.",
    }
}
