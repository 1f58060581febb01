//! Pure core of the DAO: charter, log, roll, proposals, ballots, tally, trees, receipts, epoch header
