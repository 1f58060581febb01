//! An operator's node signs the links that its hub offers, each only after it has recomputed what the link commits to from its own
//! copy of the log.

use althing_anchor::{
    Commitment, NonceRound, OfferedLink, PublicNonce, Seal, SealPledge, SessionEntropy, sign_operator_hello,
};
use althing_channels::Msg;
use althing_channels::wire::{LinkNonce, LinkNonces, LinkOffer, LinkShare, OperatorHello, OperatorNonce, PeerError};
use althing_governance::codec::Canonical as _;
use althing_governance::epoch::EpochHeader;
use anyhow::{Context, Result, ensure};
use bitcoin::consensus::encode::{deserialize, deserialize_partial};
use bitcoin::secp256k1::PublicKey;
use bitcoin::{FeeRate, OutPoint, TxOut};

use super::Member;
use crate::api::OperatorView;
use crate::config::Config;
use crate::keys::entropy;
use crate::ledger::LedgerError;
use crate::operators::{self, Holder, PLEDGED, REFUSED};

/// What an operator's node keeps of a session: in memory only.
#[derive(Default)]
pub(super) struct Cosigning {
    /// Offered, but the log or the chain is not here yet.
    offer: Option<LinkOffer>,
    /// Its nonce was given; it waits for those of the others.
    round: Option<([u8; 32], NonceRound, Vec<PublicKey>)>,
}

impl Member {
    /// the operator's node says so to the hub. Others have nothing to say here.
    pub(super) fn join_operators(&mut self) -> Result<()> {
        self.cosigning = Cosigning::default();
        let own_node = crate::peers::node_id(&self.shell.keys.node_seed());
        let nodes = (own_node.serialize(), self.hub.serialize());
        let params = &self.shell.dao.params;
        let dao = (params.network.0, params.dao_id.0);
        let pledged = self.shell.store.meta(PLEDGED)?;
        for set in operators::sets(&Config::load(&self.shell.dir)?)? {
            let Some(own) = operators::own_key(&self.shell.keys, &set) else { continue };
            let signature = sign_operator_hello(&own, dao, nodes, &entropy()?).serialize();
            let hello = OperatorHello { key: own.public_key().serialize(), signature, pledged: pledged.clone() };
            self.shell.peers.send(self.hub, Msg::OperatorHello(hello));
        }
        Ok(())
    }

    pub(super) fn on_link_offer(&mut self, offer: LinkOffer) -> Result<()> {
        self.cosigning = Cosigning { offer: Some(offer), round: None };
        self.cosign_if_possible()
    }

    /// Looks at an offer again, now that more of the log or the chain is here.
    pub(super) fn cosign_if_possible(&mut self) -> Result<()> {
        if self.halted.is_some() {
            return Ok(());
        }
        let Some(offer) = self.cosigning.offer.take() else { return Ok(()) };
        match self.begin_round(&offer) {
            Ok(Some((round, nonce, keys))) => {
                self.cosigning.round = Some((offer.session, round, keys));
                let said = LinkNonce { session: offer.session, nonce: OperatorNonce(nonce.to_bytes()) };
                self.shell.peers.send(self.hub, Msg::LinkNonce(said));
            }
            Ok(None) => self.cosigning.offer = Some(offer),
            Err(error) => self.refuse_to_sign(&format!("{error:#}")),
        }
        Ok(())
    }

    /// with everybody's nonce the share is made, and the secret nonce is gone.
    pub(super) fn on_link_nonces(&mut self, said: &LinkNonces) -> Result<()> {
        let Some((_, mut round, keys)) = self.cosigning.round.take_if(|(session, ..)| *session == said.session) else {
            return Ok(());
        };
        for (key, nonce) in keys.iter().zip(said.nonces.items()) {
            let received = PublicNonce::from_bytes(&nonce.0).map(|nonce| round.receive(key, nonce));
            match received {
                Some(Ok(())) => {}
                Some(Err(error)) => return self.refuse(&error.to_string()),
                None => return self.refuse(&format!("A-72: the nonce of operator {key} is not two points")),
            }
        }
        match round.sign() {
            Ok((_, share)) => {
                let said = LinkShare { session: said.session, share: share.to_bytes() };
                self.shell.peers.send(self.hub, Msg::LinkShare(said));
                self.shell.alarms.remove(REFUSED);
                Ok(())
            }
            Err(error) => self.refuse(&error.to_string()),
        }
    }

    /// The sets of operators in this node's settings, and what it refused.
    pub(super) fn operator_view(&self) -> Result<OperatorView> {
        let next = self.shell.ledger.headers().last().map_or(1, |header| header.epoch + 1);
        operators::view(&self.shell, next, |_| None)
    }

    /// `None` while this node does not know enough to judge.
    fn begin_round(&mut self, offer: &LinkOffer) -> Result<Option<(NonceRound, PublicNonce, Vec<PublicKey>)>> {
        let header = EpochHeader::from_bytes(&offer.header).context("A-311: the header offered is none")?;
        let position = self.shell.ledger.state().size();
        let (mut chain, ledger) = self.shell.chain_and_ledger();
        match ledger.check_header(position, &header, &mut chain) {
            Ok(()) => {}
            Err(LedgerError::NotYet { .. }) => return Ok(None),
            Err(error) => return Err(error).context("A-311: the header is not what this log gives"),
        }
        let Some(seal) = self.seal_to_spend(header.epoch)? else { return Ok(None) };
        let Holder::Together(operators, own) = operators::holder(&self.shell, &seal.anchor_key)? else {
            anyhow::bail!("A-70: the anchor key {} is this seed's alone", seal.anchor_key);
        };
        let offered = OfferedLink {
            transaction: deserialize(&offer.transaction).context("A-311: the transaction offered is none")?,
            coins: outputs(&offer.coins)?,
            reveal: offer.reveal,
        };
        let cap = self.shell.ledger.state().charter().max_link_fee_rate_sat_vb;
        let cap = FeeRate::from_sat_per_vb(cap).context("the charter's fee cap is too large")?;
        let key = self.shell.ledger.link_key(header.epoch);
        let link = offered.rebuild(seal, key, Commitment::new(*header.hash().as_bytes()), cap)?;
        // stored before the hub hears of it.
        let pledge = self.shell.store.pledge(&seal.outpoint)?.unwrap_or_else(|| SealPledge::of(&link));
        pledge.check(&link)?;
        self.shell.store.write(|writer| {
            writer.put_pledge(&pledge)?;
            writer.set_meta(PLEDGED, &header.to_bytes())
        })?;
        let keys = operators.keys().to_vec();
        let (round, nonce) = NonceRound::begin(operators, link, &pledge, own, SessionEntropy::new(entropy()?)?)?;
        Ok(Some((round, nonce, keys)))
    }

    /// The seal that the link of an epoch spends, as this node knows it; `None` while the link before is not known.
    fn seal_to_spend(&self, epoch: u32) -> Result<Option<Seal>> {
        let Some(before) = epoch.checked_sub(1).filter(|before| *before > 0) else {
            return Ok(Some(self.shell.dao.genesis.first_seal));
        };
        if let Some(seal) = crate::succession::seal_behind(&self.shell, before)? {
            return Ok(Some(seal));
        }
        let Some(header) = self.shell.ledger.headers().find(|header| header.epoch == before) else { return Ok(None) };
        // Of several versions of a link the mined one counts, and only behind that one the next is built.
        let mined = crate::view::mined_chain(&self.shell)?;
        let Some((tx, _)) = mined.get(usize::try_from(before - 1)?) else { return Ok(None) };
        let output = tx.output.first().context("a link has an output")?;
        Ok(Some(Seal {
            outpoint: OutPoint { txid: tx.compute_txid(), vout: 0 },
            value: output.value,
            anchor_key: self.shell.ledger.link_key(before),
            commitment: Commitment::new(*header.hash().as_bytes()),
        }))
    }

    fn refuse(&mut self, reason: &str) -> Result<()> {
        self.refuse_to_sign(reason);
        Ok(())
    }

    fn refuse_to_sign(&mut self, reason: &str) {
        tracing::warn!("a link is not signed: {reason}");
        self.shell.alarms.insert(REFUSED, format!("This operator's node refuses to sign a link: {reason}"));
        self.shell.revision += 1;
        let refusal = PeerError::new("A-311", reason, None);
        self.shell.peers.send(self.hub, Msg::PeerError(refusal));
    }
}

/// Outputs as Bitcoin serialises them, one after the other.
fn outputs(mut bytes: &[u8]) -> Result<Vec<TxOut>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        ensure!(found.len() < althing_anchor::MAX_TOP_UP_COINS, "A-78: more than {} coins", found.len());
        let (output, used) = deserialize_partial::<TxOut>(bytes).context("A-311: a coin offered is no output")?;
        found.push(output);
        bytes = &bytes[used..];
    }
    Ok(found)
}
