//! Hazard: a decision that can be asked for by a file only, or a form that proposes something else than it shows.

use althing_node::api::{
    Class, DelegateScope, DraftEffect, DraftMilestone, DraftOutput, DraftTreasurer, ProposalDraft, Reply, Request,
    Saying, System,
};
use althing_tui::app::Popup;

use crate::dao::{AtTheKeyboard, discussion};

/// The proposal that is ordered once those keys are pressed.
fn proposed(keys: &str) -> ProposalDraft {
    let mut member = AtTheKeyboard::new().answer(Ok(Reply::Proposal(Box::new(discussion()))));
    member.press("2n").press(keys).press("<ctrl-s>propose<enter>");
    let asked = member.script.asked.lock().unwrap();
    let Some(Request::Propose { draft }) =
        asked.iter().rev().find(|request| matches!(request, Request::Propose { .. }))
    else {
        drop(asked);
        panic!("{keys}: {}", member.text())
    };
    draft.clone()
}

/// What the form says is wrong, once those keys are pressed.
fn problem(keys: &str) -> String {
    let mut member = AtTheKeyboard::new();
    member.press("2n").press(keys).press("<ctrl-s>");
    match member.app.popups.last() {
        Some(Popup::Form(form)) => form.problem.clone().unwrap_or_else(|| panic!("{keys}: nothing is wrong")),
        other => panic!("{keys}: {other:?}"),
    }
}

/// Goes from the title to what it is about, that many choices on, and to the fields below the way to vote.
fn about(places: usize, below: &str) -> String {
    format!("T<tab>{}<tab><tab>{below}", "<right>".repeat(places))
}

fn output(address: &str, amount_sat: u64) -> DraftOutput {
    DraftOutput { address: address.to_owned(), amount_sat }
}

#[test]
fn every_kind_of_decision_is_proposed_by_keyboard() {
    let text = str::to_owned;
    let milestone = |amount_sat, after_blocks, what: &str| DraftMilestone {
        description: what.to_owned(),
        amount_sat,
        after_blocks,
    };
    let table = [
        (about(0, ""), Class::Text, vec![]),
        (
            about(1, "a=5, b=7<tab><tab>900"),
            Class::Spend,
            vec![DraftEffect::Spend { outputs: vec![output("a", 5), output("b", 7)], fee_cap_sat: 900 }],
        ),
        (
            about(2, "tb1q<tab>50000@0=Timber; 60000@1008=Turf, dry<tab>5,000"),
            Class::Budget,
            vec![DraftEffect::Budget {
                payee: text("tb1q"),
                milestones: vec![milestone(50_000, 0, "Timber"), milestone(60_000, 1_008, "Turf, dry")],
                fee_cap_sat: 5_000,
            }],
        ),
        (about(3, "#3"), Class::Budget, vec![DraftEffect::StopBudget { proposal: text("#3") }]),
        (
            about(4, "Six is too few.<tab><tab><tab><tab># "),
            Class::RuleChange,
            vec![DraftEffect::RuleChange { charter: text("# name = \"Þing\"\nepoch_blocks = 6\n") }],
        ),
        (
            about(5, "aa, bb"),
            Class::Admit,
            vec![DraftEffect::Admit { member: text("aa") }, DraftEffect::Admit { member: text("bb") }],
        ),
        (about(6, "Bjarni"), Class::Expel, vec![DraftEffect::Expel { member: text("Bjarni") }]),
        (
            about(7, "wsh(pk(A))<tab>Astrid=02aa, Bjarni=02bb"),
            Class::ElectTreasurers,
            vec![DraftEffect::ElectTreasurers {
                descriptor: text("wsh(pk(A))"),
                treasurers: vec![
                    DraftTreasurer { name: text("Astrid"), key: text("02aa") },
                    DraftTreasurer { name: text("Bjarni"), key: text("02bb") },
                ],
            }],
        ),
        (
            about(8, "<tab>02cc"),
            Class::ReplaceKeys,
            vec![DraftEffect::ReplaceKeys { hub_node_key: None, hub_log_key: Some(text("02cc")), anchor_key: None }],
        ),
        (
            about(9, "#3<tab>Bjarni<tab>7"),
            Class::Confiscate,
            vec![DraftEffect::Confiscate { proposal: text("#3"), member: text("Bjarni"), amount_sat: 7 }],
        ),
        (
            about(10, "144<tab>spend, rule-change"),
            Class::Pause,
            vec![DraftEffect::Pause { blocks: 144, classes: vec![Class::Spend, Class::RuleChange] }],
        ),
        (
            about(11, "1008<tab>2,000,000"),
            Class::Request,
            vec![DraftEffect::Request { submission_blocks: 1_008, budget_cap_sat: 2_000_000 }],
        ),
    ];
    for (keys, class, effects) in table {
        let draft = proposed(&keys);
        assert_eq!((draft.class, draft.effects), (Some(class), effects), "{keys}");
        assert_eq!((draft.system, draft.options.len()), (System::YesNoAbstain, 0), "{keys}");
    }
    assert_eq!(proposed(&about(4, "Six is too few.")).body, "Six is too few.");
}

/// Scores, credits, calls for proposals and what each option pays.
#[test]
fn a_choice_has_its_scale_and_its_payments() {
    let by = |places: usize| "<right>".repeat(places);
    let draft = proposed(&format!("T<tab><tab>{}<tab>Lake; Booth<tab><ctrl-u>9<tab>a, b<tab>#2<tab>#1", by(5)));
    assert_eq!(draft.system, System::Score { max: 9 });
    assert_eq!(
        (draft.tags.as_slice(), draft.version_of, draft.request),
        (["a".to_owned(), "b".to_owned()].as_slice(), Some("#2".to_owned()), Some("#1".to_owned()))
    );
    let draft = proposed(&format!("T<tab><tab>{}<tab>Lake; Booth", by(9)));
    assert_eq!(draft.system, System::Quadratic { credits: 100 });
    let draft = proposed(&format!(
        "T<tab><right><tab>{}<tab>Lake; Booth; Hall<tab><tab>a=5, b=6<tab><tab>90{}<right><right><tab>c=7<tab><tab>90",
        by(4),
        "<shift-tab>".repeat(3)
    ));
    let pays: Vec<usize> = draft.options.iter().map(|option| option.effects.len()).collect();
    assert_eq!((pays.as_slice(), draft.effects.len(), draft.class), ([1, 0, 1].as_slice(), 0, None));
    let spend = |outputs| DraftEffect::Spend { outputs, fee_cap_sat: 90 };
    assert_eq!(draft.options[0].effects, [spend(vec![output("a", 5), output("b", 6)])]);
    assert_eq!(draft.options[2].effects, [spend(vec![output("c", 7)])]);
}

/// Options of one class that do different things, each written on a page of its own.
#[test]
fn the_options_of_a_choice_do_different_things() {
    let choice = |about: usize, below: &str| {
        let to = "<right>".repeat(about);
        proposed(&format!("T<tab>{to}<tab>{}<tab>Timber; Turf; Neither<tab>{below}", "<right>".repeat(3)))
    };
    let effects = |draft: ProposalDraft| -> Vec<Vec<DraftEffect>> {
        draft.options.into_iter().map(|option| option.effects).collect()
    };
    // A budget, the end of another, or nothing.
    let draft =
        choice(2, &format!("<tab>tb1q<tab>5@0=Beams<tab>9{}<right>{}#3", "<shift-tab>".repeat(3), "<tab>".repeat(4)));
    let begins = DraftEffect::Budget {
        payee: "tb1q".to_owned(),
        milestones: vec![DraftMilestone { description: "Beams".to_owned(), amount_sat: 5, after_blocks: 0 }],
        fee_cap_sat: 9,
    };
    let ends = DraftEffect::StopBudget { proposal: "#3".to_owned() };
    assert_eq!(effects(draft), [vec![begins], vec![ends], vec![]]);
    // Other members, and as many as an option can have.
    let admit = |member: &str| DraftEffect::Admit { member: member.to_owned() };
    let draft = choice(5, "<tab>aa, bb<shift-tab><right><tab>cc");
    assert_eq!(effects(draft), [vec![admit("aa"), admit("bb")], vec![admit("cc")], vec![]]);
    // Other charters: what is left as it is in force changes nothing. The text of the proposal is one for all.
    let draft = choice(4, "<right><tab>Because.<tab><tab><tab><tab># ");
    assert_eq!(draft.body, "Because.");
    let charter = DraftEffect::RuleChange { charter: "# name = \"Þing\"\nepoch_blocks = 6\n".to_owned() };
    assert_eq!(effects(draft), [vec![], vec![charter], vec![]]);
    // Deposits of several members, also for several proposals.
    let draft = proposed(&about(9, "#3<tab>Bjarni=7, #4/Unnur=8"));
    let takes = |proposal: &str, member: &str, amount_sat| DraftEffect::Confiscate {
        proposal: proposal.to_owned(),
        member: member.to_owned(),
        amount_sat,
    };
    assert_eq!(draft.effects, [takes("#3", "Bjarni", 7), takes("#4", "Unnur", 8)]);
}

/// What belongs to one option stays with it, and undo does not move it to another.
#[test]
fn each_option_keeps_its_own_fields() {
    let mut member = AtTheKeyboard::new();
    let pay_to = |member: &AtTheKeyboard| match member.app.popups.last() {
        Some(Popup::Form(form)) => (form.beside("Of option"), form.get("Pay to").to_owned()),
        other => panic!("{other:?}"),
    };
    let of = |option: &str, pays: &str| (Some(option.to_owned()), pays.to_owned());
    member.press("2nT<tab><right><tab><right><right><right><tab>Lake; Booth<tab><tab>a=5<shift-tab><right><tab>b=6");
    assert_eq!(pay_to(&member), of("Booth", "b=6"));
    assert!(member.text().contains("← 2 → Booth"), "{}", member.text());
    assert_eq!(pay_to(member.press("<shift-tab><left>")), of("Lake", "a=5"));
    assert_eq!(pay_to(member.press("<ctrl-z>")), of("Booth", "b=6"));
    assert_eq!(pay_to(member.press("<ctrl-y>")), of("Lake", "a=5"));
    assert_eq!(pay_to(member.press("<right>")), of("Booth", "b=6"));
    // An option that is taken away is shown no more; there is no third one.
    assert_eq!(pay_to(member.press("<right>")), of("Lake", "a=5"));
}

#[test]
fn what_is_wrong_is_named_with_its_value() {
    for (keys, words) in [
        (about(1, ""), "Pay to: something has to be there."),
        (about(1, "tb1q"), "`tb1q` is not ADDRESS=SATOSHIS"),
        (about(1, "a=5<tab>6<tab>7"), "the addresses have amounts of their own"),
        (about(1, "a=many<tab><tab>7"), "`many` is not a whole number of satoshis"),
        (about(2, "tb1q<tab>50000=Timber<tab>9"), "`50000=Timber` is not SATOSHIS@BLOCKS=DESCRIPTION"),
        (about(2, "tb1q<tab>5@4294967296=Timber<tab>9"), "`4294967296` is no number of blocks from 0 to 4294967295"),
        (about(2, "tb1q<tab>many@6=Timber<tab>9"), "`many` is no number of satoshis"),
        (about(7, "wsh(pk(A))<tab>Astrid"), "`Astrid` is not NAME=KEY"),
        (about(8, ""), "At least one key has to be there."),
        (about(10, "many<tab>spend"), "\"many\" is not a number of blocks."),
        (about(10, "9<tab>cheese"), "`cheese` is none of text, spend"),
        (format!("T<tab><tab>{}<tab>Lake", "<right>".repeat(3)), "A choice needs two options at least"),
        (
            format!("T<tab><right><tab>{}<tab>Lake; Booth", "<right>".repeat(3)),
            "No option does anything; choose a question instead.",
        ),
        (
            format!("T<tab><right><tab>{}<tab>Lake; Booth<tab><right><tab>a", "<right>".repeat(3)),
            "Option 2: Pay to: `a` is not ADDRESS=SATOSHIS",
        ),
        (
            format!("T<tab><right><right><tab>{}<tab>Lake; Booth<tab><tab>a<tab><tab><tab>#3", "<right>".repeat(3)),
            "Option 1: Budget: one that ends instead, beside one that begins.",
        ),
        (about(9, "#3<tab>Bjarni=5<tab>7"), "the members have amounts of their own"),
        (about(9, "<tab>Bjarni=5"), "`Bjarni=5` says not for which proposal"),
    ] {
        let said = problem(&keys);
        assert!(said.contains(words), "{keys}: {said}");
    }
}

/// Choices that are looked at and left again lose nothing, and undo brings the fields back with the choice.
#[test]
fn what_was_typed_survives_other_choices() {
    let mut member = AtTheKeyboard::new();
    member.press(&format!("2n{}", about(1, "tb1qmine<shift-tab><shift-tab><right>")));
    let pay_to = |member: &AtTheKeyboard| match member.app.popups.last() {
        Some(Popup::Form(form)) => form.get("Pay to").to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(pay_to(&member), "tb1qmine", "a budget pays an address too");
    member.press("<right><right><right>");
    assert_eq!(pay_to(&member), "", "a new member is not paid");
    member.press("<left><left><left><left>");
    assert_eq!(pay_to(&member), "tb1qmine");
    member.press("<right><right><right><ctrl-z>");
    assert_eq!(pay_to(&member), "", "undone is the last choice");
    member.press("<ctrl-z>");
    assert_eq!(pay_to(&member), "tb1qmine");
}

#[test]
fn the_text_of_a_proposal_and_the_charter_are_two_texts() {
    let mut member = AtTheKeyboard::new();
    member.press("2nT<tab><tab><tab><tab><tab><tab>Prose.");
    member.press("<shift-tab>".repeat(5).as_str()).press("<right><right><right><right>");
    assert!(member.text().contains("epoch_blocks = 6") && !member.text().contains("Prose."), "{}", member.text());
    member.press("<right>");
    assert!(member.text().contains("Prose.") && !member.text().contains("epoch_blocks"), "{}", member.text());
    member.press("<ctrl-z>");
    assert!(member.text().contains("epoch_blocks = 6"), "{}", member.text());
}

#[test]
fn a_charter_that_cannot_be_shown_as_it_is_is_not_changed_here() {
    let mut member = AtTheKeyboard::new();
    member.script.trick = "\u{202e}".to_owned();
    member.press("2nT<tab><right><right><right><right>");
    let text = member.text();
    assert!(text.contains("The charter in force has invisible characters"), "{text}");
    assert!(!text.contains("epoch_blocks"), "{text}");
}

#[test]
fn weight_goes_to_others_on_one_class_or_tag_and_never_by_mistake_on_all() {
    let said = |keys: &str| {
        let mut member = AtTheKeyboard::new();
        member.press("6jjd").press(keys).press("<ctrl-s>delegate<enter>");
        let asked = member.script.asked.lock().unwrap();
        asked.iter().find_map(|request| match request {
            Request::Say { saying: Saying::Delegate { scope, .. } } => Some(scope.clone()),
            _ => None,
        })
    };
    assert_eq!(said("<tab><right><tab>roads"), Some(DelegateScope::Tag("roads".to_owned())));
    assert_eq!(said("<tab><right><right><tab>spend"), Some(DelegateScope::Class(Class::Spend)));
    for keys in ["<tab><tab>roads", "<tab><right>", "<tab><right><right><tab>cheese"] {
        assert_eq!(said(keys), None, "{keys}");
    }
}
