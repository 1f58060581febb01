//! An invitation is named by the beginning of its id, as proposals and channels are (N-195).

use althing_node::api::{Reply, Request, Saying};

use super::args::Global;
use super::console::Console;
use super::failure::Failure;
use super::node::{Caller, other_kind};
use super::say::Weighty;
use crate::backend::Backend;

/// Fewer digits name nothing.
const LEAST_DIGITS: usize = 4;

/// Digits of a whole id.
const DIGITS: usize = 64;

/// Accepts an invitation; the only open one, when none is named.
pub(super) fn accept(
    invitation: &str,
    global: &Global,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let caller = Caller::connect(global, backend, console)?;
    let invitation = caller.named_invitation(invitation.trim())?;
    caller.say(Saying::Accept { invitation }, Weighty::No, console)
}

impl Caller {
    /// The whole id of the invitation for this member that begins so. What is whole or absent is the node's to judge.
    fn named_invitation(&self, typed: &str) -> Result<String, Failure> {
        if typed.is_empty() || typed.len() >= DIGITS {
            return Ok(typed.to_owned());
        }
        let digits = typed.to_ascii_lowercase();
        if digits.len() < LEAST_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let message = format!(
                "N-195: an invitation is named by {LEAST_DIGITS} to {DIGITS} hexadecimal digits of its id, not by {typed:?}; `althing invitations` lists them"
            );
            return Err(Failure::rule("N-195", message));
        }
        let Reply::Invitations { invitations } = self.call(Request::Invitations)? else { return Err(other_kind()) };
        let mut named: Vec<String> =
            invitations.into_iter().filter(|one| one.mine && one.id.starts_with(&digits)).map(|one| one.id).collect();
        match (named.pop(), named.len()) {
            (Some(one), 0) => Ok(one),
            (None, _) => {
                let message = format!(
                    "N-195: no invitation for your vote key begins with {typed:?}; `althing invitations` lists them"
                );
                Err(Failure::rule("N-195", message))
            }
            (Some(_), others) => {
                let message = format!("N-195: {} invitations begin with {typed:?}; give more digits", others + 1);
                Err(Failure::rule("N-195", message))
            }
        }
    }
}
