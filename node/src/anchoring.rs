//! Answers about links, proofs and timestamps that hub and member give alike.

use althing_governance::id::MemberId;

use crate::api::{AnchorReply, AnchorRequest, ApiError, Reply};
use crate::config::Config;
use crate::member::RIVAL;
use crate::shell::Shell;
use crate::{proof, succession, timestamp, view};

/// Answers; `None` for what only one role does.
pub(crate) fn answer(
    shell: &mut Shell,
    me: Option<MemberId>,
    request: &AnchorRequest,
) -> Option<Result<Reply, ApiError>> {
    let answer = match request {
        AnchorRequest::Reserve => reserve(shell),
        AnchorRequest::Health => health(shell),
        AnchorRequest::Receipt { proposal, path } => proof::export_receipt(shell, proposal, path),
        AnchorRequest::Prove { evidence, path, short } => proof::prove(shell, me, evidence, path, *short),
        AnchorRequest::Timestamp { epoch, kind, of, path } => {
            timestamp::export(shell, me, *epoch, *kind, of, path).map(AnchorReply::Timestamp)
        }
        AnchorRequest::Succession(step) => succession::answer(shell, step).map(AnchorReply::Succession),
        AnchorRequest::Bump { .. } | AnchorRequest::Operators => return None,
    };
    Some(answer.map(Reply::Anchoring))
}

fn health(shell: &Shell) -> Result<AnchorReply, ApiError> {
    let fraud = crate::member::gossip::fraud_proofs(&shell.dir)?;
    let mut unavailable = view::withheld(shell)?;
    if let Some(light) = shell.light_status().filter(|light| light.reads_anew) {
        // N-221: what is missing is what was not read again yet, not what somebody keeps back.
        unavailable.truncate(1);
        unavailable.iter_mut().for_each(|first| first.words = light.words(None));
    }
    let silent_key = view::silent_key(shell);
    let undone = crate::undone::undone(shell)?.map(|undone| undone.words());
    let undone = undone.or_else(|| shell.spare_seal_alarm());
    // Asked now: an alarm waits for a call that fails.
    let source = shell.bitcoind.height().err().map(|error| error.to_string());
    let refused = shell.alarms.get("copy").filter(|_| shell.is_refused());
    let copy = refused.or_else(|| shell.alarms.get(RIVAL)).cloned();
    let alarms = shell.alarms.values().cloned().collect();
    Ok(AnchorReply::Health { fraud, unavailable, silent_key, undone, source, copy, alarms })
}

fn reserve(shell: &Shell) -> Result<AnchorReply, ApiError> {
    let settings = Config::load(&shell.dir)?.links;
    let market = shell.bitcoind.link_market(settings.target_blocks);
    view::reserve(shell, market, &settings).map(AnchorReply::Reserve)
}
