//! Starting, stopping, restarting, being killed.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;

use althing_regtest::bitcoincore_rpc::{Auth, Client, RpcApi};
use althing_regtest::{Bitcoind, Error, Node, NodeConfig};

use crate::left_behind::is_alive;

#[test]
fn a_fresh_node_has_only_the_genesis_block_and_serves_an_outside_client() {
    let node = Node::start().unwrap();
    assert_eq!(node.tip().unwrap().height, 0);

    let client = Client::new(&node.rpc_url(), Auth::CookieFile(node.cookie_file())).unwrap();
    assert_eq!(client.get_best_block_hash().unwrap(), node.tip().unwrap().hash);
    // These typed calls of the client crate are relied on elsewhere; see that they parse this bitcoind's answers.
    client.get_blockchain_info().unwrap();
    client.get_network_info().unwrap();
    client.get_mempool_info().unwrap();
    assert!(node.bitcoind().version() >= althing_regtest::Version::MINIMUM);
}

#[test]
fn restart_and_kill_keep_the_chain_and_stopped_is_said() {
    let mut node = Node::start().unwrap();
    node.mine(3).unwrap();
    let tip = node.tip().unwrap();

    node.restart().unwrap();
    assert_eq!(node.tip().unwrap(), tip);

    let process = node.process_id().unwrap();
    node.stop().unwrap();
    assert!(!is_alive(process));
    assert!(!node.is_running());
    assert!(matches!(node.tip(), Err(Error::Stopped)));
    node.stop().unwrap();
    node.restart().unwrap();

    let process = node.process_id().unwrap();
    node.kill();
    assert!(!is_alive(process));
    node.restart().unwrap();
    assert!(node.is_running());
    // bitcoind may lose what it had not flushed when killed, never more.
    assert!(node.tip().unwrap().height <= tip.height);
    node.mine(1).unwrap();
}

#[test]
fn a_kept_folder_is_continued_with_the_same_miner() {
    let folder = tempfile::tempdir().unwrap();
    let config = NodeConfig::default().data_dir(folder.path().join("node"));
    let first = Node::start_with(config.clone()).unwrap();
    first.mine(2).unwrap();
    let (tip, miner) = (first.tip().unwrap(), first.miner_address());
    drop(first);

    let second = Node::start_with(config).unwrap();
    assert_eq!(second.tip().unwrap(), tip);
    assert_eq!(second.miner_address(), miner);
}

#[test]
fn a_temporary_folder_goes_with_its_node() {
    let node = Node::start().unwrap();
    let folder = node.data_dir().to_owned();
    assert!(folder.is_dir());
    drop(node);
    assert!(!folder.exists());
}

#[test]
fn only_the_loopback_address_is_listened_on() {
    let node = Node::start().unwrap();
    let port = |address: &str| address.rsplit(':').next().unwrap().parse::<u16>().unwrap();
    for address in [node.rpc_url(), node.p2p_address()] {
        assert!(TcpStream::connect(("127.0.0.1", port(&address))).is_ok(), "{address}");
        // Another address of the same machine is still free on that port, so bitcoind did not take all of them.
        assert!(TcpListener::bind(("127.0.0.2", port(&address))).is_ok(), "{address}");
    }
}

#[test]
fn a_refused_argument_fails_with_bitcoinds_own_words() {
    let config = NodeConfig::default().arg("-nosuchoption=1");
    let error = Node::start_with(config).unwrap_err();
    assert!(matches!(error, Error::Start { .. }), "{error:?}");
    assert!(error.to_string().contains("nosuchoption"), "{error}");
}

#[test]
fn a_port_taken_in_the_last_moment_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    // A bitcoind that fails to bind twice before it works, as after lost races for a port.
    let real = Bitcoind::locate_or_build().unwrap();
    let wrapper = folder.path().join("bitcoind");
    let script = format!(
        "#!/bin/sh\n\
         if [ \"$1\" != --version ] && [ ! -e {0}/two ]; then\n\
           if [ -e {0}/one ]; then : > {0}/two; else : > {0}/one; fi\n\
           echo 'Error: Unable to bind to 127.0.0.1'; exit 1\n\
         fi\n\
         exec {1} \"$@\"\n",
        folder.path().display(),
        real.path().display(),
    );
    std::fs::write(&wrapper, script).unwrap();
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();

    let bitcoind = Bitcoind::at(&wrapper).unwrap();
    let node = Node::start_with(NodeConfig::default().bitcoind(bitcoind)).unwrap();
    assert!(folder.path().join("two").exists());
    node.mine(1).unwrap();
}
