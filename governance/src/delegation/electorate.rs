//! The roll by seat: members numbered in ascending order, so that tallies index arrays instead of searching maps.

use crate::id::MemberId;
use crate::index::Index;
use crate::roll::Roll;

/// A member's place among the roll's members in ascending order, from 0. Means nothing without its [`Electorate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seat(pub u32);

/// Members and weights of a frozen roll, by seat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Electorate {
    members: Index<MemberId>,
    weights: Vec<u128>,
    total: u128,
}

/// Why members and weights make no electorate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ElectorateError {
    /// Members are not in ascending order, or one appears twice.
    #[error("L-9: member {0} does not ascend")]
    Order(MemberId),
    /// The weights do not fit 128 bits.
    #[error("L-9: the weights add up to more than 2^128 - 1")]
    Overflow,
    /// More members than seats can be numbered.
    #[error("L-9: {0} members are more than 2^32 - 2")]
    Size(usize),
}

impl Seat {
    /// As an index into arrays by seat.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Electorate {
    /// The members with their weights, in ascending order of members.
    ///
    /// # Errors
    /// [`ElectorateError`].
    pub fn new(weights: impl IntoIterator<Item = (MemberId, u128)>) -> Result<Self, ElectorateError> {
        let mut electorate = Self::default();
        for (member, weight) in weights {
            if electorate.members.ids().last().is_some_and(|last| *last >= member) {
                return Err(ElectorateError::Order(member));
            }
            electorate.total = electorate.total.checked_add(weight).ok_or(ElectorateError::Overflow)?;
            if electorate.members.insert(member).is_none() {
                return Err(ElectorateError::Size(electorate.weights.len()));
            }
            electorate.weights.push(weight);
        }
        match u32::try_from(electorate.weights.len()) {
            Ok(number) if number < u32::MAX => Ok(electorate),
            _ => Err(ElectorateError::Size(electorate.weights.len())),
        }
    }

    /// The members of a roll.
    ///
    /// # Errors
    /// [`ElectorateError::Overflow`] when the weights do not fit 128 bits.
    pub fn of_roll(roll: &Roll) -> Result<Self, ElectorateError> {
        Self::new(roll.iter().map(|(member, entry)| (*member, entry.weight)))
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// Every seat, ascending.
    pub fn seats(&self) -> impl ExactSizeIterator<Item = Seat> + use<> {
        (0..u32::try_from(self.weights.len()).expect("`new` checked the number")).map(Seat)
    }

    /// Where a member sits; `None` when not in the roll.
    #[must_use]
    pub fn seat(&self, member: &MemberId) -> Option<Seat> {
        let index = self.members.number(member)?;
        Some(Seat(u32::try_from(index).expect("`new` checked the number")))
    }

    /// As [`crate::index::Places::touch`].
    pub(crate) fn touch(&self, member: &MemberId) -> u32 {
        self.members.touch(member)
    }

    /// Who sits there.
    ///
    /// # Panics
    /// When the seat is another electorate's and out of range here.
    #[must_use]
    pub fn member(&self, seat: Seat) -> MemberId {
        self.members.ids()[seat.index()]
    }

    /// Own weight of a seat.
    ///
    /// # Panics
    /// As [`Electorate::member`].
    #[must_use]
    pub fn weight(&self, seat: Seat) -> u128 {
        self.weights[seat.index()]
    }

    /// Sum of all weights.
    #[must_use]
    pub fn total(&self) -> u128 {
        self.total
    }
}
