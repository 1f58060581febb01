//! "Why is this true?" (N-92): the steps from a receipt to a block, each done again here for one statement, with the values.
//!
//! It is the same road as a proof file's (docs/spec/proofs.md), walked as far as it goes today: what is not anchored yet is
//! said to be so, instead of refused.

use althing_anchor::{BlockHashes as _, ClaimedLink, Commitment, LinkChain, LinkEvidence, VerifiedLink};
use althing_governance::charter::Body;
use althing_governance::codec::Canonical as _;
use althing_governance::entry::Entry;
use althing_governance::id::MemberId;
use althing_governance::signing::verify_all;
use althing_governance::state::ProposalRecord;
use althing_governance::tree::{leaf_hash, verify_inclusion};

use super::export::{StoredBlocks, created, logged, make};
use super::verify::Finding;
use super::walked::{Walked, walked};
use super::whose::{Elector, elector};
use crate::api::{ApiError, ErrorKind, ProofStatement, Why, WhyState, WhyStep};
use crate::shell::Shell;
use crate::view::{ballot_choice, find_proposal, link_facts, stored_receipt};

/// Walks the steps for a ballot, or for a proposal with its sums. Of a ballot `asked` names the entry, a later one or one that came too
/// late included; without it the ballot that counts is walked.
///
/// # Errors
/// A proposal that is not there, no ballot to speak of, or I/O. A step that does not hold is no error but a broken step.
pub fn why(
    shell: &Shell,
    me: Option<MemberId>,
    proposal: &str,
    statement: &ProofStatement,
    asked: Option<u64>,
) -> Result<Why, ApiError> {
    let id = find_proposal(shell, proposal)?;
    let record = &shell.ledger.state().proposals()[&id];
    let (mut whose, mut ballot) = (String::new(), None);
    let mut shown = Shown::default();
    if let ProofStatement::Ballot { member, body } = statement {
        let Elector { body, member, .. } = elector(shell, me, record, member.as_deref(), *body)?;
        let state = shell.ledger.state();
        let ended = state.ended_at(record).zip(state.vote_cutoff(record));
        ballot = Some(walked(&record.ballots, (&member, &id), ended, asked)?);
        whose = match body {
            Body::Members => format!("member {member}"),
            office => format!("{member}, one of the {},", office.name()),
        };
        // Of the office holders each has one vote, whatever they have staked.
        let roll = state.roll(record.snapshot_epoch).filter(|_| body == Body::Members);
        shown.weight = roll.map(|roll| (roll.weight(&member), record.snapshot_epoch));
    }
    let position = ballot.as_ref().map_or(record.position, |ballot| ballot.position);
    let mut steps = Vec::new();
    let entry = logged(shell, position, shell.ledger.state().size())?;
    let decoded = Entry::from_bytes(&entry.bytes).map_err(|error| ApiError::ours(error.to_string()))?;
    shown.read(record, &decoded);
    let (uncounted, behind) =
        ballot.as_ref().map_or((None, None), |ballot| (ballot.uncounted.as_deref(), ballot.behind.as_deref()));
    let aside = uncounted.or(behind).map_or_else(String::new, |aside| format!(" {aside}"));
    let mut statement_words = match statement {
        ProofStatement::Tally => format!("Proposal {id} and its sums."),
        ProofStatement::Payment { .. } => format!("The payment of proposal {id}."),
        ProofStatement::Ballot { .. } => {
            format!("The ballot of {whose} on proposal {id}: {}.{aside}", shown.choice.as_deref().unwrap_or("?"))
        }
    };
    if matches!(statement, ProofStatement::Ballot { .. }) {
        steps.extend(receipt(shell, &decoded, position)?);
    }
    steps.push(leaf(shell, &decoded, &entry.bytes, position, &shown));
    let links = link_facts(shell)?;
    let covering = links.iter().position(|link| link.verified && link.header.log_size > position);
    let header = covering.map(|index| links[index].header);
    steps.push(match &header {
        Some(header) => {
            let path = shell.ledger.state().tree().inclusion_proof(position, header.log_size).unwrap_or_default();
            let found = verify_inclusion(leaf_hash(&entry.bytes), position, header.log_size, &path, header.log_root);
            let mut root = step(
                "root",
                state(found.is_ok()),
                match found {
                    Ok(()) => format!("The leaf and {} hashes beside its way up give the root of the log.", path.len()),
                    Err(error) => format!("The way up does not give the root of the header: {error}"),
                },
                [("log size", header.log_size.to_string()), ("log root", header.log_root.to_string())],
            );
            // From the leaf on, so that the way up can be hashed by hand.
            root.values
                .extend(path.iter().zip(1..).map(|(hash, number)| (format!("hash beside {number}"), hash.to_string())));
            root
        }
        None => step(
            "root",
            WhyState::NotYet,
            "No epoch that this node recomputed covers the entry yet; the signed head of the log does.".to_owned(),
            [("log size", shell.ledger.state().size().to_string())],
        ),
    });
    steps.push(count(ballot.as_ref(), || make(shell, me, &id, statement), &mut statement_words, &aside));
    steps.extend(anchor(shell, &links, covering));
    Ok(Why { proposal: id.to_string(), statement: statement_words, steps })
}

/// Walks from the header of an epoch over its link to a block.
///
/// # Errors
/// An epoch of which no link is known here, or I/O. A step that does not hold is no error but a broken step.
pub fn why_link(shell: &Shell, epoch: u32) -> Result<Why, ApiError> {
    let links = link_facts(shell)?;
    let index = links.iter().position(|link| link.header.epoch == epoch);
    let index = index.ok_or_else(|| ApiError::not_now(format!("N-420: no link of epoch {epoch} is known here")))?;
    Ok(Why {
        proposal: String::new(),
        statement: format!("The link of epoch {epoch} commits to the header that this node computed from the log."),
        steps: anchor(shell, &links, Some(index)),
    })
}

/// The whole proof file of the statement, made and judged; of a ballot that is not the one that counts, that of the one that does.
fn count(
    ballot: Option<&Walked>,
    make: impl FnOnce() -> Result<(Vec<u8>, Finding), ApiError>,
    statement: &mut String,
    aside: &str,
) -> WhyStep {
    let uncounted = ballot.and_then(|ballot| Some((ballot.uncounted.as_deref()?, ballot.counted)));
    if let Some((sentence, None)) = uncounted {
        return step("count", WhyState::Holds, sentence.to_owned(), []);
    }
    let behind = uncounted.map_or_else(String::new, |(sentence, _)| format!("{sentence} "));
    let instead = uncounted.and_then(|(_, counted)| Some(("entry that counts", counted?.to_string())));
    match make() {
        Ok((_, finding)) => {
            let mut values: Vec<_> = instead.into_iter().collect();
            match uncounted {
                Some(_) => values.push(("what counts", finding.statement)),
                None => *statement = format!("{}{aside}", finding.statement),
            }
            values.extend(finding.checked.into_iter().map(|sentence| ("checked", sentence)));
            values.extend(finding.unchecked.into_iter().map(|sentence| ("not checked", sentence)));
            let sentence = format!("{behind}The whole proof file was made and judged here, as any receiver would.");
            step("count", WhyState::Holds, sentence, values)
        }
        Err(error) => {
            let state = if error.kind == ErrorKind::NotNow { WhyState::NotYet } else { WhyState::Broken };
            step("count", state, format!("{behind}{}", error.message), instead)
        }
    }
}

/// What the entry says, read from its own bytes.
#[derive(Debug, Default)]
struct Shown {
    /// Of a ballot, in the words of the voting system.
    choice: Option<String>,
    /// Of a ballot: why; untrusted text.
    reason: Option<String>,
    /// Of a proposal; untrusted text.
    title: Option<String>,
    /// The elector's own weight, and the epoch of the roll that has it.
    weight: Option<(u128, u32)>,
}

impl Shown {
    fn read(&mut self, record: &ProposalRecord, entry: &Entry) {
        match entry {
            Entry::Ballot(ballot) => {
                let fields = &ballot.body.fields;
                let choice = ballot_choice(&record.content, fields).map(|choice| choice.to_string());
                self.choice = Some(choice.unwrap_or_else(|| format!("{fields:?}")));
                self.reason.clone_from(&ballot.body.reason);
            }
            Entry::Proposal(proposal) => self.title = Some(proposal.body.title.clone()),
            _ => {}
        }
    }

    /// What the entry is, in words.
    fn words(&self) -> String {
        match (&self.choice, self.weight) {
            (Some(choice), Some((weight, epoch))) => {
                format!("The entry is a ballot that says: {choice}, of weight {weight} on the roll of epoch {epoch}")
            }
            (Some(choice), None) => format!("The entry is a ballot that says: {choice}"),
            (None, _) if self.title.is_some() => "The entry is the proposal of the title below".to_owned(),
            (None, _) => "The entry decodes".to_owned(),
        }
    }

    fn values(&self) -> impl Iterator<Item = (&'static str, String)> {
        let weight = self.weight.map(|(weight, _)| weight.to_string());
        let all =
            [("choice", &self.choice), ("weight", &weight), ("public reason", &self.reason), ("title", &self.title)];
        let known: Vec<_> = all.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
        known.into_iter()
    }
}

/// The hub's receipt for the entry, if it is this node's own.
fn receipt(shell: &Shell, entry: &Entry, position: u64) -> Result<Option<WhyStep>, ApiError> {
    let id = entry.id();
    let own = shell
        .store
        .outbox()?
        .into_iter()
        .find(|row| Entry::from_bytes(&row.entry).is_ok_and(|stored| stored.id() == id));
    let Some(bytes) = own.and_then(|row| row.receipt) else { return Ok(None) };
    let (receipt, promised) = stored_receipt(&bytes)?;
    let state_now = shell.ledger.state();
    let key = shell.ledger.hub_log_key_at(receipt.first_position);
    let signed = receipt.signature_check(&key, "receipt");
    let signature = verify_all(&shell.secp, &[signed]);
    let root = state_now.tree().root_at(receipt.log_size);
    let (holds, sentence) = match (signature, root) {
        (Err(error), _) => (WhyState::Broken, error.to_string()),
        (Ok(()), _) if promised != position => (
            WhyState::Broken,
            format!(
                "The receipt promises position {promised}, the entry is at {position}: a proof of the hub's fault."
            ),
        ),
        (Ok(()), Some(root)) if root != receipt.log_root => (
            WhyState::Broken,
            format!("The receipt's log root is not {root}, which this node computes: a proof of the hub's fault."),
        ),
        (Ok(()), Some(_)) => {
            (WhyState::Holds, "The hub signed for it; the log of that size has the root that it signed.".to_owned())
        }
        (Ok(()), None) => {
            (WhyState::NotYet, "The hub signed for it; the log here does not reach that far yet.".to_owned())
        }
    };
    Ok(Some(step(
        "receipt",
        holds,
        sentence,
        [
            ("signed by", key.to_string()),
            ("position", promised.to_string()),
            ("log size", receipt.log_size.to_string()),
            ("log root", receipt.log_root.to_string()),
            ("anchored by height", receipt.anchored_by_height.to_string()),
        ],
    )))
}

/// The entry itself: what it says, its signatures and its hash.
fn leaf(shell: &Shell, entry: &Entry, bytes: &[u8], position: u64, shown: &Shown) -> WhyStep {
    let signatures = verify_all(&shell.secp, &entry.signature_checks(&shell.ledger.state().hub_log_key()));
    let sentence = match &signatures {
        Ok(()) => format!("{}; its signature is good, and this is the hash of its bytes.", shown.words()),
        Err(error) => error.to_string(),
    };
    step(
        "leaf",
        state(signatures.is_ok()),
        sentence,
        shown.values().chain([
            ("entry", entry.id().to_string()),
            ("position", position.to_string()),
            ("bytes", bytes.len().to_string()),
            ("leaf hash", leaf_hash(bytes).to_string()),
        ]),
    )
}

/// Header, link and block of the epoch that covers the entry.
fn anchor(shell: &Shell, links: &[crate::view::LinkFacts], covering: Option<usize>) -> Vec<WhyStep> {
    let missing = |name: &str, sentence: &str| step(name, WhyState::NotYet, sentence.to_owned(), []);
    let Some(index) = covering else {
        return vec![
            missing("header", "The epoch has not closed yet."),
            missing("link", "The link is made when the epoch has closed."),
            missing("block", "The link is not made yet."),
        ];
    };
    let link = &links[index];
    let header = &link.header;
    let (recomputed, sentence) = match link.verified {
        true => (
            WhyState::Holds,
            "This node recomputed every root of the header from the log; its hash is what the link commits to.",
        ),
        false => (WhyState::NotYet, "This node has not recomputed this header from the log yet."),
    };
    let mut steps = vec![step(
        "header",
        recomputed,
        sentence.to_owned(),
        [
            ("epoch", header.epoch.to_string()),
            ("closed at height", header.closing_height.to_string()),
            ("header before", header.prev_header.to_string()),
            ("ballots root", hex(&header.ballots_root)),
            ("rolls root", hex(&header.rolls_root)),
            ("decisions root", hex(&header.decisions_root)),
            ("header hash", header.hash().to_string()),
        ],
    )];
    if link.height.is_none() {
        let sentence = "The link is broadcast, and in no block yet.".to_owned();
        steps.push(step("link", WhyState::NotYet, sentence, [("txid", link.txid.to_string())]));
        steps.push(missing("block", "The link is not mined yet."));
        return steps;
    }
    steps.extend(mined(shell, &links[..=index]));
    steps
}

/// The newest of a chain of links, each checked behind the one before or behind the succession that this node judged.
fn chained(
    shell: &Shell,
    links: &[crate::view::LinkFacts],
    genesis: &LinkEvidence,
    each: &[LinkEvidence],
    blocks: &StoredBlocks<'_>,
) -> Result<VerifiedLink, String> {
    let mut chain = LinkChain::begin(&shell.dao.genesis, genesis, blocks).map_err(|error| error.to_string())?;
    for (link, evidence) in links.iter().zip(each) {
        let epoch = link.header.epoch;
        let behind =
            crate::succession::seal_behind(shell, epoch.saturating_sub(1)).map_err(|error| format!("{error:#}"))?;
        if let Some(seal) = behind {
            let (number, txid) = (chain.newest().number, seal.outpoint.txid);
            chain = LinkChain::resume(VerifiedLink { number, txid, ..chain.newest() });
        }
        let commitment = Commitment::new(*link.header.hash().as_bytes());
        let claim = ClaimedLink { commitment, anchor_key: shell.ledger.link_key(epoch), evidence };
        chain.extend(&claim, blocks).map_err(|error| error.to_string())?;
    }
    Ok(chain.newest())
}

/// The chain of links from the genesis transaction on, against the blocks that this node follows.
fn mined(shell: &Shell, links: &[crate::view::LinkFacts]) -> Vec<WhyStep> {
    let charter = &shell.dao.params.charter;
    let blocks = StoredBlocks(&shell.store);
    let evidence = || -> anyhow::Result<_> {
        let genesis = created(shell, shell.dao.params.first_seal)?;
        let each = links.iter().map(|link| created(shell, bitcoin::OutPoint { txid: link.txid, vout: 0 }));
        Ok((genesis, each.collect::<anyhow::Result<Vec<_>>>()?))
    };
    let (genesis, each) = match evidence() {
        Ok(found) => found,
        Err(error) => return vec![step("link", WhyState::NotYet, format!("{error:#}"), [])],
    };
    let newest = match chained(shell, links, &genesis, &each, &blocks) {
        Ok(newest) => newest,
        Err(error) => return vec![step("link", WhyState::Broken, error, [])],
    };
    let depth = newest.depth(blocks.tip_height());
    let spent = each.last().and_then(|link| link.transaction().input.first()).map(|input| input.previous_output);
    let final_depth = charter.final_depth;
    let last_links = links.iter().map(|link| link.header.epoch.saturating_sub(1));
    let behind: Vec<u32> = last_links.filter(|epoch| shell.ledger.state().successor_after(*epoch).is_some()).collect();
    vec![
        step(
            "link",
            WhyState::Holds,
            format!(
                "{} links from the genesis transaction on: {}; the last commits to the header.",
                links.len(),
                super::history::chain_words(behind.into_iter())
            ),
            [
                ("txid", newest.txid.to_string()),
                ("spends", spent.map(|outpoint| outpoint.to_string()).unwrap_or_default()),
                ("commitment", links.last().map(|link| link.header.hash().to_string()).unwrap_or_default()),
            ],
        ),
        step(
            "block",
            if depth >= final_depth { WhyState::Holds } else { WhyState::NotYet },
            format!(
                "The link is in this block of the chain that the node's own Bitcoin source follows, {depth} blocks deep; {final_depth} are needed."
            ),
            [
                ("block hash", newest.block_hash.to_string()),
                ("height", newest.height.to_string()),
                ("confirmations", format!("{depth}; {final_depth} are needed")),
                ("tip height", blocks.tip_height().to_string()),
            ],
        ),
    ]
}

fn state(holds: bool) -> WhyState {
    if holds { WhyState::Holds } else { WhyState::Broken }
}

fn hex(bytes: &[u8]) -> String {
    crate::keys::hex(bytes)
}

fn step<'a>(
    name: &str,
    state: WhyState,
    sentence: String,
    values: impl IntoIterator<Item = (&'a str, String)>,
) -> WhyStep {
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    WhyStep { name: name.to_owned(), state, sentence, values }
}
