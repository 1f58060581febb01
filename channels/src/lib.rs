//! Pure core of stake channels: scripts, transactions, MuSig2, wire messages, open and close
