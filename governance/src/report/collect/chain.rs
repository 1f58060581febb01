//! Links on Bitcoin, and what should not happen and did.

use super::{Facts, Period};
use crate::report::{Evidence, Row, Section, Value};

impl Period<'_> {
    pub(super) fn anchors(&self, facts: &Facts) -> Section {
        let links = facts.links.iter().filter(|link| (self.first..=self.last).contains(&link.epoch));
        let rows = links.map(|link| {
            let header = self.headers.iter().find(|header| header.epoch == link.epoch);
            Row {
                values: vec![
                    Value::Number(u128::from(link.epoch)),
                    header.map_or(Value::None, |header| Value::Height(header.closing_height)),
                    header.map_or(Value::None, |header| Value::Number(u128::from(header.log_size))),
                    link.height.map_or(Value::None, Value::Height),
                ],
                evidence: Evidence::Transaction { txid: link.txid.to_string(), height: link.height },
            }
        });
        let rows: Vec<Row> = rows.collect();
        Section::new("Anchors", "The transactions on Bitcoin that commit to the epochs.")
            .figure("links", Value::Number(rows.len() as u128), Evidence::computed("the table of links"))
            .table("Links", &["epoch", "closed at height", "log entries", "mined at height"], rows)
    }

    pub(super) fn anomalies(&self, facts: &Facts) -> Section {
        let size = |epoch: u32| self.headers.iter().find(|h| h.epoch == epoch).map_or(0, |header| header.log_size);
        let (from, to) = (self.first.checked_sub(1).map_or(0, size), size(self.last));
        let proofs = self.state.equivocations().iter().filter(|proof| (from..to).contains(&proof.position));
        let mut rows: Vec<Row> = proofs
            .map(|proof| Row {
                values: vec![
                    Value::Words("equivocation".to_owned()),
                    Value::Quoted(format!("{} signed two entries for one place", self.name(&proof.member))),
                ],
                evidence: self.replayed(),
            })
            .collect();
        let frauds = self.state.frauds().iter().filter(|fraud| (from..to).contains(&fraud.position));
        rows.extend(frauds.map(|fraud| Row {
            values: vec![
                Value::Words("hub fraud".to_owned()),
                Value::Words(format!(
                    "the hub's log key {} signed two statements that contradict each other",
                    fraud.hub_log_key
                )),
            ],
            evidence: self.replayed(),
        }));
        rows.extend(self.state.overdue_entries(to).into_iter().map(|entry| Row {
            values: vec![
                Value::Words("entry left out".to_owned()),
                Value::Words(format!("{entry} was seen by members and is not in the log")),
            ],
            evidence: self.replayed(),
        }));
        let barred = self.decided().into_iter().filter_map(|(proposal, standing)| Some((proposal, standing.bar?)));
        rows.extend(barred.map(|(proposal, bar)| Row {
            values: vec![Value::Words("guard".to_owned()), Value::Words(format!("{} is barred: {bar}", proposal.id))],
            evidence: self.replayed(),
        }));
        rows.extend(facts.alarms.iter().map(|alarm| Row {
            values: vec![Value::Words("alarm".to_owned()), Value::Quoted(alarm.clone())],
            evidence: Evidence::computed("what the reporting node sees now"),
        }));
        Section::new("Anomalies", "What should not happen and did.")
            .figure("anomalies", Value::Number(rows.len() as u128), Evidence::computed("the table of anomalies"))
            .table("Anomalies", &["kind", "what"], rows)
    }
}
