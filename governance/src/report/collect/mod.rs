//! Filling a report: from the log's state and a few facts that are not in the log.

mod accounts;
mod chain;
mod treasury;
mod votes;
mod weight;

use bitcoin::Txid;

use super::{Claim, Evidence, Report, ReportTree, Row, Value};
use crate::epoch::EpochHeader;
use crate::id::MemberId;
use crate::ledger::Standing;
use crate::state::{LogState, ProposalRecord};

/// What a report needs beside the log and its rolls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Links of epochs, as the reporting node's chain shows them.
    pub links: Vec<LinkFact>,
    /// Trouble that the reporting node sees now, in sentences.
    pub alarms: Vec<String>,
    /// What moved into and out of the treasury on Bitcoin, as the reporting node sees it.
    pub flows: Vec<Flow>,
    /// Proofs of funds that hold, as the reporting node judged the signed files that it was shown.
    pub proofs: Vec<FundsFact>,
}

/// That the treasurers could spend all that the treasury had when an epoch closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundsFact {
    /// The epoch.
    pub epoch: u32,
    /// Its coins.
    pub coins: u64,
    /// Their sum in satoshis.
    pub total_sat: u64,
    /// Keys that signed, and keys that there are.
    pub signed: (u64, u64),
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

    /// The leaf of a vote, which a proof of its tally has.
    fn tally(&self, tree: ReportTree, epoch: u32, proposal: &ProposalRecord) -> Evidence {
        let claim = Claim::Tally { proposal: proposal.id.to_string() };
        self.leaf(tree, epoch, proposal.id.to_string()).claiming(claim)
    }

    /// Entries of the log that the epochs up to the last cover.
    fn log_size(&self) -> u64 {
        self.headers.iter().find(|header| header.epoch == self.last).map_or(0, |header| header.log_size)
    }

    fn replayed(&self) -> Evidence {
        match self.headers.iter().find(|header| header.epoch == self.last) {
            Some(header) => Evidence::replay(self.last, header.hash()),
            None => Evidence::computed("a header that is not final yet"),
        }
    }

    /// Whether a height belongs to the period.
    fn covers(&self, height: u32) -> bool {
        height > self.since && height <= self.height
    }

    fn name(&self, member: &MemberId) -> String {
        let name = self.state.members().get(member).map_or("", |record| record.name.as_str());
        if name.is_empty() { member.to_string() } else { name.to_owned() }
    }
}

/// Satoshis of a column.
fn sum(rows: &[Row], column: usize) -> Value {
    let sat = rows.iter().map(|row| if let Value::Sat(sat) = row.values[column] { sat } else { 0 });
    Value::Sat(sat.fold(0u128, u128::saturating_add))
}
