//! How a channel comes into use and ends: the chain takes what spends a coin, and each side sees it when it looks.

use althing_channels::{Phase, Side};
use bitcoin::hashes::Hash as _;
use bitcoin::{OutPoint, Transaction};

use super::pair::{Pair, close_script, first_output, funding_outpoint};

/// Smallest output.
const DUST_SAT: i128 = 330;

impl Pair {
    /// One side looks at the chain; what waits and can be mined is, if the chain `takes` something new now.
    pub(crate) fn see_chain(&mut self, side: Side, takes: Option<u8>) {
        if self.funding_broadcast && takes.is_some() {
            self.funding_mined = true;
        }
        let opens = matches!(self.phase(side), Some(Phase::AwaitCommitmentSigned | Phase::AwaitConfirmation));
        if opens && self.funding_mined {
            let effects = self.channel(side).funding_confirmed(&first_output(), 1).unwrap();
            self.carry_out(side, effects);
        }
        if self.is_spliced(side) || takes.is_some() {
            self.confirm_splice(side);
            if self.phase(side) == Some(Phase::ForceClosing) {
                // C-145: over what is in the chain now.
                let effects = self.channel(side).force_close().unwrap();
                self.carry_out(side, effects);
            }
        }
        if matches!(self.phase(side), Some(Phase::Ready | Phase::Closing)) {
            self.splice_on(side);
        }
        self.see_end(side, takes);
    }

    /// Both have seen that the funding is spent.
    pub(crate) fn is_over(&self) -> bool {
        self.both(Phase::Closed)
    }

    /// The funding that the chain has.
    fn left(&self) -> OutPoint {
        self.observed.left.unwrap_or_else(funding_outpoint)
    }

    /// Whether the chain has a splice of the funding that this side knows.
    fn is_spliced(&mut self, side: Side) -> bool {
        let lives = matches!(self.phase(side), Some(Phase::Ready | Phase::Closing | Phase::ForceClosing));
        let base = if lives { self.channel(side).funding() } else { None };
        base.is_some_and(|base| base != self.left() && self.observed.spent.contains_key(&base))
    }

    fn see_end(&mut self, side: Side, takes: Option<u8>) {
        let phase = self.phase(side);
        let can_end = phase.is_some_and(|phase| phase >= Phase::AwaitCommitmentSigned && phase < Phase::Closed);
        let (left, mined) = (self.left(), self.funding_mined);
        let end = self.observed.spent.get(&left).copied().or_else(|| {
            let spends = |tx: &&Transaction| mined && tx.input[0].previous_output == left;
            let commitments = self.commitments.iter().map(|(_, tx)| tx);
            let waiting: Vec<&Transaction> = self.closes.iter().chain(commitments).filter(spends).collect();
            let pick = usize::from(takes?);
            Some(waiting.get(pick.checked_rem(waiting.len())?)?.compute_txid())
        });
        let Some(txid) = end.filter(|_| can_end) else { return };
        self.observed.spent.insert(left, txid);
        let effects = self.channel(side).funding_spent(txid).unwrap();
        self.carry_out(side, effects);
    }

    /// A close divides what the model has, less one fee that one side pays.
    pub(super) fn check_close(&mut self, side: Side, close: &Transaction) {
        // C-164: a hub that is behind divides what was shown.
        let divided = self.channel(side).division().map(|division| division.number);
        let number = divided.unwrap_or(self.channel(side).number());
        assert!(divided.is_some() || !self.channel(side).is_behind(), "who is behind divides what it remembers");
        if self.channel(side).funding() != Some(close.input[0].previous_output) {
            // Signed before a splice took the funding's place, and broadcast once more: it can never be mined.
            return;
        }
        let model = self.model(number);
        let lost = [(Side::Member, model.member_sat), (Side::Hub, model.hub_sat)].map(|(side, sat)| {
            // What is not the hub's is the member's, also when it moves into a channel with another hub.
            let of_hub = side == Side::Hub;
            let outputs =
                close.output.iter().filter(|output| (output.script_pubkey == close_script(Side::Hub)) == of_hub);
            let paid: i128 = outputs.map(|output| i128::from(output.value.to_sat())).sum();
            (sat - paid, sat)
        });
        assert!(lost.iter().all(|(lost, _)| *lost >= 0), "a close that pays more than there is");
        let loses = lost.iter().filter(|(lost, sat)| *lost > 0 && *sat >= DUST_SAT).count();
        assert!(loses <= 1, "both pay for a close: {lost:?}");
        let outputs: u64 = close.output.iter().map(|output| output.value.to_sat()).sum();
        assert_eq!(
            lost.iter().map(|(lost, _)| lost).sum::<i128>() + i128::from(outputs),
            model.member_sat + model.hub_sat
        );
    }

    /// A commitment that is broadcast divides what the model has at its number, and no secret of that number was given away.
    pub(super) fn check_left(&mut self, side: Side, commitment: &Transaction) {
        let number = self.channel(side).number();
        assert!(number >= *self.observed.revealed.of(side), "a revoked commitment is broadcast");
        let model = self.model(number);
        let funding = commitment.input[0].previous_output;
        let delta = model.splices.iter().find(|(spliced, _)| *spliced == funding).map_or(0, |(_, delta)| *delta);
        let mut wanted = vec![model.member_sat + delta, model.hub_sat];
        wanted.retain(|sat| *sat >= DUST_SAT);
        wanted.sort_unstable();
        let parts = commitment.output.iter().filter(|output| output.script_pubkey.is_p2tr());
        let mut parts: Vec<i128> = parts.map(|output| i128::from(output.value.to_sat())).collect();
        parts.sort_unstable();
        assert_eq!(parts, wanted, "{side:?} leaves with number {number} over {}", funding.txid.to_byte_array()[0]);
    }
}
