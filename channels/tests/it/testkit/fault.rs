//! What can go wrong between two steps.

use althing_channels::Side;

/// One fault: it strikes when the pair has carried out `at` steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) kind: FaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// Everything in flight is lost, both stay up.
    Disconnect,
    /// The side forgets what it did not store; the connection is lost with it.
    Crash(Side),
    /// The side's next message is lost, and nobody notices.
    Drop(Side),
    /// The side's next message arrives twice.
    Duplicate(Side),
    /// The side's next two messages arrive in the other order.
    Swap(Side),
}

impl FaultKind {
    /// Every fault of the wire with a restart of either side.
    pub(crate) fn of_the_wire_and_a_restart() -> impl Iterator<Item = (Self, Side)> {
        let of_the_wire = Self::ALL.into_iter().filter(|kind| !matches!(kind, Self::Crash(_)));
        of_the_wire.flat_map(|kind| [Side::Member, Side::Hub].map(|side| (kind, side)))
    }

    /// Every fault there is.
    pub(crate) const ALL: [Self; 9] = [
        Self::Disconnect,
        Self::Crash(Side::Member),
        Self::Crash(Side::Hub),
        Self::Drop(Side::Member),
        Self::Drop(Side::Hub),
        Self::Duplicate(Side::Member),
        Self::Duplicate(Side::Hub),
        Self::Swap(Side::Member),
        Self::Swap(Side::Hub),
    ];
}
