//! A server for the demonstration: says who it is, and repeats what it is told.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

pub(crate) struct Origin {
    name: &'static str,
    address: SocketAddr,
    running: Option<Running>,
}

struct Running {
    is_stopping: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    thread: JoinHandle<()>,
}

impl Origin {
    pub(crate) fn start(name: &'static str) -> std::io::Result<Origin> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        Ok(Origin { name, address, running: Some(Running::serve(name, listener)) })
    }

    pub(crate) fn name(&self) -> &str {
        self.name
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// As if the process behind it were killed: nobody listens, every connection ends.
    pub(crate) fn stop(&mut self) {
        let Some(Running { is_stopping, open, thread }) = self.running.take() else { return };
        is_stopping.store(true, Ordering::SeqCst);
        // The accept that waits has to see it.
        let _ = TcpStream::connect(self.address);
        let _ = thread.join();
        for stream in open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn restart(&mut self) -> std::io::Result<()> {
        self.running = Some(Running::serve(self.name, TcpListener::bind(self.address)?));
        Ok(())
    }
}

impl Running {
    fn serve(name: &'static str, listener: TcpListener) -> Running {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let open = Arc::new(Mutex::new(Vec::new()));
        let (stopping, streams) = (is_stopping.clone(), open.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopping.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(copy) = stream.try_clone() {
                    streams.lock().unwrap_or_else(PoisonError::into_inner).push(copy);
                }
                std::thread::spawn(move || {
                    // Clients come and go as they like.
                    let _ = converse(name, stream);
                });
            }
        });
        Running { is_stopping, open, thread }
    }
}

fn converse(name: &str, mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(format!("origin {name} is here\n").as_bytes())?;
    let reader = BufReader::new(stream.try_clone()?);
    for line in reader.lines() {
        stream.write_all(format!("{name}: {}\n", line?).as_bytes())?;
    }
    stream.shutdown(Shutdown::Both)
}
