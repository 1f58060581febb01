//! Pure core of what the DAO puts on Bitcoin: anchor links, inclusion proofs, header chains, treasury outputs
