//! Whom a node calls, and whether anybody answers.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use althing_node::peers::{PeerAddress, Peers, Verdict, node_id};

fn within_a_minute(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// N-425: a command need not wait long for a hub at whose address nobody listens.
#[test]
fn a_hub_at_whose_address_nobody_listens_is_absent_until_somebody_does() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hub = node_id(&[2; 32]);
    let peers = Peers::start(&[1; 32], None, |_| Verdict::Keep).unwrap();
    assert!(!peers.is_absent(&hub), "it was not called yet");
    peers.keep_connected(PeerAddress { node_id: hub, socket });
    within_a_minute("nobody listens", || peers.is_absent(&hub));
    // Whoever it is that listens: that it is the hub the handshake says.
    let _listener = TcpListener::bind(socket).unwrap();
    within_a_minute("somebody listens", || !peers.is_absent(&hub));
}
