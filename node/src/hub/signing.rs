//! Links that several operators sign together: the hub builds and offers them, hands the nonces on, and adds up the
//! shares. With one key in force there is nothing of this.

use std::collections::BTreeMap;

use althing_anchor::{
    NonceRound, OfferedLink, Operators, PartialSignature, PublicNonce, SealPledge, SessionEntropy, SessionError,
    SignatureRound, SignedLink, UnsignedLink, is_operator_hello,
};
use althing_channels::Msg;
use althing_channels::wire::{LinkNonce, LinkNonces, LinkOffer, LinkShare, List, OperatorHello, OperatorNonce};
use althing_governance::codec::Canonical as _;
use althing_governance::epoch::EpochHeader;
use anyhow::{Context, Result};
use bitcoin::consensus::encode::serialize;
use bitcoin::secp256k1::{Keypair, PublicKey, schnorr};

use super::Hub;
use crate::api::OperatorView;
use crate::config::Config;
use crate::keys::entropy;
use crate::operators::{self, Holder, MISSING, PLEDGED, REFUSED};

/// What a signature is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// The first version of a link.
    First,
    /// Another version, which pays more.
    Replacement,
}

/// A version that waits for the other operators. In memory only: after a crash it begins anew.
pub(super) struct Signing {
    version: Version,
    header: EpochHeader,
    link: UnsignedLink,
    operators: Operators,
    own: Keypair,
    session: [u8; 32],
    offer: LinkOffer,
    nonces: BTreeMap<[u8; 33], OperatorNonce>,
    round: Round,
}

enum Round {
    Nonces(NonceRound),
    Shares(SignatureRound, Vec<PublicKey>),
    /// A round that ended without a signature; the next block begins another session.
    Over,
}

impl Hub {
    /// Signs a version, if what this hub has bound itself to for the seal allows it. `None` while other operators have to sign.
    pub(super) fn sign_version(
        &mut self,
        link: UnsignedLink,
        version: Version,
        header: EpochHeader,
    ) -> Result<Option<bitcoin::Transaction>> {
        if let Some(pledge) = self.shell.store.pledge(&link.seal().outpoint)? {
            pledge.check(&link)?;
        }
        // The seal is held by the key that the header before it named, which need not be the one of the next.
        match operators::holder(&self.shell, &link.seal().anchor_key)? {
            Holder::Alone(key) => {
                let spent = link.spent_outputs().to_vec();
                let signed = link.sign(&key, &self.shell.aux_rand()?)?;
                self.sign_coins(&signed, &spent).map(Some)
            }
            Holder::Together(operators, own) => {
                self.begin_signing(link, version, header, operators, own)?;
                Ok(None)
            }
        }
    }

    /// The epoch header that operators have pledged themselves to, if no link was made of it yet.
    pub(super) fn begun_header(&self, epoch: u32) -> Result<Option<EpochHeader>> {
        let stored = self.shell.store.meta(PLEDGED)?;
        let header =
            stored.map(|bytes| EpochHeader::from_bytes(&bytes)).transpose().context("a stored epoch header")?;
        Ok(header.filter(|header| header.epoch == epoch))
    }

    /// Forgets a replacement of a link that no longer waits.
    pub(super) fn drop_stale_signing(&mut self) {
        let waiting = self.links.waiting().map(|(_, link)| link.header.epoch);
        let newest = self.links.newest_epoch();
        self.signing.take_if(|signing| match signing.version {
            Version::First => signing.header.epoch <= newest,
            Version::Replacement => Some(signing.header.epoch) != waiting,
        });
        if self.signing.is_none() {
            self.shell.alarms.remove(MISSING);
        }
    }

    /// Messages of operators; `false` for others.
    pub(super) fn on_operator_message(&mut self, peer: PublicKey, message: &Msg) -> Result<bool> {
        match message {
            Msg::OperatorHello(hello) => self.on_operator_hello(peer, hello)?,
            Msg::LinkNonce(said) => self.on_link_nonce(peer, *said)?,
            Msg::LinkShare(said) => self.on_link_share(peer, *said)?,
            Msg::PeerError(error) => {
                let Some(operator) = self.operator_at(&peer) else { return Ok(false) };
                let text = format!("A-311: operator {operator} refuses to sign: {} {}", error.rule, error.detail);
                self.shell.alarms.insert(REFUSED, text);
                self.shell.revision += 1;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A peer is gone.
    pub(super) fn forget_operator(&mut self, peer: &PublicKey) {
        self.operators.retain(|_, at| at != peer);
    }

    /// The sets of operators, who of them is connected, and what waits for whom.
    pub(super) fn operator_view(&self) -> Result<OperatorView> {
        let next = self.links.newest_epoch() + 1;
        operators::view(&self.shell, next, |key| Some(self.operators.contains_key(&key.serialize())))
    }

    /// A session for this version, whatever was under way before: fresh entropy, and everybody's nonce anew.
    fn begin_signing(
        &mut self,
        link: UnsignedLink,
        version: Version,
        header: EpochHeader,
        operators: Operators,
        own: Keypair,
    ) -> Result<()> {
        let pledge = SealPledge::of(&link);
        // bound to it, and able to go on with it, before anybody hears of it.
        self.shell.store.write(|writer| {
            writer.put_pledge(&pledge)?;
            writer.set_meta(PLEDGED, &header.to_bytes())
        })?;
        let (session, fresh) = (entropy()?, SessionEntropy::new(entropy()?)?);
        let (round, nonce) = NonceRound::begin(operators.clone(), link.clone(), &pledge, own, fresh)?;
        let offered = OfferedLink::of(&link);
        let offer = LinkOffer {
            session,
            header: header.to_bytes(),
            transaction: serialize(&offered.transaction),
            coins: offered.coins.iter().flat_map(serialize).collect(),
            reveal: offered.reveal,
        };
        let nonces = BTreeMap::from([(own.public_key().serialize(), OperatorNonce(nonce.to_bytes()))]);
        let signing =
            Signing { version, header, link, operators, own, session, offer, nonces, round: Round::Nonces(round) };
        for peer in self.others_of(&signing.operators) {
            self.shell.peers.send(peer, Msg::LinkOffer(signing.offer.clone()));
        }
        self.say_who_is_missing(&signing, signing.operators.keys().iter().filter(|key| **key != own.public_key()));
        self.signing = Some(signing);
        Ok(())
    }

    /// an operator takes part from now on; what waits is offered to everybody anew.
    fn on_operator_hello(&mut self, peer: PublicKey, hello: &OperatorHello) -> Result<()> {
        let own_node = crate::peers::node_id(&self.shell.keys.node_seed());
        let nodes = (peer.serialize(), own_node.serialize());
        let params = &self.shell.dao.params;
        let dao = (params.network.0, params.dao_id.0);
        let key = PublicKey::from_slice(&hello.key).ok();
        let signature = schnorr::Signature::from_slice(&hello.signature).ok();
        let is_named = |key: &PublicKey| -> Result<bool> {
            let sets = operators::sets(&Config::load(&self.shell.dir)?)?;
            Ok(sets.iter().any(|set| set.keys().contains(key)))
        };
        match key.zip(signature) {
            Some((key, signature)) if is_operator_hello(&key, dao, nodes, &signature) && is_named(&key)? => {
                tracing::info!(operator = %key, "an operator is connected");
                self.operators.insert(key.serialize(), peer);
            }
            _ => {
                let detail = "this is no operator of an anchor key that the hub knows, or its signature is another's";
                self.refuse_peer(peer, "A-310", detail);
                return Ok(());
            }
        }
        if let Some(pledged) = hello.pledged.as_deref().and_then(|bytes| EpochHeader::from_bytes(bytes).ok()) {
            self.take_up_pledge(&pledged)?;
        }
        self.shell.revision += 1;
        match self.signing.take() {
            Some(Signing { version, header, link, operators, own, .. }) => {
                self.begin_signing(link, version, header, operators, own)
            }
            None => Ok(()),
        }
    }

    /// what an operator has pledged itself to, and this hub forgot with its disk, is the link that comes next.
    fn take_up_pledge(&mut self, pledged: &EpochHeader) -> Result<()> {
        let epoch = self.links.newest_epoch() + 1;
        if pledged.epoch != epoch || self.begun_header(epoch)?.is_some() || !self.newness.is_sure() {
            return Ok(());
        }
        let position = self.shell.ledger.state().size();
        let (mut chain, ledger) = self.shell.chain_and_ledger();
        match ledger.check_header(position, pledged, &mut chain) {
            Ok(()) => self.shell.store.write(|writer| writer.set_meta(PLEDGED, &pledged.to_bytes())),
            Err(error) => {
                tracing::warn!(epoch, %error, "what an operator has pledged itself to is left aside");
                Ok(())
            }
        }
    }

    fn on_link_nonce(&mut self, peer: PublicKey, said: LinkNonce) -> Result<()> {
        let Some((operator, mut signing)) = self.taken(&peer, said.session) else { return Ok(()) };
        if let Round::Nonces(round) = &mut signing.round {
            let nonce = PublicNonce::from_bytes(&said.nonce.0);
            let received = nonce.map(|nonce| round.receive(&operator, nonce));
            match received {
                Some(Ok(())) => drop(signing.nonces.insert(operator.serialize(), said.nonce)),
                Some(Err(error)) => self.spoilt(&error.to_string()),
                None => self.spoilt(&format!("A-72: the nonce of operator {operator} is not two points")),
            }
        }
        signing.round = match std::mem::replace(&mut signing.round, Round::Over) {
            Round::Nonces(round) if round.is_complete() => self.hand_on_nonces(&signing, round)?,
            round => {
                let keys = signing.operators.keys().iter();
                self.say_who_is_missing(&signing, keys.filter(|key| !signing.nonces.contains_key(&key.serialize())));
                round
            }
        };
        self.signing = Some(signing);
        Ok(())
    }

    /// everybody's nonce goes to everybody, in the order of the operators' keys.
    fn hand_on_nonces(&mut self, signing: &Signing, round: NonceRound) -> Result<Round> {
        let in_order = signing.operators.keys().iter().filter_map(|key| signing.nonces.get(&key.serialize()).copied());
        let nonces = List::new(in_order.collect()).context("A-70: more operators than a message names")?;
        let message = LinkNonces { session: signing.session, nonces };
        let (round, _) = round.sign()?;
        for peer in self.others_of(&signing.operators) {
            self.shell.peers.send(peer, Msg::LinkNonces(message.clone()));
        }
        let others = signing.operators.keys().iter().filter(|key| **key != signing.own.public_key());
        self.say_who_is_missing(signing, others.clone());
        Ok(Round::Shares(round, others.copied().collect()))
    }

    fn on_link_share(&mut self, peer: PublicKey, said: LinkShare) -> Result<()> {
        let Some((operator, mut signing)) = self.taken(&peer, said.session) else { return Ok(()) };
        if let Round::Shares(round, missing) = &mut signing.round {
            let share = PartialSignature::from_bytes(&said.share)
                .ok_or_else(|| SessionError::BadShare { operator: Box::new(operator) });
            match share.and_then(|share| round.receive(&operator, share)) {
                Ok(()) => missing.retain(|key| *key != operator),
                Err(error) => self.spoilt(&error.to_string()),
            }
        }
        match std::mem::replace(&mut signing.round, Round::Over) {
            Round::Shares(round, missing) if missing.is_empty() => {
                let spent = signing.link.spent_outputs().to_vec();
                let free = self.shell.wallet.confirmed_coins(&self.shell.stakes.promised_coins());
                let is_free = |input: &bitcoin::TxIn| free.iter().any(|coin| coin.outpoint == input.previous_output);
                let mut coins = signing.link.transaction().input.iter().skip(1);
                if signing.version == Version::First && !coins.all(is_free) {
                    // A coin of the wallet went elsewhere in the meantime; the next block begins anew, without it.
                    return Ok(());
                }
                let signed = self.sign_coins(&round.finish()?, &spent)?;
                tracing::info!(epoch = signing.header.epoch, txid = %signed.compute_txid(), "all operators have signed");
                self.shell.alarms.remove(MISSING);
                self.shell.alarms.remove(REFUSED);
                match signing.version {
                    Version::First => self.adopt_link(signing.header, signed),
                    Version::Replacement => self.adopt_replacement(signing.header.epoch, signed).map(drop),
                }
            }
            round => {
                if let Round::Shares(_, missing) = &round {
                    self.say_who_is_missing(&signing, missing.iter());
                }
                signing.round = round;
                self.signing = Some(signing);
                Ok(())
            }
        }
    }

    /// What is under way, if this is its session and the peer is one of its operators.
    fn taken(&mut self, peer: &PublicKey, session: [u8; 32]) -> Option<(PublicKey, Signing)> {
        let operator = self.operator_at(peer)?;
        let signing = self.signing.take_if(|signing| signing.session == session)?;
        Some((operator, signing))
    }

    fn operator_at(&self, peer: &PublicKey) -> Option<PublicKey> {
        let (key, _) = self.operators.iter().find(|(_, at)| *at == peer)?;
        PublicKey::from_slice(key).ok()
    }

    /// Where the other operators of a set are connected.
    fn others_of(&self, operators: &Operators) -> Vec<PublicKey> {
        operators.keys().iter().filter_map(|key| self.operators.get(&key.serialize()).copied()).collect()
    }

    fn sign_coins(&mut self, signed: &SignedLink, spent: &[bitcoin::TxOut]) -> Result<bitcoin::Transaction> {
        match spent.len() {
            1 => Ok(signed.transaction().clone()),
            _ => self.shell.wallet.sign_own_inputs(signed.transaction(), spent),
        }
    }

    fn say_who_is_missing<'a>(&mut self, signing: &Signing, missing: impl Iterator<Item = &'a PublicKey>) {
        let missing: Vec<String> = missing.map(PublicKey::to_string).collect();
        let text = format!(
            "A-312: the link of epoch {} waits for {} of {} operators: {}.",
            signing.header.epoch,
            missing.len(),
            signing.operators.keys().len(),
            missing.join(", ")
        );
        self.shell.alarms.insert(MISSING, text);
        self.shell.revision += 1;
    }

    fn spoilt(&mut self, reason: &str) {
        tracing::warn!("{reason}");
        self.shell.alarms.insert(REFUSED, format!("A signature of the operators is spoilt: {reason}"));
        self.shell.revision += 1;
    }
}
