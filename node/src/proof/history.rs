//! The history that a proof file shows: founding, headers and links (docs/spec/proofs.md, P-3 to P-5, P-330).

use std::iter::Peekable;
use std::rc::Rc;
use std::slice::Iter;

use althing_anchor::{
    BlockHashes, ChainError, ClaimedLink, Commitment, Genesis, LinkChain, SpareSeal, VerifiedLink, spare_seal_after,
    verify_genesis,
};
use althing_governance::Charter;
use althing_governance::dao::DaoParams;
use althing_governance::epoch::EpochHeader;
use althing_governance::id::{CharterHash, HeaderHash};
use bitcoin::OutPoint;
use bitcoin::secp256k1::XOnlyPublicKey;

use super::bundle::{Bundle, SuccessionPart};
use super::successor::Behind;
use super::verify::{Rejection, fail};
use crate::dao::genesis_params;
use crate::succession::seal::treasury_scripts;

/// What founding, headers and links of a file come to.
pub(super) struct History {
    /// The DAO.
    pub(super) params: DaoParams,
    /// What the headers put in force.
    pub(super) versions: Versions,
    /// The last link.
    pub(super) newest: VerifiedLink,
    /// The spare seal behind it.
    pub(super) spare_seal: OutPoint,
    /// What was checked, a sentence each.
    pub(super) checked: Vec<String>,
}

impl History {
    /// Checks everything but the statement.
    pub(super) fn check(bundle: &Bundle, blocks: &impl BlockHashes) -> Result<Self, Rejection> {
        let mut checked = Vec::new();
        let (params, genesis) = check_founding(bundle)?;
        checked.push(format!(
            "DAO {}: the genesis transaction {} commits to this charter ({}).",
            params.dao_id, params.first_seal.txid, params.charter_hash
        ));
        let versions = check_headers(bundle, &params, blocks)?;
        let (newest, spare_seal) = check_links(bundle, &params, &genesis, &versions, blocks, &mut checked)?;
        let (last, depth) = (bundle.epochs.len(), newest.depth(blocks.tip_height()));
        checked.push(format!(
            "{last} links: {}, and each commits to one epoch header; the newest, {}, is in block {} at height {}, {depth} blocks deep.",
            chain_words(bundle.successions.iter().map(|part| part.certificate.statement().last_link)),
            newest.txid,
            newest.block_hash,
            newest.height
        ));
        Ok(Self { params, versions, newest, spare_seal, checked })
    }
}

/// What the links of a chain spend, where a succession goes on behind each of these epochs.
pub(super) fn chain_words(last_links: impl Iterator<Item = u32>) -> String {
    let epochs: Vec<String> = last_links.map(|epoch| epoch.saturating_add(1).to_string()).collect();
    match epochs.is_empty() {
        true => "each spends the one before".to_owned(),
        false => format!(
            "each spends the one before, but the first behind a succession, of epoch {}, which spends what that made of the spare seal",
            epochs.join(" and of epoch ")
        ),
    }
}

/// P-162: the file as if it ended at epoch `last`, which it has.
pub(super) fn cut(bundle: &mut Bundle, last: usize) {
    bundle.epochs.truncate(last);
    let mut in_force = InForce::founded(bundle, OutPoint::null());
    let mut number = 0;
    for part in &bundle.epochs {
        number += 1;
        in_force.enter(number, part.header.charter);
    }
    in_force.end(number);
    let (changes, successions) = in_force.reached(bundle);
    bundle.changes.truncate(changes);
    // What moved the spare seal before a succession that is cut off is behind the last that stays.
    if let Some(next) = bundle.successions.get_mut(successions) {
        bundle.moves = std::mem::take(&mut next.moves);
    }
    bundle.successions.truncate(successions);
}

/// What the headers put in force.
pub(super) struct Versions {
    /// The charter in force by each header.
    pub(super) by_epoch: Vec<Rc<Charter>>,
    /// Every log key of a hub, with the number of the reign that it belongs to: 0 for the founding hub, one more with each succession.
    pub(super) keys: Vec<(XOnlyPublicKey, usize)>,
}

/// P-3: charter, genesis transaction and DAO id belong together.
fn check_founding(bundle: &Bundle) -> Result<(DaoParams, Genesis), Rejection> {
    let rule = fail("founding");
    if let Some(problem) = bundle.charter.check().first() {
        return Err(rule(format!("P-3: the charter breaks a rule: {problem}")));
    }
    let wanted = genesis_params(&bundle.charter).map_err(|error| rule(format!("P-3: {error:#}")))?;
    let transaction = bundle.genesis.transaction();
    let genesis = verify_genesis(transaction, &wanted).map_err(|error| rule(error.to_string()))?;
    Ok((DaoParams::new(bundle.charter.clone(), bundle.genesis.txid()), genesis))
}

/// P-4: the headers are one chain, of this DAO, closed at boundaries and at blocks of the best chain.
fn check_headers(bundle: &Bundle, params: &DaoParams, blocks: &impl BlockHashes) -> Result<Versions, Rejection> {
    let mut previous: Option<&EpochHeader> = None;
    let mut in_force = InForce::founded(bundle, params.spare_seal);
    let mut by_epoch = Vec::new();
    for part in &bundle.epochs {
        let header = &part.header;
        let number = previous.map_or(1, |before| before.epoch.saturating_add(1));
        let rule = fail(format!("header of epoch {number}"));
        let same = |what: &str, found: &dyn ToString, wanted: &dyn ToString| {
            let (found, wanted) = (found.to_string(), wanted.to_string());
            if found == wanted { Ok(()) } else { Err(rule(format!("P-4: {what} is {found}, must be {wanted}"))) }
        };
        same("epoch", &header.epoch, &number)?;
        same("network", &header.network, &params.network)?;
        same("DAO", &header.dao, &params.dao_id)?;
        in_force.enter(number, header.charter);
        same("charter hash", &header.charter, &in_force.charter.hash())?;
        same("next anchor key", &header.next_anchor_key, &in_force.charter.anchor_key)?;
        by_epoch.push(Rc::clone(&in_force.charter));
        same("spare seal", &header.spare_seal, &in_force.spare_seal)?;
        let before = previous.map_or(HeaderHash([0; 32]), EpochHeader::hash);
        same("previous header hash", &header.prev_header, &before)?;
        let boundary = params.charter.boundary_at_or_after(header.closing_height);
        if boundary != Some(header.closing_height) {
            return Err(rule(format!("P-4: closing height {} is not a boundary", header.closing_height)));
        }
        let (height, size) = previous.map_or((0, 0), |before| (before.closing_height, before.log_size));
        if header.closing_height <= height || header.log_size < size {
            return Err(rule(format!(
                "P-4: closing height {} and log size {} do not follow {height} and {size}",
                header.closing_height, header.log_size
            )));
        }
        let block = blocks.hash_at(header.closing_height);
        if block != Some(header.closing_hash) {
            let found = block.map_or_else(|| "no block".to_owned(), |hash| hash.to_string());
            return Err(rule(format!(
                "P-4: closing block {} at height {}, the chain has {found}",
                header.closing_hash, header.closing_height
            )));
        }
        previous = Some(header);
    }
    if previous.is_none() && bundle.statement.is_under_a_header() {
        return Err(fail("headers")("P-4: there is no epoch in the file".into()));
    }
    if in_force.changes.next().is_some() {
        return Err(fail("headers")("P-4: the file has a charter that no header puts in force".into()));
    }
    in_force.end(previous.map_or(0, |header| header.epoch));
    if in_force.successions.next().is_some() {
        return Err(fail("succession")("P-330: the file has a succession that no header of it is followed by".into()));
    }
    Ok(Versions { by_epoch, keys: in_force.keys })
}

/// The charter and the hub in force, walked along the headers of a file.
struct InForce<'a> {
    charter: Rc<Charter>,
    spare_seal: OutPoint,
    /// Charters that are not in force yet.
    changes: Peekable<Iter<'a, Charter>>,
    /// Successions that are not reached yet.
    successions: Peekable<Iter<'a, SuccessionPart>>,
    keys: Vec<(XOnlyPublicKey, usize)>,
    reign: usize,
}

impl<'a> InForce<'a> {
    /// Before the first header.
    fn founded(bundle: &'a Bundle, spare_seal: OutPoint) -> Self {
        Self {
            charter: Rc::new(bundle.charter.clone()),
            spare_seal,
            changes: bundle.changes.iter().peekable(),
            successions: bundle.successions.iter().peekable(),
            keys: vec![(bundle.charter.hub_log_key, 0)],
            reign: 0,
        }
    }

    /// What the header of epoch `number` puts in force, which names this charter.
    fn enter(&mut self, number: u32, named: CharterHash) {
        // P-330: the keys of the new hub are in the charter from its first header on.
        while let Some(part) =
            self.successions.next_if(|next| next.certificate.statement().last_link.checked_add(1) == Some(number))
        {
            self.succeed(part);
        }
        let in_force = self.charter.hash();
        if let Some(changed) = self.changes.next_if(|next| named != in_force && next.hash() == named) {
            self.charter = Rc::new(changed.clone());
            self.keys.push((changed.hub_log_key, self.reign));
        }
    }

    /// Behind the last header: the new hub has anchored nothing yet, but it signs.
    fn end(&mut self, last: u32) {
        while let Some(part) =
            self.successions.next_if(|next| next.certificate.statement().last_link == last && last > 0)
        {
            self.succeed(part);
        }
    }

    /// How many charters and successions of the file were reached.
    fn reached(&self, bundle: &Bundle) -> (usize, usize) {
        (bundle.changes.len() - self.changes.len(), bundle.successions.len() - self.successions.len())
    }

    fn succeed(&mut self, part: &SuccessionPart) {
        self.charter = Rc::new(part.charter_after(&self.charter));
        self.spare_seal = part.spare_seal();
        self.reign += 1;
        self.keys.push((self.charter.hub_log_key, self.reign));
    }
}

/// The links are one chain from the genesis transaction, each mined after its epoch's closing block, also over successions.
fn check_links(
    bundle: &Bundle,
    params: &DaoParams,
    genesis: &Genesis,
    versions: &Versions,
    blocks: &impl BlockHashes,
    checked: &mut Vec<String>,
) -> Result<(VerifiedLink, OutPoint), Rejection> {
    let wrong = |error: ChainError| fail("links")(error.to_string());
    let mut chain = LinkChain::begin(genesis, &bundle.genesis, blocks).map_err(wrong)?;
    let mut key = params.charter.anchor_key;
    let script = bundle.genesis.transaction().output.get(1).map(|output| output.script_pubkey.clone());
    let mut spare_seal = SpareSeal { outpoint: params.spare_seal, script: script.unwrap_or_default() };
    let mut successions = bundle.successions.iter().peekable();
    let mut last: Option<(&EpochHeader, VerifiedLink)> = None;
    for part in bundle.epochs.iter().map(Some).chain([None]) {
        while let Some((header, link)) = last
            && let Some(next) = successions.next_if(|next| next.certificate.statement().last_link == header.epoch)
        {
            // the treasuries by the headers up to the last one accepted.
            let so_far = usize::try_from(header.epoch).unwrap_or(usize::MAX).min(versions.by_epoch.len());
            let charters = versions.by_epoch[..so_far].iter().map(|charter| &**charter);
            let treasuries = treasury_scripts(std::iter::once(&params.charter).chain(charters));
            let behind = Behind { header, link: &link, spare_seal: &spare_seal, treasuries: &treasuries };
            let found = next.check(params, &behind, blocks, checked)?;
            (chain, key) = (LinkChain::resume(found.link()), found.anchor_key());
            spare_seal = found.spare_seal().clone();
        }
        let Some(part) = part else { break };
        let commitment = Commitment::new(*part.header.hash().as_bytes());
        let claim = ClaimedLink { commitment, anchor_key: key, evidence: &part.link };
        let link = chain.extend(&claim, blocks).map_err(wrong)?;
        if link.height <= part.header.closing_height {
            let reason = format!(
                "P-4: link {} is mined at height {}, its epoch closed at {}",
                link.number, link.height, part.header.closing_height
            );
            return Err(fail("links")(reason));
        }
        key = part.header.next_anchor_key;
        last = Some((&part.header, link));
    }
    let newest = chain.newest();
    let moves = bundle.moves.iter().map(|moved| (&moved.evidence, moved.root));
    let spare_seal = spare_seal_after(spare_seal, moves, newest.number, blocks)
        .map_err(|error| fail("moves of the spare seal")(format!("P-166: {error}")))?;
    if !bundle.moves.is_empty() {
        checked.push(format!(
            "The spare seal moved {} times without a succession; it is {} now.",
            bundle.moves.len(),
            spare_seal.outpoint
        ));
    }
    Ok((newest, spare_seal.outpoint))
}
