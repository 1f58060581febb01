//! Connections of peers that have no channel here: who reads the log, and who is about to join. They cost nobody anything to make, so
//! that only so many are kept, and the newest: whoever joins is done in seconds (N-230).

use std::collections::VecDeque;

use bitcoin::secp256k1::PublicKey;

use super::Hub;

/// Connections of strangers that are kept.
const STRANGERS_MAX: usize = 512;

/// Strangers that are connected, the longest-standing first.
#[derive(Debug, Default)]
pub(super) struct Strangers(VecDeque<PublicKey>);

impl Strangers {
    /// A stranger came; gives who has to go for it. Who has got a channel since it came is no stranger any more.
    fn come(&mut self, peer: PublicKey, is_stranger: impl Fn(&PublicKey) -> bool) -> Option<PublicKey> {
        self.leave(&peer);
        self.0.push_back(peer);
        if self.0.len() <= STRANGERS_MAX {
            return None;
        }
        self.0.retain(is_stranger);
        if self.0.len() > STRANGERS_MAX { self.0.pop_front() } else { None }
    }

    fn leave(&mut self, peer: &PublicKey) {
        self.0.retain(|other| other != peer);
    }
}

impl Hub {
    /// A peer is connected.
    pub(super) fn on_arrival(&mut self, peer: PublicKey) {
        let Self { strangers, shell, .. } = self;
        let is_stranger = |peer: &PublicKey| !shell.stakes.has_peer(peer);
        if !is_stranger(&peer) {
            return;
        }
        if let Some(longest) = strangers.come(peer, is_stranger) {
            tracing::debug!(%longest, "N-230: more than {STRANGERS_MAX} connections of peers without a channel; this one is ended");
            shell.peers.disconnect(longest);
        }
    }

    /// A peer is gone.
    pub(super) fn on_departure(&mut self, peer: &PublicKey) {
        self.strangers.leave(peer);
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::secp256k1::{Secp256k1, SecretKey};

    use super::*;

    fn peer(number: usize) -> PublicKey {
        let mut secret = [1; 32];
        secret[..8].copy_from_slice(&(number as u64).to_be_bytes());
        PublicKey::from_secret_key(&Secp256k1::new(), &SecretKey::from_slice(&secret).unwrap())
    }

    #[test]
    fn the_longest_standing_stranger_makes_room_and_nobody_with_a_channel() {
        let mut strangers = Strangers::default();
        let all = |_: &PublicKey| true;
        for number in 0..STRANGERS_MAX {
            assert_eq!(strangers.come(peer(number), all), None);
        }
        // Who comes again is the newest.
        assert_eq!(strangers.come(peer(0), all), None);
        assert_eq!(strangers.come(peer(STRANGERS_MAX), all), Some(peer(1)));
        strangers.leave(&peer(2));
        assert_eq!(strangers.come(peer(STRANGERS_MAX + 1), all), None);
        // A channel makes room by itself.
        assert_eq!(strangers.come(peer(STRANGERS_MAX + 2), |other| *other != peer(3)), None);
        assert_eq!(strangers.come(peer(STRANGERS_MAX + 3), all), Some(peer(4)));
    }
}
