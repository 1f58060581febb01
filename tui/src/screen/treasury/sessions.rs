//! Signing sessions: the transaction beside the decision, what the check says, and who signed.

use althing_node::api::{SessionView, Snapshot};
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::coins::short_outpoint;
use super::{Part, empty};
use crate::app::App;
use crate::backend::Verdict;
use crate::format::{count_of, grouped, sats, short_id, thousands};
use crate::screen::counted;
use crate::text::{bullets, cut, hanging, paragraph};
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::widget::{Column, Pen, beside, tally_heading, tally_lines};

/// From this width on the transaction and the decision stand side by side.
const SIDE_BY_SIDE: usize = 96;

/// Draws the part.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, areas: (Rect, Rect)) {
    let sessions = app.desk.sessions.as_deref();
    let found = sessions.unwrap_or_default();
    let words = "No session. On an authorised payment, o opens one; i takes a colleague's PSBT in from a file.";
    let part = Part {
        title: counted(app, "Signing sessions", found.len()),
        columns: &[
            Column::words("session", Constraint::Length(10)).goes(1),
            Column::words("state", Constraint::Length(12)),
            Column::words("check", Constraint::Length(16)),
            Column::words("signatures", Constraint::Length(24)).goes(2),
            Column::words("what", Constraint::Fill(1)),
        ],
        found,
        empty: empty(app, sessions.is_some(), words),
        below: "This session",
    };
    let theme = pen.theme;
    let row = |session: &SessionView, _| {
        let (sign, word, style) = verdict(session, &theme);
        vec![
            Line::from(short_id(&session.id)),
            Line::styled(Untrusted::new(&session.state).line(), theme.text),
            Line::styled(format!("{sign} {word}"), style),
            Line::styled(cut(&signatures(session), 24), if session.waits_for_me { theme.warn } else { theme.text }),
            Line::from(match session.title.is_empty() {
                true => "the treasury's own coins".to_owned(),
                false => Untrusted::new(&session.title).line(),
            }),
        ]
    };
    part.draw(pen, app, areas, row, |session, columns| {
        let mut lines = check(session, columns, &theme);
        lines.extend(bullets(&session.check.sentences, columns, theme.text));
        lines
    });
}

/// What the check found, in a sign and a word or two.
fn verdict(session: &SessionView, theme: &Theme) -> (&'static str, &'static str, Style) {
    if outcome(session).is_some() {
        return ("–", "it is over", theme.dim);
    }
    match session.check.verdict {
        Verdict::Valid => ("✓", "may be signed", theme.good),
        Verdict::Invalid => ("✗", "must not be", theme.bad),
        Verdict::CannotTell => ("?", "cannot tell", theme.warn),
    }
}

fn signatures(session: &SessionView) -> String {
    let names = |names: &[String]| names.iter().map(|name| Untrusted::new(name).line()).collect::<Vec<_>>().join(", ");
    let more = match session.needed {
        0 => "enough".to_owned(),
        needed => format!("{} more needed", thousands(needed as u128)),
    };
    match session.signed.is_empty() {
        true => format!("none yet; {more}"),
        false => format!("{}; {more}", names(&session.signed)),
    }
}

/// What became of a session that nobody signs any more, and whether that is as it should be.
fn outcome(session: &SessionView) -> Option<(bool, String)> {
    let height = |height: Option<u32>| thousands(u128::from(height.unwrap_or(0)));
    let at = height(session.height);
    Some(match session.state.as_str() {
        "mined" => (true, format!("Mined at height {at}: there is nothing more to do.")),
        "staged" => {
            (true, format!("Its money rests. From height {} on it is paid out.", height(session.payout_height)))
        }
        "returned" => (true, format!("Brought back into the treasury at height {at}; it was not paid.")),
        "taken" => (false, format!("What rested was taken at height {at}: the alarms say who signed that.")),
        "void" => (
            false,
            "Void: a block has another transaction that spends one of its coins, or one of what it spends from."
                .to_owned(),
        ),
        _ => return None,
    })
}

/// What became of it; else the verdict with every reason, and what is not known.
fn check(session: &SessionView, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let report = &session.check;
    if let Some((is_well, text)) = outcome(session) {
        let (sign, style) = if is_well { ("✓ ", theme.good) } else { ("✗ ", theme.bad) };
        return hanging(sign, &text, columns, style.add_modifier(Modifier::BOLD));
    }
    let (sign, words, style) = match report.verdict {
        Verdict::Valid => ("✓ ", "This may be signed: it does what was decided, and nothing else.", theme.good),
        Verdict::Invalid => ("✗ ", "This must not be signed.", theme.bad),
        Verdict::CannotTell => ("? ", "Whether this may be signed cannot be told.", theme.warn),
    };
    let mut lines = hanging(sign, words, columns, style.add_modifier(Modifier::BOLD));
    if session.state == "broadcast" {
        let text = "It was given to the network and waits for a block; + pays more for it.";
        lines.extend(hanging("· ", text, columns, theme.text));
    }
    for reason in &report.reasons {
        lines.extend(hanging("✗ ", &Untrusted::new(&reason.text).line(), columns, theme.bad));
    }
    for unknown in &report.unknown {
        lines.extend(hanging("? ", &Untrusted::new(unknown).line(), columns, theme.warn));
    }
    lines
}

/// The page of a session: the check, the transaction beside the decision, the signatures, and what was said.
pub(in crate::screen) fn page(app: &App, session: &SessionView, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let mut lines = effects(app, session, columns, theme);
    lines.push(Line::default());
    lines.push(Line::styled("Who signed", bold));
    for signer in &session.signers {
        let me = if signer.is_me { " (this node)" } else { "" };
        let (sign, style) = match (signer.signed, &signer.refused) {
            (true, _) => ("✓ ", theme.good),
            (false, Some(_)) => ("✗ ", theme.bad),
            (false, None) => ("○ ", theme.dim),
        };
        let why = signer.refused.as_ref().filter(|_| !signer.signed);
        let why = why.map_or_else(String::new, |why| format!(" refused: {}", Untrusted::new(why)));
        lines.extend(hanging(sign, &format!("{}{me}{why}", Untrusted::new(&signer.holder)), columns, style));
    }
    let text = match (session.needed, session.state.as_str()) {
        (0, "complete") => "Enough have signed: B broadcasts it.".to_owned(),
        (0, _) => "Enough have signed.".to_owned(),
        (needed, _) => format!(
            "{} more needed: s signs here; e writes a file for the others, i takes theirs in.",
            count_of(needed as u64, "signature")
        ),
    };
    lines.extend(paragraph(&text, columns, theme.dim));
    if let Some(other) = &session.yields_to {
        let text =
            format!("The session {} stands before it: that one is to be signed, this one is not.", short_id(other));
        lines.extend(hanging("! ", &text, columns, theme.warn));
    }
    for other in &session.conflicts {
        let text =
            format!("The session {} spends one of its coins too: only one of them can be mined.", short_id(other));
        lines.extend(hanging("! ", &text, columns, theme.warn));
    }
    if !session.remarks.is_empty() {
        lines.push(Line::default());
        lines.push(Line::styled("What was said", bold));
    }
    for remark in &session.remarks {
        let head = format!(
            "{} {} at {}: ",
            Untrusted::new(&remark.author),
            Untrusted::new(&remark.kind),
            thousands(u128::from(remark.height))
        );
        let style = if remark.kind == "refusal" { theme.warn } else { theme.text };
        lines.extend(hanging("• ", &format!("{head}{}", Untrusted::new(&remark.text)), columns, style));
    }
    lines
}

/// What a signature or a broadcast is about: the check, and the transaction beside the decision.
pub(in crate::screen) fn effects(
    app: &App,
    session: &SessionView,
    columns: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let mut lines = check(session, columns, theme);
    lines.extend(hanging("  signed: ", &signatures(session), columns, theme.text));
    lines.push(Line::default());
    if columns >= SIDE_BY_SIDE {
        let half = (columns - 3) / 2;
        let (left, right) = (transaction(session, half, theme), decision(app, session, half, theme));
        lines.extend(beside(left, right, half, Span::styled(" │ ", theme.border)));
    } else {
        lines.extend(transaction(session, columns, theme));
        lines.push(Line::default());
        lines.extend(decision(app, session, columns, theme));
    }
    lines
}

/// What the transaction does, from the parsed transaction.
fn transaction(session: &SessionView, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let report = &session.check;
    let mut lines = vec![Line::styled("What the transaction does", theme.title)];
    if report.outputs.is_empty() {
        lines.extend(bullets(&report.sentences, columns, theme.text));
    }
    for input in &report.inputs {
        let sat = input.sat.map_or_else(|| "an unknown amount".to_owned(), sats);
        let (sign, style) = match input.role.as_str() {
            "foreign" => ("✗ ", theme.bad),
            _ => ("  ", theme.dim),
        };
        let text = format!("spends {sat}, {}: {}", Untrusted::new(&input.role), short_outpoint(&input.outpoint));
        lines.extend(hanging(sign, &text, columns, style));
    }
    for output in &report.outputs {
        let (sign, style, words) = match output.role.as_str() {
            "decided" => ("✓ ", theme.good, "as decided, to"),
            "treasury" => ("↩ ", theme.text, "back to the treasury at"),
            "former" => ("✗ ", theme.bad, "to a FORMER treasury, at"),
            "staged" => ("… ", theme.text, "rest first, at"),
            "fee" => ("  ", theme.dim, "for whoever speeds the payout up, at"),
            "changed" => ("✗ ", theme.bad, "NOT as decided, to"),
            _ => ("✗ ", theme.bad, "that nobody decided, to"),
        };
        let text = format!("{} {words} {}", sats(output.sat), grouped(&Untrusted::new(&output.to).line()));
        lines.extend(hanging(sign, &text, columns, style));
    }
    if let Some(stage) = &report.stage {
        lines.extend(hanging("! ", stage, columns, theme.warn));
    }
    if let Some(fee) = report.fee_sat {
        let rate = match session.vbytes {
            _ if report.stage.is_some() => " for both transactions".to_owned(),
            0 => String::new(),
            vbytes => format!(" for {} vB, {} sat/vB", thousands(u128::from(vbytes)), tenths(fee, vbytes)),
        };
        lines.extend(hanging("  ", &format!("fee {}{rate}", sats(fee)), columns, theme.text));
    }
    lines.extend(hanging("  txid ", &grouped(&Untrusted::new(&session.id).line()), columns, theme.dim));
    lines
}

/// A rate to the tenth, rounded down.
fn tenths(fee_sat: u64, vbytes: u64) -> String {
    let tenths = u128::from(fee_sat) * 10 / u128::from(vbytes.max(1));
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// What was decided, from this node's own log.
fn decision(app: &App, session: &SessionView, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = vec![Line::styled("What was decided", theme.title)];
    let proposals = &session.check.proposals;
    if proposals.is_empty() {
        let text = "Nothing: a transaction that pays only the treasury itself needs no vote.";
        lines.extend(paragraph(text, columns, theme.dim));
    }
    let snapshot: Option<&Snapshot> = app.snapshot.as_deref();
    for id in proposals {
        let Some(proposal) = snapshot.and_then(|s| s.proposals.iter().find(|proposal| proposal.id == *id)) else {
            let text = format!("The proposal {} is not in the log of this node.", short_id(id));
            lines.extend(hanging("? ", &text, columns, theme.warn));
            continue;
        };
        let title = format!("#{} {}", proposal.number, Untrusted::new(&proposal.title));
        lines.extend(paragraph(&title, columns, theme.text.add_modifier(Modifier::BOLD)));
        for payment in session.check.payments.iter().filter(|payment| payment.proposal == *id) {
            let milestone = payment.milestone.map_or_else(String::new, |number| format!("milestone {number}: "));
            for (to, sat) in &payment.outputs {
                let text = format!("{milestone}{} to {}", sats(*sat), grouped(&Untrusted::new(to).line()));
                lines.extend(hanging("• ", &text, columns, theme.text));
            }
            let text = format!(
                "fee at most {}, heights {} to {}",
                sats(payment.fee_cap_sat),
                thousands(u128::from(payment.from_height)),
                thousands(u128::from(payment.expiry_height.saturating_sub(1)))
            );
            lines.extend(hanging("  ", &text, columns, theme.text));
            let gate = grouped(&Untrusted::new(&payment.gate).line());
            lines.extend(hanging("  gate ", &gate, columns, theme.dim));
        }
        if proposal.tally.is_some() {
            lines.extend(tally_heading(proposal, columns, theme));
            lines.extend(tally_lines(proposal, columns, theme));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::tenths;

    #[test]
    fn a_rate_is_not_rounded_to_the_next_whole_one() {
        for (fee_sat, vbytes, told) in [(303, 100, "3.0"), (3, 2, "1.5"), (199, 200, "0.9"), (7, 0, "7.0")] {
            assert_eq!(tenths(fee_sat, vbytes), told);
        }
        assert_eq!(tenths(u64::MAX, 1), format!("{}.0", u64::MAX));
    }
}
