//! The story itself, and its report.

use althing_regtest::story::{STAKES_SAT, motions};
use serde_json::Value;

use crate::stage::{scratch, told};

#[test]
fn a_vote_on_real_bitcoin_end_to_end() {
    let told = told();
    let path = scratch("report").join("out.json");
    told.report.write(&path).unwrap();
    let report: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();

    assert_eq!(report["network"], "regtest");
    assert_eq!(report["dao_id"].as_str().unwrap().len(), 64);
    assert_eq!(report["bitcoind"]["version"], told.assembly.node.bitcoind().version().to_string());

    let mut stakes: Vec<u64> =
        report["members"].as_array().unwrap().iter().map(|member| member["stake_sat"].as_u64().unwrap()).collect();
    stakes.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(stakes, STAKES_SAT);

    // In the order of the motions; each outcome as it is worked out from the stakes alone.
    let proposals = report["proposals"].as_array().unwrap();
    let expected = motions("unused");
    assert_eq!(proposals.len(), expected.len());
    for (found, motion) in proposals.iter().zip(&expected) {
        let sums = motion.expected_sums();
        assert_eq!(found["outcome"], serde_json::to_value(motion.outcome).unwrap(), "{found}");
        assert_eq!(found["sums"]["yes"], sums.yes.to_string(), "{found}");
        assert_eq!(found["sums"]["no"], sums.no.to_string(), "{found}");
        assert_eq!(found["sums"]["abstain"], sums.abstain.to_string(), "{found}");
        assert_eq!(found["total_weight"], STAKES_SAT.iter().sum::<u64>().to_string(), "{found}");
    }

    // 111 vB a link, whatever it carries: one Taproot input, one Taproot output. Two of them were made for timestamps.
    let ots = report["ots"].as_array().unwrap();
    for kind in ["split", "opreturn", "reveal"] {
        assert!(ots.iter().any(|ots| ots["kind"] == kind), "{ots:?}");
    }
    let bundles: std::collections::BTreeSet<&str> =
        report["bundles"].as_array().unwrap().iter().map(|bundle| bundle["statement"].as_str().unwrap()).collect();
    assert_eq!(
        bundles.into_iter().collect::<Vec<_>>(),
        [
            "authorised",
            "counted_as_cast",
            "did_not_vote",
            "hub_fraud_by_receipt",
            "hub_fraud_by_two_heads",
            "member_equivocation",
            "tally_and_quorum",
            "unauthorised_spend"
        ]
    );
    let links = report["links"].as_array().unwrap();
    assert!(links.len() >= 3, "{links:?}");
    for (epoch, link) in (1_u64..).zip(links) {
        assert_eq!(link["epoch"], epoch, "{link}");
        let more = |kind: &str| ots.iter().any(|ots| ots["kind"] == kind && ots["link"] == link["txid"]);
        let vsize = if more("opreturn") {
            154
        } else if more("reveal") {
            137
        } else {
            111
        };
        assert_eq!(link["vsize"], vsize, "{link}");
    }

    let proofs = report["proofs"].as_array().unwrap();
    let voters: usize = expected.iter().map(|motion| motion.expected_sums().voters as usize).sum();
    assert_eq!(proofs.len(), voters + expected.len());
    for proof in proofs {
        let bytes = std::fs::metadata(proof.as_str().unwrap()).unwrap().len();
        assert!(bytes > 0, "{proof}");
    }
    assert_eq!(report["audit"]["ok"], true);
    assert!(report["audit"]["entries"].as_u64().unwrap() > 20);
}
