//! Two checkpoints of one number, signed by the same side of a channel (docs/spec/proofs.md, P-400).

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Checkpoint, SignedCheckpoint};
use bitcoin::secp256k1::schnorr::Signature;
use bitcoin::secp256k1::{Secp256k1, XOnlyPublicKey};

use super::fraud::Dao;
use super::parts::{ChannelSide, TwoCheckpointsPart};
use super::verify::{Rejection, fail};
use crate::api::ApiError;
use crate::keys::unhex;

/// A checkpoint with the signatures that came with it.
type Evidence = (Checkpoint, Vec<Signature>);

/// P-400: one side signed two states of a channel for one number.
pub(super) fn check_two_checkpoints(
    dao: &Dao<'_>,
    part: &TwoCheckpointsPart,
    checked: &mut Vec<String>,
) -> Result<String, Rejection> {
    let rule = |why: String| fail("checkpoints")(format!("P-400: {why}"));
    let [one, other] = part.checkpoints.each_ref().map(|(checkpoint, _)| checkpoint);
    for checkpoint in [one, other] {
        dao.is_ours(checkpoint.network, checkpoint.dao, "checkpoint")?;
    }
    if (one.channel, one.number) != (other.channel, other.number) {
        return Err(rule(format!(
            "they are number {} of channel {} and number {} of channel {}",
            one.number, one.channel, other.number, other.channel
        )));
    }
    if one.to_bytes() >= other.to_bytes() {
        return Err(rule("the checkpoints are the same, or not in the order of their bytes".into()));
    }
    let who = match part.side {
        ChannelSide::Member => {
            if one.member != other.member {
                return Err(rule(format!("they name vote keys {} and {}", one.member, other.member)));
            }
            let secp = Secp256k1::verification_only();
            for (checkpoint, signature) in &part.checkpoints {
                let check = checkpoint.signature_check("checkpoint, member", one.member.0, *signature);
                check.verify(&secp).map_err(|error| rule(error.to_string()))?;
            }
            format!("vote key {}", one.member)
        }
        ChannelSide::Hub => {
            let hubs = part.checkpoints.iter().map(|(checkpoint, signature)| {
                let by =
                    |key: &XOnlyPublicKey| checkpoint.signature_check("checkpoint, hub", key.serialize(), *signature);
                dao.signing_hub(by).map_err(|error| rule(error.to_string()))
            });
            let hubs: Vec<usize> = hubs.collect::<Result<_, _>>()?;
            if hubs.first() != hubs.last() {
                return Err(rule("P-332: a succession lies between the hubs that signed: neither signed two".into()));
            }
            "the hub".to_owned()
        }
    };
    checked.push(format!("Both checkpoints are signed by {who}."));
    Ok(format!(
        "Equivocation: {who} signed two checkpoints of number {} of channel {}, one with {} sat of the member and {} of the hub, one with {} and {}.",
        one.number, one.channel, one.member_sat, one.hub_sat, other.member_sat, other.hub_sat
    ))
}

/// The statement from two lines of evidence: each a checkpoint of the log, or one and the signature of one side on it.
pub(super) fn two_checkpoints(lines: &[String; 2]) -> Result<TwoCheckpointsPart, ApiError> {
    let [one, other] = lines;
    let mut pair = [parsed(one)?, parsed(other)?];
    pair.sort_by_key(|(checkpoint, _)| checkpoint.to_bytes());
    let secp = Secp256k1::verification_only();
    let by_member = |(checkpoint, signatures): &Evidence| {
        let key = checkpoint.member.0;
        let good =
            |signature: &&Signature| checkpoint.signature_check("member", key, **signature).verify(&secp).is_ok();
        signatures.iter().find(good).copied()
    };
    let signed = |side, signatures: [Option<Signature>; 2]| match (&pair, signatures) {
        ([(one, _), (other, _)], [Some(first), Some(second)]) => {
            Some(TwoCheckpointsPart { side, checkpoints: [(one.clone(), first), (other.clone(), second)] })
        }
        _ => None,
    };
    let of_member = signed(ChannelSide::Member, pair.each_ref().map(by_member));
    // Of the hub's keys whoever judges the file knows all.
    let last = |(_, signatures): &Evidence| signatures.last().copied();
    let of_hub = || signed(ChannelSide::Hub, pair.each_ref().map(last));
    of_member.or_else(of_hub).ok_or_else(|| ApiError::invalid("P-400", "P-400: a checkpoint without a signature"))
}

fn parsed(line: &str) -> Result<Evidence, ApiError> {
    let wrong = |why: String| ApiError::invalid("P-400", format!("P-400: a line is no signed checkpoint: {why}"));
    let bytes = unhex(line.trim()).map_err(|error| wrong(format!("{error:#}")))?;
    if let Ok(signed) = SignedCheckpoint::from_bytes(&bytes) {
        return Ok((signed.checkpoint, vec![signed.member_signature, signed.hub_signature]));
    }
    let (checkpoint, signature) =
        bytes.split_at_checked(bytes.len().saturating_sub(64)).ok_or_else(|| wrong("it is too short".into()))?;
    let signature = Signature::from_slice(signature).map_err(|error| wrong(error.to_string()))?;
    let checkpoint = Checkpoint::from_bytes(checkpoint).map_err(|error| wrong(error.to_string()))?;
    Ok((checkpoint, vec![signature]))
}
