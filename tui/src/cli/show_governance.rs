//! Answers about votes of every kind, delegations, deposits and rewards, in words.

use althing_node::api::{
    Comment, Delegations, Deposit, HubDebt, Proposal, ProposalReview, Reward, Said, System, TIE_DEPTH, WeightRoute,
};

use super::show::table;
use crate::format::{sats, short_id, thousands, weight};
use crate::sums;
use crate::untrusted::Untrusted;

/// Options with their numbers, a line each, as they were written: whoever shows them makes them safe.
pub(super) fn numbered<'a>(labels: impl Iterator<Item = &'a str>) -> Vec<String> {
    let labels: Vec<&str> = labels.collect();
    let number = |index: usize, label: &str| match label {
        "none of these" if index + 1 == labels.len() => "none".to_owned(),
        _ => (index + 1).to_string(),
    };
    let lines = labels.iter().enumerate().map(|(index, label)| format!("Option {}: {label}", number(index, label)));
    lines.collect()
}

/// How a proposal is voted on, and everything around the vote.
pub(super) fn vote_facts(p: &Proposal) -> Vec<String> {
    let vote = &p.vote;
    let mut lines = Vec::new();
    if vote.hidden {
        lines.push("hidden     on this machine; unhide shows it in lists again".to_owned());
    }
    if vote.system != System::YesNoAbstain {
        lines.push(format!("system     {}", system_words(vote.system)));
    }
    if !vote.tags.is_empty() {
        lines.push(format!("tags       {}", Untrusted::new(&vote.tags.join(", "))));
    }
    if vote.versions.len() > 1 {
        let versions: Vec<String> = vote.versions.iter().map(|id| short_id(id)).collect();
        lines.push(format!("versions   {}", versions.join(", ")));
    }
    if let Some(request) = &vote.request {
        lines.push(format!("answers    request {}", short_id(request)));
    }
    if let Some(found) = &vote.submissions {
        let heads = ["answers    "].into_iter().chain(std::iter::repeat("         "));
        lines.extend(heads.zip(crate::words::submissions(found)).map(|(head, line)| format!("{head}{line}")));
    }
    if let (Some(end), Some(heights)) = (vote.ends_at, p.heights)
        && end != heights.close_height
    {
        lines.push(format!("ends       at height {}", thousands(u128::from(end))));
    }
    if let (Some(authorised), Some(expires)) = (vote.authorised_at, vote.expires_at) {
        let (authorised, expires) = (thousands(u128::from(authorised)), thousands(u128::from(expires)));
        lines.push(match p.class.as_str() {
            "text" => format!("effect     from height {authorised}"),
            _ => format!("effect     from height {authorised}; what is not executed expires at {expires}"),
        });
    }
    if !vote.charter.is_empty() {
        lines.push(format!("rules      of charter {}", short_id(&vote.charter)));
    }
    if vote.deposit_sat > 0 {
        lines.push(format!("deposit    {} held by its author", sats(vote.deposit_sat)));
    }
    if !vote.options.is_empty() {
        lines.push("options:".to_owned());
        let count = vote.options.len();
        let rows = vote.options.iter().enumerate().map(|(index, option)| {
            let number = if index + 1 == count { "none".to_owned() } else { (index + 1).to_string() };
            let won = if option.won { "✓ won" } else { "" };
            vec![format!("  {number}"), Untrusted::new(&option.label).line(), sums::figure(p, index), won.to_owned()]
        });
        lines.extend(table(rows.collect()));
        lines.extend(sums::workings(p).into_iter().map(|line| format!("  {line}")));
        if let Some(end) = vote.ends_at.or(p.heights.map(|heights| heights.close_height)) {
            let block = thousands(u128::from(end.saturating_add(TIE_DEPTH)));
            lines.push(format!("ties       are broken by the hash of the block of height {block} (V-30)"));
        }
    }
    for sentence in vote.decision.iter().chain(&vote.payments).chain(&vote.guardians) {
        lines.push(super::show::sentence(sentence));
    }
    lines
}

/// A voting system in words.
pub(super) fn system_words(system: System) -> String {
    match system {
        System::Score { max } => format!("score, grades from 0 to {max}"),
        System::Quadratic { credits } => format!("quadratic, {} credits", thousands(u128::from(credits))),
        other => other.name().replace('_', " "),
    }
}

/// A comment with its author and what others think of it.
pub(super) fn comment(comment: &Comment) -> Vec<String> {
    let what = if comment.is_update { "added as the author" } else { "wrote" };
    let mut head = format!("{} {what} ({})", Untrusted::new(&comment.author_name), short_id(&comment.id));
    if let Some(parent) = &comment.parent {
        head.push_str(&format!(", an answer to {}", short_id(parent)));
    }
    if comment.up + comment.down > 0 {
        head.push_str(&format!(", {} for, {} against", comment.up, comment.down));
    }
    let mut lines = vec![format!("{head}:")];
    match comment.hidden {
        true => lines.push("  (hidden on this machine)".to_owned()),
        false => lines.extend(Untrusted::new(&comment.text).lines().into_iter().map(|line| format!("  {line}"))),
    }
    lines
}

/// What proposing something would do.
pub(super) fn proposal_review(review: &ProposalReview) -> Vec<String> {
    let mut lines = vec![
        format!("{} proposal: {}", Untrusted::new(&review.class), Untrusted::new(&review.title)),
        format!("id       {}", Untrusted::new(&review.id)),
        format!("thread   {}", Untrusted::new(&review.thread)),
    ];
    let options = numbered(review.options.iter().map(String::as_str));
    lines.extend(options.iter().map(|option| Untrusted::new(option).line()));
    lines.extend(review.effects.iter().map(|effect| format!("  - {}", Untrusted::new(effect))));
    lines.extend(review.rules.iter().map(|rule| Untrusted::new(rule).line()));
    lines.extend(review.warnings.iter().map(|warning| format!("! think again: {}", Untrusted::new(warning))));
    if asks_deposit(review) {
        lines.push(format!(
            "It needs a deposit: althing deposit hold {} {}",
            Untrusted::new(&review.thread),
            review.deposit_sat
        ));
    }
    match &review.refusal {
        Some(refusal) => lines.push(format!("✗ it cannot be proposed now: {}", Untrusted::new(&refusal.message))),
        None => lines.push("✓ it can be proposed; nothing was sent".to_owned()),
    }
    lines
}

/// Whether a deposit is what comes next: what is refused for another reason is not to be paid for (N-131).
pub(crate) fn asks_deposit(review: &ProposalReview) -> bool {
    review.deposit_sat > 0 && review.refusal.as_ref().is_none_or(|refusal| refusal.rule == "G-96")
}

/// Something that was said.
pub(super) fn said(said: &Said) -> Vec<String> {
    let mut lines: Vec<String> = said.sentences.iter().map(super::show::sentence).collect();
    let place = said.position.map_or_else(String::new, |position| format!(" at {}", thousands(u128::from(position))));
    lines.push(format!("Entry {} is in the log{place}.", Untrusted::new(&said.entry)));
    lines
}

/// Where my weight goes.
pub(super) fn delegations(found: &Delegations) -> Vec<String> {
    let mut lines = Vec::new();
    if found.mine.is_empty() {
        lines.push(
            "You delegate nothing; `althing delegate MEMBER` hands your weight on where you do not vote.".to_owned(),
        );
    }
    for delegation in &found.mine {
        let to: Vec<String> = delegation
            .to
            .iter()
            .map(|part| {
                let share = format!("{}.{:02} %", part.parts / 100, part.parts % 100);
                match part.abstains {
                    true => format!("{share} abstains"),
                    false => format!("{share} to {} ({})", Untrusted::new(&part.name), short_id(&part.member)),
                }
            })
            .collect();
        let until = delegation.until.map_or_else(String::new, |height| {
            format!(", for votes that close below {}", thousands(u128::from(height)))
        });
        lines.push(format!("on {}: {}{until}", Untrusted::new(&delegation.scope), to.join(", ")));
    }
    if let Some(carried) = &found.carried {
        lines.push(casts(found.has_voted, carried));
    }
    lines.extend(found.routes.iter().map(route));
    for vote in &found.votes {
        let title = Untrusted::new(&vote.title).line();
        lines.push(format!("On #{} {title}: {}", vote.number, casts(vote.has_voted, &vote.carried)));
        lines.extend(vote.routes.iter().map(|one| format!("  {}", route(one))));
    }
    lines
}

/// What an own ballot is or would be counted with. Who has not voted casts nothing by it: their weight goes where the routes say.
fn casts(has_voted: bool, carried: &str) -> String {
    let carried = weight(carried);
    match has_voted {
        true => format!("your ballot is counted with {carried}: your own weight and what others hand on to you."),
        false => format!("you have not voted; a ballot of yours would be counted with {carried}."),
    }
}

fn route(route: &WeightRoute) -> String {
    if route.steps == 0 {
        return format!("{} of your own {}", weight(&route.weight), Untrusted::new(&route.words));
    }
    format!(
        "{} goes to {} ({}), {} steps away: it {}",
        weight(&route.weight),
        Untrusted::new(&route.name),
        short_id(&route.member),
        route.steps,
        Untrusted::new(&route.words)
    )
}

/// Deposits, and what became of those that were forfeited.
pub(super) fn deposits(deposits: &[Deposit], debts: &[HubDebt]) -> Vec<String> {
    let row = |deposit: &Deposit| {
        vec![
            Untrusted::new(&deposit.member_name).line(),
            sats(deposit.amount_sat),
            format!("for {}", short_id(&deposit.thread)),
            Untrusted::new(&deposit.state).line(),
            deposit.epoch.map_or_else(String::new, |epoch| format!("epoch {epoch}")),
        ]
    };
    let mut lines = match deposits.is_empty() {
        true => {
            vec!["No deposits; where a proposal needs one, `althing propose … --check` says how to hold it.".to_owned()]
        }
        false => table(deposits.iter().map(row).collect()),
    };
    lines.extend(debts.iter().map(crate::format::debt));
    lines
}

/// Rewards and dues.
pub(super) fn rewards(rewards: &[Reward]) -> Vec<String> {
    let row = |reward: &Reward| {
        vec![format!("epoch {}", reward.epoch), sats(reward.reward_sat), format!("dues {}", sats(reward.dues_sat))]
    };
    match rewards.is_empty() {
        true => vec!["No rewards and no dues yet; `althing charter show` says whether there are any, and they come as epochs close.".to_owned()],
        false => table(rewards.iter().map(row).collect()),
    }
}
