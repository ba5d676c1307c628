//! Reading the configuration again, on a thread of its own: resolving names takes as long as it takes, and checks and log lines
//! do not wait for it.

use crate::load::{Defaults, Files, Loaded, load};
use std::io;
use std::thread;
use table::StateBook;
use tokio::sync::oneshot;

/// What a reading brings back.
pub(crate) type Result = (Loaded, StateBook);

/// Where the book of states is: here, or with the thread that reads.
pub(crate) enum Reading {
    Idle(StateBook),
    Busy(oneshot::Receiver<Result>),
    /// The result was handed out and the book is on its way back.
    Delivered,
}

impl Reading {
    pub(crate) fn is_busy(&self) -> bool {
        match self {
            Reading::Idle(_) => false,
            Reading::Busy(_) | Reading::Delivered => true,
        }
    }

    /// Starts a reading.
    ///
    /// # Panics
    /// If one is under way.
    pub(crate) fn begin(&mut self, files: Files, generation: u64, defaults: Defaults) -> io::Result<()> {
        let Reading::Idle(book) = std::mem::replace(self, Reading::Delivered) else { panic!("one reading at a time") };
        let (sender, receiver) = oneshot::channel();
        // The book goes by a channel of its own: a thread that cannot be started must not take it away.
        let (book_sender, book_receiver) = std::sync::mpsc::channel();
        let reader = move || {
            let Ok(mut book) = book_receiver.recv() else { return };
            let loaded = load(&files, &mut book, generation, &defaults);
            // Nobody is left to take it only when the process ends.
            let _ = sender.send((loaded, book));
        };
        match thread::Builder::new().name("reading".into()).spawn(reader) {
            Ok(_) => {
                book_sender.send(book).expect("the thread waits for it");
                *self = Reading::Busy(receiver);
                Ok(())
            }
            Err(err) => {
                *self = Reading::Idle(book);
                Err(err)
            }
        }
    }

    /// Waits for the end of a reading; without one, for ever.
    pub(crate) async fn next(&mut self) -> Result {
        match self {
            Reading::Busy(receiver) => {
                let result = receiver.await.expect("a reading ends with a result");
                *self = Reading::Delivered;
                result
            }
            Reading::Idle(_) | Reading::Delivered => std::future::pending().await,
        }
    }

    /// Takes the book back.
    pub(crate) fn finish(&mut self, (loaded, book): Result) -> Loaded {
        *self = Reading::Idle(book);
        loaded
    }
}
