//! What links pay: the first version, a better one when fees rise, and coins of the wallet when the seal runs low.

use althing_anchor::{
    ChainEvent as LinkEvent, Coin, Commitment, FeeDecision, FeeMarket, FeePolicy, LinkBuilder, LinkShape, MAX_VERSIONS,
    OtsForm, Reserve, ReserveAlarm, Seal, UnsignedLink,
};
use anyhow::{Context, Result};
use bitcoin::{Amount, FeeRate, OutPoint, Transaction, Txid, XOnlyPublicKey};

use super::Hub;
use super::epochs::Link;
use super::signing::Version;
use crate::api::{ApiError, Bump, rate_words};
use crate::config::{Config, LinkSettings, OtsSwitch};
use crate::shell::{Shell, unix_time};
use crate::view;

/// Name of the alarm about fees that are too high.
const FEES: &str = "link fees";

/// Name of the alarm about the reserve.
const RESERVE: &str = "link reserve";

/// What the next version of a link may pay, and its form.
pub(super) struct Terms {
    policy: FeePolicy,
    market: FeeMarket,
    shape: LinkShape,
    form: OtsForm,
    settings: LinkSettings,
}

impl Terms {
    fn of(shell: &Shell) -> Result<Self> {
        let settings = Config::load(&shell.dir)?.links;
        let charter = shell.ledger.state().charter();
        let cap =
            FeeRate::from_sat_per_vb(charter.max_link_fee_rate_sat_vb).context("the charter's fee cap is too large")?;
        let floor = FeeRate::from_sat_per_vb(settings.floor_sat_vb).context("N-11: links.floor_sat_vb is too large")?;
        let link_cap = Amount::from_sat(settings.max_fee_sat);
        Ok(Self {
            policy: FeePolicy { floor: floor.min(cap), cap, link_cap },
            market: shell.bitcoind.link_market(settings.target_blocks),
            shape: view::link_shape(shell),
            form: match settings.ots {
                OtsSwitch::Split => OtsForm::Split,
                OtsSwitch::Opreturn => OtsForm::OpReturn,
                OtsSwitch::Reveal => OtsForm::Reveal,
            },
            settings,
        })
    }

    fn builder(&self, seal: Seal, key: XOnlyPublicKey, commitment: Commitment) -> LinkBuilder {
        LinkBuilder::new(seal, key, commitment).shape(self.shape).ots(self.form)
    }

    /// What is paid now, were there nothing to replace.
    fn present_rate(&self) -> FeeRate {
        self.market.estimate.unwrap_or(self.policy.floor).max(self.market.mempool_minimum).max(self.policy.floor)
    }
}

impl Hub {
    /// Whether a link can be paid for now, and on which terms; a person is told when it cannot.
    pub(super) fn link_terms(&mut self) -> Result<Option<Terms>> {
        let terms = Terms::of(&self.shell)?;
        match terms.policy.first_rate(terms.market, terms.shape.weight(terms.form)) {
            FeeDecision::Wait { needed, limit } => {
                let text = format!(
                    "A-80: the link of the next epoch waits: the mempool takes {} and more, the caps allow {}. No header is skipped.",
                    rate_words(needed),
                    rate_words(limit)
                );
                self.shell.alarms.insert(FEES, text);
                Ok(None)
            }
            FeeDecision::PayLimit(rate) => {
                let text = format!(
                    "A-80: links pay {}, the most that the caps allow; the estimate is higher, so they may take long.",
                    rate_words(rate)
                );
                self.shell.alarms.insert(FEES, text);
                Ok(Some(terms))
            }
            FeeDecision::Pay(_) => {
                self.shell.alarms.remove(FEES);
                Ok(Some(terms))
            }
        }
    }

    /// The first version of a link; with coins of the wallet when the seal runs low.
    pub(super) fn first_version(
        &self,
        terms: &Terms,
        seal: Seal,
        key: XOnlyPublicKey,
        commitment: Commitment,
    ) -> Result<UnsignedLink> {
        let mut builder = terms.builder(seal, key, commitment);
        if terms.settings.top_up && reserve_alarm(&self.shell, terms, seal.value) >= ReserveAlarm::Urgent {
            builder = builder.top_up(self.top_up_coins(terms));
        }
        let rate = match terms.policy.first_rate(terms.market, builder.weight()) {
            FeeDecision::Pay(rate) | FeeDecision::PayLimit(rate) => rate,
            FeeDecision::Wait { limit, .. } => limit,
        };
        Ok(builder.build(rate, terms.policy.cap)?)
    }

    /// Pays more for a link that waits while fees rise.
    pub(super) fn replace_if_stuck(&mut self) -> Result<()> {
        let Some((number, link)) = self.links.waiting() else { return Ok(()) };
        if link.tracker.versions().len() >= MAX_VERSIONS {
            return Ok(());
        }
        let terms = Terms::of(&self.shell)?;
        let (_, paid) = link.paid(&self.shell)?;
        let weight = link.tracker.transaction().weight();
        let Some(rate) = terms.policy.replacement_rate(paid, terms.market, weight) else { return Ok(()) };
        match self.replace(number, &terms, rate) {
            Ok(_) => Ok(()),
            // Who paid for the version that waits pays for its speed too.
            Err(error) if error.downcast_ref::<PaysTooLittle>().is_some() => {
                tracing::info!("{error}");
                Ok(())
            }
            // The seal cannot pay more; the version before goes on waiting.
            Err(error) if error.downcast_ref::<althing_anchor::BuildError>().is_some() => {
                self.shell.alarms.insert(FEES, format!("A-80: the link that waits cannot pay more: {error:#}"));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// What the operator asks for: another version of the link that waits, which pays this rate.
    pub(super) fn bump(&mut self, rate_sat_vb: Option<u64>, only_review: bool) -> Result<Bump, ApiError> {
        let none_waits = || ApiError::not_now("A-76: no link waits for its first confirmation");
        let (number, link) = self.links.waiting().ok_or_else(none_waits)?;
        let terms = Terms::of(&self.shell)?;
        let (paid_sat, paid) = link.paid(&self.shell)?;
        let (epoch, before) = (link.header.epoch, link.tracker.transaction());
        let (replaced, weight) = (before.compute_txid(), before.weight());
        let limit = terms.policy.limit(weight);
        let raised = FeeRate::from_sat_per_kwu(paid.to_sat_per_kwu().saturating_mul(3) / 2);
        let rate = match rate_sat_vb {
            Some(rate) => FeeRate::from_sat_per_vb(rate).filter(|rate| *rate <= limit).ok_or_else(|| {
                ApiError::invalid("A-9", format!("A-9: {rate} sat/vB is above {}", rate_words(limit)))
            })?,
            None => terms.present_rate().max(raised).min(limit),
        };
        let invalid =
            |error: anyhow::Error| match error.is::<althing_anchor::BuildError>() || error.is::<PaysTooLittle>() {
                true => ApiError::invalid("A-76", error.to_string()),
                false => ApiError::from(error),
            };
        let link = self.replacement(number, &terms, rate).map_err(invalid)?;
        let (fee, txid) = (link.fee(), link.transaction().compute_txid());
        if !only_review && let Some(reason) = self.replace(number, &terms, rate).map_err(invalid)? {
            let waits = self.links.waiting().map(|(_, link)| link.tracker.transaction().compute_txid());
            let words = match waits.filter(|waits| *waits != txid) {
                Some(waits) => format!("version {waits} stays the one that waits"),
                None => "none of its versions is in the mempool, and it is offered again with every block".to_owned(),
            };
            let message =
                format!("A-83: the network refused version {txid} of the link of epoch {epoch}: {reason}; {words}");
            return Err(ApiError::not_now(message));
        }
        Ok(Bump {
            epoch,
            link: replaced.to_string(),
            paid_sat: paid_sat.to_sat(),
            fee_sat: fee.to_sat(),
            fee_rate_sat_vb: rate.to_sat_per_vb_ceil(),
            is_replacement: true,
            txid: txid.to_string(),
        })
    }

    /// Tells the operator how long the seal lasts.
    pub(super) fn watch_reserve(&mut self) -> Result<()> {
        let terms = Terms::of(&self.shell)?;
        let reserve = view::reserve(&self.shell, terms.market, &terms.settings)?;
        match reserve.alarm.as_str() {
            "calm" => drop(self.shell.alarms.remove(RESERVE)),
            _ => drop(self.shell.alarms.insert(RESERVE, reserve.words)),
        }
        Ok(())
    }

    /// Gives why the network refused the new version, if it did.
    fn replace(&mut self, number: usize, terms: &Terms, rate: FeeRate) -> Result<Option<String>> {
        let header = self.links.get(number).context("the link")?.header;
        let link = self.replacement(number, terms, rate)?;
        match self.sign_version(link, Version::Replacement, header)? {
            Some(version) => self.adopt_replacement(header.epoch, version),
            None => Ok(None),
        }
    }

    /// Takes a signed version in the place of the one that waits. Gives why the network refused it, if it did.
    pub(super) fn adopt_replacement(&mut self, epoch: u32, version: Transaction) -> Result<Option<String>> {
        self.note_own_coins(&version)?;
        let waiting = self.links.waiting().filter(|(_, link)| link.header.epoch == epoch).map(|(number, _)| number);
        let Some(link) = waiting.and_then(|number| self.links.get_mut(number)) else { return Ok(None) };
        tracing::info!(epoch, txid = %version.compute_txid(), "the link is replaced");
        let refusal = link.feed_always(&mut self.shell, LinkEvent::Replaced(version))?;
        let (epoch, header, tx) = link.public();
        self.announce_link(epoch, header, tx);
        self.shell.revision += 1;
        Ok(refusal)
    }

    /// A version of the same link, shape and form, that pays `rate`.
    fn replacement(&self, number: usize, terms: &Terms, rate: FeeRate) -> Result<UnsignedLink> {
        let link = self.links.get(number).context("the link")?;
        let earlier = link.tracker.transaction();
        let (shape, form) = shape_of(earlier);
        let commitment = Commitment::new(*link.header.hash().as_bytes());
        let builder = LinkBuilder::new(link.spends, link.key, commitment).shape(shape).ots(form);
        let builder = builder.top_up(link.coins(&self.shell));
        let replacement = builder.build_replacement(earlier, rate, terms.policy.cap)?;
        self.check_children(link, &replacement)?;
        Ok(replacement)
    }

    /// nothing is signed that the network must refuse, because it takes away more fees than it pays.
    fn check_children(&self, link: &Link, replacement: &UnsignedLink) -> Result<()> {
        let earlier = link.tracker.transaction();
        let txid = earlier.compute_txid();
        let outputs: Vec<OutPoint> = (0..).zip(&earlier.output).map(|(vout, _)| OutPoint { txid, vout }).collect();
        // What the source does not tell, it judges when the version is sent.
        let children = self.shell.bitcoind.spenders_waiting(&outputs).unwrap_or_default();
        let fee = |child: &Transaction| self.shell.bitcoind.mempool_fee(&child.compute_txid()).ok().flatten();
        let children: Vec<Amount> = children.iter().filter_map(fee).collect();
        if children.is_empty() {
            return Ok(());
        }
        let paid = link.paid(&self.shell)?.0.to_sat();
        let by_children: u64 = children.iter().map(|fee| fee.to_sat()).sum();
        let (fee, size) = (replacement.fee().to_sat(), earlier.weight().to_vbytes_ceil());
        let together = paid.saturating_add(by_children);
        let needed = together.saturating_add(size);
        if fee >= needed {
            return Ok(());
        }
        Err(PaysTooLittle { fee, txid, together, by_children, rate: needed.div_ceil(size.max(1)) }.into())
    }

    /// Coins of the wallet that a version spends are not used for anything else.
    pub(super) fn note_own_coins(&mut self, version: &Transaction) -> Result<()> {
        if version.input.len() > 1 {
            self.shell.wallet.note_broadcast(version, unix_time())?;
        }
        Ok(())
    }

    /// The smallest coin that fills the reserve, else the largest.
    fn top_up_coins(&self, terms: &Terms) -> Vec<Coin> {
        let cost = terms.shape.cost(terms.form, terms.present_rate().min(terms.policy.cap), terms.policy.cap);
        let epochs =
            u64::from(terms.settings.reserve_blocks) / u64::from(self.shell.ledger.state().charter().epoch_blocks);
        let wanted = cost.map_or(0, Amount::to_sat).saturating_mul(epochs);
        let mut coins = self.shell.wallet.confirmed_coins(&self.shell.stakes.promised_coins());
        coins.sort_by_key(|coin| coin.output.value);
        let enough = coins.iter().position(|coin| coin.output.value.to_sat() >= wanted);
        let chosen = enough.or(coins.len().checked_sub(1)).map(|index| coins.swap_remove(index));
        chosen.into_iter().map(coin_of).collect()
    }
}

impl Link {
    /// What the version that is sent pays, and at which rate.
    fn paid(&self, shell: &Shell) -> Result<(Amount, FeeRate)> {
        let tx = self.tracker.transaction();
        let coins: Amount = self.coins(shell).iter().map(|coin| coin.output.value).sum();
        let held = self.spends.value.checked_add(coins).context("the coins of a link")?;
        let out: Amount = tx.output.iter().map(|output| output.value).sum();
        let fee = held.checked_sub(out).context("a link pays more than it holds")?;
        Ok((fee, FeeRate::from_sat_per_kwu(fee.to_sat().saturating_mul(1000) / tx.weight().to_wu().max(1))))
    }

    /// Coins of the wallet that the version spends which is sent.
    fn coins(&self, shell: &Shell) -> Vec<Coin> {
        let inputs = self.tracker.transaction().input.iter().skip(1);
        inputs.filter_map(|input| shell.wallet.coin(&input.previous_output)).map(coin_of).collect()
    }
}

/// A replacement would pay less than what it takes away.
#[derive(Debug, thiserror::Error)]
#[error(
    "A-76: this version would pay {fee} sat; version {txid}, which waits, and what spends it, {by_children} sat of that, pay {together} sat together, and the network takes only what pays more than both: {rate} sat/vB or more"
)]
struct PaysTooLittle {
    fee: u64,
    txid: Txid,
    together: u64,
    by_children: u64,
    rate: u64,
}

/// Shape and form of a link, as its transaction shows them.
fn shape_of(tx: &Transaction) -> (LinkShape, OtsForm) {
    let shape = match tx.version.0 {
        3 => LinkShape::Anchored,
        _ => LinkShape::Plain,
    };
    let reveals = tx.input.first().is_some_and(|input| input.witness.len() > 1);
    let form = match tx.output.iter().any(|output| output.script_pubkey.is_op_return()) {
        true => OtsForm::OpReturn,
        false if reveals => OtsForm::Reveal,
        false => OtsForm::Split,
    };
    (shape, form)
}

fn reserve_alarm(shell: &Shell, terms: &Terms, seal: Amount) -> ReserveAlarm {
    let epoch_blocks = shell.ledger.state().charter().epoch_blocks;
    let reserve = Reserve { seal, shape: terms.shape, form: terms.form, epoch_blocks };
    reserve.forecast(terms.present_rate(), terms.policy.cap, terms.settings.reserve_blocks).alarm
}

fn coin_of(coin: althing_channels::monitor::WalletCoin) -> Coin {
    Coin { outpoint: coin.outpoint, output: coin.output, satisfaction: coin.witness_weight }
}
