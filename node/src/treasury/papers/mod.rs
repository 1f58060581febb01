//! What treasurers say to each other about sessions, carried by the hub (docs/spec/treasury.md, T-303 to T-313).
//!
//! Hub and treasurers' nodes do the same: each lists what it holds, asks for what it lacks, and verifies what comes. So nothing has to
//! be said twice, a hub without its disk gets everything back, and a hub that changes or invents something is not believed.

mod exchange;
mod office;
mod taking;

pub(crate) use exchange::Papers;
pub(super) use office::{name_of, own_office, paper_views, treasurer_views};

use althing_anchor::{Paper, PaperBody, SignedPaper};
use anyhow::Result;
use bitcoin::Txid;
use bitcoin::hashes::Hash as _;

use crate::keys::entropy;
use crate::shell::Shell;
use crate::store::PaperRow;

/// T-309: blocks for which a paper is kept and handed on.
pub(super) const PAPER_LIFE_BLOCKS: u32 = 4032;

/// T-309: a paper may be written this far above the reader's tip.
const AHEAD_BLOCKS: u32 = 144;

/// T-309: papers of one treasurer that are kept.
const PAPERS_MAX: u64 = 512;

/// T-309: their bytes.
const PAPER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// T-313: epochs without a word after which a treasurer is called silent.
pub(super) const SILENT_EPOCHS: u32 = 14;

/// A paper of this node's own, ready to be stored.
pub(super) type OwnPaper = (PaperRow, Vec<u8>);

/// Signs what this node's treasurer says about a transaction; nothing when there is no treasurer here.
pub(super) fn written(shell: &Shell, session: Txid, bodies: Vec<PaperBody>) -> Result<Vec<OwnPaper>> {
    let Some(office) = own_office(shell) else { return Ok(Vec::new()) };
    let params = &shell.dao.params;
    let (author, height) = (office.keypair.x_only_public_key().0, shell.tip_height());
    let sign = |body: PaperBody| -> Result<OwnPaper> {
        let paper = Paper { network: params.network.0, dao: params.dao_id.0, author, height, session, body };
        let signed = paper.sign(&office.keypair, &entropy()?);
        Ok((row_of(&signed, "taken", ""), signed.encode()))
    };
    bodies.into_iter().map(sign).collect()
}

impl Shell {
    /// What is due with every block: old papers go, those that wait are looked at again, a treasurer says that it is there, silent ones are told.
    pub(crate) fn settle_papers(&mut self) -> Result<()> {
        let tip = self.tip_height();
        let oldest = tip.saturating_sub(PAPER_LIFE_BLOCKS);
        self.store.write(|writer| writer.forget_papers_below(oldest))?;
        self.look_at_papers_again()?;
        self.be_present(tip)?;
        office::watch_silence(self)?;
        for partner in self.papers.partners() {
            self.offer_papers(partner)?;
        }
        Ok(())
    }

    /// T-102: looks at what waits as often as there is a new block, or a new head of the log.
    pub(crate) fn look_at_papers_again(&mut self) -> Result<()> {
        let seen = Some((self.tip, self.ledger.state().tip_height()));
        if self.papers.looked == seen {
            return Ok(());
        }
        self.papers.looked = seen;
        taking::look_again(self)
    }

    /// T-312: once an epoch a treasurer's node says that it is there, unless it said something else.
    fn be_present(&mut self, tip: u32) -> Result<()> {
        let Some(office) = own_office(self) else { return Ok(()) };
        let heard = self.store.treasurers_heard()?.get(&office.key()).copied();
        let epoch_blocks = self.ledger.state().charter().epoch_blocks;
        if !office.is_present || heard.is_some_and(|heard| tip < heard.saturating_add(epoch_blocks)) {
            return Ok(());
        }
        let papers = written(self, Txid::all_zeros(), vec![PaperBody::Presence])?;
        self.store.write(|writer| papers.iter().try_for_each(|(row, bytes)| writer.put_paper(row, bytes)))?;
        self.announce_papers(&papers);
        Ok(())
    }

    /// Tells everybody who is connected of own papers that are stored.
    pub(super) fn announce_papers(&mut self, papers: &[OwnPaper]) {
        let ids: Vec<[u8; 32]> = papers.iter().map(|(row, _)| row.id).collect();
        for partner in self.papers.partners() {
            self.list_papers(partner, &ids);
        }
    }
}

fn row_of(signed: &SignedPaper, state: &str, note: &str) -> PaperRow {
    let paper = &signed.paper;
    let kind = match paper.body {
        PaperBody::Transaction(_) => "transaction",
        PaperBody::Signatures(_) => "signatures",
        PaperBody::Comment(_) => "comment",
        PaperBody::Refusal(_) => "refusal",
        PaperBody::Presence => "presence",
    };
    PaperRow {
        id: signed.id(),
        author: paper.author.serialize(),
        session: paper.session.to_string(),
        kind: kind.to_owned(),
        height: paper.height,
        state: state.to_owned(),
        note: note.to_owned(),
    }
}
