//! Who has weight and who hands it to whom.

use super::Period;
use crate::delegation::Scope;
use crate::report::concentration::concentration;
use crate::report::{Evidence, ReportTree, Row, Section, Unit, Value};

impl Period<'_> {
    pub(super) fn weights(&self) -> Section {
        let section = Section::new("Concentration", "How the weight of the last roll is spread over its members.");
        let Some(roll) = self.state.roll(self.last) else { return section };
        let Some(found) = concentration(roll.iter().map(|(_, entry)| entry.weight)) else { return section };
        let mut members: Vec<_> = roll.iter().collect();
        members.sort_by_key(|(member, entry)| (std::cmp::Reverse(entry.weight), **member));
        let bars = members.iter().take(10).map(|(member, entry)| (self.name(member), entry.weight)).collect();
        let rows = members.iter().take(10).map(|(member, entry)| Row {
            values: vec![
                Value::Words(member.to_string()),
                Value::Quoted(self.name(member)),
                Value::Number(entry.weight),
                Value::Sat(u128::from(entry.stake_sat)),
            ],
            evidence: self.leaf(ReportTree::Roll, self.last, member.to_string()),
        });
        let root = || match self.headers.iter().find(|header| header.epoch == self.last) {
            Some(header) => Evidence::tree(ReportTree::Roll, self.last, header.hash(), None),
            None => self.replayed(),
        };
        section
            .figure("members", Value::Number(u128::from(found.members)), root())
            .figure("weight", Value::Number(found.total), root())
            .figure("largest", Value::Share(found.largest_bp), self.replayed())
            .figure("top three", Value::Share(found.top3_bp), self.replayed())
            .figure("Gini coefficient", Value::Share(found.gini_bp), self.replayed())
            .figure("Nakamoto number", Value::Number(u128::from(found.nakamoto)), self.replayed())
            .table("Ten heaviest members", &["member", "name", "weight", "stake"], rows.collect())
            .chart("Weight of the ten heaviest members", Unit::Weight, bars)
    }

    pub(super) fn delegation(&self) -> Section {
        let mut rows = Vec::new();
        for member in self.state.members().keys() {
            for (scope, record) in self.state.delegations().of_member(member, self.log_size(), self.height) {
                for part in record.parts() {
                    rows.push(Row {
                        values: vec![
                            Value::Quoted(self.name(member)),
                            match part.abstains() {
                                true => Value::Words("(abstains)".to_owned()),
                                false => Value::Quoted(self.name(&part.to)),
                            },
                            Value::Words(match scope {
                                Scope::All => "all".to_owned(),
                                other => other.to_string(),
                            }),
                            Value::Share(u32::from(part.share_bp)),
                            record.expires_height().map_or(Value::None, Value::Height),
                        ],
                        evidence: Evidence::entry(record.position, record.entry),
                    });
                }
            }
        }
        Section::new(
            "Delegation",
            "Who hands weight to whom, or lets it abstain, where they do not vote, when the last epoch closed.",
        )
        .figure("edges", Value::Number(rows.len() as u128), self.replayed())
        .table("Delegation graph", &["from", "to", "on", "share", "until height"], rows)
    }
}
