//! Whose money is whose after each checkpoint: a pure function of the changes. Clauses C-101 to C-109.

use bitcoin::OutPoint;
use bitcoin::secp256k1::PublicKey;
use lightning::impl_writeable_tlv_based;

use super::change::{Change, SignedHold, Voucher};
use super::ledger_error::LedgerError;
use crate::commitment::{Balances, Side, check_balances};
use crate::ids::{ChannelId, HoldId, MIN_RESERVE_SAT};

/// Most holds at a time in one channel. Clause C-103.
pub const MAX_HOLDS: usize = 32;
/// Most funding outputs in force at a time; as many as a checkpoint names. Clause C-140.
pub const MAX_FUNDINGS_IN_FORCE: usize = 8;

/// Where the member's app lane stands. Clause C-108.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppPosition {
    /// Counts fresh starts of the lane.
    pub incarnation: u32,
    /// Entries so far in this incarnation.
    pub sequence: u64,
    /// The lane's hash after them.
    pub head: [u8; 32],
}

impl_writeable_tlv_based!(AppPosition, {
    (0, incarnation, required),
    (2, sequence, required),
    (4, head, required),
});

/// A held part of the member's balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// What it is for.
    pub id: HoldId,
    /// Satoshis.
    pub amount_sat: u64,
}

impl_writeable_tlv_based!(Hold, {
    (0, id, required),
    (2, amount_sat, required),
});

/// A funding output that commitments spend. Clause C-140.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FundingInForce {
    /// Where it is.
    pub outpoint: OutPoint,
    /// What the member has in it more than in the first one, in satoshis.
    pub added_sat: u64,
    /// What the member has in it less than in the first one, in satoshis.
    pub removed_sat: u64,
}

impl_writeable_tlv_based!(FundingInForce, {
    (0, outpoint, required),
    (2, added_sat, required),
    (4, removed_sat, required),
});

/// Something a side has, once for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerSide<T> {
    /// The member's.
    pub member: T,
    /// The hub's.
    pub hub: T,
}

impl<T> PerSide<T> {
    /// The one of `side`.
    pub fn of(&self, side: Side) -> &T {
        match side {
            Side::Member => &self.member,
            Side::Hub => &self.hub,
        }
    }

    pub(super) fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Member => &mut self.member,
            Side::Hub => &mut self.hub,
        }
    }
}

impl<T: lightning::util::ser::Writeable> lightning::util::ser::Writeable for PerSide<T> {
    fn write<W: lightning::util::ser::Writer>(&self, writer: &mut W) -> Result<(), lightning::io::Error> {
        self.member.write(writer)?;
        self.hub.write(writer)
    }
}

impl<T: lightning::util::ser::Readable> lightning::util::ser::Readable for PerSide<T> {
    fn read<R: lightning::io::Read>(reader: &mut R) -> Result<Self, lightning::ln::msgs::DecodeError> {
        use lightning::util::ser::Readable;
        Ok(Self { member: Readable::read(reader)?, hub: Readable::read(reader)? })
    }
}

/// What the promises of a channel are signed for and with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerKeys {
    /// The channel.
    pub channel: ChannelId,
    /// Funding keys.
    pub funding: PerSide<PublicKey>,
}

/// The money of one checkpoint number: balances and everything that bounds what the next may change. Clause C-100.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    balances: Balances,
    app: AppPosition,
    fundings: Vec<FundingInForce>,
    holds: Vec<Hold>,
    last_hold: u64,
    /// Sum of each payer's vouchers that is settled.
    settled_sat: PerSide<u64>,
    /// Whether the side has ever had more than the reserve.
    bound: PerSide<bool>,
    /// Sum of what was forfeited of holds.
    forfeited_sat: u64,
}

impl_writeable_tlv_based!(Ledger, {
    (0, balances, required),
    (2, app, required),
    (4, fundings, required_vec),
    (6, holds, required_vec),
    (8, last_hold, required),
    // From before C-105 said that there is none.
    (10, _last_withdrawal, (legacy, u64, |_: &Ledger| None::<u64>)),
    (12, settled_sat, required),
    (14, bound, required),
    (16, forfeited_sat, (default_value, 0)),
});

impl Ledger {
    /// The ledger of checkpoint 0: the funding as opened, and a lane of which nothing is folded yet.
    pub fn opening(funding: OutPoint, balances: Balances) -> Self {
        let mut ledger = Self {
            balances,
            app: AppPosition { incarnation: 0, sequence: 0, head: [0; 32] },
            fundings: vec![FundingInForce { outpoint: funding, added_sat: 0, removed_sat: 0 }],
            holds: Vec::new(),
            last_hold: 0,
            settled_sat: PerSide::default(),
            bound: PerSide::default(),
            forfeited_sat: 0,
        };
        ledger.bind_reserves();
        ledger
    }

    /// The ledger after `changes`, proposed by `proposer`, in their order; `app` is the lane's position it folds.
    ///
    /// # Errors
    /// [`LedgerError`] naming the rule and the values; nothing is applied then.
    pub fn apply(
        &self,
        keys: &LedgerKeys,
        proposer: Side,
        changes: &[Change],
        app: AppPosition,
    ) -> Result<Self, LedgerError> {
        let mut next = self.clone();
        next.extend_lane(app)?;
        for change in changes {
            next.change(keys, proposer, change)?;
        }
        next.check()?;
        next.bind_reserves();
        Ok(next)
    }

    /// Whether every rule holds that binds a single ledger; for one that was read from a disk.
    pub(super) fn is_sound(&self) -> bool {
        !self.fundings.is_empty() && self.fundings.len() <= MAX_FUNDINGS_IN_FORCE && self.check().is_ok()
    }

    /// How the first funding's value is divided.
    pub fn balances(&self) -> Balances {
        self.balances
    }

    /// How the value of a funding in force is divided; `None` for one that is not.
    pub fn balances_over(&self, funding: OutPoint) -> Option<Balances> {
        self.fundings.iter().find(|known| known.outpoint == funding).and_then(|known| self.balances_in(known))
    }

    /// The lane's position that is folded.
    pub fn app(&self) -> AppPosition {
        self.app
    }

    /// The funding outputs in force, the confirmed one first.
    pub fn fundings(&self) -> &[FundingInForce] {
        &self.fundings
    }

    /// Holds, in the order in which they were folded.
    pub fn holds(&self) -> &[Hold] {
        &self.holds
    }

    /// Sum of the holds in satoshis.
    pub fn held_sat(&self) -> u64 {
        self.holds.iter().fold(0, |sum, hold| sum.saturating_add(hold.amount_sat))
    }

    /// What a side may pay with, in satoshis: its balance without holds, in the funding where that is least.
    pub fn spendable_sat(&self, side: Side) -> u64 {
        match side {
            Side::Member => {
                let balances = self.fundings.iter().map(|known| self.balances_in(known).map_or(0, |b| b.member_sat));
                balances.min().unwrap_or(0).saturating_sub(self.held_sat())
            }
            Side::Hub => self.balances.hub_sat,
        }
    }

    /// What a side has to keep once it has had more, in satoshis: 1% of the value, at least [`MIN_RESERVE_SAT`]. C-107.
    pub fn reserve_sat(&self) -> u64 {
        (self.capacity_sat() / 100).max(MIN_RESERVE_SAT)
    }

    /// Most that a side's vouchers may promise and not be settled, in satoshis. C-104.
    pub fn voucher_cap_sat(&self) -> u64 {
        self.reserve_sat() / 2
    }

    /// Sum of a side's vouchers that is settled, in satoshis.
    pub fn settled_sat(&self, side: Side) -> u64 {
        *self.settled_sat.of(side)
    }

    /// What was forfeited of holds so far, in satoshis: it is the treasury's, whatever the hub did with it since.
    pub fn forfeited_sat(&self) -> u64 {
        self.forfeited_sat
    }

    /// Serial of the last hold folded.
    pub fn last_hold(&self) -> u64 {
        self.last_hold
    }

    fn capacity_sat(&self) -> u64 {
        self.balances.member_sat.saturating_add(self.balances.hub_sat)
    }

    // C-108
    fn extend_lane(&mut self, app: AppPosition) -> Result<(), LedgerError> {
        let AppPosition { incarnation, sequence, head } = self.app;
        // Nothing is folded at the opening, so any first head goes with sequence 0 there.
        let unset = (incarnation, sequence, head) == (0, 0, [0; 32]);
        let same = (app.incarnation, app.sequence) == (incarnation, sequence);
        if (app.incarnation, app.sequence) < (incarnation, sequence) || (same && app.head != head && !unset) {
            return Err(LedgerError::Lane { known: self.app, proposed: app });
        }
        self.app = app;
        Ok(())
    }

    fn change(&mut self, keys: &LedgerKeys, proposer: Side, change: &Change) -> Result<(), LedgerError> {
        let only = |side: Side, what| {
            if proposer == side { Ok(()) } else { Err(LedgerError::Proposer { what, proposer }) } // C-102
        };
        match change {
            Change::Dues { amount_sat } => {
                only(Side::Member, "dues")?;
                self.pay_kept(Side::Member, *amount_sat)
            }
            Change::Reward { amount_sat } => {
                only(Side::Hub, "a reward")?;
                self.pay_kept(Side::Hub, *amount_sat)
            }
            Change::Hold(order) => self.hold(keys, order),
            Change::HoldRelease { id } => {
                only(Side::Hub, "the release of a hold")?;
                self.take_hold(*id).map(|_| ())
            }
            Change::HoldForfeit { id, amount_sat } => self.forfeit(*id, *amount_sat),
            Change::Voucher(voucher) => self.settle(keys, voucher),
            Change::Deposit { funding, amount_sat } => {
                only(Side::Member, "a deposit")?;
                self.add_funding(*funding, *amount_sat, 0)
            }
            Change::PayOut { funding, amount_sat } => {
                only(Side::Member, "a payment out")?;
                self.add_funding(*funding, 0, *amount_sat)
            }
            Change::FundingLocked { funding } => self.lock_funding(*funding),
        }
    }

    // C-103
    fn hold(&mut self, keys: &LedgerKeys, order: &SignedHold) -> Result<(), LedgerError> {
        if order.serial <= self.last_hold {
            return Err(LedgerError::Serial { what: "hold", serial: order.serial, last: self.last_hold });
        }
        if self.holds.len() >= MAX_HOLDS || self.holds.iter().any(|hold| hold.id == order.id) {
            return Err(LedgerError::HoldTaken { id: order.id, holds: self.holds.len() });
        }
        if !order.verify(keys.channel, &keys.funding.member) {
            return Err(LedgerError::Signature { what: "hold" });
        }
        self.can_spend(Side::Member, order.amount_sat, self.kept_sat(Side::Member))?;
        self.holds.push(Hold { id: order.id, amount_sat: order.amount_sat });
        self.last_hold = order.serial;
        Ok(())
    }

    fn take_hold(&mut self, id: HoldId) -> Result<Hold, LedgerError> {
        let at = self.holds.iter().position(|hold| hold.id == id).ok_or(LedgerError::NoHold { id })?;
        Ok(self.holds.remove(at))
    }

    // C-101: a hold says what may go at most.
    fn forfeit(&mut self, id: HoldId, amount_sat: u64) -> Result<(), LedgerError> {
        let held_sat = self.take_hold(id)?.amount_sat;
        if amount_sat > held_sat {
            return Err(LedgerError::Forfeit { id, amount_sat, held_sat });
        }
        self.pay(Side::Member, amount_sat, 0)?;
        self.forfeited_sat = self.forfeited_sat.saturating_add(amount_sat);
        Ok(())
    }

    // C-104
    fn settle(&mut self, keys: &LedgerKeys, voucher: &Voucher) -> Result<(), LedgerError> {
        let from = voucher.from;
        if !voucher.verify(keys.channel, keys.funding.of(from)) {
            return Err(LedgerError::Signature { what: "voucher" });
        }
        let settled_sat = self.settled_sat(from);
        let amount_sat = voucher
            .cumulative_sat
            .checked_sub(settled_sat)
            .filter(|amount| *amount > 0)
            .ok_or(LedgerError::Settled { cumulative_sat: voucher.cumulative_sat, settled_sat })?;
        let cap_sat = self.voucher_cap_sat();
        if amount_sat > cap_sat {
            return Err(LedgerError::VoucherCap { amount_sat, cap_sat });
        }
        // C-104, C-107: vouchers are bounded by half the reserve, so that the reserve can always pay them.
        self.pay(from, amount_sat, 0)?;
        *self.settled_sat.of_mut(from) = voucher.cumulative_sat;
        Ok(())
    }

    // C-140
    fn add_funding(&mut self, outpoint: OutPoint, added_sat: u64, removed_sat: u64) -> Result<(), LedgerError> {
        let known = self.fundings.iter().any(|funding| funding.outpoint == outpoint);
        if known || self.fundings.len() >= MAX_FUNDINGS_IN_FORCE || (added_sat == 0 && removed_sat == 0) {
            return Err(LedgerError::Funding { outpoint, in_force: self.fundings.len() });
        }
        self.fundings.push(FundingInForce { outpoint, added_sat, removed_sat });
        let (side, keep_sat, spendable_sat) = (Side::Member, self.reserve_sat(), self.spendable_sat(Side::Member));
        if removed_sat > 0 && spendable_sat < keep_sat {
            return Err(LedgerError::Spendable { side, amount_sat: removed_sat, spendable_sat, keep_sat });
        }
        Ok(())
    }

    // C-144: of conflicting fundings one confirms, and the others can never.
    fn lock_funding(&mut self, outpoint: OutPoint) -> Result<(), LedgerError> {
        let unknown = LedgerError::Funding { outpoint, in_force: self.fundings.len() };
        let locked = *self.fundings.iter().skip(1).find(|known| known.outpoint == outpoint).ok_or(unknown)?;
        self.balances = self.balances_in(&locked).ok_or(unknown)?;
        self.fundings = vec![FundingInForce { outpoint, added_sat: 0, removed_sat: 0 }];
        Ok(())
    }

    fn balances_in(&self, funding: &FundingInForce) -> Option<Balances> {
        let Balances { member_sat, hub_sat } = self.balances;
        let member_sat = member_sat.checked_add(funding.added_sat)?.checked_sub(funding.removed_sat)?;
        Some(Balances { member_sat, hub_sat })
    }

    fn kept_sat(&self, side: Side) -> u64 {
        if *self.bound.of(side) { self.reserve_sat() } else { 0 }
    }

    fn pay_kept(&mut self, from: Side, amount_sat: u64) -> Result<(), LedgerError> {
        self.pay(from, amount_sat, self.kept_sat(from))
    }

    fn pay(&mut self, from: Side, amount_sat: u64, keep_sat: u64) -> Result<(), LedgerError> {
        self.can_spend(from, amount_sat, keep_sat)?;
        let Balances { member_sat, hub_sat } = &mut self.balances;
        let (payer, payee) = match from {
            Side::Member => (member_sat, hub_sat),
            Side::Hub => (hub_sat, member_sat),
        };
        // C-106: what one side loses the other gains; neither step can overflow, the sum being all there is.
        *payer -= amount_sat;
        *payee += amount_sat;
        Ok(())
    }

    // C-107
    fn can_spend(&self, side: Side, amount_sat: u64, keep_sat: u64) -> Result<(), LedgerError> {
        if amount_sat == 0 {
            return Err(LedgerError::Nothing);
        }
        let spendable_sat = self.spendable_sat(side);
        let left = spendable_sat.checked_sub(amount_sat).is_some_and(|left| left >= keep_sat);
        if !left {
            return Err(LedgerError::Spendable { side, amount_sat, spendable_sat, keep_sat });
        }
        Ok(())
    }

    // C-106, C-109: over every funding in force there must be a commitment.
    fn check(&self) -> Result<(), LedgerError> {
        for funding in &self.fundings {
            let outpoint = funding.outpoint;
            let balances =
                self.balances_in(funding).ok_or(LedgerError::Funding { outpoint, in_force: self.fundings.len() })?;
            if balances.member_sat < self.held_sat() {
                return Err(LedgerError::Spendable {
                    side: Side::Member,
                    amount_sat: self.held_sat(),
                    spendable_sat: balances.member_sat,
                    keep_sat: 0,
                });
            }
            check_balances(balances)?;
        }
        Ok(())
    }

    fn bind_reserves(&mut self) {
        let reserve_sat = self.reserve_sat();
        self.bound.member |= self.balances.member_sat > reserve_sat;
        self.bound.hub |= self.balances.hub_sat > reserve_sat;
    }
}
