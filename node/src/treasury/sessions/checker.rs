//! The check by what this node knows.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use althing_anchor::{GateState, read_proof};
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, OutPoint};

use super::Answered;
use super::coins::{reserved, retirable};
use super::made::Promises;
use crate::proof::StoredBlocks;
use crate::shell::Shell;
use crate::treasury::check::{CheckReport, KnownTreasury, check_parsed};
use crate::treasury::housekeeping::Housekeeping;
use crate::treasury::intents::housekeeping_rate;
use crate::treasury::requests::settled_height;

/// Judges PSBTs by this node's own chain, wallets and log, which are gathered once for as many as are judged.
pub(super) struct Checker<'a> {
    shell: &'a Shell,
    known: KnownTreasury,
    unspent: BTreeSet<OutPoint>,
    promises: Promises<'a>,
    housekeeping: OnceCell<Housekeeping>,
}

/// Judges one PSBT.
pub(in crate::treasury) fn check_here(shell: &Shell, psbt: &Psbt) -> Answered<CheckReport> {
    Checker::new(shell).check(psbt)
}

impl<'a> Checker<'a> {
    pub(super) fn new(shell: &'a Shell) -> Self {
        let coins = shell.treasury.wallets().iter().flat_map(|wallet| wallet.unspent());
        Self {
            shell,
            known: known_treasury(shell),
            unspent: coins.map(|coin| coin.outpoint).collect(),
            promises: Promises::new(shell),
            housekeeping: OnceCell::new(),
        }
    }

    pub(super) fn check(&self, psbt: &Psbt) -> Answered<CheckReport> {
        let housekeeping_spent = self.housekeeping_beside(psbt)?;
        let known = KnownTreasury { housekeeping_spent, ..self.known.clone() };
        let gates = |gate: &OutPoint| self.gate(gate);
        let coin = |psbt: &Psbt, input: usize| {
            let spent = psbt.unsigned_tx.input.get(input)?.previous_output;
            self.promises.coin(&spent)
        };
        Ok(check_parsed(psbt, Some(&StoredBlocks(&self.shell.store)), &gates, Some(&coin), Some(&known)))
    }

    fn gate(&self, gate: &OutPoint) -> Option<GateState> {
        if self.unspent.contains(gate) {
            return Some(GateState::Unspent);
        }
        let by = self.shell.treasury.spender_of(gate)?;
        // What is not mined can be replaced; the gate lets one of the two happen.
        let is_mined = self.shell.treasury.confirmed_at(&by).is_some();
        Some(if is_mined { GateState::Spent(Some(by)) } else { GateState::Unspent })
    }

    /// T-332: what other housekeeping costs; what was decided has caps of its own.
    fn housekeeping_beside(&self, psbt: &Psbt) -> Answered<Option<Amount>> {
        if !read_proof(psbt).bundles.is_empty() {
            return Ok(None);
        }
        let known = match self.housekeeping.get() {
            Some(known) => known,
            None => {
                let known = Housekeeping::known(self.shell)?;
                self.housekeeping.get_or_init(|| known)
            }
        };
        Ok(Some(known.beside(&psbt.unsigned_tx)))
    }
}

/// The treasury as this node's log has it.
fn known_treasury(shell: &Shell) -> KnownTreasury {
    let charter = shell.ledger.state().charter();
    KnownTreasury {
        dao: shell.dao.params.dao_id,
        network: shell.dao.network(),
        generations: shell.treasury.treasuries(),
        stages: shell.treasury.stages().to_vec(),
        in_sight: shell.treasury.in_sight(settled_height(shell)),
        rules: Some(crate::treasury::stages::rules(shell)),
        spare_seal: shell.spare_seal().ok().map(|followed| followed.now.outpoint),
        reserved: reserved(shell),
        bonds: Some(crate::treasury::bonds::bonds(shell)),
        retirable: retirable(shell),
        new_gate: Amount::from_sat(charter.gate_sat),
        housekeeping_rate: housekeeping_rate(charter.max_link_fee_rate_sat_vb),
        housekeeping_spent: None,
    }
}
