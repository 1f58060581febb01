//! A DAO for the tests: a snapshot with something of everything, and a service that follows a script.

use std::collections::VecDeque;
use std::sync::Mutex;

use althing_node::api::*;
use althing_tui::app::{Action, App, Command, Report, update};
use althing_tui::screen::{Rendered, render};
use althing_tui::terminal::key_action;
use althing_tui::theme::Theme;
use ratatui::Terminal;
use ratatui::backend::{Backend as _, TestBackend};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A different hex id for every number.
pub(crate) fn id(n: u8) -> String {
    (0..32u8).map(|i| format!("{:02x}", n.wrapping_mul(37).wrapping_add(i.wrapping_mul(11)))).collect()
}

pub(crate) fn member(n: u8, name: &str, stake_sat: u64, on_roll: bool) -> Member {
    Member {
        vote_key: id(100 + n),
        name: name.to_owned(),
        key_in_force: None,
        is_double: false,
        stake_sat,
        weight: on_roll.then(|| stake_sat.to_string()),
        funding_outpoints: vec![format!("{}:0", id(150 + n))],
        hidden: false,
    }
}

pub(crate) fn ballot(proposal: u8, title: &str, choice: Choice, path: BallotPath) -> Ballot {
    Ballot {
        proposal: id(proposal),
        title: title.to_owned(),
        choice,
        reason: None,
        sequence: 3,
        position: Some(1_207),
        replaced: false,
        too_late: None,
        as_treasurer: false,
        words: althing_tui::words::path_meaning(&path),
        path,
    }
}

pub(crate) fn tally(yes: u64, no: u64, abstain: u64, is_final: bool) -> Tally {
    let total = 2_500_000u64;
    Tally {
        yes: yes.to_string(),
        no: no.to_string(),
        abstain: abstain.to_string(),
        standing: "0".to_owned(),
        ballots: 4,
        total_weight: total.to_string(),
        dormant_weight: None,
        quorum_met: (yes + abstain) * 10_000 >= total * 3_000,
        threshold_met: yes * 10_000 >= (yes + no) * 6_000 && yes > 0,
        is_final,
        choice: None,
        veto: None,
    }
}

/// A choice on which so much weight is cast, and nothing more is known.
pub(crate) fn choice_tally(system: System, cast: u64) -> ChoiceTally {
    ChoiceTally {
        measure: system.measure(),
        cast: cast.to_string(),
        ahead: Vec::new(),
        means: Vec::new(),
        rounds: Vec::new(),
        pairs: Vec::new(),
        strengths: Vec::new(),
    }
}

pub(crate) fn proposal(n: u8, title: &str, class: &str, state: ProposalState, tally: Option<Tally>) -> Proposal {
    Proposal {
        id: id(n),
        number: u64::from(n),
        class: class.to_owned(),
        title: title.to_owned(),
        body: "## Why\nThe **archive** disk is full. Offers were asked from three shops:\n\n- two disks of 8 TB, mirrored\n\
               - delivery before the next epoch\n\n> The cheapest is good enough.\n\nThe rest of the budget stays in the \
               treasury."
            .to_owned(),
        author: id(101),
        author_name: "Ásdís".to_owned(),
        effects: vec![
            "Pays 250,000 sat to bcrt1q w508 d6qe jxtd g4y5 r3za rvar y0c5 xw7k ygt0 80.".to_owned(),
            "The payment costs at most 5,000 sat in fees.".to_owned(),
        ],
        state,
        position: 1_100 + u64::from(n),
        heights: Some(ProposalHeights { entry_height: 1_190, open_height: 1_200, close_height: 1_236 }),
        snapshot_epoch: 7,
        tally,
        threshold: "at least 60 % of yes and no".to_owned(),
        quorum: "yes and abstain together at least 30 % of the roll".to_owned(),
        my_ballot: None,
        comment_count: 0,
        comments: Vec::new(),
        gate: None,
        vote: VoteFacts {
            marks: Marks {
                threshold_bp: Some(6_000),
                quorum_bp: Some(3_000),
                quorum_of_yes: false,
                oppose_bp: None,
            },
            ..VoteFacts::default()
        },
    }
}

pub(crate) fn link(epoch: u32, confirmations: u32) -> Link {
    Link {
        epoch,
        txid: id(200 + epoch as u8),
        vout: 0,
        commitment: id(220 + epoch as u8),
        height: (confirmations > 0).then_some(1_213 - confirmations),
        confirmations,
        state: match confirmations {
            0 => "broadcast",
            1..=5 => "mined",
            _ => "final",
        }
        .to_owned(),
        vsize: 111,
        closing_height: 1_056 + 18 * epoch,
        log_size: 151 * u64::from(epoch),
        verified: epoch < 8,
    }
}

/// A DAO in the middle of things, seen by the member Bjarni.
pub(crate) fn snapshot() -> Snapshot {
    let me = member(2, "Bjarni", 600_000, true);
    let mut disks = proposal(
        4,
        "Buy two disks for the archive",
        "spend",
        ProposalState::Voting,
        Some(tally(1_200_000, 250_000, 0, false)),
    );
    disks.comment_count = 2;
    let mine = ballot(
        3,
        "Meet on Thursdays",
        Choice::Yes,
        BallotPath::Confirmed { epoch: 8, txid: id(208), confirmations: 4, needed: 6 },
    );
    let mut thursdays =
        proposal(3, "Meet on Thursdays", "text", ProposalState::Voting, Some(tally(900_000, 850_000, 100_000, false)));
    thursdays.effects = vec!["Nothing beyond the decision itself.".to_owned()];
    thursdays.my_ballot = Some(mine.clone());
    let older = ballot(
        2,
        "Adopt the code of conduct",
        Choice::No,
        BallotPath::Final { epoch: 6, txid: id(206), height: 1_170 },
    );
    let mut conduct = proposal(
        2,
        "Adopt the code of conduct",
        "text",
        ProposalState::Passed,
        Some(tally(1_700_000, 300_000, 0, true)),
    );
    conduct.my_ballot = Some(older.clone());
    let mut replaced = ballot(3, "Meet on Thursdays", Choice::Abstain, BallotPath::Logged { head_height: 1_205 });
    replaced.sequence = 2;
    replaced.replaced = true;
    let mut review = proposal(5, "Lower the minimum stake", "text", ProposalState::Review, None);
    review.heights = Some(ProposalHeights { entry_height: 1_210, open_height: 1_218, close_height: 1_254 });
    Snapshot {
        revision: 41,
        status: Status {
            dao_id: id(9),
            dao_name: "Þingvellir".to_owned(),
            network: "signet".to_owned(),
            role: Role::Member,
            tip_height: 1_212,
            tip_hash: id(10),
            log_size: 1_208,
            head_height: Some(1_212),
            hub_connected: true,
            member: Some(me.clone()),
            vote_key: Some(me.vote_key.clone()),
            epoch_blocks: 18,
            next_close_height: 1_218,
            final_epoch: Some(7),
            final_depth: 6,
            balance: Balance { confirmed_sat: 1_234_567, pending_sat: 0 },
            paying_sat: 0,
            least_stake_sat: 0,
            spot_check: Some(SpotCheck { epoch: 7, block: id(70), entries: 32, difference: None }),
            work: None,
            light: None,
            name_taken: None,
            former_spare_seal: None,
            stake_under_way: None,
            dues: None,
            reading: None,
            alarms: Vec::new(),
        },
        proposals: vec![
            review,
            disks,
            thursdays,
            conduct,
            proposal(1, "Paint the boat", "spend", ProposalState::NoQuorum, Some(tally(200_000, 100_000, 0, true))),
        ],
        links: (1..=8).map(|epoch| link(epoch, if epoch == 8 { 4 } else { 6 + 18 * (8 - epoch) })).collect(),
        ballots: vec![mine, replaced, older],
        members: vec![
            member(1, "Ásdís", 1_200_000, true),
            me,
            member(3, "Guðrún", 450_000, true),
            member(4, "Njáll", 250_000, true),
            member(5, "Unnur", 300_000, false),
        ],
        stakes: vec![Stake {
            channel: id(160),
            funding_outpoint: Some(format!("{}:0", id(152))),
            amount_sat: 600_000,
            confirmations: 54,
            confirmations_needed: 6,
            state: "ready".to_owned(),
            words: "Open. The stake counts and stays yours; closing returns it to the wallet.".to_owned(),
            closing_txid: None,
            keeping: Some(Box::new(Keeping {
                backup_held: Some(31),
                backup_newest: Some(31),
                backup_age_secs: Some(7),
                backup_file: None,
                blobs: 4,
                towers: vec![TowerState {
                    tower: format!("02{}@203.0.113.9:9736", id(55)),
                    connected: true,
                    receipts: 3,
                    until_height: Some(9_000),
                    refusal: Some("too many blobs".to_owned()),
                }],
            })),
            detail: Some(Box::new(ChannelDetail {
                peer: format!("03{}", id(56)),
                checkpoint: 31,
                hub_sat: 2_000,
                held_sat: 5_000,
                spendable_sat: 585_000,
                paying_sat: 0,
                reserve_sat: 10_000,
                lock_blocks: 144,
                splices: vec![PendingFunding {
                    funding_outpoint: format!("{}:0", id(57)),
                    added_sat: 50_000,
                    removed_sat: 0,
                    confirmations: 2,
                    words: "50,000 sat are being added, 2 of 6 deep.".to_owned(),
                }],
                close_fee_sat: 308,
                close_alone_vb: 450,
                close_alone_sat: Some((900, 9_000)),
                close_alone_most_sat: Some(50_000),
                votes_with: 0,
                doubts: Vec::new(),
                weight_lost: Some("600000".to_owned()),
                migration: None,
                balances: None,
            })),
        }],
        voted_by: Vec::new(),
    }
}

/// The proposal of the disks with its discussion.
pub(crate) fn discussion() -> Proposal {
    let mut proposal = snapshot().proposals[1].clone();
    let comment = |n: u8, parent: Option<u8>, name: &str, text: &str| Comment {
        id: id(n),
        parent: parent.map(id),
        author: id(101),
        author_name: name.to_owned(),
        text: text.to_owned(),
        position: 1_150 + u64::from(n),
        height: Some(1_195),
        is_update: false,
        up: 0,
        down: 0,
        hidden: false,
    };
    proposal.comments = vec![
        comment(61, None, "Guðrún", "Why not one larger disk?"),
        comment(62, Some(61), "Ásdís", "One disk is no archive. Two fail less often at once."),
    ];
    proposal
}

/// What casting yes on the disks would do.
pub(crate) fn ballot_review() -> BallotReview {
    BallotReview {
        proposal: discussion(),
        choice: Choice::Yes,
        replaces: None,
        weight: "600000".to_owned(),
        tally_after: Some(tally(1_800_000, 250_000, 0, false)),
        options_after: Vec::new(),
        bodies_after: Vec::new(),
        sentences: vec![
            "You sign one ballot with your vote key: DAO, proposal, choice, sequence 4.".to_owned(),
            "Your choice, your name and your weight become public to the DAO.".to_owned(),
            "You can change it until height 1,236; the last ballot before the close counts.".to_owned(),
        ],
        refusal: None,
    }
}

/// What proposing a draft would do.
pub(crate) fn proposal_review(draft: &ProposalDraft) -> ProposalReview {
    ProposalReview {
        id: id(71),
        thread: id(71),
        class: draft.class.unwrap_or(Class::Text).name().to_owned(),
        title: draft.title.clone(),
        effects: vec!["Pays 7 sat to bcrt1qa.".to_owned()],
        options: draft.options.iter().map(|option| option.label.clone()).collect(),
        rules: vec!["It is voted on by yes_no_abstain.".to_owned()],
        warnings: match draft.title.as_str() {
            "Again" => vec!["Proposed now it would have no effect.".to_owned()],
            _ => Vec::new(),
        },
        deposit_sat: if draft.title == "Dear" { 500 } else { 0 },
        refusal: None,
    }
}

/// What saying something would do.
pub(crate) fn say_review() -> SayReview {
    SayReview { sentences: vec!["You hand 100.00 % of your weight on.".to_owned()], refusal: None }
}

/// My delegations, and where my weight goes on a proposal.
pub(crate) fn delegations(on_proposal: bool) -> Delegations {
    Delegations {
        votes: Vec::new(),
        mine: vec![MyDelegation {
            scope: "tag treasury".to_owned(),
            to: vec![DelegatedPart { member: id(101), name: "Ásdís".to_owned(), abstains: false, parts: 10_000 }],
            until: Some(2_000),
            position: 1_003,
        }],
        routes: if on_proposal {
            vec![WeightRoute {
                member: id(101),
                name: "Ásdís".to_owned(),
                weight: "600000".to_owned(),
                steps: 1,
                words: "votes yes there".to_owned(),
            }]
        } else {
            Vec::new()
        },
        carried: on_proposal.then(|| "600000".to_owned()),
        has_voted: false,
    }
}

/// How the sums or balances came to be.
pub(crate) fn curve(of: &CurveOf) -> Curve {
    let points = |values: &[(u32, &[u64])]| {
        values
            .iter()
            .map(|(height, values)| CurvePoint { height: *height, values: values.iter().map(u64::to_string).collect() })
            .collect()
    };
    match of {
        CurveOf::Tally { .. } => Curve {
            labels: ["yes", "no", "abstain"].map(str::to_owned).into(),
            unit: "weight".to_owned(),
            note: "Each ballot weighs what it carries now.".to_owned(),
            points: points(&[
                (1_200, &[300_000, 0, 0]),
                (1_203, &[300_000, 250_000, 0]),
                (1_209, &[1_200_000, 250_000, 0]),
            ]),
        },
        CurveOf::Channel { .. } => Curve {
            labels: ["member", "hub"].map(str::to_owned).into(),
            unit: "sat".to_owned(),
            note: "Checkpoints in the log.".to_owned(),
            points: points(&[(1_150, &[602_000, 0]), (1_180, &[601_000, 1_000]), (1_205, &[600_000, 2_000])]),
        },
    }
}

pub(crate) fn deposits() -> Vec<Deposit> {
    let deposit = |n: u8, state: &str| Deposit {
        member: id(100 + n),
        member_name: "Guðrún".to_owned(),
        thread: id(4),
        amount_sat: 5_000,
        state: state.to_owned(),
        epoch: None,
    };
    vec![deposit(3, "returned"), deposit(3, "held")]
}

/// What a member did.
pub(crate) fn history(member: &str) -> MemberHistory {
    let vote = |number: u64, title: &str, state, choice: Option<Choice>| CastBefore {
        proposal: id(number as u8),
        number,
        title: title.to_owned(),
        state,
        // One reason, and others' weight with it on what is under way.
        reason: (number == 4).then(|| "One is enough for now.".to_owned()),
        carried: choice.as_ref().map(|_| if number == 4 { "600000" } else { "450000" }.to_owned()),
        choice,
        lost: None,
        weight: "450000".to_owned(),
    };
    MemberHistory {
        member: member.to_owned(),
        name: "Guðrún".to_owned(),
        could_vote: 3,
        voted: 2,
        votes: vec![
            vote(4, "Buy two disks for the archive", ProposalState::Voting, Some(Choice::No)),
            vote(2, "Adopt the code of conduct", ProposalState::Passed, Some(Choice::Yes)),
            vote(1, "Paint the boat", ProposalState::NoQuorum, None),
        ],
        proposed: 1,
        comments: 4,
        receives: vec![HandedOn {
            member: id(105),
            name: "Unnur".to_owned(),
            scope: "everything".to_owned(),
            share_bp: 10_000,
            until: None,
        }],
    }
}

pub(crate) fn rewards() -> Vec<Reward> {
    vec![Reward { epoch: 6, reward_sat: 120, dues_sat: 1_000 }, Reward { epoch: 7, reward_sat: 80, dues_sat: 1_000 }]
}

pub(crate) fn why(proposal: &str) -> Why {
    let step = |name: &str, state: WhyState, sentence: &str, value: &str| WhyStep {
        name: name.to_owned(),
        state,
        sentence: sentence.to_owned(),
        values: vec![("hash".to_owned(), value.to_owned())],
    };
    Why {
        proposal: proposal.to_owned(),
        statement: "The ballot of member 99a4afba on proposal #3 is counted.".to_owned(),
        steps: vec![
            step("receipt", WhyState::Holds, "The hub signed for it.", &id(31)),
            step("leaf", WhyState::Holds, "This is the hash of its bytes.", &id(32)),
            step("root", WhyState::Holds, "The leaf and 11 hashes give the root of the log.", &id(33)),
            step("count", WhyState::NotYet, "The proposal is not decided yet.", &id(34)),
            step("header", WhyState::Holds, "Every root was recomputed from the log.", &id(35)),
            step("link", WhyState::Holds, "8 links: each spends the one before.", &id(208)),
            step("block", WhyState::NotYet, "4 blocks deep; 6 are needed.", &id(36)),
        ],
    }
}

/// A report as a node writes it.
pub(crate) const REPORT: &str = r##"{"name":"Þingvellir","dao":"d0","first_epoch":1,"last_epoch":7,"height":1182,"sections":[
{"title":"Participation","note":"How much of the roll took part.","figures":[
{"name":"decided votes","value":{"kind":"number","value":"2"},"evidence":{"kind":"log"}},
{"name":"mean turnout","value":{"kind":"share","value":5200},"evidence":{"kind":"log"}}],"tables":[],
"charts":[{"title":"Turnout by vote","unit":"share","bars":[["#1",1200],["#2",8000]]}]},
{"title":"Links and fees","note":"What anchoring costs.","figures":[
{"name":"links","value":{"kind":"number","value":"7"},"evidence":{"kind":"log"}}],"tables":[],
"charts":[{"title":"Fee by epoch","unit":"sat","bars":[["1",220],["2",330]]}]}]}"##;

/// A service that answers by a script and remembers what it was asked.
#[derive(Default)]
pub(crate) struct Script {
    /// Put around every text of every answer.
    pub(crate) trick: String,
    /// Why no ballot can be cast and nothing proposed, if so.
    pub(crate) refusal: Option<Refused>,
    /// Whether orders without an answer in the script are answered as if they had been done.
    pub(crate) echo: bool,
    /// Whether screens ask, rather than commands.
    pub(crate) screens: bool,
    pub(crate) answers: Mutex<VecDeque<Result<Reply, ApiError>>>,
    pub(crate) asked: Mutex<Vec<Request>>,
    /// The session of the treasury, if not the usual one.
    pub(crate) session: Option<SessionView>,
    /// What a higher fee of a link would be.
    pub(crate) bump: Option<Bump>,
    /// The proposal that is shown, if not the usual one.
    pub(crate) proposal: Option<Proposal>,
    /// The invitations in the log.
    pub(crate) invitations: Vec<InvitationView>,
    /// How far the log is read, each time that is asked; then all of it.
    pub(crate) readings: Mutex<VecDeque<Reading>>,
}

impl Service for Script {
    fn call(&self, request: Request) -> Result<Reply, ApiError> {
        if request == Request::Reading {
            // Asked before every command, which is no part of what the command asks.
            let whole = Reading { entries: 40, height: Some(1_212), hub_entries: Some(40), state: ReadState::Whole };
            return Ok(Reply::Reading(self.readings.lock().unwrap().pop_front().unwrap_or(whole)));
        }
        let reply = self.plain(request)?;
        if self.trick.is_empty() || matches!(reply, Reply::Snapshot(_)) {
            return Ok(reply);
        }
        if let Reply::Text { text } = reply {
            // A report is text with text in it.
            let json: Result<serde_json::Value, _> = serde_json::from_str(&text);
            let infected = json.map(|json| infected_report(json, &self.trick).to_string());
            return Ok(Reply::Text { text: infected.unwrap_or_else(|_| format!("{text}{}", self.trick)) });
        }
        let json = crate::hostile_text::infect_value(serde_json::to_value(&reply).unwrap(), &self.trick);
        Ok(serde_json::from_value(json).unwrap_or_else(|error| panic!("{error}: {reply:?}")))
    }
}

/// A report with the trick in its names, but not in the words that its form consists of.
fn infected_report(value: serde_json::Value, trick: &str) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(key, value)| match (key.as_str(), value) {
                    ("name" | "title" | "note", Value::String(text)) => (key, Value::String(format!("{trick}{text}"))),
                    (_, value) => (key, infected_report(value, trick)),
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(|item| infected_report(item, trick)).collect()),
        other => other,
    }
}

impl Script {
    fn plain(&self, request: Request) -> Result<Reply, ApiError> {
        self.asked.lock().unwrap().push(request.clone());
        match &request {
            Request::Snapshot { since } if *since == snapshot().revision => return Ok(Reply::Unchanged),
            Request::Snapshot { .. } => return Ok(Reply::Snapshot(Box::new(snapshot()))),
            Request::Proposal { .. } => {
                return Ok(Reply::Proposal(Box::new(self.proposal.clone().unwrap_or_else(discussion))));
            }
            Request::Invitations if self.screens || self.echo => {
                return Ok(Reply::Invitations { invitations: self.invitations.clone() });
            }
            Request::BallotReview { choice, .. } => {
                let choice = choice.clone();
                return Ok(Reply::BallotReview(Box::new(BallotReview {
                    choice,
                    refusal: self.refusal.clone(),
                    ..ballot_review()
                })));
            }
            Request::ProposalReview { draft } => {
                let refusal = self.refusal.clone();
                return Ok(Reply::ProposalReview(Box::new(ProposalReview { refusal, ..proposal_review(draft) })));
            }
            // Asked for beside what a command is about.
            Request::Status if !matches!(self.answers.lock().unwrap().front(), Some(Ok(Reply::Status(_)) | Err(_))) => {
                return Ok(Reply::Status(Box::new(snapshot().status)));
            }
            Request::SayReview { .. } => return Ok(Reply::SayReview(say_review())),
            Request::ChannelTopUp { review: true, .. } | Request::ChannelWithdraw { review: true, .. } => {
                let sentences = vec!["This is what it would do.".to_owned()];
                return Ok(Reply::SayReview(SayReview { sentences, refusal: None }));
            }
            Request::Anchoring(AnchorRequest::Bump { only_review: true, .. }) => {
                let bump = self.bump.clone().ok_or_else(|| ApiError::not_now("no link waits"))?;
                return Ok(Reply::Anchoring(AnchorReply::Bump(bump)));
            }
            Request::Treasury { about } => match (about, &self.session) {
                (TreasuryRequest::Session { .. }, Some(session)) => {
                    return Ok(Reply::Treasury { reply: TreasuryReply::Session(Box::new(session.clone())) });
                }
                (TreasuryRequest::Sessions, Some(session)) => {
                    let sessions = vec![session.clone()];
                    return Ok(Reply::Treasury { reply: TreasuryReply::Sessions { sessions } });
                }
                _ => {}
            },
            _ => {}
        }
        let written = || self.answers.lock().unwrap().pop_front();
        // Screens ask for much besides what a test writes answers for.
        let found = match (self.screens, self.echo) {
            (true, _) => beside(&request).map(Ok).or_else(written),
            (false, true) => written().or_else(|| beside(&request).or_else(|| echoed(&request)).map(Ok)),
            (false, false) => written(),
        };
        found.unwrap_or_else(|| Err(ApiError::not_now("nothing in the script")))
    }
}

/// What screens show besides the snapshot.
fn beside(request: &Request) -> Option<Reply> {
    Some(match request {
        Request::Delegations { proposal } => Reply::Delegations(Box::new(delegations(proposal.is_some()))),
        Request::Curve { of } => Reply::Curve(curve(of)),
        Request::Deposits => Reply::Deposits { deposits: deposits(), debts: Vec::new() },
        Request::Rewards => Reply::Rewards { rewards: rewards() },
        Request::Report { .. } => Reply::Text { text: REPORT.to_owned() },
        Request::Charter => Reply::Text { text: "name = \"Þing\"\nepoch_blocks = 6\n".to_owned() },
        Request::Why { proposal, .. } => Reply::Why(Box::new(why(proposal))),
        Request::MemberHistory { member } => Reply::MemberHistory(Box::new(history(member))),
        Request::Stakes => Reply::Stakes { stakes: snapshot().stakes },
        Request::WhyLink { .. } => Reply::Why(Box::new(why(""))),
        Request::Treasury { about } => return crate::treasury_data::answer(about),
        Request::Anchoring(AnchorRequest::Reserve) => {
            Reply::Anchoring(AnchorReply::Reserve(crate::treasury_data::reserve()))
        }
        Request::WalletAddress => Reply::Address { address: "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx".to_owned() },
        _ => return None,
    })
}

/// Answers as if everything had been done.
fn echoed(request: &Request) -> Option<Reply> {
    Some(match request {
        Request::Vote { choice, .. } => {
            let path = BallotPath::Promised { anchored_by_height: 1_230 };
            Reply::Ballot(ballot(4, "Buy two disks", choice.clone(), path))
        }
        Request::Comment { .. } => Reply::Comment(discussion().comments[0].clone()),
        Request::Say { .. } => {
            let sentences = vec!["You said it.".to_owned()];
            Reply::Said(Said { entry: id(7), position: Some(7), sentences })
        }
        Request::Gates(GateRequest::List) => {
            let gate = |state: &str| Gate {
                outpoint: format!("{}:2", id(90)),
                refilled: false,
                state: state.to_owned(),
                proposal: None,
            };
            Reply::Gates { gates: vec![gate("free"), gate("paid")] }
        }
        Request::Proposals => Reply::Proposals { proposals: snapshot().proposals },
        Request::Ballots => Reply::Ballots { ballots: snapshot().ballots },
        Request::Links => Reply::Links { links: snapshot().links },
        Request::Members => Reply::Members { members: snapshot().members },
        Request::Status => Reply::Status(Box::new(snapshot().status)),
        Request::Stakes => Reply::Stakes { stakes: snapshot().stakes },
        Request::WalletBalance => Reply::Balance(snapshot().status.balance),
        _ => return None,
    })
}

/// The application with a service, driven by keys as the terminal drives it, but in one thread.
pub(crate) struct AtTheKeyboard {
    pub(crate) app: App,
    pub(crate) script: Script,
    pub(crate) size: (u16, u16),
    /// The machine on which commands are run.
    pub(crate) machine: Option<std::sync::Arc<dyn althing_tui::backend::Backend>>,
    /// What was to be done without the node.
    pub(crate) errands: Vec<Command>,
    /// Where the terminal's cursor is.
    pub(crate) cursor: (u16, u16),
    /// Rows of lists that the last picture made.
    pub(crate) rows_made: usize,
}

impl AtTheKeyboard {
    /// Sees the snapshot of [`snapshot`].
    pub(crate) fn new() -> Self {
        let mut member = Self::before_the_first_snapshot();
        member.act(Action::Report(Report::Snapshot(Box::new(snapshot()))));
        member
    }

    pub(crate) fn before_the_first_snapshot() -> Self {
        Self {
            app: App::new(),
            script: Script { screens: true, ..Script::default() },
            size: (80, 24),
            machine: Some(std::sync::Arc::new(crate::stage::Stage::echoing(""))),
            errands: Vec::new(),
            cursor: (0, 0),
            rows_made: 0,
        }
    }

    pub(crate) fn seeing(snapshot: Snapshot) -> Self {
        let mut member = Self::before_the_first_snapshot();
        member.act(Action::Report(Report::Snapshot(Box::new(snapshot))));
        member
    }

    /// Puts an answer into the script.
    pub(crate) fn answer(self, answer: Result<Reply, ApiError>) -> Self {
        self.script.answers.lock().unwrap().push_back(answer);
        self
    }

    /// An action, and at once what it asks for.
    pub(crate) fn act(&mut self, action: Action) {
        let mut commands = update(&mut self.app, action);
        while let Some(command) = commands.pop() {
            match command {
                Command::Ask { purpose, request } => {
                    let result = self.script.call(request);
                    commands.extend(update(&mut self.app, Action::Report(Report::Answer { purpose, result })));
                }
                Command::Run(run) if self.machine.is_some() => {
                    let ran = self.run(&run);
                    commands.extend(update(&mut self.app, Action::Report(Report::Ran(Box::new(ran)))));
                }
                Command::Names(folder) => {
                    let report = Report::Names { names: althing_tui::files::names(&folder), folder };
                    commands.extend(update(&mut self.app, Action::Report(report)));
                }
                other => self.errands.push(other),
            }
        }
        self.draw(Theme::dark());
    }

    /// Runs a command as the worker does.
    fn run(&self, run: &althing_tui::deeds::Run) -> althing_tui::deeds::Ran {
        let global = althing_tui::cli::Global {
            data: Some("/data".into()),
            json: false,
            plain: false,
            yes: false,
            readonly: self.app.readonly,
            password_file: None,
        };
        althing_tui::cli::screens::carry_out(run, &global, self.machine.as_ref().unwrap())
    }

    /// Clicks on the first place where the picture shows that text.
    pub(crate) fn click(&mut self, text: &str) -> &mut Self {
        let buffer = self.draw(Theme::dark());
        let wanted: Vec<String> = text.chars().map(String::from).collect();
        for y in 0..buffer.area.height {
            for x in 0..buffer.area.width {
                let here = (0..wanted.len()).all(|n| {
                    let x = x + n as u16;
                    x < buffer.area.width && buffer[(x, y)].symbol() == wanted[n]
                });
                if here {
                    self.act(Action::Click { x, y });
                    return self;
                }
            }
        }
        panic!("{text} is not in\n{}", text_of(&buffer));
    }

    /// Presses keys: single characters, or names in angle brackets.
    pub(crate) fn press(&mut self, keys: &str) -> &mut Self {
        for key in parse_keys(keys) {
            if let Some(action) = key_action(&self.app, key) {
                self.act(action);
            }
        }
        self
    }

    /// Draws as the terminal would.
    pub(crate) fn draw(&mut self, theme: Theme) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).unwrap();
        let mut rendered = Rendered::default();
        terminal.draw(|frame| rendered = render(frame, &self.app, theme)).unwrap();
        (self.app.scroll_limit, self.app.hits) = (rendered.scroll_limit, rendered.hits);
        (self.rows_made, self.app.size) = (rendered.rows_made, rendered.size);
        self.cursor = terminal.backend_mut().get_cursor_position().map(|at| (at.x, at.y)).unwrap();
        terminal.backend().buffer().clone()
    }

    /// The picture as text.
    pub(crate) fn text(&mut self) -> String {
        text_of(&self.draw(Theme::dark()))
    }
}

/// The cells as lines, without blanks at their ends.
pub(crate) fn text_of(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let mut out = String::new();
    for row in buffer.content.chunks(width.max(1)) {
        let mut line = String::new();
        let mut skip = 0;
        for cell in row {
            if skip == 0 {
                line.push_str(cell.symbol());
                skip = althing_tui::text::width(cell.symbol()).max(1);
            }
            skip -= 1;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// `ab<enter>` as key presses.
pub(crate) fn parse_keys(keys: &str) -> Vec<KeyEvent> {
    let mut out = Vec::new();
    let mut rest = keys;
    while let Some(c) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|r| r.split_once('>'));
        let (code, modifiers) = match named {
            Some((name, after)) => {
                rest = after;
                named_key(name)
            }
            None => {
                rest = &rest[c.len_utf8()..];
                (KeyCode::Char(c), KeyModifiers::NONE)
            }
        };
        out.push(KeyEvent::new(code, modifiers));
    }
    out
}

fn named_key(name: &str) -> (KeyCode, KeyModifiers) {
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "f1" => KeyCode::F(1),
        "shift-tab" => return (KeyCode::BackTab, KeyModifiers::SHIFT),
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        "backspace" => KeyCode::Backspace,
        "ctrl-z" => return (KeyCode::Char('z'), KeyModifiers::CONTROL),
        "ctrl-y" => return (KeyCode::Char('y'), KeyModifiers::CONTROL),
        "ctrl-u" => return (KeyCode::Char('u'), KeyModifiers::CONTROL),
        "ctrl-s" => return (KeyCode::Char('s'), KeyModifiers::CONTROL),
        "ctrl-c" => return (KeyCode::Char('c'), KeyModifiers::CONTROL),
        other => panic!("no key is called {other}"),
    };
    (code, KeyModifiers::NONE)
}
