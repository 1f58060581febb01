//! What epochs settle between members and treasury (F-8).

use std::collections::BTreeMap;

use super::{Period, sum};
use crate::id::{MemberId, ProposalId};
use crate::ledger::AccountKind;
use crate::report::{Evidence, Row, Section, Value};

impl Period<'_> {
    pub(super) fn accounts(&self) -> Section {
        let mut sums = [0u128; 3];
        let mut rows = Vec::new();
        let accounts = self.state.ledger().accounts().iter();
        for account in accounts.filter(|account| (self.first..=self.last).contains(&account.epoch)) {
            for entry in &account.entries {
                let (index, kind) = match entry.kind {
                    AccountKind::Reward => (0, "reward"),
                    AccountKind::DepositReturned => (1, "deposit returned"),
                    AccountKind::DepositForfeited => (2, "deposit forfeited"),
                };
                sums[index] = sums[index].saturating_add(u128::from(entry.sat));
                rows.push(Row {
                    values: vec![
                        Value::Number(u128::from(account.epoch)),
                        Value::Quoted(self.name(&entry.member)),
                        Value::Words(kind.to_owned()),
                        Value::Sat(u128::from(entry.sat)),
                        entry.thread.map_or(Value::None, |thread| Value::Words(thread.to_string())),
                    ],
                    evidence: self.replayed(),
                });
            }
        }
        let bonds = self.state.ledger().bonds_forfeited().iter();
        let bonds =
            bonds.filter(|bond| (self.first..=self.last).contains(&bond.epoch)).map(|bond| u128::from(bond.sat));
        let from = || Evidence::computed("the table of accounts");
        let (dues, held) = (self.dues(), self.held());
        Section::new("Rewards and deposits", "Amounts that the epochs settle between members and treasury.")
            .figure("rewards", Value::Sat(sums[0]), from())
            .figure("deposits returned", Value::Sat(sums[1]), from())
            .figure("deposits forfeited", Value::Sat(sums[2]), from())
            .figure("hub bonds forfeited", Value::Sat(bonds.sum()), self.replayed())
            .figure("dues", sum(&dues, 3), Evidence::computed("the table of dues"))
            .figure("deposits held", sum(&held, 2), Evidence::computed("the table of deposits held"))
            .table("Accounts", &["epoch", "member", "what for", "amount", "proposal"], rows)
            .table("Dues", &["epoch", "members", "each", "together"], dues)
            .table("Deposits held", &["member", "proposal", "amount"], held)
    }

    /// What every member of a roll owed for an epoch.
    fn dues(&self) -> Vec<Row> {
        let accounts = self.state.ledger().accounts().iter();
        let of_period = accounts.filter(|a| (self.first..=self.last).contains(&a.epoch) && a.dues_sat > 0);
        let rows = of_period.map(|account| {
            let members = self.state.roll(account.epoch).map_or(0, |roll| roll.iter().count() as u128);
            let each = u128::from(account.dues_sat);
            Row {
                values: vec![
                    Value::Number(u128::from(account.epoch)),
                    Value::Number(members),
                    Value::Sat(each),
                    Value::Sat(members.saturating_mul(each)),
                ],
                evidence: self.replayed(),
            }
        });
        rows.collect()
    }

    /// Deposits that nothing had settled when the last epoch closed.
    fn held(&self) -> Vec<Row> {
        let ledger = self.state.ledger();
        let is_settled = |thread: &ProposalId, member: &MemberId| {
            ledger.settlement(thread, member).is_some_and(|settled| settled.epoch <= self.last)
        };
        let mut held: BTreeMap<(ProposalId, MemberId), u128> = BTreeMap::new();
        for hold in self.state.holds().iter().filter(|hold| hold.position < self.log_size()) {
            if !is_settled(&hold.thread, &hold.member) {
                let sum = held.entry((hold.thread, hold.member)).or_default();
                *sum = sum.saturating_add(u128::from(hold.amount_sat));
            }
        }
        let rows = held.into_iter().map(|((thread, member), sat)| Row {
            values: vec![Value::Quoted(self.name(&member)), Value::Words(thread.to_string()), Value::Sat(sat)],
            evidence: self.replayed(),
        });
        rows.collect()
    }
}
