//! What is counted, by the names of this project; the columns of `show stat` that show it stand beside.

use super::counter::{Counter, Most};
use super::{Histogram, Rate, Recent};
use std::sync::OnceLock;
use std::time::Duration;

/// One definition of every counter: a field that a shard writes, and its sum.
macro_rules! traffic {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What one shard has counted.
        #[derive(Debug, Default)]
        pub struct Traffic {
            $($(#[$doc])* pub $name: Counter,)*
            pub connection_rate: Rate,
            pub session_rate: Rate,
            pub request_rate: Rate,
            /// One more than the second of the monotonic clock in which a session last came to a server; 0: none has.
            pub(super) last_session: Counter,
            /// `qtime`
            pub queue_time: Recent,
            /// `ctime`
            pub connect_time: Recent,
            /// `rtime`
            pub response_time: Recent,
            /// `ttime`
            pub total_time: Recent,
            /// A pointer until a session that reached a server ends: frontends never have one.
            pub(super) latency: OnceLock<Box<Latency>>,
        }

        /// What all shards have counted.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Totals {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Traffic {
            pub(super) fn add_to(&self, totals: &mut Totals) {
                $(totals.$name = totals.$name.wrapping_add(self.$name.get());)*
            }

            pub(super) fn clear(&self) {
                $(self.$name.set(0);)*
                self.connection_rate.clear();
                self.session_rate.clear();
                self.request_rate.clear();
                self.last_session.set(0);
                self.queue_time.clear();
                self.connect_time.clear();
                self.response_time.clear();
                self.total_time.clear();
                if let Some(latency) = self.latency.get() {
                    latency.clear();
                }
            }
        }
    };
}

traffic! {
    /// `conn_tot`: accepted.
    connections,
    /// `stot`: sessions; for a server the attempts to connect, as HAProxy counts them.
    sessions,
    /// `bin`: from clients.
    bytes_in,
    /// `bout`: from servers.
    bytes_out,
    /// `dreq`: by rules on contents.
    requests_denied,
    /// `dresp`
    responses_denied,
    /// `dcon`: by rules on connections.
    connections_denied,
    /// `dses`: by rules on sessions.
    sessions_denied,
    /// `ereq`
    requests_failed,
    /// `econ`: sessions that no server took.
    connects_failed,
    /// `eresp`
    responses_failed,
    /// `wretr`: attempts after the first, at the same server.
    retries,
    /// `wredis`: attempts that left this server for another one.
    redispatches,
    /// `lbtot`: choices by the algorithm.
    picks,
    /// `connect`: attempts to connect.
    connects,
    /// `reuse`: exchanges on a connection that was there already.
    reuses,
    /// `cli_abrt`
    client_aborts,
    /// `srv_abrt`
    server_aborts,
    /// `eint`: we had no socket or buffer.
    internal_errors,
    /// `ssl_sess`: handshakes that made new keys.
    tls_sessions,
    /// `ssl_reused_sess`: those that took an earlier session up again.
    tls_resumed,
    /// `ssl_failed_handshake`: those that came to nothing, but for those whose time was up.
    tls_failed,
    /// `req_tot`: of HTTP.
    requests,
    /// `intercepted`: requests that were answered here, in place of a server.
    intercepted,
    /// `wrew`: edits of rules that could not be made.
    edits_failed,
    /// `hrsp_1xx`: final responses that should have been interim ones.
    responses_1xx,
    /// `hrsp_2xx`
    responses_2xx,
    /// `hrsp_3xx`
    responses_3xx,
    /// `hrsp_4xx`
    responses_4xx,
    /// `hrsp_5xx`
    responses_5xx,
    /// `hrsp_other`: without a status, or with one beyond 599.
    responses_other,
}

/// How long the parts of a session took that reached a server, or of an exchange of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Took {
    /// From the accept to the assignment of a server.
    pub queue: Duration,
    /// From there to the established connection.
    pub connect: Duration,
    /// From there to the head of the response; `None`: there was none, or `mode tcp` knows of none.
    pub response: Option<Duration>,
    /// From the accept to the end.
    pub total: Duration,
}

/// How long the parts of sessions took that reached a server.
#[derive(Debug, Default)]
pub struct Latency {
    /// From the accept to the assignment of a server.
    pub queue: Histogram,
    /// From there to the established connection.
    pub connect: Histogram,
    /// In `mode http`, from there to the head of the response.
    pub response: Histogram,
    /// From the accept to the end.
    pub total: Histogram,
}

impl Latency {
    fn clear(&self) {
        let Latency { queue, connect, response, total } = self;
        [queue, connect, response, total].into_iter().for_each(Histogram::clear);
    }
}

/// The most of what has no exact count of its own at every moment.
#[derive(Debug, Default)]
pub struct Peaks {
    /// `conn_rate_max`
    pub connection_rate: Most,
    /// `rate_max`
    pub session_rate: Most,
    /// `req_rate_max`
    pub request_rate: Most,
    /// `qtime_max`, in milliseconds.
    pub queue_time: Most,
    /// `ctime_max`
    pub connect_time: Most,
    /// `rtime_max`
    pub response_time: Most,
    /// `ttime_max`
    pub total_time: Most,
}

impl Peaks {
    pub(super) fn clear(&self) {
        let Peaks { connection_rate, session_rate, request_rate, queue_time, connect_time, response_time, total_time } =
            self;
        let rates = [connection_rate, session_rate, request_rate];
        let times = [queue_time, connect_time, response_time, total_time];
        rates.into_iter().chain(times).for_each(Most::clear);
    }
}
