//! Statements about an epoch before a succession: what the file has behind that epoch tells where the spare seal went, and nothing else
//! (docs/spec/proofs.md, P-336 and P-337).

use althing_anchor::BlockHashes;
use bitcoin::Network;

use super::bundle::{Bundle, Statement};
use super::history::{History, cut};
use super::verify::{Finding, Rejection, fail, judge};

impl Bundle {
    /// The same history with all its epochs in one list, whichever the statement is about.
    pub(super) fn joined(mut self) -> Self {
        self.epochs.append(&mut self.behind);
        self
    }

    /// The epoch behind which the last succession stands, as its statement says.
    fn last_succeeded(&self) -> Option<usize> {
        let last = self.successions.last()?.certificate.statement().last_link;
        usize::try_from(last).ok()
    }
}

/// P-336: judges a file that goes on behind the epoch of its statement.
pub(super) fn verify_later(bundle: Bundle, network: Network, blocks: &impl BlockHashes) -> Result<Finding, Rejection> {
    let rule = fail("epochs behind the one of the statement");
    let about = bundle.epochs.len();
    if about == 0 || !bundle.statement.rests_on_links() || bundle.statement == Statement::Links {
        return Err(rule("P-336: the statement is about no epoch that others of the file could stand behind".into()));
    }
    let (last, succeeded) = (about + bundle.behind.len(), bundle.last_succeeded());
    if succeeded != Some(last) {
        let found =
            succeeded.map_or_else(|| "there is none".to_owned(), |epoch| format!("it stands behind epoch {epoch}"));
        return Err(rule(format!(
            "P-336: the file must end with the epoch behind which its last succession stands; {found}, the file ends with {last}"
        )));
    }
    let mut whole = bundle.joined();
    let mut history = History::check(&whole, blocks)?;
    history.versions.by_epoch.truncate(about);
    cut(&mut whole, about);
    judge(&whole, network, history, blocks)
}

/// P-337: a link file cut at the last epoch that one of its successions stands behind, where that is later than `about`.
pub(super) fn up_to_its_last_succession(links: &Bundle, about: usize) -> Option<Bundle> {
    let last = links.last_succeeded().filter(|last| (about + 1..=links.epochs.len()).contains(last))?;
    let mut later = links.clone();
    cut(&mut later, last);
    Some(later)
}

impl History {
    /// P-337: lets this history, of the epochs up to a statement's, end where the file that it is of does.
    ///
    /// # Errors
    /// Why the rest of the file tells nothing; then this history stays as it is.
    pub(super) fn go_on(&mut self, later: &Bundle, blocks: &impl BlockHashes) -> Result<(), String> {
        let (needed, tip) = (later.highest_block(), blocks.tip_height());
        if needed > tip {
            return Err(format!("the blocks given end at height {tip}, it speaks of block {needed}"));
        }
        let found = Self::check(later, blocks).map_err(|rejection| rejection.to_string())?;
        let (depth, final_depth) = (found.newest.depth(tip), found.params.charter.final_depth);
        if depth < final_depth {
            return Err(format!("its newest link is {depth} deep, it is final at {final_depth}"));
        }
        (self.newest, self.spare_seal, self.checked) = (found.newest, found.spare_seal, found.checked);
        Ok(())
    }
}
