//! What a person, a program or a screen can ask of a running node, and the answers.
//!
//! One vocabulary serves three callers: the terminal screens (in process), the commands (over the control socket of a
//! running node, or a node started for one command), and scripts (`--json` prints these very structures). Everything shown
//! was recomputed by this node from the log and its own Bitcoin source; what is not yet known is `None`, never a guess.
//!
//! Units: `_sat` satoshis, `_height` block heights, `_blocks` numbers of blocks, weights as decimal integers.

mod anchoring;
mod bodies;
mod channel;
mod choice;
mod draft;
mod error;
mod insight;
mod keeping;
mod light;
mod reading;
mod recourse;
mod reply;
mod request;
mod saying;
mod treasury;
mod treasury_views;
mod vote;
mod workings;

pub use anchoring::*;
pub use bodies::*;
pub use channel::*;
pub use choice::{Choice, NONE, option_name};
pub use draft::*;
pub(crate) use error::clause_in;
pub use error::{ApiError, ErrorKind};
pub use insight::*;
pub use keeping::*;
pub use light::*;
pub use reading::*;
pub use recourse::*;
pub use reply::*;
pub use request::*;
pub use saying::*;
pub use treasury::*;
pub use treasury_views::*;
pub use vote::*;
pub use workings::*;

pub use althing_governance::charter::{Body, Class};
pub use althing_governance::voting::{Measure, System, TIE_DEPTH};

/// Names and colours aside, what a caller of the API needs: one question, one answer.
pub trait Service: Send + Sync {
    /// Carries out a request. May block for as long as the request takes; never call it from a screen's own thread.
    ///
    /// # Errors
    /// [`ApiError`], with the rule and the values.
    fn call(&self, request: Request) -> Result<Reply, ApiError>;
}
