//! What the Bitcoin source knows about fees of links.

use althing_anchor::FeeMarket;
use bitcoin::{Amount, FeeRate, Txid};
use serde::Deserialize;
use serde_json::json;

use super::bitcoind::{Bitcoind, BitcoindError, Result, from_btc_per_kvb};

impl Bitcoind {
    /// What a link that should be mined within `target_blocks` has to pay, as this source sees it now.
    pub fn link_market(&self, target_blocks: u16) -> FeeMarket {
        #[derive(Deserialize)]
        struct Estimate {
            feerate: Option<f64>,
        }
        let estimate = self.call::<Estimate>("estimatesmartfee", &[json!(target_blocks)]).ok();
        let minimum = self.field::<f64>("getmempoolinfo", &[], "mempoolminfee").ok().and_then(from_btc_per_kvb);
        FeeMarket {
            estimate: estimate.and_then(|estimate| from_btc_per_kvb(estimate.feerate?)),
            mempool_minimum: minimum.unwrap_or(FeeRate::BROADCAST_MIN),
        }
    }

    /// What a transaction in the mempool pays; `None` when it is not there.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn mempool_fee(&self, txid: &Txid) -> Result<Option<Amount>> {
        #[derive(Deserialize)]
        struct Entry {
            fees: Fees,
        }
        #[derive(Deserialize)]
        struct Fees {
            base: f64,
        }
        match self.call::<Entry>("getmempoolentry", &[json!(txid)]) {
            Ok(entry) => Amount::from_btc(entry.fees.base).map(Some).map_err(|error| BitcoindError::Form {
                method: "getmempoolentry".to_owned(),
                reason: format!("fee {}: {error}", entry.fees.base),
            }),
            Err(BitcoindError::Refused { code: -5, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
