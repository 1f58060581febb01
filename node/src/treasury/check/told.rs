//! What a transaction does, beside what was decided: inputs, outputs and staged payments as people read them.

use althing_anchor::{Treasury, input_origin, output_origin, prevout_of, read_payout};
use bitcoin::psbt::Psbt;
use bitcoin::{Address, Network, OutPoint, Script, ScriptBuf, TxOut};

use super::{CheckedInput, CheckedOutput, Collected};
use crate::treasury::stages::stage_at;

impl Collected {
    pub(super) fn inputs(&self, psbt: &Psbt) -> Vec<CheckedInput> {
        let generations = self.known.as_ref().map_or(&[][..], |known| &known.generations);
        let is_staged = |input: usize| {
            let stages = self.known.as_ref().map_or(&[][..], |known| &known.stages);
            prevout_of(psbt, input).is_ok_and(|prevout| stage_at(stages, &prevout.script_pubkey).is_some())
        };
        let role = |input: usize, outpoint: &OutPoint| {
            let origin = input_origin(psbt, input, generations);
            let is_apart = self.known.as_ref().is_some_and(|known| known.reserved.contains(outpoint));
            let role = match () {
                () if self.payments.iter().any(|payment| payment.gate == *outpoint) => "gate",
                () if is_apart => "set apart",
                () if origin.is_some() => "coin",
                () if is_staged(input) => "staged",
                () => "foreign",
            };
            (role.to_owned(), origin.map(|origin| origin.generation + 1))
        };
        let inputs = psbt.unsigned_tx.input.iter().enumerate();
        inputs
            .map(|(input, txin)| {
                let (role, generation) = role(input, &txin.previous_output);
                let sat = prevout_of(psbt, input).ok().map(|prevout| prevout.value.to_sat());
                CheckedInput { outpoint: txin.previous_output.to_string(), sat, role, generation }
            })
            .collect()
    }

    pub(super) fn outputs(&self, psbt: &Psbt) -> Vec<CheckedOutput> {
        let Some(known) = &self.known else { return Vec::new() };
        let decided: Vec<(usize, &TxOut)> = (0..)
            .zip(&self.payments)
            .flat_map(|(number, payment)| payment.outputs.iter().map(move |output| (number, output)))
            .collect();
        let is_staged = self.payments.iter().any(|payment| payment.stage.is_some());
        let payout = read_payout(psbt).ok().flatten().filter(|_| is_staged);
        let staged = usize::from(is_staged);
        let outputs = psbt.unsigned_tx.output.iter().map(|output| (true, output)).enumerate();
        let paid =
            payout.iter().flat_map(|payout| &payout.unsigned_tx.output).map(|output| (false, output)).enumerate();
        outputs
            .chain(paid)
            .map(|(vout, (is_first, output))| {
                let wanted = decided.get(vout).filter(|_| !is_staged || !is_first);
                let role = match wanted {
                    Some((_, wanted)) if *wanted == output => "decided",
                    Some(_) => "changed",
                    None if is_first && vout < staged => match stage_at(&self.stages(), &output.script_pubkey) {
                        Some(_) => "staged",
                        None => "changed",
                    },
                    None if !is_first && output.script_pubkey == ScriptBuf::new_p2a() => "fee",
                    None if !is_first => "foreign",
                    // T-48: keys of treasurers who may have been voted out.
                    None => match output_origin(psbt, vout, &known.generations) {
                        Some(origin) if origin.generation + 1 < known.generations.len() => "former",
                        Some(_) => "treasury",
                        None => "foreign",
                    },
                };
                CheckedOutput {
                    to: whom(&output.script_pubkey, known.network),
                    sat: output.value.to_sat(),
                    role: role.to_owned(),
                    payment: wanted.map(|(number, _)| *number),
                }
            })
            .collect()
    }

    /// Where the payments rest, if they are staged.
    fn stages(&self) -> Vec<Treasury> {
        let treasury = self.known.as_ref().and_then(|known| known.generations.last());
        let stages = self.payments.iter().filter_map(|payment| payment.stage.as_ref());
        treasury
            .iter()
            .flat_map(|treasury| stages.clone().filter_map(move |stage| stage.policy(treasury).ok()))
            .collect()
    }

    /// How a staged payment goes, and what that cannot do.
    pub(super) fn stage_in_words(&self, psbt: &Psbt) -> Vec<String> {
        let Some(stage) = self.payments.iter().find_map(|payment| payment.stage.as_ref()) else { return Vec::new() };
        let (blocks, threshold, count) = (stage.delay_blocks, stage.threshold, stage.guardians.len());
        let rests = psbt.unsigned_tx.output.first().map_or(0, |output| output.value.to_sat());
        let mut words = vec![format!(
            "Staged: {rests} sat rest for {blocks} block(s) first; until they are paid out, {threshold} of {count} guardian(s) with one treasurer \
             can bring them back. They could also take them: Bitcoin cannot bind where these keys send what rests."
        )];
        if let (Ok(Some(payout)), Some(known)) = (read_payout(psbt), &self.known) {
            words.push(format!("The payout is transaction {}.", payout.unsigned_tx.compute_txid()));
            let paid = outputs_in_words(&payout, known.network);
            words.extend(paid.into_iter().map(|line| format!("Payout, {}", line.replacen("Output", "output", 1))));
        }
        words
    }
}

pub(super) fn outputs_in_words(psbt: &Psbt, network: Network) -> Vec<String> {
    let outputs = psbt.unsigned_tx.output.iter().enumerate();
    outputs
        .map(|(vout, output)| {
            format!("Output {vout}: {} sat to {}.", output.value.to_sat(), whom(&output.script_pubkey, network))
        })
        .collect()
}

/// An address, or the script where there is none.
pub(in crate::treasury) fn whom(script: &Script, network: Network) -> String {
    Address::from_script(script, network)
        .map_or_else(|_| format!("script {}", script.to_hex_string()), |address| address.to_string())
}
