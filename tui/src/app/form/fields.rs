//! The fields of each form.

use std::borrow::Cow;

use super::{Field, FieldEntry, FormKind, SCOPES, proposal, systems};
use crate::app::run::PASSWORD;
use crate::deeds::{self, DeedOption, SWITCH, Secret, Takes};

/// The fields of a form of that kind, empty or with what is usual in them.
pub(super) fn of(kind: &FormKind) -> Vec<Field> {
    match kind {
        FormKind::Comment { .. } | FormKind::Remark { .. } => Vec::new(),
        FormKind::Proposal => proposal::fields(proposal::QUESTION, systems::YES_NO, &[]),
        FormKind::Delegate => vec![
            Field::line("To", "a name or vote key; several: name=3, other=1", ""),
            Field::one_of("On", SCOPES.as_slice()),
            Field::line("Which", "tag or class, such as spend", ""),
            Field::line("Until", "height at which it ends; or none", ""),
            Field::line("Abstain", "parts that abstain; 1 with nobody named: all", ""),
        ],
        FormKind::Revoke => {
            vec![Field::one_of("On", SCOPES.as_slice()), Field::line("Which", "tag or class, such as spend", "")]
        }
        FormKind::StakeOpen => vec![
            Field::line("Amount", "satoshis to lock", ""),
            Field::line("Fee rate", "satoshis per virtual byte", "2"),
        ],
        FormKind::StakeClose { fee_sat, .. } => {
            vec![Field::line("Fee", "satoshis, out of your part", fee_sat.to_string())]
        }
        FormKind::Pay { .. } => vec![Field::line("Amount", "satoshis that go to the hub", "")],
        FormKind::Invite => vec![
            Field::line("Vote key", "of the person invited, 64 hex digits", ""),
            Field::line("Until", "height at which the invitation ends", ""),
        ],
        FormKind::Guard { .. } => vec![Field::one_of("Voice", ["delay it", "stop it for good"].as_slice())],
        FormKind::Deposit { .. } => vec![Field::line("Amount", "satoshis to hold", "")],
        FormKind::Export { .. } => vec![
            Field::one_of("Prove", ["my ballot is counted", "the sums and the outcome"].as_slice()),
            Field::one_of("Form", ["whole, with every link", "short, to go with a file of the links"].as_slice()),
            Field::file("File", "where to write it", "proof.althing"),
        ],
        FormKind::SendCoins => vec![
            Field::line("To", "an address", ""),
            Field::line("Amount", "satoshis; or all, without stake channels", ""),
            Field::line("Fee rate", "sat/vB; the node's estimate if none", ""),
        ],
        FormKind::TopUp { .. } => vec![
            Field::line("Amount", "satoshis of your wallet to add", ""),
            Field::line("Fee rate", "satoshis per virtual byte", "2"),
        ],
        FormKind::TakeOut { .. } => vec![
            Field::line("Amount", "satoshis to take out; the fee comes from them", ""),
            Field::line("To", "an address; your own wallet if none", ""),
            Field::line("Fee rate", "satoshis per virtual byte", "2"),
        ],
        FormKind::Backup => vec![Field::file("File", "where to write it, best on another disk", "channels.backup")],
        FormKind::LinkBump => vec![Field::line("Fee rate", "sat/vB; what seems to be needed if none", "")],
        FormKind::Timestamp { epoch } => vec![
            Field::one_of(
                "Form",
                ["for the unmodified ots client", "by an OP_RETURN", "by the witness after it"].as_slice(),
            ),
            Field::file("File", "where to write it", format!("link-{epoch}.ots")),
        ],
        FormKind::LinkFile => vec![Field::file("File", "where to write it", "links.althing")],
        FormKind::SessionOpen { payments } => vec![
            Field::line("Payments", "numbers like #3 or ids; a milestone as #3/2; several with commas", payments),
            Field::line("Fee rate", "sat/vB; the node's estimate if none", ""),
            Field::line("Rested", "blocks, for the way of a recovery; or none", ""),
        ],
        FormKind::Housekeeping => vec![
            Field::line("Fee rate", "sat/vB; the node's estimate if none", ""),
            Field::line("Below", "only coins of fewer satoshis; all if none", ""),
            Field::line("Rested", "blocks, for the way of a recovery; or none", ""),
            Field::line("New gates", "how many later payments it makes room for; or none", ""),
        ],
        FormKind::SessionRefuse { .. } => vec![Field::line("Reason", "why you do not sign", "")],
        FormKind::SessionComment { .. } => vec![Field::line("Comment", "for the other treasurers", "")],
        FormKind::SessionBump { .. } => vec![
            Field::line("Fee rate", "sat/vB; of a child: of both together", ""),
            Field::one_of("By", ["a replacement", "a child that pays for it"].as_slice()),
        ],
        FormKind::SaveSession { session } => {
            let name = format!("session-{}.psbt", session.get(..8).unwrap_or(session));
            vec![Field::file("File", "where to write it", name)]
        }
        FormKind::TakeSession => vec![Field::file("File", "the PSBT to read, with a colleague's signature or new", "")],
        FormKind::Freeze { .. } => vec![Field::line("Reason", "why it must not be chosen", "")],
        FormKind::Run { path } => run(path),
        FormKind::SavePage { .. } => vec![Field::file("File", "where to write it", "althing.txt")],
        FormKind::SaveReport => {
            vec![Field::file("File", "where to write it; .md, .html, .csv or .json", "report.html")]
        }
    }
}

/// The options of a command, and the password where it opens the keys.
fn run(path: &str) -> Vec<Field> {
    let Some(deed) = deeds::named(path) else { return Vec::new() };
    let mut fields: Vec<Field> = deed.options.iter().map(option).collect();
    if deed.opens_keys {
        let hint = "of the keys in this folder; not needed where it is given to the program";
        fields.push(Field { label: PASSWORD, hint, entry: FieldEntry::Secret(Secret::default()), file: None });
    }
    fields
}

fn option(option: &'static DeedOption) -> Field {
    let entry = match &option.takes {
        Takes::Value { usual, .. } => FieldEntry::Line((*usual).to_owned()),
        Takes::OneOf { of, usual } => FieldEntry::OneOf(Cow::Borrowed(of), *usual),
        Takes::Nothing => FieldEntry::OneOf(Cow::Borrowed(&SWITCH), 0),
    };
    Field { label: option.label, hint: option.hint, entry, file: option.file }
}
