//! Hazard: somebody closes a circle in which everybody's weight goes round, and is not told.

use althing_governance::MemberId;
use althing_governance::charter::Class;
use althing_governance::delegation::{Book, Delegation, Part, Scope};
use althing_governance::id::EntryId;
use proptest::prelude::*;

const MEMBERS: u8 = 12;

fn id(member: u8) -> MemberId {
    MemberId([member + 1; 32])
}

/// By member: to whom on everything, and to whom on texts.
type Said = Vec<(Vec<u8>, Option<Vec<u8>>)>;

fn book(said: &Said) -> Book {
    let mut book = Book::new();
    let mut position = 0;
    for (member, (all, text)) in (0..).zip(said) {
        let scopes = [(Scope::All, Some(all)), (Scope::Class(Class::Text), text.as_ref())];
        for (scope, to) in scopes.into_iter().filter_map(|(scope, to)| Some((scope, to?))) {
            let parts = to.iter().map(|to| Part { to: id(*to), share_bp: 1 }).chain([Part::abstaining(1)]).collect();
            book.record(
                id(member),
                position,
                EntryId([position as u8; 32]),
                Delegation { scope, parts, expires_height: None },
            );
            position += 1;
        }
    }
    book
}

/// The oracle: whom so many steps reach, step by step over all members, by the word on texts or else that on everything.
fn reaches(said: &Said, from: u8, to: u8, on_texts: bool) -> bool {
    let mut here = vec![from];
    for _ in 0..7 {
        let next = |member: &u8| match said.get(usize::from(*member)) {
            Some((_, Some(text))) if on_texts => text.clone(),
            Some((all, _)) => all.clone(),
            None => Vec::new(),
        };
        here = here.iter().flat_map(next).collect();
        here.sort_unstable();
        here.dedup();
        if here.contains(&to) {
            return true;
        }
    }
    false
}

#[test]
fn a_circle_is_as_long_as_weight_is_followed() {
    // 0 hands on to 1, 1 to 2, and so on.
    let said: Said = (1..=MEMBERS).map(|to| (vec![to], None)).collect();
    let book = book(&said);
    let back = |length: u8| book.leads_to(&id(0), &id(length), &Scope::All, u64::MAX, 0);
    // Whoever hands on to 0 has eight steps in all.
    assert!((1..=7).all(back) && !back(8));
    assert!(!book.leads_to(&id(0), &id(1), &Scope::All, 0, 0), "before it was said");
}

proptest! {
    #[test]
    fn whom_weight_comes_back_to(
        said in prop::collection::vec(
            (prop::collection::vec(0..MEMBERS, 0..3), prop::option::of(prop::collection::vec(0..MEMBERS, 0..3))),
            usize::from(MEMBERS),
        ),
        from in 0..MEMBERS,
        to in 0..MEMBERS,
        on_texts in any::<bool>(),
    ) {
        let scope = if on_texts { Scope::Class(Class::Text) } else { Scope::All };
        let found = book(&said).leads_to(&id(from), &id(to), &scope, u64::MAX, 0);
        prop_assert_eq!(found, reaches(&said, from, to, on_texts));
    }
}
