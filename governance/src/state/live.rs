//! Totals of open votes, kept up to date: a ballot costs its own fields, and with delegations the edges it affects.

use std::sync::Arc;

use super::{LogState, ProposalRecord, Rolls};
use crate::ballots::Ballots;
use crate::delegation::{Basin, Electorate, Graph, Live, Part, Scope, Seat, Shift, Topic};
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
    /// Weight in the count that stands aside by delegations (L-18).
    standing: u128,
    /// Whether a ballot or delegation came since the last head.
    has_changed: bool,
    /// Position below which ballots count: without limit while the vote is open (G-42).
    cutoff: u64,
}

/// A proposal's own part of it; those with the same delegations have the basin in common.
#[derive(Debug, Clone)]
struct Flow {
    basin: Arc<Basin>,
    live: Live,
}

impl Flow {
    fn electorate(&self) -> &Electorate {
        self.basin.graph().electorate()
    }
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

    /// The vote ended: ballots from this position on do not count.
    pub(super) const fn end(&mut self, cutoff: u64) {
        self.cutoff = cutoff;
    }

    /// A head saw everything so far.
    pub(super) const fn settle(&mut self) {
        self.has_changed = false;
    }

    /// Weight with which a ballot of `member`, who has `own` weight, is counted.
    #[must_use]
    pub fn carried(&self, member: &MemberId, own: u128) -> u128 {
        let Some(flow) = &self.flow else { return own };
        flow.electorate().seat(member).map_or(0, |seat| flow.live.received(&flow.basin, seat))
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
        if let Some(standing) = ballots.counted(member, self.cutoff) {
            count.remove(standing.fields, self.carried(member, own))?;
        }
        let seat = self.flow.as_ref().and_then(|flow| Some((flow, flow.electorate().seat(member)?)));
        let weight = match (seat, &self.flow) {
            (Some((flow, seat)), _) => {
                let (weight, shifts, abstained) = flow.live.if_votes(&flow.basin, seat);
                count.remove_standing(self.standing)?;
                reweigh(&mut count, flow, &shifts, ballots, self.cutoff);
                count.add_standing(abstained)?;
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

/// The basin follows from the log; what can differ is what was counted.
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
        let cutoff = self.cutoff_so_far(proposal);
        let mut live = LiveTally { count, own, flow, standing: 0, has_changed: true, cutoff };
        live.stand_aside();
        for (member, record) in proposal.ballots.all_counted(cutoff) {
            live.replace(&member, roll.weight(&member), None, Some(record.fields), &proposal.ballots);
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

    /// The delegation of `member` for `scope` may have changed in every vote about it that follows delegations and in which
    /// the member has weight. Nothing else is touched: anybody can delegate, at no cost.
    pub(super) fn update_live_delegation(&mut self, member: &MemberId, scope: &Scope) {
        let mut channels: Vec<Channel> = Vec::new();
        let mut dry = Vec::new();
        for id in &self.open {
            let Some(proposal) = self.proposals.get(id).filter(|proposal| self.follows_delegations(proposal)) else {
                continue;
            };
            let roll = self.rolls.get(&proposal.snapshot_epoch);
            let Some(seat) = roll.and_then(|(_, electorate)| electorate.seat(member)) else { continue };
            let topic = topic(proposal);
            if !topic.is_in(scope) {
                continue;
            }
            let Some(flow) = proposal.live.as_ref().and_then(|live| live.flow.as_ref()) else {
                dry.push(*id);
                continue;
            };
            let close = proposal.schedule.map_or(0, |schedule| schedule.close);
            let record = self.delegations.in_force(member, &topic, u64::MAX, close);
            let parts = record.map_or(&[][..], |record| record.parts());
            let same = |channel: &&mut Channel| Arc::ptr_eq(&channel.basin, &flow.basin) && channel.parts == parts;
            match channels.iter_mut().find(same) {
                Some(channel) => channel.votes.push(*id),
                None => channels.push(Channel {
                    basin: Arc::clone(&flow.basin),
                    seat,
                    parts: parts.to_vec(),
                    votes: vec![*id],
                }),
            }
        }
        for channel in channels {
            self.redirect(channel);
        }
        // Once for each: from then on every delegation costs what it changes.
        for id in dry {
            self.start_live_with(&id, true);
        }
    }

    /// Whether delegations of today change the live totals.
    fn follows_delegations(&self, proposal: &ProposalRecord) -> bool {
        let tip = self.tip_height().unwrap_or(0);
        proposal.dropped.is_none()
            && self.ended_at(proposal).is_none()
            && proposal.schedule.is_some_and(|schedule| {
                let frozen = tip >= schedule.open && self.rule_of(proposal).is_some_and(|rule| rule.final_ballots);
                tip < schedule.latest_close && !frozen
            })
    }

    fn redirect(&mut self, channel: Channel) {
        let Channel { mut basin, seat, parts, votes } = channel;
        let edges = basin.graph().edge_list(&parts);
        let mut lives = Vec::new();
        for id in &votes {
            let flow = self.proposals.get_mut(id).and_then(|proposal| proposal.live.as_mut()?.flow.take());
            lives.push(flow.expect("it is why the vote is here").live);
        }
        // Copied where votes that do not follow share it.
        let shifts = Arc::make_mut(&mut basin).set(seat, &edges, &mut lives);
        for ((id, live), shifts) in votes.iter().zip(lives).zip(shifts) {
            let Some(proposal) = self.proposals.get_mut(id) else { continue };
            if let Some(tally) = &mut proposal.live {
                tally.flow = Some(Flow { basin: Arc::clone(&basin), live });
                tally.has_changed = true;
                tally.shift(&shifts, None, &proposal.ballots);
            }
        }
    }

    fn new_flow(&self, id: &ProposalId, electorate: &Arc<Electorate>, delegating: bool) -> Option<Flow> {
        let proposal = self.proposals.get(id)?;
        let schedule = proposal.schedule?;
        if !self.charter_of(proposal).delegation.enabled {
            return None;
        }
        if let Some(basin) = self.basin_for(proposal) {
            return Some(Flow { basin, live: Live::new() });
        }
        let cutoff = self.delegation_cutoff(proposal, self.cutoff_so_far(proposal));
        let graph = Graph::of_book(Arc::clone(electorate), &self.delegations, &topic(proposal), cutoff, schedule.close);
        if graph.edge_count() == 0 && !delegating {
            return None;
        }
        Some(Flow { basin: Arc::new(Basin::new(graph)), live: Live::new() })
    }

    /// The basin of another vote over the same roll that no delegation tells apart from this one.
    fn basin_for(&self, proposal: &ProposalRecord) -> Option<Arc<Basin>> {
        let view = |proposal: &ProposalRecord| {
            let cutoff = self.delegation_cutoff(proposal, self.cutoff_so_far(proposal));
            Some(self.delegations.view(&topic(proposal), cutoff, proposal.schedule?.close))
        };
        let own = view(proposal)?;
        let others = self.open.iter().filter_map(|id| self.proposals.get(id));
        let mut same = others.filter(|other| {
            other.id != proposal.id
                && other.snapshot_epoch == proposal.snapshot_epoch
                && self.follows_delegations(other)
                && self.charter_of(other).delegation.enabled
        });
        same.find_map(|other| {
            let flow = other.live.as_ref()?.flow.as_ref()?;
            (view(other)? == own).then(|| Arc::clone(&flow.basin))
        })
    }
}

/// Votes through which a delegation is to go another way, as it does in their basin.
struct Channel {
    basin: Arc<Basin>,
    seat: Seat,
    parts: Vec<Part>,
    votes: Vec<ProposalId>,
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
        let roll = rolls.get(&self.snapshot_epoch).map(|(_, electorate)| electorate);
        let own = roll.and_then(|roll| Some(roll.weight(roll.seat(member)?))).unwrap_or(0);
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
            && let Some(seat) = flow.electorate().seat(member)
        {
            let shifts = flow.live.set_votes(&flow.basin, seat, votes);
            self.shift(&shifts, Some(seat), ballots);
        }
        if let Some(fields) = after {
            let weight = self.carried(member, own);
            self.count.add(fields, weight).expect("the log takes only ballots of the system");
            if let Some(count) = &mut self.own {
                count.add(fields, own).expect("the log takes only ballots of the system");
            }
        }
    }

    /// Other ballots carry other weights now.
    fn shift(&mut self, shifts: &[Shift], but: Option<Seat>, ballots: &Ballots) {
        let Some(flow) = &self.flow else { return };
        // First, so that no unit of weight is in two sums in between.
        self.count.remove_standing(self.standing).expect("it was counted as standing aside");
        self.standing = 0;
        let shifts = shifts.iter().filter(|shift| Some(shift.seat) != but);
        reweigh(&mut self.count, flow, shifts, ballots, self.cutoff);
        self.stand_aside();
    }

    /// Counts what stands aside by delegations; nothing of it is counted yet.
    fn stand_aside(&mut self) {
        self.standing = self.flow.as_ref().map_or(0, |flow| flow.live.abstained(&flow.basin));
        self.count.add_standing(self.standing).expect("the roll's total is what all weights together can reach");
    }
}

/// Counts ballots of others, of those below `cutoff`, with the weights that they carry now.
fn reweigh<'s>(
    count: &mut Count,
    flow: &Flow,
    shifts: impl IntoIterator<Item = &'s Shift>,
    ballots: &Ballots,
    cutoff: u64,
) {
    for shift in shifts {
        let member = flow.electorate().member(shift.seat);
        if let Some(record) = ballots.counted(&member, cutoff) {
            let reweighed = count.reweigh(record.fields, shift.before, shift.after);
            reweighed.expect("it was counted with the weight before");
        }
    }
}
