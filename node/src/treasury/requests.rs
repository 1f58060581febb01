//! What can be asked of a node about its treasury.

use althing_anchor::Treasury;
use anyhow::Context as _;
use bitcoin::{Address, OutPoint, ScriptBuf};

use super::alarms;
use super::flows::flows;
use super::generations::tenures;
use super::intents::authorised;
use super::key::Signer;
use super::sessions;
use super::text::psbt_from;
use crate::api::{
    ApiError, CoinView, GenerationView, PaymentView, StagedView, TreasuryOverview, TreasuryReply, TreasuryRequest,
};
use crate::keys::hex;
use crate::shell::Shell;

/// Addresses shown with a policy.
const SHOWN_ADDRESSES: u32 = 3;

/// Answers a question about the treasury.
///
/// # Errors
/// With the rule and the values.
pub fn answer(shell: &mut Shell, ask: &TreasuryRequest) -> Result<TreasuryReply, ApiError> {
    let session = |view| Ok(TreasuryReply::Session(Box::new(view)));
    match ask {
        TreasuryRequest::Overview => Ok(TreasuryReply::Overview(Box::new(overview(shell)?))),
        TreasuryRequest::Keys => Ok(TreasuryReply::Keys(Signer::new(&shell.keys).public())),
        TreasuryRequest::Address => address(shell),
        TreasuryRequest::Coins => Ok(TreasuryReply::Coins { coins: coins(shell)? }),
        TreasuryRequest::Freeze { outpoint, reason } => freeze(shell, outpoint, reason.as_deref()),
        TreasuryRequest::Open { payments, fee_rate_sat_vb, rest_blocks } => {
            session(sessions::open(shell, payments, *fee_rate_sat_vb, *rest_blocks)?)
        }
        TreasuryRequest::OpenHousekeeping { fee_rate_sat_vb, below_sat, rest_blocks, gates } => {
            let (fee_rate_sat_vb, below_sat, rest_blocks) = (*fee_rate_sat_vb, *below_sat, *rest_blocks);
            let tidy = sessions::Tidy { fee_rate_sat_vb, below_sat, rest_blocks, gates: *gates };
            session(sessions::open_housekeeping(shell, &tidy)?)
        }
        TreasuryRequest::ReturnBond { fee_rate_sat_vb } => session(sessions::return_bond(shell, *fee_rate_sat_vb)?),
        TreasuryRequest::BringBond { .. } => Err(ApiError::invalid("T-94", "T-94: a bond is brought at the hub")),
        TreasuryRequest::ReturnStaged { stage, fee_rate_sat_vb } => {
            session(sessions::return_staged(shell, stage, *fee_rate_sat_vb)?)
        }
        TreasuryRequest::Bump { session: id, fee_rate_sat_vb } => session(sessions::bump(shell, id, *fee_rate_sat_vb)?),
        TreasuryRequest::Child { session: id, fee_rate_sat_vb } => {
            session(sessions::child(shell, id, *fee_rate_sat_vb)?)
        }
        TreasuryRequest::PayForPayout { .. } => Err(ApiError::invalid(
            "T-100",
            "T-100: this is a hub; a payout is paid for from the wallet of a member's node",
        )),
        TreasuryRequest::Sessions => Ok(TreasuryReply::Sessions { sessions: sessions::list(shell)? }),
        TreasuryRequest::Session { session: id } => session(sessions::show(shell, id)?),
        TreasuryRequest::Import { psbt } => session(sessions::import(shell, psbt)?),
        TreasuryRequest::Sign { session: id } => session(sessions::sign(shell, id)?),
        TreasuryRequest::SignPsbt { psbt } => session(sessions::sign_psbt(shell, psbt)?),
        TreasuryRequest::Refuse { session: id, reason } => session(sessions::say(shell, id, "refusal", reason)?),
        TreasuryRequest::Comment { session: id, text } => session(sessions::say(shell, id, "comment", text)?),
        TreasuryRequest::Broadcast { session: id } => session(sessions::broadcast(shell, id)?),
        TreasuryRequest::Check { psbt } => {
            let psbt = psbt_from(psbt.as_bytes()).map_err(|error| ApiError::invalid("T-40", format!("{error:#}")))?;
            Ok(TreasuryReply::Check(Box::new(sessions::check_here(shell, &psbt)?)))
        }
        TreasuryRequest::Funds { epoch } => Ok(TreasuryReply::Funds(Box::new(super::funds::funds(shell, *epoch)?))),
        TreasuryRequest::Papers => Ok(TreasuryReply::Papers { papers: super::papers::paper_views(shell)? }),
        TreasuryRequest::Flows => Ok(TreasuryReply::Flows { flows: flows(shell) }),
        TreasuryRequest::Labels => Ok(TreasuryReply::Labels { labels: shell.store.treasury_labels()? }),
        TreasuryRequest::SetLabels { labels } => {
            shell.store.write(|writer| {
                labels.iter().try_for_each(|(kind, reference, label)| writer.put_treasury_label(kind, reference, label))
            })?;
            Ok(TreasuryReply::Done)
        }
    }
}

fn overview(shell: &Shell) -> Result<TreasuryOverview, ApiError> {
    let charter = shell.ledger.state().charter();
    let generations = shell.treasury.treasuries();
    let current = generations.last().ok_or_else(|| ApiError::ours("there is no treasury"))?;
    let mut overview = TreasuryOverview {
        policy: super::policy::view(current, shell.dao.network(), SHOWN_ADDRESSES, Some(charter))?,
        generation: generations.len(),
        free_sat: 0,
        frozen_sat: 0,
        reserved_sat: 0,
        pending_sat: 0,
        former_sat: 0,
        payments: Vec::new(),
        generations: generation_views(shell, &generations)?,
        budgets: super::budgets::budgets(shell),
        treasurers: super::papers::treasurer_views(shell)?,
        bond: super::bonds::view(shell),
        proof: super::funds::newest(shell)?,
        staged: sessions::resting(shell)
            .into_iter()
            .map(|(outpoint, value, from_height)| StagedView {
                stage: outpoint.txid.to_string(),
                sat: value.to_sat(),
                from_height,
            })
            .collect(),
        housekeeping: super::housekeeping::view(shell)?,
        former_spare_seal: shell.former_spare_seal(),
        alarms: alarms(shell),
    };
    for coin in coins(shell)? {
        if let Some(generation) = overview.generations.get_mut(coin.generation.saturating_sub(1)) {
            generation.sat = generation.sat.saturating_add(coin.sat);
            generation.coins += 1;
        }
        let sum = match (coin.state.as_str(), coin.height) {
            (state, _) if is_set_apart(state) => &mut overview.reserved_sat,
            _ if coin.generation != generations.len() => &mut overview.former_sat,
            (_, None) => &mut overview.pending_sat,
            ("unripe", _) => &mut overview.pending_sat,
            ("frozen", _) => &mut overview.frozen_sat,
            _ => &mut overview.free_sat,
        };
        *sum = sum.saturating_add(coin.sat);
    }
    let promised = sessions::promised(shell)?;
    for payment in authorised(shell) {
        let (state, txid) = sessions::payment_state(shell, &payment, &promised)?;
        overview.payments.push(PaymentView {
            proposal: payment.proposal.to_string(),
            milestone: payment.is_milestone.then(|| payment.milestone.saturating_add(1)),
            paid_sat: payment.intent.paid().map_or(u64::MAX, bitcoin::Amount::to_sat),
            fee_cap_sat: payment.intent.fee_cap.to_sat(),
            intent: hex(&payment.intent.id),
            gate: payment.intent.gate.to_string(),
            from_height: payment.intent.from_height,
            expiry_height: payment.intent.expiry_height,
            title: payment.title,
            state,
            txid,
        });
    }
    Ok(overview)
}

/// Every generation without its coins.
fn generation_views(shell: &Shell, generations: &[Treasury]) -> Result<Vec<GenerationView>, ApiError> {
    let versions = shell.ledger.state().charters();
    let tenures = tenures(shell);
    let mut views = Vec::new();
    for (number, treasury) in (1..).zip(generations) {
        let is_its = |text: &str| Treasury::parse(text).is_ok_and(|other| other == *treasury);
        let version = versions.iter().rev().find(|version| is_its(&version.charter.treasury_descriptor));
        let charter = version.map(|version| &version.charter);
        let policy = super::policy::view(treasury, shell.dao.network(), 0, charter)?;
        views.push(GenerationView {
            number,
            descriptor: policy.descriptor,
            since_height: tenures.get(number - 1).map_or(0, |tenure| tenure.since_height),
            sat: 0,
            coins: 0,
            sentences: policy.sentences,
        });
    }
    Ok(views)
}

fn address(shell: &Shell) -> Result<TreasuryReply, ApiError> {
    let network = shell.dao.network();
    let (index, script) = fresh_script(shell)?;
    let address = Address::from_script(&script, network).map_err(anyhow::Error::from)?;
    Ok(TreasuryReply::Address { address: address.to_string(), index })
}

/// A script of the treasury in force for a payment to it, new where its descriptor makes many.
pub(crate) fn script_for_payment(shell: &Shell) -> anyhow::Result<ScriptBuf> {
    Ok(fresh_script(shell)?.1)
}

pub(super) fn fresh_script(shell: &Shell) -> anyhow::Result<(u32, ScriptBuf)> {
    let least = u32::try_from(shell.dao.params.gates.len()).unwrap_or(u32::MAX).saturating_add(1);
    let wallet = shell.treasury.wallets().last().context("there is no treasury")?;
    let index = wallet.fresh_index(least, 0, settled_height(shell));
    Ok((index, wallet.treasury.script_at(index)?))
}

/// The newest block that is as deep as the charter calls final.
pub(super) fn settled_height(shell: &Shell) -> u32 {
    let depth = shell.ledger.state().charter().final_depth;
    shell.tip_height().saturating_add(1).saturating_sub(depth)
}

fn coins(shell: &Shell) -> Result<Vec<CoinView>, ApiError> {
    let frozen = shell.store.treasury_frozen()?;
    let labels = shell.store.treasury_labels()?;
    let (reserved, promised) = (sessions::reserved(shell), sessions::promised(shell)?);
    let bonds = super::bonds::bonds(shell);
    let spare_seals = shell.spare_seals()?;
    let mut coins = Vec::new();
    let tip = shell.tip_height();
    for wallet in shell.treasury.wallets() {
        for coin in wallet.unspent() {
            let outpoint = coin.outpoint.to_string();
            let frozen_for = frozen.iter().find(|(frozen, _)| *frozen == outpoint).map(|(_, reason)| reason.clone());
            let state = match () {
                () if spare_seals.contains(&coin.outpoint) => "spare seal".to_owned(),
                () if bonds.contains_key(&coin.outpoint) => "bond".to_owned(),
                () if reserved.contains(&coin.outpoint) => "gate".to_owned(),
                () if frozen_for.is_some() => "frozen".to_owned(),
                () if coin.chain_position.is_confirmed() && !wallet.is_ripe(&coin, tip) => "unripe".to_owned(),
                () => promised.get(&coin.outpoint).map_or_else(
                    || "free".to_owned(),
                    |session| format!("in session {}", session.get(..8).unwrap_or(session)),
                ),
            };
            let label = labels.iter().find(|(kind, reference, _)| kind == "output" && *reference == outpoint);
            let address = Address::from_script(&coin.txout.script_pubkey, shell.dao.network());
            coins.push(CoinView {
                sat: coin.txout.value.to_sat(),
                address: address.map_or_else(|_| String::new(), |address| address.to_string()),
                generation: wallet.generation + 1,
                index: wallet.index_of(&coin.txout.script_pubkey).unwrap_or(0),
                height: coin.chain_position.confirmation_height_upper_bound(),
                state,
                label: label.map(|(_, _, label)| label.clone()),
                frozen_for,
                outpoint,
            });
        }
    }
    coins.sort_by(|a, b| (b.sat, &a.outpoint).cmp(&(a.sat, &b.outpoint)));
    Ok(coins)
}

/// Whether a coin in this state is there for something, and chosen for nothing else.
fn is_set_apart(state: &str) -> bool {
    matches!(state, "spare seal" | "gate" | "bond")
}

fn freeze(shell: &mut Shell, outpoint: &str, reason: Option<&str>) -> Result<TreasuryReply, ApiError> {
    let parsed: OutPoint = outpoint
        .trim()
        .parse()
        .map_err(|error| ApiError::invalid("T-28", format!("{outpoint:?} is not txid:vout: {error}")))?;
    if reason.is_some_and(|reason| reason.len() > 200) {
        return Err(ApiError::invalid("T-28", "a reason has at most 200 bytes"));
    }
    if shell.treasury.output(&parsed).is_none() {
        return Err(ApiError::invalid("T-28", format!("{parsed} is no coin of the treasury")));
    }
    let is_set_apart = |coin: &CoinView| coin.outpoint == parsed.to_string() && is_set_apart(&coin.state);
    if reason.is_some() && coins(shell)?.iter().any(is_set_apart) {
        let what = "is set apart already: it is spent by its own rules only";
        return Err(ApiError::invalid("T-28", format!("{parsed} {what}")));
    }
    shell.store.write(|writer| writer.freeze_treasury_coin(&parsed.to_string(), reason))?;
    shell.revision += 1;
    Ok(TreasuryReply::Done)
}
