//! The servers' ends of all flows: one address, a thread per connection.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::plan::{Order, Plan};
use super::side::Side;
use super::verdict::Fates;
use super::{Fate, STACK, Soak};
use crate::wait::SOON;

/// Serves the flows of one soak. Dropping it stops listening.
#[derive(Debug)]
pub struct Farm {
    address: SocketAddr,
    soak: Soak,
    fates: Arc<Fates>,
    stopping: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Farm {
    /// Listens on a free port of 127.0.0.1.
    pub fn start(soak: Soak) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (fates, stopping) = (Arc::<Fates>::default(), Arc::<AtomicBool>::default());
        let accepting = thread::spawn({
            let (fates, stopping) = (Arc::clone(&fates), Arc::clone(&stopping));
            move || accept(soak, &listener, &fates, &stopping)
        });
        Farm { address, soak, fates, stopping, accepting: Some(accepting) }
    }

    /// The address as a `server` line has it.
    pub fn target(&self) -> String {
        self.address.to_string()
    }

    pub(super) fn soak(&self) -> Soak {
        self.soak
    }

    pub(super) fn fates(&self) -> &Fates {
        &self.fates
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // The last connection is ours: it makes the thread look.
        let is_woken = TcpStream::connect_timeout(&self.address, SOON).is_ok();
        if let Some(accepting) = self.accepting.take()
            && is_woken
            && !thread::panicking()
        {
            accepting.join().expect("the accepting thread does not panic");
        }
    }
}

fn accept(soak: Soak, listener: &TcpListener, fates: &Arc<Fates>, stopping: &AtomicBool) {
    for stream in listener.incoming() {
        if stopping.load(Ordering::Relaxed) {
            return;
        }
        let fates = Arc::clone(fates);
        let serve = move || match stream.and_then(|stream| serve(soak, stream)) {
            Ok((number, fate)) => fates.note_server(number, fate),
            Err(error) => fates.note_stray(error),
        };
        thread::Builder::new().stack_size(STACK).spawn(serve).expect("a thread per flow");
    }
}

/// The server's end of the flow that its client names.
fn serve(soak: Soak, mut stream: TcpStream) -> io::Result<(u64, Fate)> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SOON))?;
    let mut number = [0; size_of::<u64>()];
    stream.read_exact(&mut number)?;
    let number = u64::from_be_bytes(number);
    let plan = Plan::of(soak.seed, number, soak.size_max);
    let reset_after = match plan.order {
        Order::ServerResets { after } => Some(after),
        Order::AtOnce | Order::ClientFirst | Order::ServerFirst | Order::ClientResets { .. } => None,
    };
    let side = Side::new(stream, plan.down, plan.up, plan.order == Order::ClientFirst, reset_after);
    Ok((number, side.run()))
}
