//! Hazard: a light member keeps too little for its own proofs, or what others did; or takes what is left of a log for one (N-220 to N-223).

use althing_governance::codec::{Canonical as _, Reader};
use althing_governance::entry::{Choice, Entry};
use althing_governance::id::TreeHash;
use althing_governance::receipt::Receipt;
use althing_governance::signing::Signed;
use althing_node::light::held_of;
use althing_node::store::{HeldEntry, Store};

use crate::story::{Story, VOTER};
use crate::world::{MEMBERS, member_id};

fn held(story: &Story, member: u8) -> Vec<HeldEntry> {
    let keys = [member_id(member)];
    let of = |segment| held_of(story.world.ledger.state(), &keys, segment).unwrap();
    story.world.segments.iter().flat_map(of).collect()
}

#[test]
fn exactly_own_entries_and_those_that_proofs_begin_with_are_kept() {
    let story = Story::told();
    for member in 1..=MEMBERS {
        let kept = held(&story, member);
        let mut expected = Vec::new();
        for (position, bytes) in (0u64..).zip(&story.world.log) {
            let entry = Entry::from_bytes(bytes).unwrap();
            let is_own = match &entry {
                Entry::Checkpoint(signed) => {
                    story.world.ledger.state().channels()[&signed.checkpoint.channel].member == member_id(member)
                }
                other => other.lane().is_some_and(|lane| lane.member == member_id(member)),
            };
            if is_own || matches!(entry, Entry::Proposal(_) | Entry::Head(_)) {
                expected.push((position, bytes.clone(), is_own));
            }
        }
        let found: Vec<_> = kept.iter().map(|row| (row.position, row.entry.clone(), row.receipt.is_some())).collect();
        assert_eq!(found, expected, "member {member}");
        for row in kept {
            let Some(stored) = row.receipt else { continue };
            let mut r = Reader::new(&stored);
            let receipt = Signed::<Receipt>::decode(&mut r).unwrap();
            assert_eq!(r.u64().unwrap(), row.position);
            let path: Vec<TreeHash> = r.list("path", 64).unwrap();
            receipt.verify_entry(&row.entry, row.position, &path).unwrap();
        }
    }
}

#[test]
fn votes_of_others_add_nothing_to_what_is_kept() {
    let mut story = Story::voted();
    story.world.block(vec![]);
    let before = held(&story, VOTER).len();
    let text = story.text;
    let voters = || (1..=MEMBERS).filter(|member| *member != VOTER);
    for member in voters().chain(voters()) {
        story.world.vote(member, text, Choice::Yes);
    }
    story.world.block(vec![]);
    assert_eq!(held(&story, VOTER).len(), before + 1, "the head alone");
    story.world.vote(VOTER, text, Choice::No);
    story.world.block(vec![]);
    assert_eq!(held(&story, VOTER).len(), before + 3, "the own vote, and a head");
}

#[test]
fn a_log_that_has_begun_to_leave_is_none_and_leaves_whole_after_a_crash() {
    let story = Story::told();
    let segments = &story.world.segments;
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    store.append_segments(segments, None).unwrap();
    let size = store.log_size().unwrap();
    let kept = held(&story, VOTER);
    store.write(|writer| writer.put_held(&kept)).unwrap();
    // Killed behind the first step: the log is marked, and half of it is still there.
    store.write(|writer| writer.set_meta("log", b"pruned")).unwrap();
    drop(store);
    let database = rusqlite::Connection::open(dir.path().join(althing_node::store::DATABASE_FILE)).unwrap();
    let half = i64::try_from(size / 2).unwrap();
    database.execute("DELETE FROM segment WHERE first_position < ?1", [half]).unwrap();
    drop(database);

    let mut store = Store::open(dir.path()).unwrap();
    let error = store.visit_segments(|_| Ok(())).unwrap_err();
    assert!(format!("{error:#}").contains("N-223"), "{error:#}");
    store.drop_log().unwrap();
    store.keep_no_log(0, size);
    assert!(store.reads_anew());
    assert_eq!(store.log_size().unwrap(), 0);
    assert!(store.segments_from(0, 64).unwrap().is_empty());
    for row in &kept {
        assert_eq!(store.entry_at(row.position).unwrap().as_ref(), Some(&row.entry));
    }

    // Read anew: in order, whole, and nothing is kept twice.
    let second = &segments[1];
    let refused = store.append_held((second.first_position, second.end()), &[], None).unwrap_err();
    assert!(format!("{refused:#}").contains("N-20"), "{refused:#}");
    for segment in segments {
        let kept = held_of(story.world.ledger.state(), &[member_id(VOTER)], segment).unwrap();
        store.append_held((segment.first_position, segment.end()), &kept, None).unwrap();
    }
    assert!(!store.reads_anew());
    assert_eq!((store.log_size().unwrap(), store.held_entries(0, u64::MAX).unwrap()), (size, kept.clone()));

    // And back: a whole log begins where nothing is left.
    drop(store);
    let mut store = Store::open(dir.path()).unwrap();
    store.begin_whole_log().unwrap();
    assert_eq!(store.log_size().unwrap(), 0);
    store.append_segments(segments, None).unwrap();
    assert_eq!(store.log_size().unwrap(), size);
    store.visit_segments(|_| Ok(())).unwrap();
}
