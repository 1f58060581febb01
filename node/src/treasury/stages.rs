//! Staged payments: which charter asks for them, where their money rests, and what became of it (T-86, T-96; G-120).

use std::collections::BTreeMap;

use althing_anchor::{Stage, Treasury, TreasuryCoin};
use althing_governance::Charter;
use althing_governance::charter::Staging;
use bitcoin::consensus::encode::deserialize;
use bitcoin::{OutPoint, Script, Transaction};

use crate::shell::Shell;
use crate::store::SpendRow;

/// Money that rests, or rested, in a stage.
#[derive(Debug, Clone)]
pub(super) struct StagedCoin {
    /// The output, with the transaction that made it.
    pub(super) coin: TreasuryCoin,
    /// Place of its script among the stages.
    pub(super) stage: usize,
    /// Height of the stage transaction.
    pub(super) height: u32,
    /// The transaction that spent it, and its height.
    pub(super) spent: Option<(Transaction, u32)>,
}

/// How a payment of this many satoshis is staged by a charter, if it is.
pub(super) fn stage_by(staging: Option<&Staging>, paid_sat: u64) -> Option<Stage> {
    let staging = staging.filter(|staging| paid_sat >= staging.from_sat)?;
    Some(stage(staging))
}

/// The charters' rules about staging, with the height from which each is in force.
pub(super) fn rules(shell: &Shell) -> Vec<(u32, Option<Staging>)> {
    let versions = shell.ledger.state().charters().iter();
    versions.map(|version| (version.since_height, version.charter.staging.clone())).collect()
}

/// T-86: what the charter in force at a height said.
pub(super) fn rule_at(rules: &[(u32, Option<Staging>)], height: u32) -> Option<&Staging> {
    rules.iter().rev().find(|(since, _)| *since <= height)?.1.as_ref()
}

/// The same, with the height from which each charter was in force.
pub(crate) fn staging_at<'a>(charters: &[(u32, &'a Charter)], height: u32) -> Option<&'a Staging> {
    charters.iter().rev().find(|(since, _)| *since <= height)?.1.staging.as_ref()
}

/// Every script in which staged money of these treasuries can rest, each once. A treasury that cannot be staged has none.
pub(crate) fn stage_policies<'a>(
    generations: &[Treasury],
    charters: impl IntoIterator<Item = &'a Charter>,
) -> Vec<Treasury> {
    let mut found: Vec<Treasury> = Vec::new();
    for staging in charters.into_iter().filter_map(|charter| charter.staging.as_ref()) {
        let policies = generations.iter().filter_map(|treasury| stage(staging).policy(treasury).ok());
        for policy in policies {
            if !found.contains(&policy) {
                found.push(policy);
            }
        }
    }
    found
}

/// T-86: why payments of a charter's treasury cannot be staged as it asks, if they cannot.
pub(crate) fn stage_problem(charter: &Charter) -> Option<String> {
    let treasury = Treasury::parse(&charter.treasury_descriptor).ok()?;
    stage(charter.staging.as_ref()?).policy(&treasury).err().map(|error| error.to_string())
}

/// Which stage a script is.
pub(super) fn stage_at(stages: &[Treasury], script: &Script) -> Option<usize> {
    stages.iter().position(|stage| stage.script_at(0).is_ok_and(|own| *own == *script))
}

/// What stage transactions put to rest, by the spends of the treasury that were mined.
pub(super) fn staged_coins(stages: &[Treasury], spends: &[SpendRow]) -> BTreeMap<OutPoint, StagedCoin> {
    let mut coins: BTreeMap<OutPoint, StagedCoin> = BTreeMap::new();
    if stages.is_empty() {
        return coins;
    }
    let mined: Vec<(u32, Transaction)> =
        spends.iter().filter_map(|row| Some((row.height, deserialize(&row.tx).ok()?))).collect();
    for (height, transaction) in &mined {
        let Some(output) = transaction.output.first() else { continue };
        let Some(stage) = stage_at(stages, &output.script_pubkey) else { continue };
        let outpoint = OutPoint { txid: transaction.compute_txid(), vout: 0 };
        let coin = TreasuryCoin { outpoint, transaction: transaction.clone(), generation: 0, index: 0 };
        coins.insert(outpoint, StagedCoin { coin, stage, height: *height, spent: None });
    }
    for (height, transaction) in &mined {
        for input in &transaction.input {
            if let Some(staged) = coins.get_mut(&input.previous_output) {
                staged.spent = Some((transaction.clone(), *height));
            }
        }
    }
    coins
}

fn stage(staging: &Staging) -> Stage {
    Stage {
        delay_blocks: staging.delay_blocks,
        threshold: usize::from(staging.threshold),
        guardians: staging.keys.clone(),
    }
}
