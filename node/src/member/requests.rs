//! What a member can order: stake, propose, comment, vote, close.

use std::time::Duration;

use althing_channels::{
    Channel, ChannelParams, DaoId, HUB_CSV_BLOCKS, MEMBER_CSV_BLOCKS, Msg, NetworkId, OpeningId, Phase,
};
use althing_governance::entry::{Ballot, Comment};
use anyhow::Result;
use bitcoin::secp256k1::PublicKey;

use super::Member;
use super::lane::{Body, Op};
use crate::api::{
    AnchorReply, AnchorRequest, ApiError, Choice, ErrorKind, GateRequest, Reply, Request, Role, SuccessionRequest,
    TreasuryReply, TreasuryRequest,
};
use crate::engine::Answer;
use crate::keys::entropy;
use crate::outlay::expect_fee_rate;
use crate::peers::PeerAddress;
use crate::shell::Shell;
use crate::stakes::{MigrationOrder, StakeChannel, StakeNews, Subject, channel_keys, subject};
use crate::view::{self, Condition, find_comment, find_proposal};

impl Member {
    pub(super) fn on_request(&mut self, request: Request, answer: Answer) {
        let done = self.note_how_far();
        self.shell.settle_trouble("log end", done);
        if signs(&request)
            && let Err(refusal) = self.life.permit()
        {
            return drop(answer.try_send(Err(refusal)));
        }
        if let Some(light) = self
            .shell
            .light_status()
            .filter(|light| light.reads_anew && (signs(&request) || matches!(request, Request::Equivocation { .. })))
        {
            let message = light.words(Some(self.connected));
            return drop(answer.try_send(Err(ApiError { rule: Some("N-221".into()), ..ApiError::not_now(message) })));
        }
        let refusal = match request {
            Request::BackupWrite { path } => {
                let written = self.shell.write_backup(&path).map(|info| Some(Reply::Backup(Box::new(info))));
                written.map_err(ApiError::from)
            }
            Request::BackupInspect { sealed } => {
                self.judge_backup(&sealed).map(|(_, info)| Some(Reply::Backup(Box::new(info))))
            }
            Request::Restore { sealed } => self.restore(sealed, &answer),
            Request::Stop => {
                self.stopping = true;
                self.shell.stop();
                Ok(Some(Reply::Done))
            }
            Request::Wait { until, timeout_secs } => match Condition::parse(&until) {
                Ok(condition) => {
                    self.waiters.add(condition, Duration::from_secs(timeout_secs), answer);
                    return;
                }
                Err(error) => Err(error),
            },
            Request::StakeOpen { amount_sat, fee_rate_sat_vb } => {
                self.stake_open(amount_sat, fee_rate_sat_vb, &answer).map(|()| None)
            }
            Request::StakeClose { channel, fee_sat } => self.stake_close(&channel, fee_sat, &answer).map(|()| None),
            Request::StakeForceClose { channel, newest } => {
                let close = |shell: &mut Shell, number| {
                    if newest {
                        shell.answer_for_newest(number)?;
                    }
                    shell.close_alone(number)
                };
                self.act_on_stake(&channel, close).map(Some)
            }
            Request::ChannelPay { channel, amount_sat } => {
                self.act_on_stake(&channel, |shell, number| shell.pay_in_channel(number, amount_sat)).map(Some)
            }
            Request::ChannelVoucher { channel, amount_sat } => {
                self.act_on_stake(&channel, |shell, number| shell.promise_in_channel(number, amount_sat)).map(Some)
            }
            Request::ChannelTopUp { channel, amount_sat, fee_rate_sat_vb, review } => {
                self.top_up(&channel, (amount_sat, fee_rate_sat_vb), review, &answer)
            }
            Request::ChannelWithdraw { channel, amount_sat, to, fee_rate_sat_vb, review } => {
                self.take_out(&channel, (amount_sat, fee_rate_sat_vb), to.as_deref(), review, &answer)
            }
            Request::ChannelBump { channel, fee_rate_sat_vb, review } => {
                self.bump_splice(&channel, fee_rate_sat_vb, review, &answer)
            }
            Request::ChannelMigrate { channel, to, fee_rate_sat_vb, alone, newest, review } => to
                .parse::<PeerAddress>()
                .map_err(|error| ApiError::invalid("N-2", format!("{error:#}")))
                .and_then(|to| {
                    let order = MigrationOrder { to, fee_rate_sat_vb, alone, newest };
                    self.migrate(&channel, &order, review, &answer)
                }),
            Request::ChannelMigrateCancel { channel } => self.cancel_migration(&channel),
            Request::Propose { draft } => view::draft_content(&self.shell, draft)
                .map(|content| self.enqueue(Body::Lane(Box::new(content)), Vec::new(), &answer)),
            Request::Comment { proposal, parent, text } => self
                .comment(&proposal, parent, text)
                .map(|comment| self.enqueue(Body::Lane(Box::new(comment)), Vec::new(), &answer)),
            Request::Vote { proposal, choice, reason } => self
                .ballot(&proposal, &choice, reason)
                .map(|ballot| self.enqueue(Body::Lane(Box::new(ballot)), Vec::new(), &answer)),
            Request::Say { saying } => {
                self.speech(saying).map(|(speech, sentences)| self.enqueue(Body::Lane(speech), sentences, &answer))
            }
            Request::RotateKey => {
                self.rotation().map(|(entry, sentences)| self.enqueue(Body::Whole(Box::new(entry)), sentences, &answer))
            }
            Request::Equivocation { entries } => self
                .equivocation(&entries)
                .map(|(entry, sentences)| self.enqueue(Body::Whole(Box::new(entry)), sentences, &answer)),
            Request::Recourse(request) => self.recourse(request, &answer),
            Request::Gates(GateRequest::Refill { .. }) => Err(ApiError::invalid(
                "G-108",
                "G-108: the hub notes gates in the log; its operator gives this command there",
            )),
            Request::Anchoring(AnchorRequest::Bump { fee_rate_sat_vb, only_review }) => {
                self.bump(fee_rate_sat_vb, only_review).map(|bump| Some(Reply::Anchoring(AnchorReply::Bump(bump))))
            }
            Request::Treasury { about: TreasuryRequest::PayForPayout { session, fee_rate_sat_vb, only_review } } => {
                self.pay_for_payout(&session, fee_rate_sat_vb, only_review)
                    .map(|child| Some(Reply::Treasury { reply: TreasuryReply::PayoutChild(child) }))
            }
            Request::Anchoring(AnchorRequest::Operators) => self
                .operator_view()
                .map(|view| Some(Reply::Anchoring(AnchorReply::Operators(view))))
                .map_err(ApiError::from),
            Request::Anchoring(AnchorRequest::Succession(SuccessionRequest::Follow {
                certificate,
                address,
                only_review,
            })) => self.follow_succession(&certificate, &address, only_review).map(Some),
            Request::ProposalReview { draft } => self.review_proposal(draft).map(Some),
            Request::SayReview { saying } => self.review_saying(saying).map(Some),
            other => view::answer(&mut self.shell, Role::Member, Some(self.me), self.connected, &other)
                .unwrap_or_else(|| Err(ApiError::ours("a question that has no answer")))
                .map(Some),
        };
        match refusal {
            Ok(None) => {}
            Ok(Some(reply)) => drop(answer.try_send(Ok(reply))),
            Err(error) => drop(answer.try_send(Err(error))),
        }
    }

    pub(super) fn on_stake_message(&mut self, peer: PublicKey, message: &Msg) -> Result<()> {
        let known = match subject(message) {
            Some(Subject::Channel(id)) => self.shell.stakes.by_id(id),
            Some(Subject::Opening(opening)) => self.shell.stakes.by_opening(&peer, opening),
            None => return Ok(()),
        };
        let Some(number) = known.filter(|channel| channel.peer == peer).map(|channel| channel.number) else {
            tracing::warn!(about = ?subject(message), "a message for a channel that is not known here");
            return Ok(());
        };
        let news = self.shell.on_channel_message(number, message)?;
        self.on_stake_news(news);
        let news = self.shell.update_channel_from_chain(number)?;
        self.on_stake_news(news);
        self.answer_funded(number);
        Ok(())
    }

    pub(super) fn on_stake_news(&mut self, news: Vec<StakeNews>) {
        for news in news {
            tracing::info!(?news, "stake channel");
            self.shell.revision += 1;
            match news {
                StakeNews::Ready(number) => {
                    if let Err(error) = self.shell.send_backup(self.peer_of(number)) {
                        self.shell.trouble("backup", &error);
                    }
                    if let Err(error) = self.queue_missing_binds() {
                        self.shell.trouble("node", &error);
                    }
                }
                StakeNews::Failed(number, why) | StakeNews::Reported(number, why) => {
                    let waiting = self.opening.remove(&number).or_else(|| self.closing.remove(&number));
                    match waiting {
                        Some(answer) => {
                            let rule = why.split(':').next().map(str::to_owned);
                            let error = ApiError { kind: ErrorKind::NotNow, rule, message: why };
                            let _ = answer.try_send(Err(error));
                        }
                        None => {
                            self.shell.alarms.insert("stake", why);
                        }
                    }
                }
                StakeNews::Checkpointed(number, _) => {
                    if let Err(error) = self.shell.send_backup(self.peer_of(number)) {
                        self.shell.trouble("backup", &error);
                    }
                }
                // The alarm says it; closing alone is the member's choice, since it costs and ends the stake.
                StakeNews::PeerBehind(_) | StakeNews::Shown(..) => {}
                StakeNews::Closing(number, _) | StakeNews::Spliced(number, _) | StakeNews::Closed(number) => {
                    if let Some(answer) = self.closing.remove(&number) {
                        self.answer_stake(number, &answer);
                    }
                }
            }
        }
    }

    /// The hub of a channel.
    fn peer_of(&self, number: u32) -> PublicKey {
        self.shell.stakes.channel(number).map_or(self.hub, |channel| channel.peer)
    }

    fn stake_open(&mut self, amount_sat: u64, fee_rate_sat_vb: u64, answer: &Answer) -> Result<(), ApiError> {
        expect_fee_rate(fee_rate_sat_vb)?;
        let params = &self.shell.dao.params;
        let min_stake_sat = self.shell.ledger.state().charter().admission.min_stake_sat();
        if amount_sat < min_stake_sat {
            let message = format!("a stake of {amount_sat} sat is below the charter's minimum of {min_stake_sat} sat");
            return Err(ApiError::invalid("G-32", message));
        }
        self.shell.expect_room_in_backup()?;
        let confirmed = self.shell.wallet.balance().confirmed_sat;
        if confirmed < amount_sat {
            let message = format!(
                "a stake of {amount_sat} sat needs that much confirmed in the on-chain wallet, which has {confirmed} sat"
            );
            return Err(ApiError { kind: ErrorKind::NotNow, rule: Some("W-1".into()), message });
        }
        self.shell.expect_reserve(amount_sat, 1)?;
        if !self.connected {
            return Err(ApiError::not_now(format!("the hub {} is not reachable", self.shell.dao.hub)));
        }
        // Asked now, not remembered: without a Bitcoin source a signed funding transaction would go nowhere.
        if let Err(error) = self.shell.bitcoind.height() {
            return Err(ApiError { kind: ErrorKind::NotNow, rule: Some("B-1".into()), message: error.to_string() });
        }
        let terms = ChannelParams {
            network: NetworkId(params.network.0),
            dao: DaoId(params.dao_id.0),
            member_sat: amount_sat,
            hub_sat: 0,
            member_csv_blocks: MEMBER_CSV_BLOCKS,
            hub_csv_blocks: HUB_CSV_BLOCKS,
        };
        if self.shell.stakes.iter().next().is_none() && self.shell.store.log_size()? < self.hub_size {
            // The log tells which channel seeds these words have used before (C-3).
            return Err(ApiError::not_now("this node has not read the whole log yet; try again in a moment"));
        }
        let number = self.shell.fresh_number()?;
        let keys = channel_keys(&self.shell.keys, number);
        let (machine, effects) = Channel::member_open(keys, OpeningId(entropy()?), terms)
            .map_err(|violation| ApiError::invalid(violation.rule(), violation.to_string()))?;
        let channel = StakeChannel::new(number, self.hub, self.me, machine);
        self.shell.stakes.insert(StakeChannel { fee_rate_sat_vb, ..channel });
        self.opening.insert(number, answer.clone());
        let news = self.shell.carry_out(number, effects)?;
        self.on_stake_news(news);
        Ok(())
    }

    fn stake_close(&mut self, id: &str, fee_sat: u64, answer: &Answer) -> Result<(), ApiError> {
        let channel = self.shell.stakes.named(id)?;
        let number = channel.number;
        if !matches!(channel.machine.phase(), Phase::Ready | Phase::Closing) {
            let state = view::stake(&self.shell, channel).state;
            return Err(ApiError::not_now(format!(
                "C-30: stake channel {id} is {state}; only one in use can be closed"
            )));
        }
        if !self.connected {
            return Err(ApiError::not_now(format!("the hub {} is not reachable", self.shell.dao.hub)));
        }
        let news = self.shell.close_together(number, fee_sat)?;
        self.closing.insert(number, answer.clone());
        self.on_stake_news(news);
        Ok(())
    }

    fn act_on_stake(
        &mut self,
        id: &str,
        act: impl FnOnce(&mut Shell, u32) -> Result<Vec<StakeNews>, ApiError>,
    ) -> Result<Reply, ApiError> {
        let number = self.shell.stakes.named(id)?.number;
        let news = act(&mut self.shell, number)?;
        self.on_stake_news(news);
        let channel = self.shell.stakes.named(id)?;
        Ok(Reply::Stake(view::stake(&self.shell, channel)))
    }

    /// The caller who opened a channel is answered when its funding is broadcast.
    fn answer_funded(&mut self, number: u32) {
        let funded = self
            .shell
            .stakes
            .channel(number)
            .is_some_and(|channel| matches!(channel.machine.phase(), Phase::AwaitConfirmation | Phase::Ready));
        if funded && let Some(answer) = self.opening.remove(&number) {
            self.answer_stake(number, &answer);
        }
    }

    pub(super) fn answer_stake(&self, number: u32, answer: &Answer) {
        if let Some(channel) = self.shell.stakes.channel(number) {
            let _ = answer.try_send(Ok(Reply::Stake(view::stake(&self.shell, channel))));
        }
    }

    pub(super) fn enqueue(&mut self, body: Body, sentences: Vec<String>, answer: &Answer) -> Option<Reply> {
        self.queue.push_back(Op { body, answer: Some(answer.clone()), sentences });
        None
    }

    fn ballot(&self, proposal: &str, choice: &Choice, reason: Option<String>) -> Result<Ballot, ApiError> {
        let id = find_proposal(&self.shell, proposal)?;
        let record = &self.shell.ledger.state().proposals()[&id];
        let fields = view::ballot_fields(&record.content, choice)?;
        match view::counts_nowhere(&self.shell, record, &self.me) {
            Some(refusal) => Err(refusal),
            None => Ok(Ballot { proposal: id, fields, reason }),
        }
    }

    fn comment(&self, proposal: &str, parent: Option<String>, text: String) -> Result<Comment, ApiError> {
        let parent = parent.map(|id| find_comment(&self.shell, &id)).transpose()?;
        Ok(Comment { proposal: find_proposal(&self.shell, proposal)?, parent, text })
    }
}

/// Whether the order makes this node sign something with the member's keys.
fn signs(request: &Request) -> bool {
    matches!(
        request,
        Request::StakeOpen { .. }
            | Request::StakeClose { .. }
            | Request::StakeForceClose { .. }
            | Request::ChannelPay { .. }
            | Request::ChannelVoucher { .. }
            | Request::ChannelBump { .. }
            | Request::ChannelMigrate { .. }
            | Request::Propose { .. }
            | Request::Comment { .. }
            | Request::Vote { .. }
            | Request::Say { .. }
            | Request::RotateKey
            | Request::Recourse(_)
    )
}
