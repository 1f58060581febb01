//! The treasury of the DAO for the tests: something of everything that its screen shows.

use althing_node::api::*;
use althing_tui::backend::Verdict;

use crate::dao::id;

/// A PSBT of one input and two outputs: the first valid one of BIP174.
const PSBT: &str = "\
    cHNidP8BAHUCAAAAASaBcTce3/KF6Tet7qSze3gADAVmy7OtZGQXE8pCFxv2AAAAAAD+////AtPf9QUAAAAAGXapFNDFmQPFusKG\
    h2DpD9UhpGZap2UgiKwA4fUFAAAAABepFDVF5uM7gyxHBQ8k0+65PJwDlIvHh7MuEwAAAQD9pQEBAAAAAAECiaPHHqtNIOA3G7uk\
    zGmPopXJRjr6Ljl/hTPMti+VZ+UBAAAAFxYAFL4Y0VKpsBIDna89p95PUzSe7LmF/////4b4qkOnHf8USIk6UwpyN+9rRgi7st0t\
    AXHmOuxqSJC0AQAAABcWABT+Pp7xp0XpdNkCxDVZQ6vLNL1TU/////8CAMLrCwAAAAAZdqkUhc/xCX/Z4Ai7NK9wnGIZeziXikiI\
    rHL++E4sAAAAF6kUM5cluiHv1irHU6m80GfWx6ajnQWHAkcwRAIgJxK+IuAnDzlPVoMR3HyppolwuAJf3TskAinwf4pfOiQCIAGL\
    ONfc0xTnNMkna9b7QPZzMlvEuqFEyADS8vAtsnZcASED0uFWdJQbrUqZY3LLh+GFbTZSYG2YVi/jnF6efkE/IQUCSDBFAiEA0SuF\
    LYXc2WHS9fSrZgZU327tzHlMDDPOXMMJ/7X85Y0CIGczio4OFyXBl/saiK9Z9R5E5CVbIBZ8hoQDHAXR8lkqASECI7cr7vCWXRC+\
    B3jv7NYfysb3mk6haTkzgHNEZPhPKrMAAAAAAAAA";

fn payment(n: u8, milestone: Option<u16>, title: &str, sat: u64, state: &str) -> PaymentView {
    PaymentView {
        proposal: id(n),
        milestone,
        title: title.to_owned(),
        intent: id(n + 40),
        paid_sat: sat,
        fee_cap_sat: 5_000,
        gate: format!("{}:3", id(1)),
        from_height: 1_200,
        expiry_height: 3_000,
        state: state.to_owned(),
        txid: (state == "executed").then(|| id(90)),
    }
}

/// Balances, policy and payments.
pub(crate) fn overview() -> TreasuryOverview {
    let key = |n: u8, holder: &str| KeyView { key: format!("02{}", id(n)), holder: holder.to_owned() };
    TreasuryOverview {
        policy: PolicyView {
            descriptor: "wsh(sortedmulti(2,02aa,02bb,02cc))#abcdefgh".to_owned(),
            sentences: vec![
                "At any time: 2 of (Ásdís, Bjarni, Guðrún).".to_owned(),
                "After 4,320 blocks: any 1 of them.".to_owned(),
            ],
            keys: vec![key(11, "Ásdís"), key(12, "Bjarni"), key(13, "Guðrún")],
            one_in_two_out_vbytes: 188,
            input_weight: 420,
            addresses: vec!["tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx".to_owned()],
        },
        generation: 2,
        free_sat: 900_000,
        frozen_sat: 50_000,
        reserved_sat: 40_000,
        pending_sat: 0,
        former_sat: 7_000,
        staged: Vec::new(),
        payments: vec![
            payment(4, None, "Buy two disks for the archive", 250_000, "signing"),
            payment(6, Some(2), "Mend the roof", 60_000, "open"),
            payment(6, Some(1), "Mend the roof", 50_000, "executed"),
        ],
        generations: vec![generation(1, 0, 7_000), generation(2, 1_101, 990_000)],
        budgets: vec![BudgetView {
            proposal: id(6),
            title: "Mend the roof".to_owned(),
            payee: "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx".to_owned(),
            total_sat: 170_000,
            paid_sat: 50_000,
            authorised_sat: 60_000,
            waiting_sat: 60_000,
            ended_sat: 0,
            fee_cap_sat: 5_000,
            milestones: vec![
                milestone(1, "Timber", 50_000, "executed"),
                milestone(2, "Turf", 60_000, "authorised"),
                milestone(3, "Tar", 60_000, "waiting"),
            ],
        }],
        treasurers: vec![treasurer("Ásdís", Some(1_211), false), treasurer("Guðrún", Some(1_002), true)],
        bond: None,
        proof: Some(FundsProof {
            epoch: 14,
            height: 1_200,
            coins: 3,
            total_sat: 997_000,
            signed: vec![format!("02{}", id(11)), format!("02{}", id(12))],
            keys: 3,
            lacks: Vec::new(),
        }),
        housekeeping: Default::default(),
        former_spare_seal: None,
        alarms: Vec::new(),
    }
}

fn generation(number: usize, since_height: u32, sat: u64) -> GenerationView {
    GenerationView {
        number,
        descriptor: "wsh(...)".to_owned(),
        since_height,
        sat,
        coins: number,
        sentences: vec!["At any time: 2 of (Ásdís, Bjarni, Guðrún).".to_owned()],
    }
}

fn milestone(number: u16, description: &str, sat: u64, state: &str) -> MilestoneView {
    MilestoneView {
        number,
        description: description.to_owned(),
        sat,
        due_height: 1_100 + 100 * u32::from(number),
        expires_height: 3_000,
        state: state.to_owned(),
        txid: (state == "executed").then(|| id(90)),
    }
}

fn treasurer(name: &str, heard_height: Option<u32>, is_silent: bool) -> TreasurerView {
    TreasurerView { name: name.to_owned(), key: id(11), is_me: false, heard_height, is_silent }
}

fn signer(holder: &str, signed: bool, is_me: bool, refused: Option<&str>) -> SignerView {
    SignerView { holder: holder.to_owned(), signed, is_me, refused: refused.map(str::to_owned) }
}

/// Coins of every state.
pub(crate) fn coins() -> Vec<CoinView> {
    let coin = |n: u8, sat: u64, state: &str, label: Option<&str>| CoinView {
        outpoint: format!("{}:{n}", id(70 + n)),
        sat,
        address: "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx".to_owned(),
        generation: 2,
        index: u32::from(n),
        height: Some(1_100 + u32::from(n)),
        state: state.to_owned(),
        label: label.map(str::to_owned),
        frozen_for: (state == "frozen").then(|| "nobody knows where it came from".to_owned()),
    };
    vec![
        coin(0, 900_000, "free", Some("dues of the year")),
        coin(1, 50_000, "frozen", Some("dust of a stranger")),
        coin(2, 30_000, "spare seal", None),
        coin(3, 10_000, "gate", None),
        coin(4, 250_000, "in session 0b16212c", None),
    ]
}

const PAYEE: &str = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx";

fn input(n: u8, sat: u64, role: &str) -> CheckedInput {
    CheckedInput { outpoint: format!("{}:{n}", id(70 + n)), sat: Some(sat), role: role.to_owned(), generation: Some(2) }
}

fn output(to: &str, sat: u64, role: &str) -> CheckedOutput {
    CheckedOutput { to: to.to_owned(), sat, role: role.to_owned(), payment: (role == "decided").then_some(0) }
}

/// A session of the disks, signed by one of two.
pub(crate) fn session(verdict: Verdict) -> SessionView {
    let reasons = match verdict {
        Verdict::Invalid => vec![
            ReasonLine {
                rule: "T-51".to_owned(),
                text: "T-51: output 0 pays 260000 sat, 250000 were decided".to_owned(),
            },
            ReasonLine {
                rule: "T-53".to_owned(),
                text: "T-53: the fee of 9000 sat is above the cap of 5000".to_owned(),
            },
        ],
        _ => Vec::new(),
    };
    SessionView {
        id: id(80),
        title: "Buy two disks for the archive".to_owned(),
        opened_height: 1_207,
        state: "open".to_owned(),
        fee_sat: Some(423),
        vbytes: 188,
        signers: vec![
            signer("Ásdís", true, false, None),
            signer("Bjarni", false, true, None),
            signer("Guðrún", false, false, Some("The invoice is not there yet.")),
        ],
        waits_for_me: true,
        yields_to: None,
        void_by: None,
        payout_height: None,
        payout: None,
        check: CheckReport {
            verdict,
            txid: Some(id(80)),
            sentences: vec![
                "Pays 250,000 sat to bcrt1q w508 d6qe jxtd g4y5 r3za rvar y0c5 xw7k ygt0 80.".to_owned(),
                "It spends the gate of proposal #4.".to_owned(),
            ],
            reasons,
            passing: None,
            unknown: Vec::new(),
            stage: None,
            proposals: vec![id(4)],
            payments: vec![CheckedPayment {
                proposal: id(4),
                milestone: None,
                title: "Buy two disks for the archive".to_owned(),
                gate: format!("{}:3", id(1)),
                fee_cap_sat: 5_000,
                from_height: 1_200,
                expiry_height: 3_000,
                outputs: vec![(PAYEE.to_owned(), 250_000)],
            }],
            inputs: vec![input(1, 10_000, "gate"), input(2, 900_000, "coin")],
            outputs: vec![
                output(
                    PAYEE,
                    if verdict == Verdict::Invalid { 260_000 } else { 250_000 },
                    match verdict {
                        Verdict::Invalid => "changed",
                        _ => "decided",
                    },
                ),
                output("tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", 649_577, "treasury"),
            ],
            fee_sat: Some(423),
            change_sat: Some(649_577),
        },
        signed: vec!["Ásdís".to_owned()],
        missing: vec!["Bjarni".to_owned(), "Guðrún".to_owned()],
        needed: 1,
        conflicts: vec![id(81)],
        remarks: vec![RemarkView {
            height: 1_209,
            kind: "comment".to_owned(),
            author: "Ásdís".to_owned(),
            text: "Before winter, please.".to_owned(),
        }],
        height: None,
        psbt: Some(PSBT.to_owned()),
    }
}

/// A payment, housekeeping, and what nobody decided.
pub(crate) fn flows() -> Vec<Flow> {
    let flow = |n: u8, height: u32, verdict: &str, left_sat: u64| Flow {
        txid: id(n),
        height,
        verdict: verdict.to_owned(),
        left_sat,
        counted_sat: if verdict == "housekeeping" { left_sat } else { 0 },
        proposals: if verdict == "decided" { vec![id(4)] } else { Vec::new() },
        reason: (verdict == "unauthorised").then(|| "it spends no gate of a decision".to_owned()),
        signers: if verdict == "unauthorised" { vec!["Bjarni".to_owned(), "Guðrún".to_owned()] } else { Vec::new() },
        signer_keys: if verdict == "unauthorised" { vec![id(12), id(13)] } else { Vec::new() },
    };
    vec![
        flow(90, 1_190, "decided", 50_400),
        flow(91, 1_200, "housekeeping", 210),
        flow(92, 1_205, "unauthorised", 70_000),
    ]
}

/// The node's answer.
pub(crate) fn answer(about: &TreasuryRequest) -> Option<Reply> {
    let reply = match about {
        TreasuryRequest::Overview => TreasuryReply::Overview(Box::new(overview())),
        TreasuryRequest::Coins => TreasuryReply::Coins { coins: coins() },
        TreasuryRequest::Sessions => TreasuryReply::Sessions { sessions: vec![session(Verdict::Valid)] },
        TreasuryRequest::Session { .. } => TreasuryReply::Session(Box::new(session(Verdict::Valid))),
        TreasuryRequest::Flows => TreasuryReply::Flows { flows: flows() },
        TreasuryRequest::Address => {
            TreasuryReply::Address { address: "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx".to_owned(), index: 7 }
        }
        _ => return None,
    };
    Some(Reply::Treasury { reply })
}

/// How long the seal pays for links.
pub(crate) fn reserve() -> LinkReserve {
    LinkReserve {
        seal_sat: 90_000,
        link_sat: 333,
        fee_rate_sat_vb: 3,
        links: Some(270),
        links_at_cap: Some(8),
        blocks: Some(4_860),
        alarm: "calm".to_owned(),
        words: "A-82: the reserve of the links is calm.".to_owned(),
    }
}
