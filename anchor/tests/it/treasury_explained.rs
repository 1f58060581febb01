//! What a treasury says of itself: the ways of spending in sentences (T-13), and what they weigh.

use althing_anchor::{SpendingPath, Treasury};

use crate::support::{keypair, treasury};

const NAMES: [&str; 4] = ["Ada", "Bo", "Cy", "Di"];

fn paths(text: &str) -> Vec<SpendingPath> {
    let keys = |text: &str| {
        (1u8..)
            .zip(["A", "B", "C", "D"])
            .fold(text.to_owned(), |text, (n, name)| text.replace(name, &keypair(n).public_key().to_string()))
    };
    let treasury = Treasury::parse(&keys(text)).unwrap_or_else(|error| panic!("{text}: {error}"));
    treasury.paths(|key| NAMES[key].to_owned())
}

fn path(after_blocks: u32, threshold: usize, sentence: &str) -> SpendingPath {
    SpendingPath { after_blocks, threshold, sentence: sentence.to_owned() }
}

#[test]
fn every_way_is_a_sentence() {
    let table = [
        ("wsh(multi(2,A,B,C))", vec![path(0, 2, "At any time: 2 of (Ada, Bo, Cy).")]),
        ("wsh(multi(2,A,B))", vec![path(0, 2, "At any time: Ada and Bo.")]),
        (
            "wsh(and_v(v:multi(2,A,B),or_b(pk(C),s:pk(D))))",
            vec![path(0, 3, "At any time: Ada and Bo and one of (Cy, Di).")],
        ),
        (
            "wsh(or_d(multi(2,A,B),and_v(v:pk(C),older(10))))",
            vec![
                path(0, 2, "At any time: Ada and Bo."),
                path(10, 1, "Once a coin has rested 10 blocks (about 2 hours): Cy."),
            ],
        ),
        (
            "wsh(or_d(multi(2,A,B),and_v(v:multi(2,C,D),older(288))))",
            vec![
                path(0, 2, "At any time: Ada and Bo."),
                path(288, 2, "Once a coin has rested 288 blocks (about 2 days): Cy and Di."),
            ],
        ),
        // A wait that takes the place of a signature stands among the keys.
        (
            "wsh(thresh(3,pk(A),s:pk(B),s:pk(C),sln:older(100)))",
            vec![path(0, 2, "At any time: 3 of (Ada, Bo, Cy, a rest of 100 blocks).")],
        ),
    ];
    for (text, expected) in table {
        assert_eq!(paths(text), expected, "{text}");
    }
}

#[test]
fn waits_are_told_in_the_unit_that_fits() {
    for (blocks, words) in [
        (1, "1 hour"),
        (6, "1 hour"),
        (7, "2 hours"),
        (143, "24 hours"),
        (144, "1 day"),
        (145, "2 days"),
        (4320, "30 days"),
    ] {
        let found = paths(&format!("wsh(or_d(multi(2,A,B),and_v(v:pk(C),older({blocks}))))"));
        let expected = format!("Once a coin has rested {blocks} blocks (about {words}): Cy.");
        assert_eq!((found.len(), &found[1].sentence), (2, &expected));
    }
}

/// T-14, by hand: 2 of 3 in P2WSH. The script is 2 + 3 * 34 + 1 bytes; at worst two signatures of 73 bytes, each with its length.
#[test]
fn the_weight_at_worst_is_that_of_the_longest_signatures() {
    let size = treasury().size().unwrap();
    let script = 1 + 3 * 34 + 1 + 1;
    let witness = 1 + 1 + 2 * 73 + 1 + script;
    let input = 4 * (32 + 4 + 1 + 4) + witness;
    assert_eq!(size.input.to_wu(), input);
    let output = 4 * (8 + 1 + 34);
    let frame = 4 * (4 + 4 + 1 + 1) + 2;
    assert_eq!(size.one_in_two_out_vbytes, (frame + input + 2 * output).div_ceil(4));
}
