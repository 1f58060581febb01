//! What becomes of a treasurer's paper at another treasurer's node: a session, a signature, a remark, or a refusal with its reason (T-310);
//! and what waits because this node's chain or log is behind (T-102).

use althing_anchor::{PaperBody, SignedPaper};
use anyhow::Result;
use bitcoin::Transaction;

use super::row_of;
use crate::api::{ApiError, ErrorKind};
use crate::keys::hex;
use crate::shell::Shell;
use crate::store::RemarkRow;
use crate::treasury::sessions::{Merged, adopted_row, has_news_of, is_void, merged, session_row, waits_to_replace};

/// Name of the alarm about a treasurer who put forward what must not be signed.
const REFUSED: &str = "session";

/// State of a paper that will be looked at again.
const WAITING: &str = "waiting";

/// What a paper comes to.
enum Fate {
    /// The session as it now is, and what is said of it.
    Session(Merged),
    /// A remark.
    Remark(RemarkRow),
    /// Nothing more.
    Noted,
    /// Its session is not known yet, or whether it may be signed cannot be told.
    Waits(String),
    /// It is wrong.
    Refused(String),
}

/// T-102: looks again at what waits. A block, or a head of the log, may have brought what was missing.
pub(super) fn look_again(shell: &mut Shell) -> Result<()> {
    let waiting = shell.store.papers()?.into_iter().filter(|row| row.state == WAITING);
    for id in waiting.map(|row| row.id).collect::<Vec<_>>() {
        // One that was taken took those with it that waited for it.
        if shell.store.paper_row(&id)?.is_none_or(|row| row.state != WAITING) {
            continue;
        }
        let Some(signed) = shell.store.paper(&id)?.and_then(|bytes| SignedPaper::decode(&bytes).ok()) else { continue };
        let author = super::office::name_of(shell, &signed.paper.author).unwrap_or_default();
        take(shell, &signed, &author)?;
    }
    Ok(())
}

/// Takes a paper in, and then those that waited for it. It is stored with what became of it in one step.
pub(super) fn take(shell: &mut Shell, signed: &SignedPaper, author: &str) -> Result<()> {
    let mut waiting = vec![(signed.clone(), author.to_owned())];
    while let Some((signed, author)) = waiting.pop() {
        let session = signed.paper.session.to_string();
        let was_known = session_row(shell, &session)?.is_some();
        let fate = match fate_of(shell, &signed) {
            Ok(fate) => fate,
            Err(error) if error.kind == ErrorKind::Invalid => Fate::Refused(error.message),
            Err(error) if error.kind == ErrorKind::NotNow => Fate::Waits(error.message),
            Err(error) => return Err(error.into()),
        };
        let (state, note) = match &fate {
            Fate::Waits(note) => (WAITING, note.as_str()),
            Fate::Refused(note) => ("refused", note.as_str()),
            _ => ("taken", ""),
        };
        let (row, bytes) = (row_of(&signed, state, note), signed.encode());
        if shell.store.paper_row(&row.id)?.as_ref() == Some(&row) {
            continue;
        }
        shell.store.write(|writer| {
            match &fate {
                Fate::Session((session, remarks)) => {
                    writer.put_treasury_session(session)?;
                    remarks.iter().try_for_each(|remark| writer.add_treasury_remark(&session.id, remark))?;
                }
                Fate::Remark(remark) => writer.add_treasury_remark(&session, remark)?,
                _ => {}
            }
            writer.put_paper(&row, &bytes)
        })?;
        shell.revision += 1;
        if let Fate::Refused(reason) = fate {
            tracing::warn!(author, session, reason, "a treasurer's paper is refused");
            let text = format!("Treasurer {author} put forward {session}, which is refused here: {reason}");
            shell.alarms.insert(REFUSED, text);
        }
        if !was_known && session_row(shell, &session)?.is_some() {
            for bytes in shell.store.waiting_papers(&session)? {
                let Ok(signed) = SignedPaper::decode(&bytes) else { continue };
                let name = super::office::name_of(shell, &signed.paper.author);
                waiting.push((signed, name.unwrap_or_default()));
            }
            // The oldest first.
            waiting.reverse();
        }
    }
    Ok(())
}

fn fate_of(shell: &Shell, signed: &SignedPaper) -> Result<Fate, ApiError> {
    let paper = &signed.paper;
    let id = paper.session.to_string();
    let known = session_row(shell, &id)?;
    let remark = |kind: &str, text: &str| RemarkRow {
        height: paper.height,
        kind: kind.to_owned(),
        // T-322: by the key; names change hands.
        author: hex(&paper.author.serialize()),
        text: text.to_owned(),
    };
    let is_mined = shell.treasury.confirmed_at(&paper.session).is_some();
    let waits = || Fate::Waits("T-310: its transaction has not come yet".to_owned());
    if let (PaperBody::Transaction(psbt), Some(row)) = (&paper.body, &known)
        && let Some(open) = waits_to_replace(shell, row, psbt, paper.height)?
    {
        return Err(open);
    }
    Ok(match (&paper.body, known) {
        (PaperBody::Presence, _) => Fate::Noted,
        (body, None) if comes_late(body, is_mined, |transaction| is_void(shell, transaction)) => Fate::Noted,
        (PaperBody::Transaction(psbt), None) => {
            Fate::Session((adopted_row(shell, psbt, Some(paper.height))?, Vec::new()))
        }
        (PaperBody::Transaction(psbt) | PaperBody::Signatures(psbt), Some(row)) => match merged(shell, row, psbt) {
            Ok(session) => Fate::Session(session),
            // The session may be over coins of a treasury that is not in this log yet.
            Err(error) if error.rule.as_deref() == Some("T-60") && !has_news_of(shell, paper.height) => {
                Fate::Waits(error.message)
            }
            Err(error) => return Err(error),
        },
        (PaperBody::Comment(text), Some(_)) => Fate::Remark(remark("comment", text)),
        (PaperBody::Refusal(text), Some(_)) => Fate::Remark(remark("refusal", text)),
        (_, None) => waits(),
    })
}

/// T-310: what a paper is about is over here, without a session: what was right when it was said is not held against its author.
fn comes_late(body: &PaperBody, is_mined: bool, is_void: impl Fn(&Transaction) -> bool) -> bool {
    is_mined || matches!(body, PaperBody::Transaction(psbt) if is_void(&psbt.unsigned_tx))
}

#[cfg(test)]
mod tests {
    use bitcoin::absolute::LockTime;
    use bitcoin::psbt::Psbt;
    use bitcoin::transaction::Version;

    use super::*;

    /// T-310: of what is mined everything comes late, of what is void its transaction; what waits for its transaction does not.
    #[test]
    fn what_is_over_is_noted_and_no_more() {
        let transaction =
            Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input: Vec::new(), output: Vec::new() };
        let proposed = PaperBody::Transaction(Psbt::from_unsigned_tx(transaction).unwrap());
        let refusal = PaperBody::Refusal("no".to_owned());
        for body in [&proposed, &refusal] {
            assert!(comes_late(body, true, |_| false) && comes_late(body, true, |_| true));
            assert!(!comes_late(body, false, |_| false));
        }
        assert!(comes_late(&proposed, false, |_| true) && !comes_late(&refusal, false, |_| true));
    }
}
