//! Who spends the spare seal ends or replaces the hub: everybody is told, also who was not asked (N-244).

use anyhow::Result;
use bitcoin::{OutPoint, Txid};

use crate::shell::Shell;
use crate::succession::seal::treasuries_up_to;
use crate::treasury;

/// Subject of the alarm.
const SPARE: &str = "spare seal";

impl Shell {
    /// Looks whether the spare seal in force is spent, and no succession known here explains it; with every block. Of a node that
    /// `reads_on` the log may tell soon of an election that moved it.
    ///
    /// # Errors
    /// On I/O, or when something stored is malformed.
    pub(crate) fn watch_spare_seal(&mut self, reads_on: bool) -> Result<()> {
        let words = self.spent_spare_seal(reads_on)?;
        if self.alarms.get(SPARE) == words.as_ref() {
            return Ok(());
        }
        match words {
            Some(words) => {
                tracing::error!("{words}");
                self.alarms.insert(SPARE, words);
            }
            None => drop(self.alarms.remove(SPARE)),
        }
        self.revision += 1;
        Ok(())
    }

    /// N-247: that treasurers who were voted out have the spare seal; `None` where those in office do, or nobody does any more.
    pub(crate) fn former_spare_seal(&self) -> Option<String> {
        let followed = self.spare_seal_if_there().ok()??;
        let scripts = treasuries_up_to(self.ledger.state(), u32::MAX);
        let at = scripts.iter().rposition(|script| *script == followed.now.script)?;
        (at + 1 < scripts.len() && followed.spent.is_none()).then(|| {
            format!(
                "N-247: the spare seal {} still lies under treasury {} of {}: its treasurers, who were voted out, would have to carry a succession out, and \
                 can refuse it. They move it with the rest: `althing treasury session housekeeping` at one of their nodes opens the session.",
                followed.now.outpoint,
                at + 1,
                scripts.len()
            )
        })
    }

    /// What was told of it last.
    pub(crate) fn spare_seal_alarm(&self) -> Option<String> {
        self.alarms.get(SPARE).cloned()
    }

    /// What is told of a spare seal that is spent; `None` while it is not.
    fn spent_spare_seal(&self, reads_on: bool) -> Result<Option<String>> {
        if self.ledger.awaits_succession() {
            return Ok(None);
        }
        let Some(followed) = self.spare_seal_if_there()? else { return Ok(None) };
        let Some(spent) = followed.spent else { return Ok(None) };
        if reads_on && !followed.now.is_kept_by(spent.transaction()) {
            return Ok(None);
        }
        let (spare, txid, height) = (followed.now.outpoint, spent.txid(), spent.inclusion().height());
        let flow = treasury::movements(self).into_iter().find(|flow| flow.txid == txid);
        let signers = flow.map(|flow| flow.signers).unwrap_or_default();
        Ok(Some(spent_words(&spare, &txid, height, &signers)))
    }
}

/// What whoever was not asked is told of a spare seal that is spent (N-244); `signers` by name, where they are known.
#[must_use]
pub fn spent_words(spare: &OutPoint, txid: &Txid, height: u32, signers: &[String]) -> String {
    let signed = if signers.is_empty() { String::new() } else { format!(" Signed by {}.", signers.join(", ")) };
    format!(
        "N-244: the spare seal {spare} was spent by {txid} at height {height}.{signed} If members have put another hub in this one's place, links of \
         this one from then on are void: ask for the certificate, look with `althing succession check`, and go on with `althing succession follow`. \
         If nobody has one, these treasurers have taken from the members the only way to replace the hub: vote about them."
    )
}
