//! What each accepted entry changes.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::{
    AnchoredRecord, ChannelRecord, CharterVersion, CommentRecord, DropCause, Dropped, EquivocationRecord, FraudRecord,
    HeadRecord, HoldRecord, InvitationRecord, LogState, MemberRecord, Noted, Place, ProposalRecord, Said,
};
use crate::ballots::Ballots;
use crate::charter::{Class, ClassRule};
use crate::delegation::Delegation;
use crate::entry::{
    Acceptance, Anchored, AuthorUpdate, Ballot, Bind, Comment, CommentVote, Entry, Equivocation, GuardianAct,
    KeyRotation, LaneHeader, LogHead, ProposalContent,
};
use crate::id::{EntryId, MemberId, ProposalId};
use crate::lifecycle::{Schedule, boundary};

impl LogState {
    /// `entry` passed every check.
    pub(super) fn apply_checked(&mut self, position: u64, id: EntryId, entry: Entry) {
        let member = entry.lane().map_or(MemberId([0; 32]), |lane| self.member_of_key(&lane.member));
        match entry {
            Entry::Bind(e) => self.apply_bind(position, member, e.lane.member, e.body),
            Entry::Checkpoint(e) => {
                self.note_collected(position, &e.checkpoint);
                if let Some(channel) = self.channels.get_mut(&e.checkpoint.channel) {
                    channel.checkpoints.push((position, e.checkpoint));
                }
            }
            Entry::Proposal(e) => self.apply_proposal(position, id, member, &e.lane, e.body),
            Entry::Comment(e) => self.apply_comment(position, id, member, e.body),
            Entry::Ballot(e) => self.apply_ballot(position, member, &e.body),
            Entry::Head(e) => self.apply_head(id, e.statement),
            Entry::Anchored(e) => self.apply_anchored(position, e.statement),
            Entry::Delegation(e) => self.apply_delegation(position, id, member, e.body),
            Entry::CommentVote(e) => self.apply_comment_vote(member, e.body),
            Entry::AuthorUpdate(e) => self.apply_author_update(position, id, member, e.body),
            Entry::Withdrawal(e) => self.drop_proposal(&e.body.proposal, position, DropCause::Withdrawn),
            Entry::KeyRotation(e) => self.apply_key_rotation(position, id, &e.rotation),
            Entry::Invitation(e) => {
                let (invitee, expires_height) = (e.body.invitee, e.body.expires_height);
                self.invitations.insert(id, InvitationRecord { by: member, invitee, expires_height, accepted: None });
            }
            Entry::Acceptance(e) => self.apply_acceptance(position, e.body),
            Entry::GuardianAct(e) => self.apply_guardian_act(position, member, e.body),
            Entry::Equivocation(e) => self.apply_equivocation(position, &e),
            Entry::DepositHold(e) => {
                let (channel, thread, amount_sat) = (e.body.channel, e.body.thread, e.body.amount_sat);
                self.holds_of_channel.entry(channel).or_default().push(self.holds.len());
                self.holds_for_thread.entry((thread, member)).or_default().push(self.holds.len());
                self.holds.push(HoldRecord { position, member, channel, thread, amount_sat });
            }
            Entry::SeenNote(e) => {
                let seen = e.body.entry();
                let place = Place::of(seen);
                let noted = self.seen.entry(seen.id()).or_insert_with(|| Noted { place, by: BTreeMap::new() });
                noted.by.entry(member).or_insert(position);
            }
            Entry::Execution(e) => {
                if let Some(proposal) = self.proposals.get_mut(&e.proposal) {
                    proposal.executions.push((position, e.statement));
                }
            }
            Entry::GateRefill(e) => {
                self.refilled_gates.extend(e.statement.gates().map(|gate| (position, gate)));
                self.retired_gates.extend(e.statement.retired.iter().map(|gate| (*gate, position)));
            }
            Entry::HubFraud(e) => self.frauds.push(FraudRecord { position, hub_log_key: e.hub_log_key }),
        }
    }

    pub(super) fn advance_lane(&mut self, lane: &LaneHeader, said: Option<Said>, position: u64, id: EntryId) {
        let member = self.member_of_key(&lane.member);
        self.lanes.advance(lane, member, position, id);
        if let Some(said) = said {
            self.said.insert(id, said);
        }
    }

    fn apply_bind(&mut self, position: u64, member: MemberId, key: MemberId, bind: Bind) {
        let record = self.members.get_or_insert_with(member, || MemberRecord {
            name: String::new(),
            joined: position,
            channels: Vec::new(),
            key,
        });
        record.name.clone_from(&bind.name);
        record.channels.push(bind.channel);
        self.outpoints.insert(bind.funding, bind.channel);
        self.channels.insert(bind.channel, ChannelRecord { member, position, bind, checkpoints: Vec::new() });
    }

    fn apply_proposal(
        &mut self,
        position: u64,
        entry: EntryId,
        author: MemberId,
        lane: &LaneHeader,
        content: ProposalContent,
    ) {
        let id = content.id(lane.network, lane.dao, lane.member);
        let thread = content.thread(id);
        if let Some(version) = content.version_of {
            self.drop_proposal(&version.previous, position, DropCause::Superseded { by: id });
        }
        // The electorate is fixed with the first version: an author cannot wait for a better one (G-89).
        let snapshot_epoch = self.snapshot_for(&thread).unwrap_or(0);
        let charter = self.charters.len() - 1;
        let rule = self.charter().rule_for(content.class, content.amount_sat()).map_or(0, |(index, _)| index);
        self.threads.insert(thread, id);
        self.unscheduled.push(id);
        let record = ProposalRecord {
            id,
            author,
            position,
            entry,
            content,
            thread,
            charter,
            rule,
            snapshot_epoch,
            schedule: None,
            dropped: None,
            ballots: Default::default(),
            live: None,
            comments: Vec::new(),
            guardian_acts: Vec::new(),
            executions: Vec::new(),
            ending: None,
        };
        self.proposals.insert(id, record);
        self.start_live(&id);
    }

    fn drop_proposal(&mut self, id: &ProposalId, position: u64, cause: DropCause) {
        if let Some(proposal) = self.proposals.get_mut(id) {
            proposal.dropped.get_or_insert(Dropped { position, cause });
        }
    }

    fn apply_comment(&mut self, position: u64, entry: EntryId, author: MemberId, comment: Comment) {
        let Comment { proposal, parent, text } = comment;
        self.talk_of(author).comments += 1;
        self.add_comment(
            proposal,
            CommentRecord { entry, position, author, parent, text, is_update: false, opinions: Default::default() },
        );
    }

    fn apply_author_update(&mut self, position: u64, entry: EntryId, author: MemberId, update: AuthorUpdate) {
        self.talk_of(author).comments += 1;
        self.add_comment(
            update.proposal,
            CommentRecord {
                entry,
                position,
                author,
                parent: None,
                text: update.text,
                is_update: true,
                opinions: Default::default(),
            },
        );
    }

    fn add_comment(&mut self, on: ProposalId, comment: CommentRecord) {
        if let Some(proposal) = self.proposals.get_mut(&on) {
            self.comments.insert(comment.entry, (on, proposal.comments.len()));
            proposal.comments.push(comment);
        }
    }

    fn apply_comment_vote(&mut self, member: MemberId, vote: CommentVote) {
        self.talk_of(member).votes += 1;
        let Some((proposal, index)) = self.comments.get(&vote.comment) else { return };
        let comment = self.proposals.get_mut(proposal).and_then(|proposal| proposal.comments.get_mut(*index));
        if let Some(comment) = comment {
            comment.opinions.insert(member, vote.opinion);
        }
    }

    fn apply_ballot(&mut self, position: u64, member: MemberId, ballot: &Ballot) {
        let is_late = self.proposals.get(&ballot.proposal).is_some_and(|proposal| self.ended_at(proposal).is_some());
        let Self { proposals, rolls, .. } = self;
        let Some(proposal) = proposals.get_mut(&ballot.proposal) else { return };
        let standing = proposal.ballots.standing(&member);
        let before: Option<SmallVec<[u16; 8]>> = standing.map(|record| SmallVec::from_slice(record.fields));
        proposal.ballots.push(member, position, &ballot.fields);
        // What comes behind the end of the vote changes no total (G-42).
        if !is_late {
            proposal.update_live(rolls, &member, before.as_deref(), Some(&ballot.fields));
        }
    }

    fn apply_delegation(&mut self, position: u64, entry: EntryId, member: MemberId, delegation: Delegation) {
        let scope = delegation.scope.clone();
        self.delegations.record(member, position, entry, delegation);
        self.update_live_delegation(&member, &scope);
    }

    fn apply_head(&mut self, entry: EntryId, head: LogHead) {
        self.weigh_forced(head.tip_height);
        let before = self.tip_height().unwrap_or(0);
        self.heads.push(HeadRecord { head, entry });
        self.follow_endings(before, &head);
        for id in std::mem::take(&mut self.unscheduled) {
            let schedule = self.proposals.get(&id).and_then(|proposal| self.schedule_of(proposal, head.tip_height));
            if let Some(proposal) = self.proposals.get_mut(&id) {
                proposal.schedule = schedule;
            }
            self.open.insert(id);
            self.recount_ending(&id);
            self.start_live(&id);
        }
    }

    fn schedule_of(&self, proposal: &ProposalRecord, logged: u32) -> Option<Schedule> {
        let (charter, rule) = (self.charter_of(proposal), self.rule_of(proposal)?);
        let opens_at = proposal.content.request.and_then(|request| self.submissions_end(&request));
        Some(match opens_at {
            Some(end) => {
                let open = boundary(charter, end.max(logged));
                // G-88: rivals are compared with each other, so they are voted on for equally long.
                let rule = ClassRule { voting_blocks: self.answers_voting_blocks(proposal), ..rule.clone() };
                Schedule::from_open(charter, &rule, &proposal.content, logged, open)
            }
            None => Schedule::new(charter, rule, &proposal.content, logged),
        })
    }

    /// G-88: the longest voting period of any rule that an answer to the same request could come under.
    fn answers_voting_blocks(&self, answer: &ProposalRecord) -> u32 {
        let request = answer.content.request.and_then(|request| self.proposals.get(&request));
        let cap_sat = request.map_or(0, |request| request.content.amount_sat());
        let charter = self.charter_of(answer);
        let own = self.rule_of(answer).map_or(0, |rule| rule.voting_blocks);
        let periods = [Class::Spend, Class::Budget].into_iter().flat_map(|class| {
            let last = charter.rule_for(class, cap_sat).map_or(u32::MAX, |(at, _)| at);
            let rules = (0u32..).zip(&charter.classes).filter(move |(at, rule)| rule.class == class && *at <= last);
            rules.map(|(_, rule)| rule.voting_blocks)
        });
        periods.fold(own, u32::max)
    }

    fn apply_anchored(&mut self, position: u64, a: Anchored) {
        let header = a.header;
        let changed = (header.charter != self.version_in_force().hash)
            .then(|| self.charter_candidates().find(|charter| charter.hash() == header.charter));
        if let Some(charter) = changed.flatten() {
            let version =
                CharterVersion { hash: header.charter, since_height: header.closing_height, position, charter };
            self.charters.push(version);
        }
        self.anchored.push(AnchoredRecord {
            position,
            header,
            link: a.link,
            mined_height: a.mined_height,
            mined_hash: a.mined_hash,
        });
    }

    /// Charters that a proposal in the log would put in force in place of the present one.
    pub(super) fn charter_candidates(&self) -> impl Iterator<Item = crate::Charter> + '_ {
        let proposals = self.proposals.values().filter(|proposal| proposal.content.class.changes_charter());
        let effects = proposals.flat_map(|p| &p.content.options).flat_map(|option| &option.effects);
        effects.filter_map(|effect| effect.charter_after(self.charter()))
    }

    fn apply_key_rotation(&mut self, position: u64, id: EntryId, rotation: &KeyRotation) {
        let member = self.member_of_key(&rotation.old_key);
        self.rotated_keys.insert(rotation.new_key, (member, position));
        self.retired_keys.insert(rotation.old_key, position);
        // Whoever has a stake has said so in the lane.
        if let Some(lane) = self.lanes.get(&rotation.old_key).copied() {
            self.lanes.hand_over(rotation.new_key, lane.handed_over(id));
        }
        if let Some(record) = self.members.get_mut(&member) {
            record.key = rotation.new_key;
        }
    }

    fn apply_acceptance(&mut self, position: u64, acceptance: Acceptance) {
        if let Some(invitation) = self.invitations.get_mut(&acceptance.invitation) {
            invitation.accepted = Some(position);
        }
    }

    fn apply_guardian_act(&mut self, position: u64, guardian: MemberId, act: GuardianAct) {
        if let Some(proposal) = self.proposals.get_mut(&act.proposal) {
            proposal.guardian_acts.push((position, guardian, act.act));
        }
    }

    /// G-98: whatever the log has at the place is void from here on. It need not be one of the two: whoever equivocates could
    /// prove it with two copies, so that the one that counts is never named.
    fn apply_equivocation(&mut self, position: u64, proof: &Equivocation) {
        let member = self.member_of_key(&proof.member());
        self.equivocations.push(EquivocationRecord { position, member });
        self.proven.entry(proof.place()).or_insert(position);
        let Some(place) = self.placed(proof.place()) else { return };
        let Some(entry) = self.positions.at(place) else { return };
        let Some(said) = self.said.get(&entry).cloned() else {
            // Ballots are too many to be noted twice.
            let has_it = |p: &&ProposalRecord| p.ballots.of(&member).any(|ballot| ballot.position == place);
            let voted_on = self.proposals.values().find(has_it).map(|proposal| proposal.id);
            if let Some(proposal) = voted_on {
                self.void_ballot(&proposal, &member, place, position);
            }
            return;
        };
        match said {
            Said::Proposal(proposal) => self.drop_proposal(&proposal, position, DropCause::Void),
            // What replaced it stands nowhere but in its own place.
            Said::Delegation(scope) if self.delegations.is_newest(&member, &scope, &entry) => {
                let revoked = Delegation { scope, parts: Vec::new(), expires_height: None };
                self.apply_delegation(position, entry, member, revoked);
            }
            Said::Delegation(_) => {}
        }
    }

    fn void_ballot(&mut self, on: &ProposalId, member: &MemberId, ballot: u64, proof: u64) {
        let is_late = self.proposals.get(on).is_some_and(|proposal| self.ended_at(proposal).is_some());
        let Some(ballots) = self.proposals.get_mut(on).map(|proposal| &mut proposal.ballots) else { return };
        let standing = |ballots: &Ballots| ballots.standing(member).map(|record| record.fields.to_vec());
        let before = standing(ballots);
        ballots.void(ballot, proof);
        let after = standing(ballots);
        if !is_late {
            self.update_live(on, member, before.as_deref(), after.as_deref());
        }
    }

    fn talk_of(&mut self, member: MemberId) -> &mut super::Talk {
        let epoch = self.talk_epoch();
        self.talk.entry((member, epoch)).or_default()
    }
}
