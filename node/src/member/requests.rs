//! What a member can order: stake, propose, comment, vote, close.

use std::time::Duration;

use althing_channels::{
    Channel, ChannelParams, DaoId, HUB_CSV_BLOCKS, MEMBER_CSV_BLOCKS, Msg, NetworkId, OpeningId, Phase,
};
use althing_governance::charter::{Admission, Class};
use althing_governance::entry::{Ballot, Comment, Effect, ProposalContent, Spend, SpendOutput};
use althing_governance::id::EntryId;
use anyhow::Result;
use bitcoin::Address;
use bitcoin::address::NetworkUnchecked;

use super::Member;
use super::lane::{Body, Op};
use crate::api::{ApiError, DraftEffect, DraftOutput, ErrorKind, ProposalDraft, Reply, Request, Role};
use crate::engine::Answer;
use crate::keys::entropy;
use crate::shell::Shell;
use crate::stakes::{StakeChannel, StakeNews, Subject, channel_keys, subject};
use crate::view::{self, Condition, find_proposal, parse_choice};

impl Member {
    pub(super) fn on_request(&mut self, request: Request, answer: Answer) {
        let refusal = match request {
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
            Request::StakeForceClose { channel } => self.act_on_stake(&channel, Shell::close_alone).map(Some),
            Request::ChannelPay { channel, amount_sat } => {
                self.act_on_stake(&channel, |shell, number| shell.pay_in_channel(number, amount_sat)).map(Some)
            }
            Request::Propose { draft } => self.proposal(draft).map(|content| {
                self.queue.push_back(Op { body: Body::Proposal(Box::new(content)), answer: Some(answer.clone()) });
                None
            }),
            Request::Comment { proposal, parent, text } => self.comment(&proposal, parent, text).map(|comment| {
                self.queue.push_back(Op { body: Body::Comment(comment), answer: Some(answer.clone()) });
                None
            }),
            Request::Vote { proposal, choice, reason } => find_proposal(&self.shell, &proposal).map(|id| {
                let ballot = Ballot::new(id, parse_choice(choice), reason);
                self.queue.push_back(Op { body: Body::Ballot(ballot), answer: Some(answer.clone()) });
                None
            }),
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

    pub(super) fn on_stake_message(&mut self, message: &Msg) -> Result<()> {
        let known = match subject(message) {
            Some(Subject::Channel(id)) => self.shell.stakes.by_id(id),
            Some(Subject::Opening(opening)) => self.shell.stakes.by_opening(&self.hub, opening),
            None => return Ok(()),
        };
        let Some(number) = known.map(|channel| channel.number) else {
            tracing::warn!(?message, "a message for a channel that is not known here");
            return Ok(());
        };
        let news = self.shell.on_channel_message(number, message)?;
        self.on_stake_news(news);
        let news = self.shell.update_channels_from_chain()?;
        self.on_stake_news(news);
        self.answer_funded(number);
        Ok(())
    }

    pub(super) fn on_stake_news(&mut self, news: Vec<StakeNews>) {
        for news in news {
            tracing::info!(?news, "stake channel");
            self.shell.revision += 1;
            match news {
                StakeNews::Ready(_) => {
                    if let Err(error) = self.shell.send_backup(self.hub) {
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
                StakeNews::Checkpointed(..) => {
                    if let Err(error) = self.shell.send_backup(self.hub) {
                        self.shell.trouble("backup", &error);
                    }
                }
                StakeNews::Closing(number, _) | StakeNews::Closed(number) => {
                    if let Some(answer) = self.closing.remove(&number) {
                        self.answer_stake(number, &answer);
                    }
                }
            }
        }
    }

    fn stake_open(&mut self, amount_sat: u64, fee_rate_sat_vb: u64, answer: &Answer) -> Result<(), ApiError> {
        if !(1..=1000).contains(&fee_rate_sat_vb) {
            return Err(ApiError::invalid(
                "N-60",
                format!("a fee rate of {fee_rate_sat_vb} sat/vB is outside 1..=1000"),
            ));
        }
        let params = &self.shell.dao.params;
        #[allow(irrefutable_let_patterns)] // admission rules are added with time
        if let Admission::Open { min_stake_sat } = &params.charter.admission
            && amount_sat < *min_stake_sat
        {
            let message = format!("a stake of {amount_sat} sat is below the charter's minimum of {min_stake_sat} sat");
            return Err(ApiError::invalid("G-32", message));
        }
        let confirmed = self.shell.wallet.balance().confirmed_sat;
        if confirmed < amount_sat {
            let message = format!(
                "a stake of {amount_sat} sat needs that much confirmed in the on-chain wallet, which has {confirmed} sat"
            );
            return Err(ApiError { kind: ErrorKind::NotNow, rule: Some("W-1".into()), message });
        }
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
        let number = self.shell.stakes.next_number();
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

    fn answer_stake(&self, number: u32, answer: &Answer) {
        if let Some(channel) = self.shell.stakes.channel(number) {
            let _ = answer.try_send(Ok(Reply::Stake(view::stake(&self.shell, channel))));
        }
    }

    fn proposal(&self, draft: ProposalDraft) -> Result<ProposalContent, ApiError> {
        let (class, effect) = match draft.effect {
            DraftEffect::Text => (Class::Text, Effect::None),
            DraftEffect::Spend { outputs, fee_cap_sat } => {
                let outputs = outputs.iter().map(|output| self.spend_output(output)).collect::<Result<_, _>>()?;
                let mut spend = Spend { outputs, fee_cap_sat, expiry_blocks: 1 };
                // The charter's own limit for that amount; a shorter one could be asked for, a longer one would not count.
                let rule = self.shell.dao.params.charter.rule_for(Class::Spend, spend.amount_sat().unwrap_or(u64::MAX));
                spend.expiry_blocks = rule.map_or(1, |(_, rule)| rule.expiry_blocks);
                (Class::Spend, Effect::Spend(spend))
            }
        };
        let content = ProposalContent { class, title: draft.title, body: draft.body, effect };
        content.check().map_err(|error| ApiError::invalid("G-25", error.to_string()))?;
        Ok(content)
    }

    fn spend_output(&self, output: &DraftOutput) -> Result<SpendOutput, ApiError> {
        let network = self.shell.dao.network();
        let text = &output.address;
        let address: Address<NetworkUnchecked> = text
            .parse()
            .map_err(|error| ApiError::invalid("G-26", format!("{text:?} is not a Bitcoin address: {error}")))?;
        let address = address.require_network(network).map_err(|_| {
            ApiError::invalid("G-26", format!("address {text} is not one of {network}, this DAO's network"))
        })?;
        Ok(SpendOutput { script: address.script_pubkey(), sat: output.amount_sat })
    }

    fn comment(&self, proposal: &str, parent: Option<String>, text: String) -> Result<Comment, ApiError> {
        let parent = parent
            .map(|id| id.parse::<EntryId>().map_err(|error| ApiError::invalid("N-52", error.to_string())))
            .transpose()?;
        Ok(Comment { proposal: find_proposal(&self.shell, proposal)?, parent, text })
    }
}
