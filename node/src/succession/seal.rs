//! Where the spare seal is now: what its headers name, and where elections moved it since.

use althing_anchor::{LinkEvidence, SpareSeal, Treasury};
use althing_governance::Charter;
use althing_governance::state::LogState;
use anyhow::{Context as _, Result};
use bitcoin::{OutPoint, ScriptBuf};

use crate::chain_view::decode_evidence;
use crate::facts::outpoint_bytes;
use crate::ledger::{ChainView, Ledger};
use crate::shell::Shell;
use crate::treasury::generations;

/// A spare seal, from where the headers name it to where it is.
#[derive(Debug)]
pub(crate) struct Followed {
    /// As headers name it.
    pub(crate) named: SpareSeal,
    /// What moved it, in order.
    pub(crate) moves: Vec<LinkEvidence>,
    /// Where it is: the output that a succession spends.
    pub(crate) now: SpareSeal,
    /// What spent it and moved it nowhere.
    pub(crate) spent: Option<LinkEvidence>,
}

impl Followed {
    /// Follows a spare seal over its spenders in the best chain.
    ///
    /// # Errors
    /// As `spender` does.
    pub(crate) fn follow(
        named: SpareSeal,
        treasuries: &[ScriptBuf],
        mut spender: impl FnMut(OutPoint) -> Result<Option<LinkEvidence>>,
    ) -> Result<Self> {
        let mut followed = Self { now: named.clone(), named, moves: Vec::new(), spent: None };
        while let Some(evidence) = spender(followed.now.outpoint)? {
            match followed.now.moved_by(evidence.transaction(), treasuries) {
                Some(next) => {
                    followed.moves.push(evidence);
                    followed.now = next;
                }
                None => {
                    followed.spent = Some(evidence);
                    break;
                }
            }
        }
        Ok(followed)
    }

    /// Every output that was the spare seal on the way.
    pub(crate) fn outpoints(&self) -> impl Iterator<Item = OutPoint> + '_ {
        let moved =
            |evidence: &LinkEvidence| OutPoint { txid: evidence.txid(), vout: althing_anchor::MOVED_SPARE_VOUT };
        std::iter::once(self.named.outpoint).chain(self.moves.iter().map(moved))
    }
}

/// Scripts at index 0 of the treasuries by these charters, the oldest first (T-6).
pub(crate) fn treasury_scripts<'a>(charters: impl IntoIterator<Item = &'a Charter>) -> Vec<ScriptBuf> {
    let script = |descriptor: &String| Treasury::parse(descriptor).and_then(|treasury| treasury.script_at(0)).ok();
    generations(charters).iter().filter_map(script).collect()
}

/// The same by the headers up to that of epoch `last`: to these the spare seal may have moved for who goes on from there.
pub(crate) fn treasuries_up_to(state: &LogState, last: u32) -> Vec<ScriptBuf> {
    let record = state.anchored().iter().rfind(|record| record.header.epoch <= last);
    let closing = record.map_or(0, |record| record.header.closing_height);
    let in_force = state.charters().iter().filter(|version| version.since_height <= closing);
    treasury_scripts(in_force.map(|version| &version.charter))
}

impl Ledger {
    /// The spare seal that headers name now, followed by the charters that headers up to `last` put in force.
    ///
    /// # Errors
    /// When the source does not answer.
    pub(crate) fn followed_spare_seal(&self, last: u32, chain: &mut dyn ChainView) -> Result<Option<Followed>> {
        let state = self.state();
        let outpoint = state.spare_seal();
        let Some(evidence) = chain.creator(outpoint)? else { return Ok(None) };
        let Some(named) = seal_of(&evidence, outpoint) else { return Ok(None) };
        Followed::follow(named, &treasuries_up_to(state, last), |seal| chain.spender_of_seal(seal)).map(Some)
    }
}

impl Shell {
    /// The spare seal that headers name now and where it is, by all treasuries that were in force.
    ///
    /// # Errors
    /// On I/O, or when something stored is malformed.
    pub(crate) fn spare_seal(&self) -> Result<Followed> {
        self.spare_seal_behind(self.ledger.state().spare_seal(), u32::MAX)
    }

    /// A spare seal as a statement names it, followed as who goes on from link `last` has to.
    ///
    /// # Errors
    /// As [`Self::spare_seal`].
    pub(crate) fn spare_seal_behind(&self, named: OutPoint, last: u32) -> Result<Followed> {
        let followed = self.follow_spare_seal(named, &treasuries_up_to(self.ledger.state(), last))?;
        followed.with_context(|| format!("spare seal {named} is not in this node's chain"))
    }

    /// As [`Self::spare_seal`]; `None` while a reorganisation has taken away the succession that made it.
    ///
    /// # Errors
    /// On I/O, or when something stored is malformed.
    pub(crate) fn spare_seal_if_there(&self) -> Result<Option<Followed>> {
        let state = self.ledger.state();
        self.follow_spare_seal(state.spare_seal(), &treasuries_up_to(state, u32::MAX))
    }

    /// Every output that is or was a spare seal.
    ///
    /// # Errors
    /// As [`Self::spare_seal`].
    pub(crate) fn spare_seals(&self) -> Result<Vec<OutPoint>> {
        let state = self.ledger.state();
        let treasuries = treasuries_up_to(state, u32::MAX);
        let mut found = Vec::new();
        for named in state.spare_seals() {
            found.extend(self.follow_spare_seal(named, &treasuries)?.iter().flat_map(Followed::outpoints));
        }
        Ok(found)
    }

    fn follow_spare_seal(&self, outpoint: OutPoint, treasuries: &[ScriptBuf]) -> Result<Option<Followed>> {
        let vout = usize::try_from(outpoint.vout).unwrap_or(usize::MAX);
        let script = match outpoint.txid == self.dao.params.first_seal.txid {
            true => self.dao.genesis_tx.output.get(vout).map(|output| output.script_pubkey.clone()),
            false => self.store.fact(&outpoint_bytes(&outpoint))?.map(|row| ScriptBuf::from_bytes(row.script)),
        };
        let Some(script) = script else { return Ok(None) };
        let followed = Followed::follow(SpareSeal { outpoint, script }, treasuries, |seal| {
            let spent = self.store.fact(&outpoint_bytes(&seal))?.and_then(|row| row.spent);
            spent.map(|(_, tx, inclusion)| decode_evidence(&tx, &inclusion)).transpose()
        })?;
        Ok(Some(followed))
    }
}

/// An output of a mined transaction as a spare seal.
fn seal_of(evidence: &LinkEvidence, outpoint: OutPoint) -> Option<SpareSeal> {
    let output = evidence.transaction().output.get(usize::try_from(outpoint.vout).ok()?)?;
    Some(SpareSeal { outpoint, script: output.script_pubkey.clone() })
}
