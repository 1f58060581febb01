//! Reference model of the ledger: written from the clauses, sharing nothing with the ledger of the crate.

use std::collections::BTreeMap;

use althing_channels::{AppPosition, Change, HoldId, Side};

/// What a checkpoint leaves, as plain numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) member_sat: i128,
    pub(crate) hub_sat: i128,
    pub(crate) holds: BTreeMap<HoldId, i128>,
    pub(crate) settled_sat: [i128; 2],
    pub(crate) forfeited_sat: i128,
    serial: u64,
    bound: [bool; 2],
    pub(crate) app: Option<AppPosition>,
    base: Option<bitcoin::OutPoint>,
    /// Fundings beside the first: what the member has more (or less) in them.
    pub(crate) splices: Vec<(bitcoin::OutPoint, i128)>,
}

impl Model {
    pub(crate) fn new(member_sat: u64, hub_sat: u64) -> Self {
        let mut model = Self {
            member_sat: member_sat.into(),
            hub_sat: hub_sat.into(),
            holds: BTreeMap::new(),
            settled_sat: [0; 2],
            forfeited_sat: 0,
            serial: 0,
            bound: [false; 2],
            app: None,
            base: None,
            splices: Vec::new(),
        };
        model.bind();
        model
    }

    /// Names the first funding, which cannot be brought into force again.
    pub(crate) fn fund(&mut self, funding: bitcoin::OutPoint) {
        self.base = Some(funding);
    }

    pub(crate) fn held_sat(&self) -> i128 {
        self.holds.values().sum()
    }

    pub(crate) fn reserve_sat(&self) -> i128 {
        ((self.member_sat + self.hub_sat) / 100).max(1_000)
    }

    pub(crate) fn spendable_sat(&self, side: Side) -> i128 {
        match side {
            Side::Member => {
                let least = self.splices.iter().map(|(_, delta)| *delta).min().unwrap_or(0).min(0);
                (self.member_sat + least - self.held_sat()).max(0)
            }
            Side::Hub => self.hub_sat,
        }
    }

    /// The model after a proposal; `None` when a clause forbids it. Promises are taken as well signed.
    pub(crate) fn after(&self, proposer: Side, changes: &[Change], app: AppPosition) -> Option<Self> {
        let mut next = self.clone();
        if let Some(known) = self.app {
            let forward = (app.incarnation, app.sequence) > (known.incarnation, known.sequence);
            if !forward && app != known {
                return None;
            }
        }
        next.app = Some(app);
        for change in changes {
            next.change(proposer, change)?;
        }
        let deltas = next.splices.iter().map(|(_, delta)| *delta).chain([0]);
        for delta in deltas {
            let member_sat = next.member_sat + delta;
            let dust = |sat: i128| sat < 330;
            let trimmed: i128 = [member_sat, next.hub_sat].into_iter().filter(|sat| dust(*sat)).sum();
            let lost = member_sat < next.held_sat() || (dust(member_sat) && dust(next.hub_sat));
            if lost || trimmed > 240 {
                return None;
            }
        }
        next.bind();
        Some(next)
    }

    fn change(&mut self, proposer: Side, change: &Change) -> Option<()> {
        let is = |side: Side| (proposer == side).then_some(());
        match change {
            Change::Dues { amount_sat } => {
                is(Side::Member)?;
                self.pay(Side::Member, (*amount_sat).into(), true)
            }
            Change::Reward { amount_sat } => {
                is(Side::Hub)?;
                self.pay(Side::Hub, (*amount_sat).into(), true)
            }
            Change::Hold(order) => {
                let fits = self.holds.len() < 32 && !self.holds.contains_key(&order.id);
                let amount: i128 = order.amount_sat.into();
                self.can_spend(Side::Member, amount, true)?;
                if !fits || order.serial <= self.serial {
                    return None;
                }
                self.serial = order.serial;
                self.holds.insert(order.id, amount);
                Some(())
            }
            Change::HoldRelease { id } => {
                is(Side::Hub)?;
                self.holds.remove(id).map(|_| ())
            }
            Change::HoldForfeit { id, amount_sat } => {
                let (held, amount) = (self.holds.remove(id)?, i128::from(*amount_sat));
                if amount > held {
                    return None;
                }
                self.forfeited_sat += amount;
                self.pay(Side::Member, amount, false)
            }
            Change::Voucher(voucher) => {
                let side = voucher.from as usize;
                let amount = i128::from(voucher.cumulative_sat) - self.settled_sat[side];
                if amount > self.reserve_sat() / 2 {
                    return None;
                }
                self.pay(voucher.from, amount, false)?;
                self.settled_sat[side] += amount;
                Some(())
            }
            Change::Deposit { funding, amount_sat } => {
                is(Side::Member)?;
                self.splice(*funding, (*amount_sat).into())
            }
            Change::PayOut { funding, amount_sat } => {
                is(Side::Member)?;
                self.splice(*funding, -i128::from(*amount_sat))?;
                (self.spendable_sat(Side::Member) >= self.reserve_sat()).then_some(())
            }
            Change::FundingLocked { funding } => {
                let (_, delta) = *self.splices.iter().find(|(known, _)| known == funding)?;
                self.member_sat += delta;
                self.splices.clear();
                self.base = Some(*funding);
                Some(())
            }
            _ => None,
        }
    }

    fn splice(&mut self, funding: bitcoin::OutPoint, delta: i128) -> Option<()> {
        let known = self.base == Some(funding) || self.splices.iter().any(|(known, _)| *known == funding);
        if known || self.splices.len() >= 7 || delta == 0 {
            return None;
        }
        self.splices.push((funding, delta));
        Some(())
    }

    fn can_spend(&self, side: Side, amount: i128, keeps: bool) -> Option<()> {
        let keep = if keeps && self.bound[side as usize] { self.reserve_sat() } else { 0 };
        (amount > 0 && self.spendable_sat(side) - amount >= keep).then_some(())
    }

    fn pay(&mut self, from: Side, amount: i128, keeps: bool) -> Option<()> {
        self.can_spend(from, amount, keeps)?;
        let signed = if from == Side::Member { amount } else { -amount };
        self.member_sat -= signed;
        self.hub_sat += signed;
        Some(())
    }

    fn bind(&mut self) {
        let reserve = self.reserve_sat();
        self.bound[0] |= self.member_sat > reserve;
        self.bound[1] |= self.hub_sat > reserve;
    }
}
