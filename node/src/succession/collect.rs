//! Putting signatures together, and whose signature counts.

use althing_anchor::{CertificateError, SuccessionCertificate, SuccessionSignature, SuccessionStatement};
use althing_governance::id::MemberId;
use bitcoin::secp256k1::{XOnlyPublicKey, schnorr};

use super::{bytes, check, decode_statement, refused, roll, words};
use crate::api::{ApiError, SuccessionAnswer};
use crate::keys::hex;
use crate::shell::Shell;
use crate::view::name_of;

/// Puts statement and signatures together and weighs them. `files` names where each signature is from.
pub(super) fn collect(
    shell: &Shell,
    statement: &str,
    signatures: &[String],
    files: &[String],
) -> Result<SuccessionAnswer, ApiError> {
    let statement = decode_statement(statement)?;
    check(shell, &statement)?;
    let mut certificate = SuccessionCertificate::new(statement);
    let mut signers = Vec::new();
    for (number, signature) in signatures.iter().enumerate() {
        let file = files.get(number).cloned().unwrap_or_else(|| format!("signature {}", number + 1));
        let bytes = bytes(signature).map_err(|error| in_file(&file, error))?;
        let wrong =
            || ApiError::invalid("A-102", format!("A-102: {file}: {} bytes are no signature file", bytes.len()));
        let (member, signature) = bytes.split_at_checked(32).ok_or_else(wrong)?;
        let added = SuccessionSignature {
            member: XOnlyPublicKey::from_slice(member).map_err(|_| wrong())?,
            signature: schnorr::Signature::from_slice(signature).map_err(|_| wrong())?,
        };
        signers.push((added.member, file.clone()));
        certificate.add(added).map_err(|error| in_file(&file, refused(error)))?;
    }
    let (roll, total) = roll(shell, &statement)?;
    let mut words = words(&statement);
    let done = match certificate.weigh(&roll, total) {
        Ok(weight) => {
            words.push(format!("Weight {weight} of {total} stands behind it: more than half."));
            true
        }
        Err(error @ CertificateError::Minority { .. }) => {
            words.push(error.to_string());
            false
        }
        Err(error) => return Err(whose(shell, &statement, error, &signers)),
    };
    Ok(SuccessionAnswer { file: Some(hex(&certificate.encode())), words, done })
}

/// who is not on the roll is told so before a signature is asked for, not by whoever collects. Where the roll is not here, as at a
/// light member, whoever collects tells.
pub(super) fn check_weight(
    shell: &Shell,
    statement: &SuccessionStatement,
    key: &XOnlyPublicKey,
) -> Result<(), ApiError> {
    if shell.ledger.state().roll(statement.last_link).is_none() || roll(shell, statement)?.0.contains_key(key) {
        return Ok(());
    }
    let epoch = statement.last_link;
    let message = format!(
        "A-103: this member is not on the roll of epoch {epoch}, which weighs the signatures; yours would not count, and a certificate with it would be refused"
    );
    Err(ApiError::invalid("A-103", message))
}

/// Names the file and the member of a signature that makes the certificate void.
fn whose(
    shell: &Shell,
    statement: &SuccessionStatement,
    error: CertificateError,
    signers: &[(XOnlyPublicKey, String)],
) -> ApiError {
    let key = match &error {
        CertificateError::NotAMember { member } | CertificateError::BadSignature { member } => **member,
        _ => return refused(error),
    };
    let state = shell.ledger.state();
    let speaks =
        state.rotations(statement.log_size).into_iter().find(|(_, _, speaking)| *speaking == MemberId::of(&key));
    let member = speaks.map_or(MemberId::of(&key), |(_, member, _)| member);
    let file = signers.iter().find(|(signer, _)| *signer == key).map_or("a signature", |(_, file)| file.as_str());
    // Whoever never made a stake has no name.
    let name = name_of(shell, &member);
    let name = if name.is_empty() { "somebody without a name" } else { &name };
    let message = match error {
        CertificateError::NotAMember { .. } => format!(
            "A-103: {file} is signed by {name} ({member}), who is not on the roll of epoch {}; leave it out",
            statement.last_link
        ),
        _ => format!("A-102: {file}: the signature of {name} ({member}) does not verify; leave it out"),
    };
    ApiError::invalid("A-103", message)
}

fn in_file(file: &str, error: ApiError) -> ApiError {
    ApiError { message: format!("{} ({file})", error.message), ..error }
}
