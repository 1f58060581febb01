//! What a form asks for, once it is filled in.

use althing_node::api::{AnchorRequest, DelegatePart, DelegateScope, ProofStatement, Request, Saying, TreasuryRequest};

use super::{Form, FormKind, MAX_COMMENT_BYTES};
use crate::app::desk::of_treasury;
use crate::app::order::{Does, Order};
use crate::format::{grouped, paid_from, sats, thousands};
use crate::parts::class;

impl Form {
    /// What it asks for.
    ///
    /// # Errors
    /// What is wrong with it, with the values.
    pub fn order(&self) -> Result<Order, String> {
        match &self.kind {
            FormKind::Comment { proposal, parent } => {
                let text = self.said("comment")?;
                let request =
                    Request::Comment { proposal: proposal.clone(), parent: parent.clone(), text: text.clone() };
                Ok(stated("Comment", request, "comment", public_text("comment", &text)).with_text(text))
            }
            FormKind::Remark { proposal } => {
                let text = self.said("remark")?;
                let saying = Saying::Update { proposal: proposal.clone(), text: text.clone() };
                Ok(said("Add a remark as the author", saying, "remark").with_text(text))
            }
            FormKind::Proposal => {
                let draft = self.draft()?;
                Ok(Order {
                    title: "Put a proposal into the log".to_owned(),
                    does: Does::Ask(Request::Propose { draft: draft.clone() }),
                    word: "propose".into(),
                    effects_from: Some(Request::ProposalReview { draft: draft.clone() }),
                    effects: vec!["A proposal is public and permanent.".to_owned()],
                    text: Some(draft.body),
                })
            }
            FormKind::Delegate => {
                let until = self.get("Until");
                let until = if until.is_empty() { None } else { Some(number(until, "a height")?) };
                let abstain = match self.get("Abstain") {
                    "" => 0,
                    parts => number(parts, "a number of parts that abstain")?,
                };
                let to = self.receivers()?;
                if to.is_empty() && abstain == 0 {
                    return Err("Say to whom.".to_owned());
                }
                let saying = Saying::Delegate { to, abstain, scope: self.scope()?, until };
                Ok(said("Hand my weight on", saying, "delegate"))
            }
            FormKind::Revoke => {
                let saying = Saying::Delegate { to: Vec::new(), abstain: 0, scope: self.scope()?, until: None };
                Ok(said("Take a delegation back", saying, "revoke"))
            }
            FormKind::StakeOpen => {
                let amount_sat: u64 = amount(self.get("Amount"))?;
                let fee_rate_sat_vb: u64 = number(self.get("Fee rate"), "a fee rate from 1 to 1000")?;
                let effects = vec![
                    format!("Locks {} in a Taproot channel with the hub. They stay yours.", sats(amount_sat)),
                    format!("Pays the funding transaction's fee at {fee_rate_sat_vb} sat/vB besides."),
                    "The amount, your vote key and your name become public to the DAO.".to_owned(),
                    "It counts as stake after its confirmations, from the next roll on.".to_owned(),
                ];
                let request = Request::StakeOpen { amount_sat, fee_rate_sat_vb };
                Ok(stated("Open a stake channel", request, "stake", effects))
            }
            FormKind::StakeClose { channel, amount_sat, lost, .. } => {
                let fee_sat: u64 = amount(self.get("Fee"))?;
                let effects = vec![
                    format!("Closes the channel {} that holds {}.", grouped(channel), sats(*amount_sat)),
                    format!("The closing transaction costs {}, out of your output.", sats(fee_sat)),
                    format!(
                        "At most {} return to your wallet, less what the channel owes.",
                        sats(amount_sat.saturating_sub(fee_sat))
                    ),
                    lost.clone(),
                ];
                let request = Request::StakeClose { channel: channel.clone(), fee_sat };
                Ok(stated("Close a stake channel", request, "close", effects))
            }
            FormKind::Pay { channel, spendable_sat, paying_sat } => {
                let amount_sat = amount(self.get("Amount"))?;
                let effects = vec![
                    format!("Gives {} of the channel {} to the hub.", sats(amount_sat), grouped(channel)),
                    "It cannot be taken back.".to_owned(),
                    paid_from(*spendable_sat, *paying_sat, amount_sat),
                    "The new balances are signed by both sides and become public to the DAO.".to_owned(),
                ];
                let request = Request::ChannelPay { channel: channel.clone(), amount_sat };
                Ok(stated("Pay out of a channel", request, "pay", effects))
            }
            FormKind::Invite => {
                let saying = Saying::Invite {
                    member: self.get("Vote key").to_owned(),
                    until: number(self.get("Until"), "a height")?,
                };
                Ok(said("Invite a member", saying, "invite"))
            }
            FormKind::Guard { proposal } => {
                let veto = self.get("Voice") == "stop it for good";
                Ok(said("Speak as a guardian", Saying::Guard { proposal: proposal.clone(), veto }, "guard"))
            }
            FormKind::Deposit { thread } => {
                let saying = Saying::HoldDeposit { thread: thread.clone(), amount_sat: amount(self.get("Amount"))? };
                Ok(said("Hold a deposit", saying, "hold"))
            }
            FormKind::SendCoins => {
                let amount_sat = match self.get("Amount") {
                    "all" => None,
                    text => Some(amount(text)?),
                };
                let fee_rate_sat_vb = match self.get("Fee rate") {
                    "" => None,
                    text => Some(number(text, "a fee rate from 1 to 1000")?),
                };
                let to = self.get("To").to_owned();
                let ask = |review| Request::WalletSend { to: to.clone(), amount_sat, fee_rate_sat_vb, review };
                Ok(spliced("Send coins of my wallet", "send", ask))
            }
            FormKind::TopUp { channel } => {
                let (amount_sat, fee_rate_sat_vb) =
                    (amount(self.get("Amount"))?, number(self.get("Fee rate"), "a fee rate from 1 to 1000")?);
                let ask =
                    |review| Request::ChannelTopUp { channel: channel.clone(), amount_sat, fee_rate_sat_vb, review };
                Ok(spliced("Add to a stake channel", "topup", ask))
            }
            FormKind::TakeOut { channel } => {
                let (amount_sat, fee_rate_sat_vb) =
                    (amount(self.get("Amount"))?, number(self.get("Fee rate"), "a fee rate from 1 to 1000")?);
                let to = Some(self.get("To").to_owned()).filter(|to| !to.is_empty());
                let ask = |review| Request::ChannelWithdraw {
                    channel: channel.clone(),
                    amount_sat,
                    to: to.clone(),
                    fee_rate_sat_vb,
                    review,
                };
                Ok(spliced("Take coins out of a stake channel", "withdraw", ask))
            }
            FormKind::LinkBump => {
                let fee_rate_sat_vb = match self.get("Fee rate") {
                    "" => None,
                    text => Some(number(text, "a fee rate")?),
                };
                let ask = |only_review| Request::Anchoring(AnchorRequest::Bump { fee_rate_sat_vb, only_review });
                Ok(Order {
                    title: "Pay more for a link".to_owned(),
                    does: Does::Ask(ask(false)),
                    word: "bump".into(),
                    effects_from: Some(ask(true)),
                    effects: Vec::new(),
                    text: None,
                })
            }
            FormKind::SessionRefuse { session } => {
                let reason = self.get("Reason");
                if reason.is_empty() {
                    return Err("Say why.".to_owned());
                }
                let about = TreasuryRequest::Refuse { session: session.clone(), reason: reason.to_owned() };
                let effects = vec![
                    format!("Notes on the session {} that you do not sign it, and why.", grouped(session)),
                    "It moves nothing, and the session stays open: you may still sign it later.".to_owned(),
                ];
                let order = stated("Refuse to sign a session", of_treasury(about), "refuse", effects);
                Ok(order.with_text(reason.to_owned()))
            }
            _ => Err("This is done at once.".to_owned()),
        }
    }

    /// The proof file that is asked for.
    pub(super) fn export(&self, proposal: &str) -> Result<Request, String> {
        let statement = match self.get("Prove") {
            "my ballot is counted" => ProofStatement::Ballot { member: None, body: None },
            _ => ProofStatement::Tally,
        };
        let short = self.get("Form").starts_with("short");
        Ok(Request::ProofExport { proposal: proposal.to_owned(), statement, path: self.file()?, short })
    }

    fn said(&self, what: &str) -> Result<String, String> {
        let text = self.text();
        match text.len() {
            0 => Err(format!("The {what} is empty.")),
            bytes if bytes > MAX_COMMENT_BYTES => {
                Err(format!("The {what} has {bytes} bytes, at most {MAX_COMMENT_BYTES} are allowed."))
            }
            _ => Ok(text),
        }
    }

    fn receivers(&self) -> Result<Vec<DelegatePart>, String> {
        let parts = self.get("To").split(',').map(str::trim).filter(|part| !part.is_empty());
        parts
            .map(|part| match part.rsplit_once('=') {
                Some((member, parts)) => Ok(DelegatePart {
                    member: member.trim().to_owned(),
                    parts: number(parts.trim(), "a number of parts")?,
                }),
                None => Ok(DelegatePart { member: part.to_owned(), parts: 1 }),
            })
            .collect()
    }

    fn scope(&self) -> Result<DelegateScope, String> {
        match (self.get("On"), self.get("Which")) {
            (on @ ("tag" | "class"), "") => Err(format!("Say on which {on}.")),
            ("tag", tag) => Ok(DelegateScope::Tag(tag.to_owned())),
            ("class", name) => class(name).map(DelegateScope::Class),
            ("everything", which) if !which.is_empty() => {
                Err(format!("{which:?} is named, but the weight goes on everything: choose tag or class."))
            }
            _ => Ok(DelegateScope::All),
        }
    }
}

impl Order {
    fn with_text(mut self, text: String) -> Self {
        self.text = Some(text);
        self
    }
}

/// An order whose effects are known here.
pub(in crate::app) fn stated(title: &str, request: Request, word: &'static str, effects: Vec<String>) -> Order {
    Order {
        title: title.to_owned(),
        does: Does::Ask(request),
        word: word.into(),
        effects_from: None,
        effects,
        text: None,
    }
}

/// A change of a channel in use: the node says first what it would do.
fn spliced(title: &str, word: &'static str, ask: impl Fn(bool) -> Request) -> Order {
    Order {
        title: title.to_owned(),
        does: Does::Ask(ask(false)),
        word: word.into(),
        effects_from: Some(ask(true)),
        effects: Vec::new(),
        text: None,
    }
}

/// Something said in the log, whose effects the node knows.
pub(in crate::app) fn said(title: &str, saying: Saying, word: &'static str) -> Order {
    Order {
        title: title.to_owned(),
        does: Does::Ask(Request::Say { saying: saying.clone() }),
        word: word.into(),
        effects_from: Some(Request::SayReview { saying }),
        effects: Vec::new(),
        text: None,
    }
}

fn public_text(what: &str, text: &str) -> Vec<String> {
    vec![
        format!("Puts a {what} of {} bytes into the log, signed with your vote key.", thousands(text.len() as u128)),
        "It is public to the DAO under your name, and permanent: it can be answered, not deleted.".to_owned(),
    ]
}

pub(super) fn amount(text: &str) -> Result<u64, String> {
    let plain: String = text.chars().filter(|c| !matches!(c, ',' | '_' | ' ')).collect();
    match plain.parse() {
        Ok(0) | Err(_) => Err(format!("{text:?} is not a number of satoshis above 0.")),
        Ok(sat) => Ok(sat),
    }
}

pub(super) fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is not {what}."))
}
