//! Parts of a proposal as they are typed, in a form or on the command line.

use althing_node::api::{Class, DraftEffect, DraftMilestone, DraftOutput, DraftTreasurer};

/// `ADDRESS=SATOSHIS`.
///
/// # Errors
/// If it has another form, or no whole number of satoshis.
pub(crate) fn payment(text: &str) -> Result<DraftOutput, String> {
    let (address, amount) = text.rsplit_once('=').ok_or_else(|| format!("`{text}` is not ADDRESS=SATOSHIS"))?;
    let amount_sat = amount.trim().parse().map_err(|_| format!("`{amount}` is not a whole number of satoshis"))?;
    Ok(DraftOutput { address: address.trim().to_owned(), amount_sat })
}

/// `SATOSHIS@BLOCKS=DESCRIPTION`.
///
/// # Errors
/// If it has another form, or a number that is none.
pub(crate) fn milestone(text: &str) -> Result<DraftMilestone, String> {
    let wrong = || format!("`{text}` is not SATOSHIS@BLOCKS=DESCRIPTION");
    let (when, description) = text.split_once('=').ok_or_else(wrong)?;
    let (amount, blocks) = when.split_once('@').ok_or_else(wrong)?;
    let none = |part: &str, most: u64, what: &str| format!("`{}` is no number of {what} from 0 to {most}", part.trim());
    Ok(DraftMilestone {
        description: description.trim().to_owned(),
        amount_sat: amount.trim().parse().map_err(|_| none(amount, u64::MAX, "satoshis"))?,
        after_blocks: blocks.trim().parse().map_err(|_| none(blocks, u32::MAX.into(), "blocks"))?,
    })
}

/// `NAME=KEY`.
///
/// # Errors
/// If it has another form.
pub(crate) fn treasurer(text: &str) -> Result<DraftTreasurer, String> {
    let (name, key) = text.rsplit_once('=').ok_or_else(|| format!("`{text}` is not NAME=KEY"))?;
    Ok(DraftTreasurer { name: name.trim().to_owned(), key: key.trim().to_owned() })
}

/// `MEMBER=SATOSHIS`, or `PROPOSAL/MEMBER=SATOSHIS` where the deposit is not held for the proposal given.
///
/// # Errors
/// If it has another form, no whole number of satoshis, or no proposal.
pub(crate) fn deposit(text: &str, proposal: Option<&str>) -> Result<DraftEffect, String> {
    let (member, amount) = text.rsplit_once('=').ok_or_else(|| format!("`{text}` is not MEMBER=SATOSHIS"))?;
    let amount_sat = amount.trim().parse().map_err(|_| format!("`{amount}` is not a whole number of satoshis"))?;
    let (proposal, member) = match (member.split_once('/'), proposal) {
        (Some((proposal, member)), _) => (proposal, member),
        (None, Some(proposal)) => (proposal, member),
        (None, None) => return Err(format!("`{text}` says not for which proposal: PROPOSAL/MEMBER=SATOSHIS")),
    };
    Ok(DraftEffect::Confiscate { proposal: proposal.trim().to_owned(), member: member.trim().to_owned(), amount_sat })
}

/// A class by its name in the charter; hyphens are as good as underscores.
///
/// # Errors
/// If no class has that name: those that there are.
pub(crate) fn class(text: &str) -> Result<Class, String> {
    let name = text.replace('-', "_");
    let names = || class_names().join(", ");
    Class::ALL.into_iter().find(|class| class.name() == name).ok_or_else(|| format!("`{text}` is none of {}", names()))
}

/// The names of all classes.
pub(crate) fn class_names() -> Vec<&'static str> {
    Class::ALL.map(Class::name).to_vec()
}

/// Lines `address,satoshis`; empty lines and those that begin with # are passed over.
///
/// # Errors
/// G-24, with the line that has another form or no whole number of satoshis.
pub fn payments(csv: &str) -> Result<Vec<DraftOutput>, String> {
    let lines = (1..).zip(csv.lines().map(str::trim)).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line): (u32, &str)| {
            let wrong = || format!("G-24: line {number} is not `address,satoshis`, a payment: {line:?}");
            let (address, amount) = line.split_once(',').ok_or_else(wrong)?;
            let amount_sat = amount.trim().parse().map_err(|_| wrong())?;
            Ok(DraftOutput { address: address.trim().to_owned(), amount_sat })
        })
        .collect()
}
