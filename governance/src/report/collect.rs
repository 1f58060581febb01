//! Filling a report: from the log's state and a few facts that are not in the log.

use bitcoin::Txid;

use super::concentration::concentration;
use super::{Evidence, Report, ReportTree, Row, Section, Unit, Value};
use crate::delegation::Scope;
use crate::epoch::EpochHeader;
use crate::ledger::{AccountKind, PaymentState, Standing};
use crate::state::{LogState, ProposalRecord};
use crate::voting::Outcome;

/// What a report needs beside the log and its rolls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Links of epochs, as the reporting node's chain shows them.
    pub links: Vec<LinkFact>,
    /// Trouble that the reporting node sees now, in sentences.
    pub alarms: Vec<String>,
    /// What moved into and out of the treasury on Bitcoin, as the reporting node sees it.
    pub flows: Vec<Flow>,
}

/// A link on Bitcoin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkFact {
    /// Epoch that it commits.
    pub epoch: u32,
    /// The transaction.
    pub txid: Txid,
    /// Height of its block; `None` while unmined.
    pub height: Option<u32>,
}

/// A payment that the treasury received or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The transaction.
    pub txid: Txid,
    /// Height of its block.
    pub height: u32,
    /// Satoshis that came in.
    pub in_sat: u64,
    /// Satoshis that went out, fee included.
    pub out_sat: u64,
    /// Names of the treasurers who signed.
    pub signers: Vec<String>,
}

/// The report on the final epochs `first` to `last` (F-1), which the log of `state` knows. Two callers with the same
/// arguments get the same report.
#[must_use]
pub fn collect(state: &LogState, first: u32, last: u32, facts: &Facts) -> Report {
    let headers: Vec<EpochHeader> = state.anchored().iter().map(|record| record.header).collect();
    let header = |epoch: u32| headers.iter().find(|header| header.epoch == epoch);
    let params = state.params();
    let height = header(last).map_or(0, |header| header.closing_height);
    let since = first.checked_sub(1).and_then(header).map_or(0, |header| header.closing_height);
    let period = Period { state, headers: &headers, first, last, since, height };
    let mut report = Report::new(&params.charter.name, params.dao_id, first, last, height);
    report.sections = vec![
        period.decisions(),
        period.turnout(),
        period.weights(),
        period.delegation(),
        period.treasury(facts),
        period.accounts(),
        period.anchors(facts),
        period.anomalies(facts),
    ];
    report
}

struct Period<'a> {
    state: &'a LogState,
    headers: &'a [EpochHeader],
    first: u32,
    last: u32,
    /// Closing height of the epoch before the first.
    since: u32,
    height: u32,
}

impl<'a> Period<'a> {
    /// What the period decided, in the order of the log.
    fn decided(&self) -> Vec<(&'a ProposalRecord, &'a Standing)> {
        let standings = self.state.ledger().standings().iter();
        let mut decided: Vec<_> = standings
            .filter(|(_, standing)| (self.first..=self.last).contains(&standing.decided_epoch))
            .filter_map(|(id, standing)| Some((self.state.proposals().get(id)?, standing)))
            .collect();
        decided.sort_by_key(|(proposal, _)| proposal.position);
        decided
    }

    fn leaf(&self, tree: ReportTree, epoch: u32, key: String) -> Evidence {
        match self.headers.iter().find(|header| header.epoch == epoch) {
            Some(header) => Evidence::tree(tree, epoch, header.hash(), Some(key)),
            None => Evidence::computed("a header that is not final yet"),
        }
    }

    fn replayed(&self) -> Evidence {
        match self.headers.iter().find(|header| header.epoch == self.last) {
            Some(header) => Evidence::replay(self.last, header.hash()),
            None => Evidence::computed("a header that is not final yet"),
        }
    }

    fn decisions(&self) -> Section {
        let decided = self.decided();
        let passed = decided.iter().filter(|(_, standing)| standing.outcome.has_passed()).count();
        let rows = decided.iter().map(|(proposal, standing)| Row {
            values: vec![
                Value::Words(proposal.id.to_string()),
                Value::Quoted(proposal.content.title.clone()),
                Value::Words(proposal.content.class.name().to_owned()),
                Value::Words(proposal.content.system.name().to_owned()),
                Value::Words(standing.outcome.name().to_owned()),
                winner(proposal, standing.outcome),
                Value::Words(fate(standing)),
            ],
            evidence: self.leaf(ReportTree::Decisions, standing.decided_epoch, proposal.id.to_string()),
        });
        Section::new("Decisions", "Votes that were decided by an epoch of this period.")
            .figure("decided", Value::Number(decided.len() as u128), self.replayed())
            .figure("passed", Value::Number(passed as u128), self.replayed())
            .table("Decisions", &["proposal", "title", "class", "system", "outcome", "option", "then"], rows.collect())
    }

    fn turnout(&self) -> Section {
        let mut bars = Vec::new();
        let mut rows = Vec::new();
        for (proposal, standing) in self.decided() {
            let count = &standing.count;
            let voted = count.cast().saturating_add(count.abstained());
            let share = super::concentration::share_bp(voted, count.weight()).unwrap_or(0);
            bars.push((proposal.content.title.clone(), u128::from(share)));
            rows.push(Row {
                values: vec![
                    Value::Words(proposal.id.to_string()),
                    Value::Number(count.ballots()),
                    Value::Number(voted),
                    Value::Number(count.weight()),
                    Value::Share(share),
                ],
                evidence: self.leaf(ReportTree::Ballots, standing.decided_epoch, proposal.id.to_string()),
            });
        }
        Section::new("Turnout", "Weight that voted or was delegated to somebody who voted, of the whole roll.")
            .table("Turnout", &["proposal", "ballots", "weight that voted", "weight of the roll", "turnout"], rows)
            .chart("Turnout by vote", Unit::Share, bars)
    }

    fn weights(&self) -> Section {
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

    fn delegation(&self) -> Section {
        let mut rows = Vec::new();
        for member in self.state.members().keys() {
            for (scope, record) in self.state.delegations().of_member(member, u64::MAX, self.height) {
                for part in record.parts() {
                    rows.push(Row {
                        values: vec![
                            Value::Quoted(self.name(member)),
                            Value::Quoted(self.name(&part.to)),
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
        Section::new("Delegation", "Who hands weight to whom where they do not vote, when the last epoch closed.")
            .figure("edges", Value::Number(rows.len() as u128), self.replayed())
            .table("Delegation graph", &["from", "to", "on", "share", "until height"], rows)
    }

    fn treasury(&self, facts: &Facts) -> Section {
        let (given, paid) = (self.authorisations(), self.payments());
        let sum = |rows: &[Row], column: usize| {
            let sat = rows.iter().map(|row| if let Value::Sat(sat) = row.values[column] { sat } else { 0 });
            Value::Sat(sat.fold(0u128, u128::saturating_add))
        };
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
        Section::new("Treasury", "What votes authorised, what was paid by it, and what moved on Bitcoin.")
            .figure("authorised", sum(&given, 3), Evidence::computed("the table of authorisations"))
            .figure("paid by authorisation", sum(&paid, 3), Evidence::computed("the table of payments"))
            .figure("received", Value::Sat(in_sat), Evidence::computed("the table of movements"))
            .table("Authorisations", &["proposal", "payment", "from height", "authorised"], given)
            .table("Payments", &["proposal", "payment", "mined at height", "paid", "noted by log entry"], paid)
            .table("Movements and who signed them", &["transaction", "in", "out", "signed by"], flow_rows)
            .table("Signatures by treasurer", &["treasurer", "signatures"], self.signatures(facts))
    }

    /// What became payable in the period, each under the decision tree of the epoch that says so.
    fn authorisations(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (id, standing) in self.state.ledger().standings() {
            for (number, payment) in (1u128..).zip(&standing.payments) {
                // What is due may wait for a gate, a cap or the end of a pause: the epoch that gave it has the leaf.
                let given = payment.authorisation.zip(payment.authorised_height);
                let Some((given, since)) = given.filter(|(_, since)| self.covers(*since)) else { continue };
                let epoch = self.headers.iter().find(|header| header.closing_height >= since);
                let epoch = epoch.map_or(standing.decided_epoch, |header| header.epoch);
                rows.push(Row {
                    values: vec![
                        Value::Words(id.to_string()),
                        Value::Number(number),
                        Value::Height(given.height),
                        Value::Sat(u128::from(given.amount_sat)),
                    ],
                    evidence: self.leaf(ReportTree::Decisions, epoch, id.to_string()),
                });
            }
        }
        rows
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

    /// Whether a height belongs to the period.
    fn covers(&self, height: u32) -> bool {
        height > self.since && height <= self.height
    }

    fn signatures(&self, facts: &Facts) -> Vec<Row> {
        let treasurers = self.state.charter().treasurers.iter().map(|treasurer| {
            let signed = facts.flows.iter().filter(|flow| self.covers(flow.height));
            let signed = signed.filter(|flow| flow.signers.contains(&treasurer.name)).count();
            Row {
                values: vec![Value::Quoted(treasurer.name.clone()), Value::Number(signed as u128)],
                evidence: Evidence::computed("the table of movements"),
            }
        });
        treasurers.collect()
    }

    fn accounts(&self) -> Section {
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
        Section::new("Rewards and deposits", "Amounts that the epochs settle between members and treasury.")
            .figure("rewards", Value::Sat(sums[0]), from())
            .figure("deposits returned", Value::Sat(sums[1]), from())
            .figure("deposits forfeited", Value::Sat(sums[2]), from())
            .figure("hub bonds forfeited", Value::Sat(bonds.sum()), self.replayed())
            .table("Accounts", &["epoch", "member", "what for", "amount", "proposal"], rows)
    }

    fn anchors(&self, facts: &Facts) -> Section {
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

    fn anomalies(&self, facts: &Facts) -> Section {
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
        rows.extend(self.state.overdue_entries(to).into_iter().map(|entry| Row {
            values: vec![
                Value::Words("entry left out".to_owned()),
                Value::Words(format!("{entry} was seen by members and is not in the log")),
            ],
            evidence: self.replayed(),
        }));
        let barred = self.decided().into_iter().filter_map(|(proposal, standing)| Some((proposal, standing.bar?)));
        rows.extend(barred.map(|(proposal, bar)| Row {
            values: vec![Value::Words("guard".to_owned()), Value::Words(format!("{} is barred: {bar:?}", proposal.id))],
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

    fn name(&self, member: &crate::id::MemberId) -> String {
        let name = self.state.members().get(member).map_or("", |record| record.name.as_str());
        if name.is_empty() { member.to_string() } else { name.to_owned() }
    }
}

fn winner(proposal: &ProposalRecord, outcome: Outcome) -> Value {
    match outcome {
        Outcome::Passed { option: Some(option) } => proposal
            .content
            .options
            .get(usize::from(option))
            .map_or(Value::None, |option| Value::Quoted(option.label.clone())),
        _ => Value::None,
    }
}

fn fate(standing: &Standing) -> String {
    match standing.bar {
        Some(bar) => format!("barred: {bar:?}"),
        None => format!("{:?}", standing.fate).to_lowercase(),
    }
}
