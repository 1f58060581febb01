//! Short proof files (P-160 to P-163): with the links of another file they say what the whole file says, and nothing else will do.

use althing_anchor::HeaderChain;
use althing_governance::codec::Canonical as _;
use althing_node::judge::{Source, Verdict, VerifyReport, verify as judge};
use althing_node::proof::bundle::Statement;
use althing_node::proof::{Bundle, ShortFile, verify, verify_short};
use bitcoin::Network;
use bitcoin::consensus::encode::serialize;
use tempfile::TempDir;

use crate::forger::reanchor;
use crate::story::{DECIDING, Story};
use crate::world::{World, charter_for};

fn short(bundle: &Bundle) -> Vec<u8> {
    bundle.shortened().unwrap().to_bytes()
}

/// Two epochs more than the statements are about.
fn told() -> Story {
    let mut story = crate::statements::robbed();
    story.world.finish_epoch();
    story.world.finish_epoch();
    story.world.block(vec![]);
    story
}

fn bundles(story: &Story) -> Vec<(&'static str, Bundle)> {
    let mut bundles = vec![
        ("ballot", story.ballot_bundle(DECIDING)),
        ("ballot while the vote is open", story.ballot_bundle(DECIDING - 1)),
        ("text", story.tally_bundle(story.text)),
        ("spend", story.tally_bundle(story.spend)),
    ];
    bundles.extend(crate::statements::vectors(story));
    bundles
}

#[test]
fn with_its_links_it_says_what_the_whole_file_says() {
    let story = told();
    let chain = &story.world.chain;
    let (up_to_it, newest) = (story.links(DECIDING).to_bytes(), story.links(DECIDING + 2).to_bytes());
    assert!(verify(&newest, chain).unwrap().statement.contains("up to epoch 5"));
    let (mut shown, mut without_epoch) = (0, 0);
    for (what, bundle) in bundles(&story) {
        let Some(file) = bundle.shortened() else {
            assert!(bundle.epochs.is_empty(), "{what}");
            without_epoch += 1;
            continue;
        };
        let (bytes, whole) = (file.to_bytes(), bundle.to_bytes());
        assert_eq!(ShortFile::from_bytes(&bytes).unwrap(), file, "{what}");
        assert!(bytes.len() < whole.len(), "{what}");
        let finding = verify(&whole, chain).unwrap();
        // A whole file has links too, whatever it is about.
        let other = story.tally_bundle(story.spend).to_bytes();
        for links in [&up_to_it, &newest, &whole, &other] {
            assert_eq!(verify_short(&bytes, links, chain).as_ref(), Ok(&finding), "{what}");
        }
        shown += 1;
    }
    assert!(shown >= 7 && without_epoch >= 5, "{shown} {without_epoch}");
    assert_eq!(story.links(DECIDING).shortened(), None);
}

/// The link file is cut where the short one ends: what came into force or happened later is no part of it.
#[test]
fn charters_of_later_epochs_are_left_out() {
    let story = told();
    let mut later = story.links(DECIDING + 2);
    let renamed = |name: &str| charter_for(name);
    later.changes = vec![renamed("Fjord Fishers of the North"), renamed("Fjord Fishers of the South")];
    let mut before = None;
    for part in &mut later.epochs {
        let header = &mut part.header;
        header.prev_header = before.unwrap_or(header.prev_header);
        match header.epoch {
            1 => {}
            2..=3 => header.charter = later.changes[0].hash(),
            _ => header.charter = later.changes[1].hash(),
        }
        before = Some(header.hash());
    }
    let chain = reanchor(&story.world.chain, &mut later, |_, _| ());
    verify(&later.to_bytes(), &chain).unwrap();
    let Statement::Ballot(_) = story.ballot_bundle(DECIDING).statement else { unreachable!() };
    let whole = Bundle {
        changes: later.changes[..1].to_vec(),
        epochs: later.epochs[..DECIDING as usize].to_vec(),
        statement: story.ballot_bundle(DECIDING).statement,
        ..later.clone()
    };
    let finding = verify(&whole.to_bytes(), &chain).unwrap();
    assert_eq!(verify_short(&short(&whole), &later.to_bytes(), &chain), Ok(finding));
}

#[test]
fn every_byte_counts() {
    let story = told();
    let headers = HeaderChain::from_bytes(Network::Regtest, &story.world.chain.header_bytes()).unwrap();
    let links = story.links(DECIDING).to_bytes();
    for bundle in [story.ballot_bundle(DECIDING), story.tally_bundle(story.spend)] {
        let file = short(&bundle);
        verify_short(&file, &links, &headers).unwrap();
        let mut changed = file.clone();
        for at in 0..file.len() {
            for flip in [0x01, 0x80] {
                changed[at] ^= flip;
                assert!(
                    verify_short(&changed, &links, &headers).is_err(),
                    "byte {at} of {}, flip {flip:#x}",
                    file.len()
                );
                changed[at] ^= flip;
            }
        }
        for length in 0..file.len() {
            assert!(verify_short(&file[..length], &links, &headers).is_err(), "cut to {length} bytes");
        }
        assert!(verify_short(&[&file[..], &[0]].concat(), &links, &headers).is_err());
    }
    // Nor is a byte of the links free.
    let file = short(&story.ballot_bundle(DECIDING));
    let mut changed = links.clone();
    for at in 0..links.len() {
        changed[at] ^= 1 << (at % 8);
        assert!(verify_short(&file, &changed, &headers).is_err(), "byte {at} of the links");
        changed[at] ^= 1 << (at % 8);
    }
}

/// Sums have one form (E-16).
#[test]
fn a_longer_form_of_a_sum_is_refused() {
    let story = told();
    let bundle = story.ballot_bundle(DECIDING);
    let Statement::Ballot(part) = &bundle.statement else { unreachable!() };
    let weight = part.weight.member.leaf.sums[0];
    let file = short(&bundle);
    let as_is = [&[3], &weight.to_be_bytes()[13..]].concat();
    let at = file.windows(4).rposition(|bytes| bytes == as_is).unwrap();
    let longer = [&file[..at], &[4, 0], &file[at + 1..]].concat();
    let refusal = ShortFile::from_bytes(&longer).unwrap_err().to_string();
    assert!(refusal.contains("E-16: sum: 4 bytes are given and fewer would do"), "{refusal}");
    let too_long = [&file[..at], &[17], &file[at + 1..]].concat();
    assert!(ShortFile::from_bytes(&too_long).unwrap_err().to_string().contains("at most 16"));
}

/// What is wrong, the short file, the links, the answer, and what it must say.
type Row<'a> = (&'a str, &'a [u8], Option<&'a [u8]>, Verdict, &'a str);

fn judged(folder: &TempDir, headers: &[u8], file: &[u8], links: Option<&[u8]>) -> VerifyReport {
    let path = folder.path().join("headers.bin");
    std::fs::write(&path, headers).unwrap();
    judge(file, links, &Source::Headers(path))
}

#[test]
fn a_file_about_another_dao_than_was_asked_for_is_invalid() {
    let story = told();
    let (folder, headers) = (TempDir::new().unwrap(), story.world.chain.header_bytes());
    let (ours, foreign) =
        (story.world.params().dao_id, World::founded_under(charter_for("Other Fishers")).params().dao_id);
    let (whole, links) = (story.ballot_bundle(DECIDING), story.links(DECIDING).to_bytes());
    for (file, links) in [(whole.to_bytes(), None), (short(&whole), Some(&links[..]))] {
        let report = judged(&folder, &headers, &file, links);
        assert_eq!(report.dao, Some(ours.to_string()));
        assert_eq!(report.clone().must_be_of(&ours), report);
        let refused = report.must_be_of(&foreign);
        assert_eq!((refused.verdict, refused.statement.as_str()), (Verdict::Invalid, ""));
        let reason = refused.reason.unwrap();
        assert!(
            ["P-167", &ours.to_string(), &foreign.to_string()].iter().all(|said| reason.contains(said)),
            "{reason}"
        );
    }
    // What does not hold is told by what is wrong with it.
    let broken = judged(&folder, &headers, b"nothing", None);
    assert_eq!(broken.clone().must_be_of(&foreign), broken);
}

#[test]
fn every_bad_link_file_gets_a_clear_answer() {
    let story = told();
    let good = short(&story.ballot_bundle(DECIDING));
    let (links, whole) = (story.links(DECIDING).to_bytes(), story.ballot_bundle(DECIDING).to_bytes());
    let headers = story.world.chain.header_bytes();
    let dao = story.world.params().dao_id.to_string();
    let foreign = World::founded_under(charter_for("Other Fishers"));
    let other_dao = Bundle { charter: foreign.params().charter.clone(), ..story.links(DECIDING) }.to_bytes();
    let too_early = story.links(DECIDING - 1).to_bytes();
    let mut newer = links.clone();
    newer[8] = 9;
    let mut broken = story.links(DECIDING);
    broken.epochs[0].header.log_size += 1;
    let broken = broken.to_bytes();
    let mut about_nothing = good.clone();
    let mut other = story.ballot_bundle(DECIDING);
    other.epochs.last_mut().unwrap().header.closing_height += 6;
    let other_header = short(&other);
    let mut other = story.ballot_bundle(DECIDING);
    other.epochs.last_mut().unwrap().header.spare_seal.vout += 1;
    let other_seal = short(&other);
    let mut other = story.ballot_bundle(DECIDING);
    other.epochs[DECIDING as usize - 1].link = other.epochs[0].link.clone();
    let other_link = short(&other);
    let at = good.windows(32).rposition(|_| true).unwrap();
    about_nothing.truncate(at);
    let (invalid, cannot_tell) = (Verdict::Invalid, Verdict::CannotTell);
    let missing =
        format!("it takes a file with the links of DAO {dao} up to epoch {DECIDING} or later, given with --links");
    let rows: Vec<Row<'_>> = vec![
        ("no links", &good, None, cannot_tell, &missing),
        ("no links, and broken itself", &about_nothing, None, invalid, "not a proof file"),
        (
            "nothing in the links",
            &good,
            Some(&[]),
            cannot_tell,
            "P-163: the link file is of no use here: not a proof file",
        ),
        ("headers for links", &good, Some(&headers), cannot_tell, "this is not an Althing proof file"),
        ("half of the links", &good, Some(&links[..links.len() / 2]), cannot_tell, "not a proof file"),
        ("links of a later version", &good, Some(&newer), cannot_tell, "it has version 9"),
        ("a short file for links", &good, Some(&good), cannot_tell, "it is a short proof file itself"),
        ("links of another DAO", &good, Some(&other_dao), cannot_tell, "the proof is of DAO"),
        (
            "links that end too early",
            &good,
            Some(&too_early),
            cannot_tell,
            "it ends with epoch 2, the proof is about epoch 3",
        ),
        ("links that break a rule", &good, Some(&broken), cannot_tell, "P-163: the link file: "),
        ("another header", &other_header, Some(&links), invalid, "P-162: the link on Bitcoin commits to the header"),
        ("another spare seal", &other_seal, Some(&links), cannot_tell, "a succession lies between"),
        ("another link", &other_link, Some(&links), invalid, "P-162: the evidence of the link"),
        ("links and proof swapped", &links, Some(&good), Verdict::Valid, ""),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (what, file, links, verdict, words) in rows {
        let report = judged(&folder, &headers, file, links);
        let reason = report.reason.unwrap_or_default();
        assert_eq!(report.verdict, verdict, "{what}: {reason}");
        assert!(reason.contains(words), "{what}: {reason}");
        assert_eq!(report.statement.is_empty(), verdict != Verdict::Valid, "{what}: {}", report.statement);
    }
    let report = judged(&folder, &headers, &good, Some(&links));
    assert_eq!((report.verdict, report.reason), (Verdict::Valid, None));
    // The links are as final as the newest of them that is needed, and no blocks tell nothing.
    let whole_report = judged(&folder, &headers, &whole, None);
    assert_eq!((report.statement, report.checked), (whole_report.statement, whole_report.checked.clone()));
    let shallow = judged(&folder, &headers[..80 * 21], &good, Some(&links));
    assert_eq!(shallow.verdict, cannot_tell);
    assert!(shallow.reason.unwrap().contains("final at 2"));
    assert!(judged(&folder, &headers[..80 * 5], &good, Some(&links)).reason.unwrap().contains("the blocks given end"));
    let mainnet = serialize(&bitcoin::blockdata::constants::genesis_block(Network::Bitcoin).header);
    assert_eq!(judged(&folder, &mainnet, &good, Some(&links)).verdict, cannot_tell);
    assert_eq!(judge(&good, Some(&links), &Source::None).verdict, cannot_tell);
    // A whole file needs no other: it is said that this one was not looked at.
    let both = judged(&folder, &headers, &whole, Some(&headers));
    assert_eq!((both.verdict, both.checked), (Verdict::Valid, whole_report.checked));
    assert!(both.unchecked.iter().any(|words| words.contains("was not looked at")), "{:?}", both.unchecked);
    // And where a whole file is needed, a short one says what it is.
    assert!(verify(&good, &story.world.chain).unwrap_err().to_string().contains("P-161"));
}

/// One row of the vectors: what the program answers to both files.
pub(crate) struct Vector {
    pub(crate) what: &'static str,
    pub(crate) file: Vec<u8>,
    pub(crate) links: Option<Vec<u8>>,
    pub(crate) exit: u8,
    pub(crate) statement: String,
}

/// Headers, and short files with links that do and that do not.
pub(crate) fn vectors() -> (Vec<u8>, Vec<Vector>) {
    let story = told();
    let headers = story.world.chain.header_bytes();
    let (ballot, spend) = (story.ballot_bundle(DECIDING), story.tally_bundle(story.spend));
    let changed = |change: &dyn Fn(&mut Bundle)| {
        let mut bundle = ballot.clone();
        change(&mut bundle);
        short(&bundle)
    };
    let links = |epochs: u32| Some(story.links(epochs).to_bytes());
    let last = DECIDING as usize - 1;
    let rows = [
        ("the links alone", links(DECIDING).unwrap(), None),
        ("a ballot in the final tally", short(&ballot), links(DECIDING)),
        ("the same, with links of later epochs", short(&ballot), links(DECIDING + 2)),
        ("the same, with a whole file for links", short(&ballot), Some(spend.to_bytes())),
        ("a ballot while the vote is open", short(&story.ballot_bundle(DECIDING - 1)), links(DECIDING)),
        ("a spend that is authorised", short(&spend), links(DECIDING)),
        ("no links", short(&ballot), None),
        ("links that end too early", short(&ballot), links(DECIDING - 1)),
        ("another header", changed(&|bundle| bundle.epochs[last].header.closing_height += 6), links(DECIDING)),
        ("another spare seal", changed(&|bundle| bundle.epochs[last].header.spare_seal.vout += 1), links(DECIDING)),
        ("another link", changed(&|bundle| bundle.epochs[last].link = ballot.epochs[0].link.clone()), links(DECIDING)),
        (
            "another snapshot",
            changed(&|bundle| {
                let Statement::Ballot(part) = &mut bundle.statement else { unreachable!() };
                part.snapshot += 1;
            }),
            links(DECIDING),
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let told = |(what, file, links): (&'static str, Vec<u8>, Option<Vec<u8>>)| {
        let report = judged(&folder, &headers, &file, links.as_deref());
        let exit = match report.verdict {
            Verdict::Valid => 0,
            Verdict::Invalid => 1,
            Verdict::CannotTell => 2,
        };
        Vector { what, file, links, exit, statement: report.statement }
    };
    let rows: Vec<Vector> = rows.into_iter().map(told).collect();
    assert_eq!(rows.iter().map(|row| row.exit).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 0, 2, 2, 1, 2, 1, 1]);
    (headers, rows)
}
