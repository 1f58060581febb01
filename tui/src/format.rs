//! Numbers, ids and times as people read them. Everything here starts from parsed values, never from prose.

use althing_node::api::{ChannelDetail, HubDebt};

/// `1234567` as `1,234,567`.
#[must_use]
pub fn thousands(value: u128) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// An amount: `1,234,567 sat`.
#[must_use]
pub fn sats(amount_sat: u64) -> String {
    format!("{} sat", thousands(u128::from(amount_sat)))
}

/// What a close alone costs the wallet: `900 to 9,000 sat for 450 vB at the fees of now, rising to at most 50,000 sat while it waits`.
#[must_use]
pub fn cost_alone(detail: &ChannelDetail) -> String {
    let now = cost_alone_now(detail);
    match detail.close_alone_most_sat {
        Some(most) => format!("{now}, rising to at most {} while it waits", sats(most)),
        None => now,
    }
}

fn cost_alone_now(detail: &ChannelDetail) -> String {
    let size = thousands(u128::from(detail.close_alone_vb));
    match detail.close_alone_sat {
        Some((least, most)) if least < most => {
            format!("{} to {} for {size} vB at the fees of now", thousands(least.into()), sats(most))
        }
        Some((_, most)) => format!("{} for {size} vB at the fees of now", sats(most)),
        None => format!("the fee of {size} vB"),
    }
}

/// What a payment leaves to pay from, or that it will be refused (C-107).
#[must_use]
pub fn paid_from(spendable_sat: u64, paying_sat: u64, amount_sat: u64) -> String {
    let could = sats(spendable_sat);
    let beside = match paying_sat {
        0 => "Beside what is held and the reserve".to_owned(),
        sat => format!("Beside what is held, the reserve, and {} that are being paid already", sats(sat)),
    };
    match spendable_sat.checked_sub(amount_sat) {
        Some(left) => format!(
            "{beside} {could} can be paid, {} afterwards. The stake is what is left in the channel, from the next roll on.",
            sats(left)
        ),
        None => format!("{beside} only {could} can be paid: this will be refused (C-107)."),
    }
}

/// What a hub owes the treasury, in a sentence.
#[must_use]
pub fn debt(debt: &HubDebt) -> String {
    let who = match debt.office {
        0 => "The founding hub".to_owned(),
        office => format!("The hub put in by succession {office}"),
    };
    let (collected, paid) = (sats(debt.collected_sat), sats(debt.paid_sat));
    let rest = match (debt.owed_sat, debt.due_height) {
        (0, _) => "owes nothing".to_owned(),
        (owed, None) => format!("owes {}, too little to be due", sats(owed)),
        (owed, Some(due)) if debt.is_overdue => format!("OWES {} since height {}", sats(owed), thousands(due.into())),
        (owed, Some(due)) => format!("owes {}, due by height {}", sats(owed), thousands(due.into())),
    };
    format!("{who} {rest}: of {collected} that it collected of forfeited deposits, {paid} went to the treasury.")
}

/// An amount in bitcoin, all eight places: `0.01234567 BTC`.
#[must_use]
pub fn bitcoin(amount_sat: u64) -> String {
    format!("{}.{:08} BTC", amount_sat / 100_000_000, amount_sat % 100_000_000)
}

/// A weight as the node gives it, a decimal integer; `None` if it is not one.
#[must_use]
pub fn parse_weight(weight: &str) -> Option<u128> {
    // `u128::from_str` also takes a sign; a weight has none.
    if weight.is_empty() || !weight.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    weight.parse().ok()
}

/// A weight with separators, or a question mark for what is not a weight.
#[must_use]
pub fn weight(weight: &str) -> String {
    parse_weight(weight).map_or_else(|| "?".to_owned(), thousands)
}

/// `part` of `whole` in tenths of a percent, rounded down; 0 when the whole is 0.
#[must_use]
pub fn per_mille(part: u128, whole: u128) -> u128 {
    scale(part, whole, 1000)
}

/// `part / whole` as `47.5 %`, rounded down.
#[must_use]
pub fn percent(part: u128, whole: u128) -> String {
    let tenths = per_mille(part, whole);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// `part * steps / whole` without overflow, rounded down; at most `steps`, and 0 when the whole is 0.
#[must_use]
pub fn scale(part: u128, whole: u128, steps: u32) -> u128 {
    if whole == 0 {
        return 0;
    }
    let (mut part, mut whole) = (part.min(whole), whole);
    // Precision beyond 2^96 cannot be seen on a screen.
    while whole >= 1 << 96 {
        part >>= 1;
        whole >>= 1;
    }
    part * u128::from(steps) / whole
}

/// The beginning of an id, enough to tell it apart on a screen.
#[must_use]
pub fn short_id(id: &str) -> String {
    let head: String = id.chars().filter(char::is_ascii_hexdigit).take(8).collect();
    if head.len() < id.len() { format!("{head}…") } else { head }
}

/// An address, id or hash in groups of four, for comparing by eye.
#[must_use]
pub fn grouped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    for (index, c) in text.chars().enumerate() {
        if index > 0 && index.is_multiple_of(4) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

/// `1 block`, `2 blocks`.
#[must_use]
pub fn blocks(count: u32) -> String {
    count_of(u64::from(count), "block")
}

/// `1 ballot`, `2 ballots`.
#[must_use]
pub fn count_of(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(u128::from(count)))
}

/// How long that many blocks take: an estimate, since blocks come at random; `None` on regtest, where they come on demand.
#[must_use]
pub fn estimate(count: u32, network: &str) -> Option<String> {
    if network == "regtest" {
        return None;
    }
    let minutes = u64::from(count) * 10;
    let (days, hours, rest) = (minutes / 1440, minutes % 1440 / 60, minutes % 60);
    Some(match (days, hours) {
        (0, 0) => format!("about {rest} min"),
        (0, _) => format!("about {hours} h {rest:02} min"),
        _ => format!("about {days} d {hours} h"),
    })
}

/// Blocks and, where it can be estimated, the time: `12 blocks, about 2 h 00 min`.
#[must_use]
pub fn blocks_and_time(count: u32, network: &str) -> String {
    match estimate(count, network) {
        Some(time) if count > 0 => format!("{}, {time}", blocks(count)),
        _ => blocks(count),
    }
}

/// `1 log entry`, `2 log entries`.
#[must_use]
pub fn entries(count: u64) -> String {
    let noun = if count == 1 { "log entry" } else { "log entries" };
    format!("{} {noun}", thousands(u128::from(count)))
}
