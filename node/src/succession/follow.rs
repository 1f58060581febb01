//! Going over to the new hub: what a node keeps of its log and links, and whom it follows.

use althing_anchor::{Seal, SuccessionCertificate, SuccessionStatement};
use althing_channels::Phase;
use althing_governance::codec::Canonical as _;
use althing_governance::entry::Entry;
use althing_governance::state::Successor;
use anyhow::{Context as _, Result};
use bitcoin::{Amount, OutPoint};

use super::{bytes, check, decode_certificate, judge, words};
use crate::api::{ApiError, SuccessionAnswer};
use crate::facts::outpoint_bytes;
use crate::peers::PeerAddress;
use crate::shell::{NEWEST_HEAD, Shell};
use crate::store::SuccessionRow;
use crate::view::stored_receipt;

/// The seal that a succession behind an epoch made, if there is one.
///
/// # Errors
/// On I/O, or when this node does not know the succession's transaction.
pub(crate) fn seal_behind(shell: &Shell, epoch: u32) -> Result<Option<Seal>> {
    let Some(successor) = shell.ledger.state().successor_after(epoch) else { return Ok(None) };
    let outpoint = OutPoint { txid: successor.spare_seal.txid, vout: 0 };
    let row = shell.store.fact(&outpoint_bytes(&outpoint))?;
    let row = row.with_context(|| format!("the succession {} is not in this node's chain", outpoint.txid))?;
    let certificate = certificate_of(shell, successor)?.context("the certificate of the succession is not stored")?;
    Ok(Some(Seal {
        outpoint,
        value: Amount::from_sat(row.value_sat),
        anchor_key: successor.anchor_key,
        commitment: certificate.commitment(),
    }))
}

/// The stored certificate that put a hub in; of several behind one epoch its own.
fn certificate_of(shell: &Shell, successor: &Successor) -> Result<Option<SuccessionCertificate>> {
    for row in shell.store.successions()?.into_iter().rev() {
        let certificate = row.certificate()?;
        let statement = certificate.statement();
        let (epoch, keys) = (statement.last_link, (statement.hub_node_key, statement.hub_key, statement.anchor_key));
        if (epoch, keys)
            == (successor.after_epoch, (successor.hub_node_key, successor.hub_log_key, successor.anchor_key))
        {
            return Ok(Some(certificate));
        }
    }
    Ok(None)
}

/// What following a succession would do.
pub(crate) struct Plan {
    statement: SuccessionStatement,
    row: SuccessionRow,
    address: PeerAddress,
    /// Size to which the log is cut, if it is longer or another.
    cut: Option<u64>,
    pub(crate) words: Vec<String>,
}

impl Shell {
    /// Where the hub is: of the newest succession, else of the founding file.
    ///
    /// # Errors
    /// On I/O, or when what is stored is no address.
    pub fn hub_address(&self) -> Result<PeerAddress> {
        let rows = self.store.successions()?;
        // Of several behind one size of the log the one that the log went over to last.
        let by_log = self.ledger.state().successors().last().filter(|_| !self.ledger.awaits_succession());
        let is_in_force = |row: &&SuccessionRow| {
            let keys = row.certificate().map(|certificate| certificate.statement().hub_node_key);
            by_log.is_some_and(|record| keys.is_ok_and(|key| key == record.successor.hub_node_key))
        };
        match rows.iter().rfind(is_in_force).or(rows.last()) {
            Some(row) => address(row.certificate()?.statement(), &row.address),
            None => self.dao.hub.parse(),
        }
    }

    /// Goes over to a new hub if the log is at the place where it takes over, and the succession is final.
    ///
    /// # Errors
    /// When it is none, or on I/O.
    pub fn succeed_if_due(&mut self) -> Result<()> {
        if !self.ledger.awaits_succession() {
            return Ok(());
        }
        let before = self.ledger.state().successors().len();
        let (mut chain, ledger) = self.chain_and_ledger();
        match ledger.succeed_if_due(&mut chain) {
            Ok(()) => {}
            Err(crate::ledger::LedgerError::NotYet { reason, .. }) => tracing::debug!(reason, "the succession waits"),
            Err(error) => return Err(error.into()),
        }
        if self.ledger.state().successors().len() > before {
            self.revision += 1;
        }
        Ok(())
    }

    /// judges a succession as far as this node can, and says what following it means.
    ///
    /// # Errors
    /// When it continues nothing, is not final yet, or the address is none.
    pub(crate) fn plan_succession(&self, certificate: &str, at: &str) -> Result<Plan, ApiError> {
        let decoded = decode_certificate(certificate)?;
        let statement = *decoded.statement();
        if statement.dao != self.dao.params.dao_id.0 {
            return Err(ApiError::invalid("A-104", "A-104: the statement is of another DAO"));
        }
        let hub = address(&statement, at).map_err(|error| ApiError::invalid("N-12", format!("{error:#}")))?;
        let row = SuccessionRow { certificate: bytes(certificate)?, address: at.to_owned() };
        let mut words = words(&statement);
        if self.store.successions()?.iter().any(|known| known.certificate == row.certificate) {
            words.push(format!("This node follows it already; the hub is looked for at {hub} from now on."));
            return Ok(Plan { statement, row, address: hub, cut: None, words });
        }
        let size = self.store.log_size()?;
        let knows = self.ledger.state().anchored().iter().any(|record| record.header.epoch == statement.last_link);
        let mut cut = None;
        if knows {
            let same =
                self.ledger.state().tree().root_at(statement.log_size).map(|root| root.0) == Some(statement.log_root);
            if same || size < statement.log_size {
                check(self, &statement)?;
                cut = (size > statement.log_size).then_some(statement.log_size);
            } else {
                // The former hub showed this node another log. What the last header covers is common to both.
                let header = self.ledger.headers().find(|header| header.epoch == statement.last_link);
                let covered = header.map_or(0, |header| header.log_size);
                cut = Some(self.store.segment_end_up_to(covered)?);
                words.push("The former hub showed this node another log than the members who signed.".to_owned());
            }
            if same {
                words.extend(judge(self, certificate)?.words);
                self.expect_final(&statement)?;
            }
        } else {
            words.push(format!(
                "This node's log does not reach epoch {} yet: the succession is judged when it does.",
                statement.last_link
            ));
        }
        if let Some(cut) = cut {
            words.push(format!(
                "{} entries beyond {cut} leave this node's log; own ones among them are said again.",
                size - cut
            ));
        }
        words.push(format!("The hub is {hub} from now on."));
        words.extend(self.stakes_left_behind(&hub));
        Ok(Plan { statement, row, address: hub, cut, words })
    }

    /// Channels move by their member's order alone: which are not with the new hub, and the one command for each.
    fn stakes_left_behind(&self, hub: &PeerAddress) -> Vec<String> {
        let lives =
            |phase: Phase| !matches!(phase, Phase::Closed | Phase::Failed | Phase::Closing | Phase::ForceClosing);
        let left = self.stakes.iter().filter(|channel| channel.peer != hub.node_id && lives(channel.machine.phase()));
        let ids = left.filter_map(|channel| channel.machine.id());
        ids.map(|id| {
            let first = id.to_string().chars().take(8).collect::<String>();
            format!(
                "Your channel {first} stays with its present hub and counts as before. Take it along, while that hub answers: `althing channel migrate --channel {first} --to {hub}`; or, where it is gone for good, the same with --alone. To bring it home instead: `althing channel close {first}`, or with --force where it is gone."
            )
        })
        .collect()
    }

    fn expect_final(&self, statement: &SuccessionStatement) -> Result<(), ApiError> {
        let spare = self.spare_seal_behind(statement.spare_seal, statement.last_link)?;
        let height = spare.spent.map_or(u32::MAX, |evidence| evidence.inclusion().height());
        let (depth, needed) =
            ((self.tip_height() + 1).saturating_sub(height), self.ledger.state().charter().final_depth);
        if depth < needed {
            return Err(ApiError::not_now(format!(
                "A-304: the succession is {depth} deep in this node's chain; it counts at {needed}"
            )));
        }
        Ok(())
    }

    /// Keeps the succession, cuts the log to what the members signed for, and drops the void links: one durable step.
    ///
    /// # Errors
    /// On I/O; nothing has changed then.
    pub(crate) fn go_over(&mut self, plan: &Plan) -> Result<PeerAddress> {
        let (statement, cut) = (plan.statement, plan.cut);
        let size = cut.unwrap_or(self.store.log_size()?);
        let head = self.newest_head_below(size)?;
        let dropped: Vec<(u32, u64)> = self
            .store
            .outbox()?
            .into_iter()
            .filter(|row| {
                let receipt = row.receipt.as_deref().and_then(|bytes| stored_receipt(bytes).ok());
                receipt.is_some_and(|(_, position)| cut.is_some_and(|cut| position >= cut))
            })
            .map(|row| (row.incarnation, row.sequence))
            .collect();
        self.store.write(|writer| {
            writer.put_succession(&statement, &plan.row)?;
            writer.cut_log(size, statement.last_link)?;
            for (incarnation, sequence) in &dropped {
                writer.forget_receipt(*incarnation, *sequence)?;
            }
            match &head {
                Some(head) => writer.set_meta(NEWEST_HEAD, head),
                None => writer.forget_meta(NEWEST_HEAD),
            }
        })?;
        self.reload_ledger()?;
        self.succeed_if_due()?;
        self.rebuild_watch()?;
        self.revision += 1;
        Ok(plan.address.clone())
    }

    /// The newest signed head among the first `size` entries.
    fn newest_head_below(&self, size: u64) -> Result<Option<Vec<u8>>> {
        let heads = self.ledger.state().heads();
        let Some(record) = heads.iter().rfind(|record| record.head.size < size) else { return Ok(None) };
        // A head is logged as the entry behind those that it covers.
        let position = record.head.size;
        match Entry::from_bytes(&self.store.entry_at(position)?.context("a head is not stored")?)? {
            Entry::Head(signed) => Ok(Some(signed.to_bytes())),
            _ => anyhow::bail!("there is no head at position {position}"),
        }
    }
}

impl Plan {
    /// What it comes to, for the caller.
    pub(crate) fn answer(self, done: bool) -> SuccessionAnswer {
        SuccessionAnswer { file: None, words: self.words, done }
    }
}

fn address(statement: &SuccessionStatement, at: &str) -> Result<PeerAddress> {
    let socket = at.parse().with_context(|| format!("N-12: {at:?} is not host:port with a numeric host"))?;
    Ok(PeerAddress { node_id: statement.hub_node_key, socket })
}
