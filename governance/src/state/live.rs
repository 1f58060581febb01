//! Totals of open votes, kept up to date: a ballot costs its own fields, and with delegations the edges it affects.

use std::sync::Arc;

use super::{LogState, ProposalRecord, Rolls};
use crate::ballots::Ballots;
use crate::delegation::{Electorate, Graph, Live, Scope, Shift, Topic};
use crate::id::{MemberId, ProposalId};
use crate::voting::{Count, CountError};

/// Totals of a proposal over the ballots so far.
#[derive(Debug, Clone)]
pub struct LiveTally {
    count: Count,
    /// The same without delegations, where it differs.
    own: Option<Count>,
    /// Who receives whose weight; `None` while nobody delegates.
    flow: Option<Flow>,
    /// Whether a ballot or delegation came since the last head.
    has_changed: bool,
}

#[derive(Debug, Clone)]
struct Flow {
    graph: Graph,
    live: Live,
}

impl LiveTally {
    /// The totals.
    #[must_use]
    pub const fn count(&self) -> &Count {
        &self.count
    }

    /// The totals as if nobody delegated.
    pub(super) const fn own_count(&self) -> &Count {
        match &self.own {
            Some(own) => own,
            None => &self.count,
        }
    }

    /// Whether a ballot or delegation came since the last head.
    pub(super) const fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// A head saw everything so far.
    pub(super) const fn settle(&mut self) {
        self.has_changed = false;
    }

    /// Weight with which a ballot of `member`, who has `own` weight, is counted.
    #[must_use]
    pub fn carried(&self, member: &MemberId, own: u128) -> u128 {
        let Some(flow) = &self.flow else { return own };
        flow.graph.electorate().seat(member).map_or(0, |seat| flow.live.received(&flow.graph, seat))
    }

    /// The totals if `member`, who has `own` weight, now cast these fields: in the place of the ballot of theirs that stands,
    /// and with the weight back that others cast for them (L-16). `ballots` are those counted here.
    ///
    /// # Errors
    /// If the fields are no ballot of the system.
    pub fn count_with(
        &self,
        member: &MemberId,
        own: u128,
        fields: &[u16],
        ballots: &Ballots,
    ) -> Result<Count, CountError> {
        self.count.clone().add(fields, 0)?;
        let mut count = self.count.clone();
        if let Some(standing) = ballots.standing(member) {
            count.remove(standing.fields, self.carried(member, own))?;
        }
        let seat = self.flow.as_ref().and_then(|flow| Some((flow, flow.graph.electorate().seat(member)?)));
        let weight = match (seat, &self.flow) {
            (Some((flow, seat)), _) => {
                let (weight, shifts) = flow.live.if_votes(&flow.graph, seat);
                reweigh(&mut count, flow, &shifts, ballots);
                weight
            }
            // Without a seat nothing is carried where weight flows.
            (None, Some(_)) => 0,
            (None, None) => own,
        };
        count.add(fields, weight)?;
        Ok(count)
    }
}

/// The graph follows from the log; what can differ is what was counted.
impl PartialEq for LiveTally {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count
    }
}

impl Eq for LiveTally {}

impl LogState {
    /// Counts afresh, when the roll or the schedule becomes known.
    pub(super) fn start_live(&mut self, id: &ProposalId) {
        self.start_live_with(id, false);
    }

    /// As [`LogState::start_live`]; with `delegating` also for a flow in which nobody has delegated yet.
    fn start_live_with(&mut self, id: &ProposalId, delegating: bool) {
        let Some(proposal) = self.proposals.get(id) else { return };
        let Some((roll, electorate)) = self.rolls.get(&proposal.snapshot_epoch) else { return };
        let content = &proposal.content;
        let Ok(mut count) = Count::new(content.system, content.option_count()) else { return };
        if count.add_roll(roll.total()).is_err() {
            return;
        }
        let flow = self.new_flow(id, electorate, delegating);
        let own = flow.is_some().then(|| count.clone());
        let mut live = LiveTally { count, own, flow, has_changed: true };
        for (member, mut records) in proposal.ballots.by_member() {
            if let Some(record) = records.find(|record| record.void_from.is_none()) {
                live.replace(member, roll.weight(member), None, Some(record.fields), &proposal.ballots);
            }
        }
        if let Some(proposal) = self.proposals.get_mut(id) {
            proposal.live = Some(live);
        }
    }

    /// The ballot of `member` becomes `after`; its record is in place already.
    pub(super) fn update_live(
        &mut self,
        id: &ProposalId,
        member: &MemberId,
        before: Option<&[u16]>,
        after: Option<&[u16]>,
    ) {
        let Self { proposals, rolls, .. } = self;
        if let Some(proposal) = proposals.get_mut(id) {
            proposal.update_live(rolls, member, before, after);
        }
    }

    /// The delegation of `member` for `scope` may have changed in every vote about it that is not over, whose delegations are
    /// not frozen, and in which the member has weight. Nothing else is touched: anybody can delegate, at no cost.
    pub(super) fn update_live_delegation(&mut self, member: &MemberId, scope: &Scope) {
        let tip = self.tip_height().unwrap_or(0);
        let affected: Vec<ProposalId> = self.open.iter().copied().collect();
        for id in affected {
            let Some(proposal) = self.proposals.get(&id) else { continue };
            let Some(schedule) = proposal.schedule.filter(|s| proposal.dropped.is_none() && tip < s.latest_close)
            else {
                continue;
            };
            let seat = self.rolls.get(&proposal.snapshot_epoch).and_then(|(_, electorate)| electorate.seat(member));
            let topic = topic(proposal);
            if seat.is_none() || !topic.is_in(scope) {
                continue;
            }
            let frozen = self.rule_of(proposal).is_some_and(|rule| rule.final_ballots) && tip >= schedule.open;
            if frozen {
                continue;
            }
            if proposal.live.as_ref().is_none_or(|live| live.flow.is_none()) {
                // Once: from then on every delegation costs what it changes.
                self.start_live_with(&id, true);
                continue;
            }
            let record = self.delegations.in_force(member, &topic, u64::MAX, schedule.close);
            let parts = record.map_or(&[][..], |record| record.parts()).to_vec();
            let Some(proposal) = self.proposals.get_mut(&id) else { continue };
            let ballots = &proposal.ballots;
            if let Some(live) = &mut proposal.live {
                live.redelegate(member, &parts, ballots);
            }
        }
    }

    fn new_flow(&self, id: &ProposalId, electorate: &Arc<Electorate>, delegating: bool) -> Option<Flow> {
        let proposal = self.proposals.get(id)?;
        let schedule = proposal.schedule?;
        if !self.charter_of(proposal).delegation.enabled {
            return None;
        }
        let cutoff = self.delegation_cutoff(proposal, u64::MAX);
        let graph = Graph::of_book(Arc::clone(electorate), &self.delegations, &topic(proposal), cutoff, schedule.close);
        if graph.edge_count() == 0 && !delegating {
            return None;
        }
        let live = Live::new(&graph);
        Some(Flow { graph, live })
    }
}

impl ProposalRecord {
    /// As [`LogState::update_live`].
    pub(super) fn update_live(
        &mut self,
        rolls: &Rolls,
        member: &MemberId,
        before: Option<&[u16]>,
        after: Option<&[u16]>,
    ) {
        let own = rolls.get(&self.snapshot_epoch).map_or(0, |(roll, _)| roll.weight(member));
        if let Some(live) = &mut self.live {
            live.replace(member, own, before, after, &self.ballots);
        }
    }
}

/// What a proposal is about, for delegations.
pub(crate) fn topic(proposal: &super::ProposalRecord) -> Topic {
    Topic { class: proposal.content.class, tags: proposal.content.tags.clone() }
}

impl LiveTally {
    /// One member's ballot goes from `before` to `after`. Ballots and weights fit: the log took them, and the roll's total
    /// is what all weights together can reach.
    fn replace(
        &mut self,
        member: &MemberId,
        own: u128,
        before: Option<&[u16]>,
        after: Option<&[u16]>,
        ballots: &Ballots,
    ) {
        self.has_changed = true;
        if let Some(fields) = before {
            let weight = self.carried(member, own);
            self.count.remove(fields, weight).expect("it was counted with this weight");
            if let Some(count) = &mut self.own {
                count.remove(fields, own).expect("it was counted with this weight");
            }
        }
        let votes = after.is_some();
        if let Some(flow) = &mut self.flow
            && let Some(seat) = flow.graph.electorate().seat(member)
        {
            let shifts = flow.live.set_votes(&flow.graph, seat, votes);
            self.shift(shifts, Some(member), ballots);
        }
        if let Some(fields) = after {
            let weight = self.carried(member, own);
            self.count.add(fields, weight).expect("the log takes only ballots of the system");
            if let Some(count) = &mut self.own {
                count.add(fields, own).expect("the log takes only ballots of the system");
            }
        }
    }

    fn redelegate(&mut self, member: &MemberId, parts: &[crate::delegation::Part], ballots: &Ballots) {
        let Some(flow) = &mut self.flow else { return };
        self.has_changed = true;
        let Some(seat) = flow.graph.electorate().seat(member) else { return };
        let edges = flow.graph.edge_list(parts);
        let shifts = flow.live.before_set(&flow.graph, seat, &edges);
        flow.graph.set(seat, &edges);
        self.shift(shifts, None, ballots);
    }

    /// Other ballots carry other weights now.
    fn shift(&mut self, shifts: Vec<Shift>, but: Option<&MemberId>, ballots: &Ballots) {
        let Some(flow) = &self.flow else { return };
        let seat = but.and_then(|member| flow.graph.electorate().seat(member));
        let others: Vec<Shift> = shifts.into_iter().filter(|shift| Some(shift.seat) != seat).collect();
        reweigh(&mut self.count, flow, &others, ballots);
    }
}

/// Counts ballots of others with the weights that they carry now.
fn reweigh(count: &mut Count, flow: &Flow, shifts: &[Shift], ballots: &Ballots) {
    for shift in shifts {
        let member = flow.graph.electorate().member(shift.seat);
        if let Some(record) = ballots.standing(&member) {
            let reweighed = count.reweigh(record.fields, shift.before, shift.after);
            reweighed.expect("it was counted with the weight before");
        }
    }
}
