//! Outputs that say what a payment to the treasury is for: a settlement (G-110) or a bond (T-90).

use althing_governance::DaoId;
use bitcoin::script::PushBytesBuf;
use bitcoin::{Amount, ScriptBuf, Transaction};

use crate::forced::pushed;

/// What such an output is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A hub pays what it owes the treasury.
    Settlement,
    /// A hub brings its bond.
    Bond,
}

impl Mark {
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::Settlement => b"althing/settle/v1",
            Self::Bond => b"althing/bond/v1",
        }
    }

    /// The output of this mark for the hub of an office.
    pub(crate) fn output(self, dao: &DaoId, office: u32) -> (ScriptBuf, Amount) {
        let mut pushed = PushBytesBuf::new();
        for part in [self.prefix(), dao.0.as_slice(), office.to_be_bytes().as_slice()] {
            pushed.extend_from_slice(part).expect("three parts of less than 100 bytes");
        }
        (ScriptBuf::new_op_return(pushed), Amount::ZERO)
    }

    /// Where a transaction has this mark of a DAO, and whose office it names; of several marks the first counts.
    pub(crate) fn find(self, transaction: &Transaction, dao: &DaoId) -> Option<(usize, u32)> {
        let office = |script: &ScriptBuf| {
            let office = pushed(script)?.strip_prefix(self.prefix())?.strip_prefix(dao.0.as_slice())?;
            office.try_into().ok().map(u32::from_be_bytes)
        };
        let mut outputs = transaction.output.iter().enumerate();
        outputs.find_map(|(vout, output)| Some((vout, office(&output.script_pubkey)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_mark_of_this_dao_is_one() {
        let dao = DaoId([7; 32]);
        let marked = |scripts: Vec<ScriptBuf>| Transaction {
            version: bitcoin::transaction::Version::TWO,
            lock_time: bitcoin::absolute::LockTime::ZERO,
            input: Vec::new(),
            output: scripts
                .into_iter()
                .map(|script_pubkey| bitcoin::TxOut { value: Amount::ZERO, script_pubkey })
                .collect(),
        };
        for (mark, other) in [(Mark::Settlement, Mark::Bond), (Mark::Bond, Mark::Settlement)] {
            let of = |office| mark.output(&dao, office).0;
            let spoiled = |change: fn(&mut Vec<u8>)| {
                let mut bytes = of(3).to_bytes();
                change(&mut bytes);
                ScriptBuf::from_bytes(bytes)
            };
            let table = [
                (vec![of(3)], Some((0, 3))),
                (vec![ScriptBuf::new_p2a(), of(u32::MAX), of(3)], Some((1, u32::MAX))),
                (vec![mark.output(&DaoId([8; 32]), 3).0], None),
                (vec![other.output(&dao, 3).0], None),
                (vec![spoiled(|bytes| bytes[2] ^= 1)], None),
                (vec![spoiled(|bytes| bytes.truncate(bytes.len() - 1))], None),
                (vec![spoiled(|bytes| bytes.push(0x51))], None),
                (vec![spoiled(|bytes| bytes[0] = 0x51)], None),
                (Vec::new(), None),
            ];
            for (scripts, expected) in table {
                assert_eq!(mark.find(&marked(scripts.clone()), &dao), expected, "{mark:?} {scripts:?}");
            }
        }
    }
}
