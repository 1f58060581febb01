//! Coins of the on-chain wallet that leave it: to an address that somebody named.

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Amount, FeeRate, Network, ScriptBuf};

use crate::api::{ApiError, Reply, SayReview};
use crate::chain::BitcoindError;
use crate::shell::{Shell, unix_time};

/// Fee rates that are taken, sat/vB: below nothing is relayed, above somebody has mistyped.
const FEE_RATES: std::ops::RangeInclusive<u64> = 1..=1000;

/// Confirmation target of the rate where none is named.
const TARGET_BLOCKS: u16 = 6;

/// An order to send coins.
pub(crate) struct Outlay {
    /// The address as it was typed.
    pub to: String,
    /// Satoshis; all that may leave the wallet when `None`.
    pub amount_sat: Option<u64>,
    /// sat/vB; the estimate when `None`.
    pub fee_rate_sat_vb: Option<u64>,
}

/// The script of an address (N-62).
///
/// # Errors
/// `N-62`, saying whether it is mistyped or of another network.
pub(crate) fn script_of(address: &str, network: Network) -> Result<ScriptBuf, ApiError> {
    let address = address.trim();
    let wrong = |why: &str| ApiError::invalid("N-62", format!("N-62: {address:?} {why}"));
    let Ok(parsed) = address.parse::<Address<NetworkUnchecked>>() else {
        let lower = address.to_lowercase();
        // What the human-readable part says, the checksum of the rest does not.
        let is_segwit = ["bc1", "tb1", "bcrt1"].iter().any(|part| lower.starts_with(part));
        return Err(wrong(match is_segwit {
            true => "is no address: its checksum does not fit, so a letter is wrong, missing or too many",
            false => "is no Bitcoin address",
        }));
    };
    let known = [Network::Bitcoin, Network::Testnet4, Network::Signet, Network::Regtest];
    match parsed.clone().require_network(network) {
        Ok(found) => Ok(found.script_pubkey()),
        Err(_) => {
            let of = known.into_iter().find(|other| parsed.is_valid_for_network(*other));
            let of = of.map_or("another network".to_owned(), |of| of.to_string());
            Err(wrong(&format!("is an address of {of}; the coins are on {network}")))
        }
    }
}

impl Shell {
    /// Sends coins of the wallet, or says what that would do.
    ///
    /// # Errors
    /// N-62 for the address, W-7 for an amount and N-60 for a rate that makes no sense, W-1 and C-77 for too little money, B-2 when the network
    /// refuses it: then nothing was sent.
    pub(crate) fn send_coins(&mut self, order: &Outlay, only_review: bool) -> Result<Reply, ApiError> {
        let network = self.wallet.network();
        let to = script_of(&order.to, network)?;
        let rate = self.fee_rate(order.fee_rate_sat_vb)?;
        let tx = match order.amount_sat {
            Some(amount_sat) => {
                let (least_sat, most_sat) = (to.minimal_non_dust().to_sat(), Amount::MAX_MONEY.to_sat());
                if amount_sat > most_sat {
                    let message = format!("W-7: {amount_sat} sat are more than there can be, {most_sat} sat");
                    return Err(ApiError::invalid("W-7", message));
                }
                if amount_sat < least_sat {
                    let message =
                        format!("W-7: {amount_sat} sat to that address are dust; the least is {least_sat} sat");
                    return Err(ApiError::invalid("W-7", message));
                }
                self.pay(&[(to.clone(), Amount::from_sat(amount_sat))], rate, 0)?
            }
            None => self.pay_all(to.clone(), rate)?,
        };
        let amount_sat = tx.output.iter().filter(|output| output.script_pubkey == to).map(|o| o.value.to_sat()).sum();
        let fee_sat = self.wallet.fee_of(&tx)?.to_sat();
        if only_review {
            let balance = self.wallet.balance();
            let all_sat = balance.confirmed_sat.saturating_add(balance.pending_sat);
            let left_sat = all_sat.saturating_sub(amount_sat).saturating_sub(fee_sat);
            let address = order.to.trim();
            let sentences = vec![
                format!(
                    "{amount_sat} sat leave the wallet to {address}. Compare the address with where you have it from."
                ),
                format!("The fee is {fee_sat} sat, {} sat/vB.", rate.to_sat_per_vb_ceil()),
                format!("{left_sat} sat stay in the wallet. Nobody can take this back once it is mined."),
            ];
            return Ok(Reply::SayReview(SayReview { sentences, refusal: None }));
        }
        // Known before anybody else knows it: after a kill it is sent again, and its coins are in no second payment.
        self.wallet.note_broadcast(&tx, unix_time())?;
        self.revision += 1;
        match self.bitcoind.submit(&tx) {
            Ok(_) => {}
            Err(refused @ BitcoindError::Refused { .. }) => {
                self.wallet.let_go([tx.compute_txid()], unix_time())?;
                return Err(ApiError::not_now(format!("nothing was sent: {refused}")));
            }
            Err(error) => tracing::warn!(%error, "a payment of the wallet waits for the Bitcoin source"),
        }
        Ok(Reply::Sent { txid: tx.compute_txid().to_string(), amount_sat, fee_sat })
    }

    /// Gives what the wallet has sent and no block has to the network again: after a restart of either its mempool may be empty. Only what
    /// spends coins of the wallet alone: splices, children and links are sent again by those who know whether they still should be.
    pub(crate) fn send_again(&self) {
        for tx in self.wallet.own_unconfirmed() {
            if let Err(error) = self.bitcoind.submit(&tx) {
                tracing::debug!(%error, txid = %tx.compute_txid(), "a payment of the wallet was not taken again");
            }
        }
    }

    /// The rate that was named, or what a transaction of the wallet pays without a word for it: the source's estimate, or where there is none
    /// the economical rate (N-60, C-76).
    ///
    /// # Errors
    /// N-60 for a rate that makes no sense.
    pub(crate) fn fee_rate(&self, named: Option<u64>) -> Result<FeeRate, ApiError> {
        let Some(rate) = named else {
            let market = self.bitcoind.link_market(TARGET_BLOCKS);
            let modest = self.bitcoind.fee_market().economical;
            return Ok(market.estimate.unwrap_or(modest).max(market.mempool_minimum));
        };
        expect_fee_rate(rate)
    }
}

/// A fee rate that somebody named, in sat/vB.
///
/// # Errors
/// N-60 for one that makes no sense.
pub(crate) fn expect_fee_rate(rate_sat_vb: u64) -> Result<FeeRate, ApiError> {
    let refused = || {
        let (least, most) = (FEE_RATES.start(), FEE_RATES.end());
        ApiError::invalid("N-60", format!("N-60: a fee rate of {rate_sat_vb} sat/vB is outside {least}..={most}"))
    };
    FEE_RATES.contains(&rate_sat_vb).then(|| FeeRate::from_sat_per_vb(rate_sat_vb)).flatten().ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses of one key hash or key on each network (BIP173, BIP350 test vectors).
    const MAINNET: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
    const TESTNET: &str = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx";

    #[test]
    fn an_address_is_refused_by_what_is_wrong_with_it() {
        assert!(script_of(&format!(" {MAINNET}\n"), Network::Bitcoin).is_ok());
        assert!(script_of(&MAINNET.to_uppercase(), Network::Bitcoin).is_ok());
        for (address, network, wanted) in [
            (MAINNET, Network::Regtest, "an address of bitcoin; the coins are on regtest"),
            (TESTNET, Network::Bitcoin, "the coins are on bitcoin"),
            ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", Network::Bitcoin, "checksum"),
            ("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7k", Network::Regtest, "checksum"),
            ("my wallet", Network::Bitcoin, "is no Bitcoin address"),
            ("", Network::Bitcoin, "is no Bitcoin address"),
        ] {
            let error = script_of(address, network).unwrap_err();
            assert_eq!(error.rule.as_deref(), Some("N-62"));
            assert!(error.message.contains(wanted), "{address}: {}", error.message);
        }
    }
}
