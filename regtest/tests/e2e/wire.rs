//! A wire between a member and its hub that can be cut at a chosen place of what they say to each other.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;

/// What passes at once: less than the messages of a checkpoint, so that there is a cut between any two of them, and inside the longer ones.
const PIECE_BYTES: usize = 512;

/// A relay on the loopback interface; it ends with the program.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Pieces that still pass, of both directions together; without a number all do.
    left: Option<usize>,
    /// Both ends of every connection since the last cut.
    ends: Vec<TcpStream>,
}

impl Wire {
    pub(crate) fn to(hub: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let wire = Self { address: listener.local_addr()?, state: Arc::default() };
        let state = Arc::clone(&wire.state);
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                // A hub that is down refuses: so does its wire, and the member tries again.
                if let Ok(far) = TcpStream::connect(hub) {
                    let _ = join(&state, near, far);
                }
            }
        });
        Ok(wire)
    }

    /// Lets so many more pieces pass, and nothing behind them.
    pub(crate) fn cut_after(&self, pieces: usize) {
        self.state().left = Some(pieces);
    }

    /// Whether the last piece has passed.
    pub(crate) fn is_cut(&self) -> bool {
        self.state().left == Some(0)
    }

    /// Ends the connections, on which something is missing now, and lets everything pass on new ones.
    pub(crate) fn mend(&self) {
        let mut state = self.state();
        state.left = None;
        for end in state.ends.drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn join(state: &Arc<Mutex<State>>, near: TcpStream, far: TcpStream) -> std::io::Result<()> {
    for end in [&near, &far] {
        end.set_nodelay(true)?;
    }
    let ends = [near.try_clone()?, far.try_clone()?];
    state.lock().unwrap_or_else(PoisonError::into_inner).ends.extend(ends);
    for (from, to) in [(near.try_clone()?, far.try_clone()?), (far, near)] {
        let state = Arc::clone(state);
        std::thread::spawn(move || relay(&state, from, to));
    }
    Ok(())
}

fn relay(state: &Mutex<State>, mut from: TcpStream, mut to: TcpStream) {
    let mut piece = [0; PIECE_BYTES];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        // What was cut off is lost; the connection stands until the wire is mended.
        if passes(state) && to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    for end in [from, to] {
        let _ = end.shutdown(Shutdown::Both);
    }
}

fn passes(state: &Mutex<State>) -> bool {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    match &mut state.left {
        None => true,
        Some(0) => false,
        Some(left) => {
            *left -= 1;
            true
        }
    }
}
