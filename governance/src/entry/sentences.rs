//! What a proposal does, in sentences made from its parsed data and never from its prose.

use bitcoin::hex::DisplayHex as _;
use bitcoin::{Address, Network};

use super::{Effect, ProposalContent, SpendOutput};

impl ProposalContent {
    /// Every effect, one sentence each; addresses as on `network`.
    #[must_use]
    pub fn sentences(&self, network: Network) -> Vec<String> {
        let Effect::Spend(spend) = &self.effect else {
            return vec!["Nothing outside the log changes.".to_owned()];
        };
        let mut out: Vec<String> = spend.outputs.iter().map(|output| output_sentence(output, network)).collect();
        out.push(format!("The fee is at most {} sat.", spend.fee_cap_sat));
        out.push(format!("At most {} sat leave the treasury.", self.amount_sat()));
        out.push(format!("If it is not paid within {} blocks of its authorisation, it expires.", spend.expiry_blocks));
        out
    }
}

fn output_sentence(output: &SpendOutput, network: Network) -> String {
    match Address::from_script(&output.script, network) {
        Ok(address) => format!("The treasury pays {} sat to address {address}.", output.sat),
        Err(_) => {
            format!(
                "The treasury pays {} sat to the script {} (no address).",
                output.sat,
                output.script.as_bytes().as_hex()
            )
        }
    }
}
