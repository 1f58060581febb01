//! What votes authorised, what was paid, and what moved on Bitcoin.

use std::collections::BTreeMap;

use super::{Facts, Period, sum};
use crate::charter::Class;
use crate::epoch::DecisionLeaf;
use crate::id::ProposalId;
use crate::ledger::PaymentState;
use crate::report::{Claim, Evidence, ReportTree, Row, Section, Value};

impl Period<'_> {
    pub(super) fn treasury(&self, facts: &Facts) -> Section {
        let (given, paid) = (self.authorisations(), self.payments());
        let flows = facts.flows.iter().filter(|flow| self.covers(flow.height));
        let flow_rows: Vec<Row> = flows
            .clone()
            .map(|flow| Row {
                values: vec![
                    Value::Words(flow.txid.to_string()),
                    Value::Sat(u128::from(flow.in_sat)),
                    Value::Sat(u128::from(flow.out_sat)),
                    Value::Quoted(flow.signers.join(", ")),
                ],
                evidence: Evidence::Transaction { txid: flow.txid.to_string(), height: Some(flow.height) },
            })
            .collect();
        let in_sat = flows.clone().fold(0u128, |sum, flow| sum.saturating_add(u128::from(flow.in_sat)));
        let section =
            Section::new("Treasury", "What votes authorised, what was paid by it, and what moved on Bitcoin.")
                .figure("authorised", sum(&given, 3), Evidence::computed("the table of authorisations"))
                .figure("paid by authorisation", sum(&paid, 3), Evidence::computed("the table of payments"))
                .figure("received", Value::Sat(in_sat), Evidence::computed("the table of movements"))
                .table("Authorisations", &["proposal", "payment", "from height", "authorised"], given)
                .table("Payments", &["proposal", "payment", "mined at height", "paid", "noted by log entry"], paid)
                .table("Movements and who signed them", &["transaction", "in", "out", "signed by"], flow_rows)
                .table("Signatures by treasurer", &["treasurer", "signatures"], self.signatures(facts));
        match self.proofs(facts) {
            proofs if proofs.is_empty() => section,
            proofs => {
                section.table("Proofs of funds", &["epoch", "coins", "together", "keys that signed", "of"], proofs)
            }
        }
    }

    /// F-11: what the treasurers showed that they could spend, of each epoch in the period.
    fn proofs(&self, facts: &Facts) -> Vec<Row> {
        let shown = self.headers.iter().filter(|header| self.covers(header.closing_height)).filter_map(|header| {
            let proof = facts.proofs.iter().find(|proof| proof.epoch == header.epoch)?;
            let (signed, keys) = proof.signed;
            Some(Row {
                values: vec![
                    Value::Number(u128::from(proof.epoch)),
                    Value::Number(u128::from(proof.coins)),
                    Value::Sat(u128::from(proof.total_sat)),
                    Value::Number(u128::from(signed)),
                    Value::Number(u128::from(keys)),
                ],
                evidence: Evidence::computed(&format!(
                    "the treasurers' files, by `althing treasury ownership check FILES --funds={}`",
                    proof.epoch
                )),
            })
        });
        shown.collect()
    }

    /// What became payable in the period, each under the decision tree of the epoch that says so.
    fn authorisations(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (id, standing) in self.state.ledger().standings() {
            for (index, payment) in (0u16..).zip(&standing.payments) {
                // What is due may wait for a gate, a cap or the end of a pause: the epoch that gave it has the leaf.
                let given = payment.authorisation.zip(payment.authorised_height);
                let Some((given, since)) = given.filter(|(_, since)| self.covers(*since)) else { continue };
                let epoch = self.headers.iter().find(|header| header.closing_height >= since);
                let epoch = epoch.map_or(standing.decided_epoch, |header| header.epoch);
                rows.push(Row {
                    values: vec![
                        Value::Words(id.to_string()),
                        Value::Number(u128::from(index) + 1),
                        Value::Height(given.height),
                        Value::Sat(u128::from(given.amount_sat)),
                    ],
                    evidence: self.payment(epoch, *id, index),
                });
            }
        }
        rows
    }

    /// The leaf of a payment, counted from 0 (G-64).
    fn payment(&self, epoch: u32, proposal: ProposalId, index: u16) -> Evidence {
        let of_budget = self.state.proposals().get(&proposal).is_some_and(|p| p.content.class == Class::Budget);
        let (key, milestone) = if of_budget {
            (ProposalId(DecisionLeaf::milestone_key(proposal, index)), Some(u32::from(index) + 1))
        } else {
            (proposal, None)
        };
        let claim = Claim::Authorised { proposal: proposal.to_string(), milestone };
        self.leaf(ReportTree::Decisions, epoch, key.to_string()).claiming(claim)
    }

    /// What was paid in the period by an authorisation: the execution notes in the log (G-99), each with its transaction.
    fn payments(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (id, standing) in self.state.ledger().standings() {
            for (index, payment) in (0u16..).zip(&standing.payments) {
                let PaymentState::Executed { txid, height, amount_sat } = payment.state else { continue };
                if !self.covers(height) {
                    continue;
                }
                let notes = self.state.proposals().get(id).map_or(&[][..], |proposal| &proposal.executions);
                let noted = notes.iter().find(|(_, note)| note.milestone == index && note.txid == txid);
                rows.push(Row {
                    values: vec![
                        Value::Words(id.to_string()),
                        Value::Number(u128::from(index) + 1),
                        Value::Height(height),
                        Value::Sat(u128::from(amount_sat)),
                        noted.map_or(Value::None, |(position, _)| Value::Number(u128::from(*position))),
                    ],
                    evidence: Evidence::Transaction { txid: txid.to_string(), height: Some(height) },
                });
            }
        }
        rows
    }

    fn signatures(&self, facts: &Facts) -> Vec<Row> {
        // Those in office when the period ended, with nothing signed perhaps, and whoever did sign.
        let in_office = self.state.charter_at(self.log_size()).treasurers.iter();
        let mut signed: BTreeMap<&str, u128> = in_office.map(|treasurer| (treasurer.name.as_str(), 0)).collect();
        for signer in facts.flows.iter().filter(|flow| self.covers(flow.height)).flat_map(|flow| &flow.signers) {
            *signed.entry(signer).or_default() += 1;
        }
        let rows = signed.into_iter().map(|(name, signatures)| Row {
            values: vec![Value::Quoted(name.to_owned()), Value::Number(signatures)],
            evidence: Evidence::computed("the table of movements"),
        });
        rows.collect()
    }
}
