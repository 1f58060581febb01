//! Several operators behind one anchor key: MuSig2 (BIP327), the only place here where the second libsecp256k1 is used.
//!
//! On the chain such a link looks, and costs, like that of a single operator. Values cross between the two libraries
//! as bytes.

mod hello;
mod keys;
mod nonce;
mod rounds;

pub use hello::{is_operator_hello, sign_operator_hello};
pub use keys::{MAX_OPERATORS, OperatorError, Operators};
pub use nonce::{PartialSignature, PublicNonce, SessionEntropy, ZeroEntropy};
pub use rounds::{NonceRound, SessionError, SignatureRound};
