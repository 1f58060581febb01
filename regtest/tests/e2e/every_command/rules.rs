//! A charter in which everything can be proposed.

use althing_governance::Charter;
use althing_governance::charter::{Admission, Body, Class, ClassRule, Guardians, Quorum, RewardShare, Rewards};
use althing_governance::voting::System;
use althing_regtest::story::Periods;

pub(super) const PERIODS: Periods = Periods { veto_blocks: 0, ..Periods::SHORT };

/// What an author deposits for an expulsion, and for an admission.
pub(super) const DEPOSITS_SAT: [u64; 2] = [5_000, 2_000];

/// What the voters of an epoch share.
pub(super) const POOL_SAT: u64 = 9_000;

/// What everybody on the roll owes for an epoch.
pub(super) const DUES_SAT: u64 = 10;

const ALL_SYSTEMS: [System; 10] = [
    System::YesNoAbstain,
    System::YesNoVeto,
    System::Optimistic,
    System::SingleChoice,
    System::Approval,
    System::Score { max: 5 },
    System::InstantRunoff,
    System::Schulze,
    System::Split,
    System::Quadratic { credits: 100 },
];

pub(super) fn every_class(mut charter: Charter) -> Charter {
    charter.admission = Admission::Invite { min_stake_sat: 10_000, max_open_per_member: 3 };
    let mut guardians: Vec<_> = charter.founders.iter().take(3).copied().collect();
    guardians.sort();
    charter.guardians = Guardians { members: guardians, threshold: 2, delay_blocks: 6 };
    charter.rewards = Rewards { pool_sat_per_epoch: POOL_SAT, share: RewardShare::Equal, dues_sat_per_epoch: DUES_SAT };
    charter.delegation.enabled = true;
    charter.classes = Class::ALL.map(rule).to_vec();
    charter
}

/// Six blocks and a fifth of all weight for everything; what may meet something else waits longer for its effect.
fn rule(class: Class) -> ClassRule {
    let usual = ClassRule {
        voting_blocks: 6,
        quorum: Quorum::ParticipationBp(2000),
        late_surge: false,
        ..ClassRule::new(class)
    };
    match class {
        Class::Text => ClassRule { systems: ALL_SYSTEMS.to_vec(), ..usual },
        Class::Spend => ClassRule { systems: vec![System::YesNoAbstain, System::Approval], ..usual },
        Class::Admit => ClassRule { deposit_sat: DEPOSITS_SAT[1], min_support_bp: 100, ..usual },
        Class::Expel => ClassRule { deposit_sat: DEPOSITS_SAT[0], veto_blocks: 12, ..usual },
        Class::ElectTreasurers => ClassRule { veto_blocks: 12, bodies: vec![Body::Members, Body::Founders], ..usual },
        _ => usual,
    }
}
