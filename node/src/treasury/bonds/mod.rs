//! Bonds of hubs in the treasury (T-90 to T-94): which there are, what each is by now, and what is missing.

mod law;

use std::collections::BTreeMap;

use althing_anchor::Bond;
use althing_governance::DaoId;
use bitcoin::secp256k1::XOnlyPublicKey;
use bitcoin::{OutPoint, Psbt, Script, Transaction};

use self::law::{BRING_WITHIN_BLOCKS, Bonds, Forfeit, MadeBond, State, Terms};
use super::check::whom;
use super::marks::Mark;
use crate::api::{BondCoin, BondView};
use crate::shell::Shell;

/// The bonds that a block at this height could spend, each with its way back: those that were taken are the treasury's.
pub(super) fn bonds_at(bonds: &Bonds, height: u32) -> BTreeMap<OutPoint, Bond> {
    let states = bonds.states(height);
    let standing = |bond: &MadeBond| states.get(&bond.outpoint).copied().filter(|state| *state != State::Taken);
    let known = bonds.made.iter().filter_map(|bond| Some((bond, standing(bond)?)));
    known
        .map(|(bond, state)| (bond.outpoint, Bond { back: bond.back.clone(), is_free: Some(state == State::Free) }))
        .collect()
}

/// The same for the next block.
pub(super) fn bonds(shell: &Shell) -> BTreeMap<OutPoint, Bond> {
    bonds_at(&collected(shell), shell.tip_height().saturating_add(1))
}

/// T-93, without a log: coins of a PSBT whose transactions, where they are shown, say that they are bonds of this DAO.
pub(super) fn bonds_shown(psbt: &Psbt, dao: &DaoId) -> BTreeMap<OutPoint, Bond> {
    let inputs = psbt.unsigned_tx.input.iter().zip(&psbt.inputs);
    let shown = inputs.filter_map(|(txin, fields)| Some((txin.previous_output, fields.non_witness_utxo.as_ref()?)));
    shown
        .filter_map(|(outpoint, made)| {
            let (_, back) = marked(made, dao)?;
            // The output on the way back is no coin of a treasury.
            Some((outpoint, Bond { back: back.to_owned(), is_free: None }))
        })
        .collect()
}

/// What is asked of the hub in office and what is there; `None` while no charter asked for a bond and none was brought.
pub(crate) fn view(shell: &Shell) -> Option<BondView> {
    let bonds = collected(shell);
    let (tip, office) = (shell.tip_height(), office_now(shell));
    let required_sat = shell.ledger.state().charter().hub_bond_sat;
    if required_sat == 0 && bonds.made.is_empty() {
        return None;
    }
    let brought_sat = bonds.brought(office, tip);
    let missing_sat = required_sat.saturating_sub(brought_sat);
    let since = bonds.asked_since(office, tip).filter(|_| missing_sat > 0);
    let due_height = since.map(|since| since.saturating_add(BRING_WITHIN_BLOCKS));
    let states = bonds.states(tip.saturating_add(1));
    let coin = |bond: &MadeBond| {
        let state = match (states.get(&bond.outpoint)?, bond.spent_height) {
            (_, Some(_)) => return None,
            (State::Held, None) => "held",
            (State::Free, None) => "free",
            (State::Taken, None) => "taken",
        };
        Some(BondCoin {
            outpoint: bond.outpoint.to_string(),
            sat: bond.sat,
            office: bond.office,
            back: whom(&bond.back, shell.dao.network()),
            state: state.to_owned(),
        })
    };
    let is_overdue = due_height.is_some_and(|due| due < tip);
    let coins = bonds.made.iter().filter_map(coin).collect();
    Some(BondView { office, required_sat, brought_sat, missing_sat, due_height, is_overdue, coins })
}

/// T-94: a bond that was not brought in time, in a sentence.
pub(super) fn alarms(shell: &Shell) -> Vec<String> {
    view(shell).filter(|bond| bond.is_overdue).map(|bond| overdue_words(&bond)).into_iter().collect()
}

fn overdue_words(bond: &BondView) -> String {
    format!(
        "T-94: the hub had to bring a bond of {} sat into the treasury by height {}; {} sat of it are missing.",
        bond.required_sat,
        bond.due_height.unwrap_or_default(),
        bond.missing_sat
    )
}

/// Number of the hub in office (G-110).
pub(crate) fn office_now(shell: &Shell) -> u32 {
    u32::try_from(shell.ledger.state().successors().len()).unwrap_or(u32::MAX)
}

/// Whose bond a transaction brings, and the way back: the output behind the mark. A settlement brings none.
fn marked<'a>(transaction: &'a Transaction, dao: &DaoId) -> Option<(u32, &'a Script)> {
    let (at, office) = Mark::Bond.find(transaction, dao)?;
    if Mark::Settlement.find(transaction, dao).is_some() {
        return None;
    }
    let back = transaction.output.get(at.checked_add(1)?)?.script_pubkey.as_script();
    back.is_witness_program().then_some((office, back))
}

/// Everything that the states of bonds follow from, as this node knows it.
pub(super) fn collected(shell: &Shell) -> Bonds {
    let state = shell.ledger.state();
    let height_of = |position: u64| state.entry_height(position);
    let mut terms: Vec<Terms> = Vec::new();
    for (number, version) in state.charters().iter().enumerate() {
        let Some(height) = height_of(version.position) else { continue };
        let so_far = state.charters()[..=number].iter().map(|version| &version.charter);
        terms.push(Terms {
            height,
            bond_sat: version.charter.hub_bond_sat,
            window_blocks: version.charter.succession_window_blocks,
            generations: super::generations(so_far).len(),
        });
    }
    let forfeits = state.ledger().bonds_forfeited().iter().filter_map(|forfeit| {
        let height = state.final_since(forfeit.epoch)?;
        Some(Forfeit { office: office_of_key(shell, &forfeit.hub_log_key), sat: forfeit.sat, height })
    });
    let ended = state.successors().iter().map_while(|record| height_of(record.position));
    Bonds { made: made(shell), forfeits: forfeits.collect(), ended: ended.collect(), terms }
}

/// T-90: outputs to a treasury of marked transactions that spend no coin of one.
fn made(shell: &Shell) -> Vec<MadeBond> {
    let owner = |script: &Script| shell.treasury.owner_of(script);
    let mined = shell.treasury.mined();
    let spending = |outpoint: &OutPoint| {
        let spends = |tx: &Transaction| tx.input.iter().any(|txin| txin.previous_output == *outpoint);
        mined.values().find(|(_, tx)| spends(tx)).map(|(height, _)| *height)
    };
    let mut made = Vec::new();
    for (txid, (height, transaction)) in &mined {
        let Some((office, back)) = marked(transaction, &shell.dao.params.dao_id) else { continue };
        let spends_own = transaction.input.iter().any(|txin| {
            shell.treasury.output(&txin.previous_output).is_some_and(|output| owner(&output.script_pubkey).is_some())
        });
        if spends_own || owner(back).is_some() {
            continue;
        }
        for (vout, output) in (0u32..).zip(&transaction.output) {
            let Some(origin) = owner(&output.script_pubkey) else { continue };
            let outpoint = OutPoint { txid: *txid, vout };
            made.push(MadeBond {
                outpoint,
                sat: output.value.to_sat(),
                office,
                made_height: *height,
                generation: origin.generation,
                back: back.to_owned(),
                spent_height: spending(&outpoint),
            });
        }
    }
    made
}

/// Which hub signed by a log key: that of the last charter that has it.
fn office_of_key(shell: &Shell, key: &XOnlyPublicKey) -> u32 {
    let state = shell.ledger.state();
    let version = state.charters().iter().rfind(|version| version.charter.hub_log_key == *key);
    // The charter of a succession stands right before the new hub's first entry.
    let last = version.map_or(0, |version| version.position.saturating_add(1));
    let before = state.successors().iter().filter(|record| record.position <= last).count();
    u32::try_from(before).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use bitcoin::hashes::Hash as _;
    use bitcoin::{Amount, ScriptBuf, TxOut};

    use super::*;

    #[test]
    fn the_way_back_stands_behind_the_mark() {
        let dao = DaoId([7; 32]);
        let home = ScriptBuf::new_p2wpkh(&bitcoin::WPubkeyHash::from_byte_array([3; 20]));
        let of = |mark: Mark| mark.output(&dao, 2).0;
        let made = |scripts: &[&ScriptBuf]| Transaction {
            version: bitcoin::transaction::Version::TWO,
            lock_time: bitcoin::absolute::LockTime::ZERO,
            input: Vec::new(),
            output: scripts
                .iter()
                .map(|script| TxOut { value: Amount::ZERO, script_pubkey: (*script).clone() })
                .collect(),
        };
        let (bond, settlement) = (of(Mark::Bond), of(Mark::Settlement));
        let bare = ScriptBuf::from_bytes(vec![0x51]);
        let table: [(&[&ScriptBuf], _); 5] = [
            (&[&home, &bond, &home], Some((2, home.clone()))),
            (&[&home, &bond], None),
            (&[&home, &bond, &bare], None),
            (&[&home, &bond, &home, &settlement], None),
            (&[&home, &settlement, &home], None),
        ];
        for (scripts, expected) in table {
            let found = made(scripts);
            let found = marked(&found, &dao).map(|(office, back)| (office, back.to_owned()));
            assert_eq!(found, expected, "{scripts:?}");
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let bond = BondView {
            office: 1,
            required_sat: 1000,
            brought_sat: 400,
            missing_sat: 600,
            due_height: Some(250),
            is_overdue: true,
            coins: Vec::new(),
        };
        let words =
            "T-94: the hub had to bring a bond of 1000 sat into the treasury by height 250; 600 sat of it are missing.";
        assert_eq!(overdue_words(&bond), words);
    }
}
