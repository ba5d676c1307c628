//! The sweep: what must hold of a world between any two events.

use crate::connection::Holder;
use crate::listener::Place;
use crate::socket::{Hunger, Lane, Role, Socket, Work};
use crate::state::{Desk, End, State};
use driver::Fd;

impl State {
    pub(crate) fn is_quiet(&self) -> bool {
        let is_fed = self.starved.is_empty() || self.pool.free_count() == 0;
        self.schedule.next_at().is_none() && !self.desks.iter().any(Desk::is_called) && is_fed
    }

    pub(crate) fn check(&self) {
        let (mut open_count, mut in_flight_count, mut hungry_count) = (0, 0, 0);
        let (mut lease_count, mut pipe_count) = (0, 0);
        for (fd, socket) in self.sockets.iter() {
            open_count += 1;
            in_flight_count += socket.cancel_count as usize + usize::from(socket.is_closing);
            for in_flight in Lane::BOTH.iter().filter_map(|&lane| socket.lane(lane)) {
                in_flight_count += 1;
                hungry_count += usize::from(in_flight.hunger == Hunger::Waiting);
                match &in_flight.work {
                    Work::Send { .. } => lease_count += 1,
                    Work::Drain(pipe) => {
                        pipe_count += 1;
                        self.pipes.check(pipe);
                    }
                    Work::Readable | Work::Connect | Work::Recv { .. } | Work::Fill { .. } | Work::Finish(_) => (),
                }
            }
            self.check_role(fd, socket);
        }
        assert_eq!(open_count, self.sockets.open_count(), "open sockets");
        assert_eq!(in_flight_count, self.sockets.in_flight_count(), "ops in flight");
        assert!(lease_count <= self.pool.used_count(), "a send owns a buffer that is free");
        assert!(pipe_count <= self.pipes.lent_count(), "a drain owns a pipe that is free");
        assert!(hungry_count <= self.starved.len(), "a receive starves and nobody will feed it");
        self.connections.iter().for_each(|connection| connection.check());
        self.check_listeners();
    }

    fn check_role(&self, fd: Fd, socket: &Socket) {
        match socket.role {
            Role::Stream(conn, end) if !socket.is_closing => {
                let holder = self.connections[conn.0].holder(end);
                assert_eq!(holder, Holder::Socket(fd), "a connection and its socket disagree");
            }
            Role::Stream(..) | Role::Fetched(..) | Role::Fresh | Role::Bound(_) | Role::Listening(_) => (),
        }
    }

    fn check_listeners(&self) {
        let coming = self.connections.iter().filter(|connection| {
            let is_ours = matches!(connection.asked, Some(Place::Listener(_)));
            is_ours && connection.holder(End::Asked) == Holder::Coming
        });
        let expected_count: usize = self.listeners.iter().map(|listener| listener.coming_count).sum();
        assert_eq!(coming.count(), expected_count, "handshakes that a listener counts on");
        for (number, listener) in self.listeners.iter().enumerate() {
            let waiting_count = listener.queue.len() + listener.coming_count;
            assert!(waiting_count <= listener.spec.backlog as usize + 1, "a queue is longer than its backlog");
            for conn in &listener.queue {
                let holder = self.connections[conn.0].holder(End::Asked);
                assert!(matches!(holder, Holder::Queued(id) if id.0 == number), "{holder:?} waits in a queue");
            }
        }
    }
}
