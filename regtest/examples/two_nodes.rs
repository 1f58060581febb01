//! Two nodes, a payment, a partition and its end: `cargo run -p althing-regtest --example two_nodes`.

use std::io::{self, Write};
use std::time::Duration;

use althing_regtest::bitcoin::Amount;
use althing_regtest::{Error, Node};

fn main() -> Result<(), Error> {
    let patience = Duration::from_secs(60);
    let alice = Node::start()?;
    let bob = Node::start()?;
    say(&format!("{} at {} and {}", alice.bitcoind().banner(), alice.rpc_url(), bob.rpc_url()));

    alice.connect(&bob)?;
    let coin = alice.fund(&bob.miner_address(), Amount::from_sat(100_000))?;
    Node::wait_same_tip(&[&alice, &bob], patience)?;
    say(&format!("{coin} confirmed, both at height {}", bob.tip()?.height));

    alice.disconnect(&bob)?;
    alice.mine(1)?;
    bob.mine(2)?;
    say(&format!("apart: heights {} and {}", alice.tip()?.height, bob.tip()?.height));

    alice.connect(&bob)?;
    Node::wait_same_tip(&[&alice, &bob], patience)?;
    say(&format!("together again at height {}", alice.tip()?.height));
    Ok(())
}

fn say(text: &str) {
    // A closed standard output ends the story, not the program.
    let _ = writeln!(io::stdout(), "{text}");
}
