//! Promises to pay between checkpoints, and orders signed by the member. Clauses C-103 and C-104.

use super::change::{SignedHold, Voucher};
use crate::channel::{Channel, ChannelError, Effect, LedgerError, Phase, Violation};
use crate::commitment::Side;
use crate::ids::HoldId;
use crate::wire::{GiveVoucher, Msg};

impl Channel {
    /// Promises the peer `amount_sat` more, to be settled by a later checkpoint. `aux_rand` is BIP340's.
    ///
    /// # Errors
    /// [`LedgerError::VoucherCap`] when half the reserve is promised: settle first. [`LedgerError::Spendable`].
    pub fn give_voucher(&mut self, amount_sat: u64, aux_rand: [u8; 32]) -> Result<Vec<Effect>, ChannelError> {
        if self.state.phase != Phase::Ready {
            return Err(self.wait("giving a voucher"));
        }
        let (channel, from) = (self.channel_id()?, self.state.side);
        let money = self.money()?;
        let issued_sat = money.vouchers.issued_sat(from).max(money.ledger.settled_sat(from));
        let cumulative_sat = issued_sat.saturating_add(amount_sat);
        self.check_open_vouchers(from, cumulative_sat)?;
        let voucher = Voucher::sign(channel, from, cumulative_sat, &self.keys.funding_keypair(), aux_rand);
        self.money_mut()?.vouchers.replace(voucher);
        Ok(vec![Effect::Persist, Effect::Send(Msg::GiveVoucher(GiveVoucher { channel, voucher }))])
    }

    /// A side's newest voucher: what a checkpoint settles.
    pub fn voucher(&self, from: Side) -> Option<Voucher> {
        self.state.money.as_ref()?.vouchers.of(from)
    }

    /// The same while a checkpoint has not settled it.
    pub fn open_voucher(&self, from: Side) -> Option<Voucher> {
        let settled_sat = self.ledger()?.settled_sat(from);
        self.voucher(from).filter(|voucher| voucher.cumulative_sat > settled_sat)
    }

    /// What this side has promised by vouchers that no checkpoint has settled, in satoshis.
    pub fn promised_sat(&self) -> u64 {
        let from = self.state.side;
        let settled_sat = self.ledger().map_or(0, |ledger| ledger.settled_sat(from));
        self.open_voucher(from).map_or(0, |voucher| voucher.cumulative_sat.saturating_sub(settled_sat))
    }

    /// Member: signs an order to hold `amount_sat`, for either side to fold. `aux_rand` is BIP340's.
    ///
    /// # Errors
    /// [`Wait::Phase`](crate::Wait::Phase) before the channel is in use, and for the hub.
    pub fn order_hold(
        &self,
        serial: u64,
        id: HoldId,
        amount_sat: u64,
        aux_rand: [u8; 32],
    ) -> Result<SignedHold, ChannelError> {
        if self.state.side != Side::Member {
            return Err(self.wait("ordering a hold"));
        }
        Ok(SignedHold::sign(self.channel_id()?, serial, id, amount_sat, &self.keys.funding_keypair(), aux_rand))
    }

    pub(in crate::channel) fn on_give_voucher(&mut self, msg: &GiveVoucher) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        self.expect_in_use("give_voucher")?;
        let (voucher, from) = (msg.voucher, self.state.side.other());
        let keys = self.ledger_keys()?;
        if voucher.from != from || !voucher.verify(keys.channel, keys.funding.of(from)) {
            return Err(Violation::Ledger(LedgerError::Signature { what: "voucher" }).into());
        }
        let money = self.money()?;
        let known_sat = money.vouchers.issued_sat(from).max(money.ledger.settled_sat(from));
        if voucher.cumulative_sat <= known_sat {
            return Ok(Vec::new()); // C-104: an older one says nothing new
        }
        self.check_open_vouchers(from, voucher.cumulative_sat)?;
        self.money_mut()?.vouchers.replace(voucher);
        let amount_sat = voucher.cumulative_sat - known_sat;
        Ok(vec![Effect::Persist, Effect::VoucherReceived { amount_sat }])
    }

    // C-131: a promise that did not arrive is none.
    pub(super) fn give_voucher_again(&self) -> Result<Option<Effect>, ChannelError> {
        let channel = self.channel_id()?;
        Ok(self
            .open_voucher(self.state.side)
            .map(|voucher| Effect::Send(Msg::GiveVoucher(GiveVoucher { channel, voucher }))))
    }

    // C-104
    fn check_open_vouchers(&self, from: Side, cumulative_sat: u64) -> Result<(), ChannelError> {
        let ledger = &self.money()?.ledger;
        let amount_sat = cumulative_sat.saturating_sub(ledger.settled_sat(from));
        let cap_sat = ledger.voucher_cap_sat();
        if amount_sat > cap_sat {
            return Err(Violation::Ledger(LedgerError::VoucherCap { amount_sat, cap_sat }).into());
        }
        let spendable_sat = ledger.spendable_sat(from);
        if amount_sat == 0 || amount_sat > spendable_sat {
            let refusal = LedgerError::Spendable { side: from, amount_sat, spendable_sat, keep_sat: 0 };
            return Err(Violation::Ledger(refusal).into());
        }
        Ok(())
    }
}
