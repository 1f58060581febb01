//! Where what one member hands on comes back to another: what a person is told before they close a circle.

use std::collections::BTreeSet;

use super::{Book, MAX_STEPS, Scope};
use crate::id::MemberId;

impl Book {
    /// Whether what `from` hands on comes to `to` in one step less than are followed, so that all of a circle are (L-19): by delegations of this scope, or else on
    /// everything, that are in force before position `cutoff` for votes that close at `height`.
    #[must_use]
    pub fn leads_to(&self, from: &MemberId, to: &MemberId, scope: &Scope, cutoff: u64, height: u32) -> bool {
        let mut reached = BTreeSet::from([*from]);
        let mut here = vec![*from];
        for _ in 1..MAX_STEPS {
            let mut next = Vec::new();
            for member in here {
                let said: Vec<_> = self.of_member(&member, cutoff, height).collect();
                let by = |wanted: &Scope| said.iter().find(|(scope, _)| *scope == wanted);
                let Some((_, record)) = by(scope).or_else(|| by(&Scope::All)) else { continue };
                for part in record.parts().iter().filter(|part| !part.abstains()) {
                    if part.to == *to {
                        return true;
                    }
                    if reached.insert(part.to) {
                        next.push(part.to);
                    }
                }
            }
            here = next;
        }
        false
    }
}
