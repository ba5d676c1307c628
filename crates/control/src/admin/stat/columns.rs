//! The columns of `show stat` (`management.txt` §9.1): one definition of name, tags and meaning, for every rendering.

use crate::admin::field::Tags;

/// What there is to say about a column.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    /// Where its values come from and how they behave, in four letters (`management.txt` §9.2).
    pub(crate) tags: Tags,
    pub(crate) doc: &'static str,
}

macro_rules! columns {
    ($($column:ident $name:literal $tags:literal $doc:literal;)*) => {
        /// The columns, in the order of HAProxy 3.4.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(dead_code, reason = "what does not happen here has its column all the same")]
        pub(crate) enum Column {
            $($column,)*
        }

        pub(crate) const COLUMNS: &[Definition] = &[
            $(Definition { name: $name, tags: Tags($tags), doc: $doc },)*
        ];
    };
}

impl Column {
    /// Behind this one HAProxy puts a column named `-`, and then those of its protocols.
    pub(crate) const LAST_OF_PROXIES: Column = Column::Resbout;
}

impl Definition {
    /// Some columns say of a server what they count of a backend.
    pub(crate) fn tags_of(&self, is_backend: bool) -> Tags {
        if is_backend && matches!(self.name, "act" | "bck" | "rate_max") { Tags("MGPV") } else { self.tags }
    }
}

columns! {
    Pxname "pxname" "KNSV" "name of the proxy";
    Svname "svname" "KNSV" "FRONTEND, BACKEND, or the name of the server or listener";
    Qcur "qcur" "MGPV" "sessions that wait now";
    Qmax "qmax" "MMPV" "most sessions that waited at once";
    Scur "scur" "MGPV" "sessions now";
    Smax "smax" "MMPV" "most sessions at once";
    Slim "slim" "CLPV" "limit of sessions";
    Stot "stot" "MCPP" "sessions so far; for a server, attempts to connect";
    Bin "bin" "MCPP" "bytes from clients";
    Bout "bout" "MCPP" "bytes to clients";
    Dreq "dreq" "MCPP" "requests denied by rules";
    Dresp "dresp" "MCPP" "responses denied by rules";
    Ereq "ereq" "MCPP" "requests that failed on the client side";
    Econ "econ" "MCPP" "sessions that could not be connected";
    Eresp "eresp" "MCPP" "responses that failed";
    Wretr "wretr" "MCPP" "attempts repeated at the same server";
    Wredis "wredis" "MCPP" "attempts repeated at another server";
    Status "status" "SGPV" "what it does at present";
    Weight "weight" "MaPV" "weight that is balanced by";
    Act "act" "SGPV" "active servers";
    Bck "bck" "SGPV" "backup servers";
    Chkfail "chkfail" "MCPP" "checks that failed while the server was up";
    Chkdown "chkdown" "MCPP" "times that it went down";
    Lastchg "lastchg" "MAPP" "seconds since the status changed";
    Downtime "downtime" "MCPV" "seconds that it was down";
    Qlimit "qlimit" "CGSV" "most sessions that may wait for the server";
    Pid "pid" "KGPV" "number of the process";
    Iid "iid" "KGSV" "number of the proxy";
    Sid "sid" "KGSV" "number of the server or listener in its proxy";
    Throttle "throttle" "MaPV" "percent of its weight that a starting server has reached";
    Lbtot "lbtot" "MCPP" "times that balancing chose it";
    Tracked "tracked" "CNSV" "server whose health it follows";
    Type "type" "CGSV" "0 frontend, 1 backend, 2 server, 3 listener";
    Rate "rate" "MRPP" "sessions over the last second";
    RateLim "rate_lim" "CLPV" "limit of sessions per second";
    RateMax "rate_max" "MMPV" "most sessions in a second";
    CheckStatus "check_status" "MOPV" "result of the last check";
    CheckCode "check_code" "MOPV" "code that the last check was answered with";
    CheckDuration "check_duration" "MDPV" "milliseconds that the last check took";
    Hrsp1xx "hrsp_1xx" "MCPP" "responses with status 100 to 199";
    Hrsp2xx "hrsp_2xx" "MCPP" "responses with status 200 to 299";
    Hrsp3xx "hrsp_3xx" "MCPP" "responses with status 300 to 399";
    Hrsp4xx "hrsp_4xx" "MCPP" "responses with status 400 to 499";
    Hrsp5xx "hrsp_5xx" "MCPP" "responses with status 500 to 599";
    HrspOther "hrsp_other" "MCPP" "responses with another status";
    Hanafail "hanafail" "MCPP" "failures of observed traffic";
    ReqRate "req_rate" "MRPP" "requests over the last second";
    ReqRateMax "req_rate_max" "MMPV" "most requests in a second";
    ReqTot "req_tot" "MCPP" "requests so far";
    CliAbrt "cli_abrt" "MCPP" "sessions that the client broke off";
    SrvAbrt "srv_abrt" "MCPP" "sessions that the server broke off";
    CompIn "comp_in" "MCPP" "bytes into the compressor";
    CompOut "comp_out" "MCPP" "bytes out of the compressor";
    CompByp "comp_byp" "MCPP" "bytes past the compressor";
    CompRsp "comp_rsp" "MCPP" "compressed responses";
    Lastsess "lastsess" "MAPP" "seconds since a session last came, -1 for never";
    LastChk "last_chk" "MOPV" "words of the last check";
    LastAgt "last_agt" "MOPV" "words of the last agent check";
    Qtime "qtime" "MaPV" "milliseconds in the queue, on recent average";
    Ctime "ctime" "MaPV" "milliseconds to connect, on recent average";
    Rtime "rtime" "MaPV" "milliseconds to the response, on recent average";
    Ttime "ttime" "MaPV" "milliseconds of a session, on recent average";
    AgentStatus "agent_status" "MOPV" "result of the last agent check";
    AgentCode "agent_code" "MOPV" "unused";
    AgentDuration "agent_duration" "MDPV" "milliseconds that the last agent check took";
    CheckDesc "check_desc" "MOPV" "check_status in words";
    AgentDesc "agent_desc" "MOPV" "agent_status in words";
    CheckRise "check_rise" "CGSV" "successes that make it up";
    CheckFall "check_fall" "CGSV" "failures that make it down";
    CheckHealth "check_health" "CGSV" "health, from 0 to rise + fall - 1";
    AgentRise "agent_rise" "CGSV" "reports of the agent that make it up";
    AgentFall "agent_fall" "CGSV" "reports of the agent that make it down";
    AgentHealth "agent_health" "CGSV" "health by its agent";
    Addr "addr" "CGSV" "address";
    Cookie "cookie" "CNSV" "cookie of the server or its backend";
    Mode "mode" "CGSV" "protocol";
    Algo "algo" "CGSV" "balancing algorithm";
    ConnRate "conn_rate" "MRPP" "connections over the last second";
    ConnRateMax "conn_rate_max" "MMPV" "most connections in a second";
    ConnTot "conn_tot" "MCPP" "connections so far";
    Intercepted "intercepted" "MCPP" "requests answered by the proxy itself";
    Dcon "dcon" "MCPP" "connections denied by rules";
    Dses "dses" "MCPP" "sessions denied by rules";
    Wrew "wrew" "MCPP" "headers that could not be rewritten";
    Connect "connect" "MCPP" "attempts to connect";
    Reuse "reuse" "MCPP" "connections used again";
    CacheLookups "cache_lookups" "MCPP" "lookups in the cache";
    CacheHits "cache_hits" "MCPP" "lookups answered by the cache";
    SrvIcur "srv_icur" "MGPV" "idle connections now";
    SrcIlim "src_ilim" "CLPV" "limit of idle connections";
    QtimeMax "qtime_max" "MMPV" "most milliseconds in the queue";
    CtimeMax "ctime_max" "MMPV" "most milliseconds to connect";
    RtimeMax "rtime_max" "MMPV" "most milliseconds to the response";
    TtimeMax "ttime_max" "MMPV" "most milliseconds of a session";
    Eint "eint" "MCPP" "failures for want of sockets or buffers";
    IdleConnCur "idle_conn_cur" "MGPV" "idle connections that not everybody may use";
    SafeConnCur "safe_conn_cur" "MGPV" "idle connections that everybody may use";
    UsedConnCur "used_conn_cur" "MGPV" "connections in use";
    NeedConnEst "need_conn_est" "MGPV" "connections needed, estimated";
    Uweight "uweight" "MaPV" "weight that the operator set";
    AggServerStatus "agg_server_status" "MGPV" "servers by status";
    AggServerCheckStatus "agg_server_check_status" "MGPV" "servers by result of their checks";
    AggCheckStatus "agg_check_status" "MGPV" "servers by result of their checks, those without included";
    Srid "srid" "MCPV" "revision of the server";
    SessOther "sess_other" "MCPV" "sessions that are not HTTP";
    H1sess "h1sess" "MCPP" "HTTP/1 sessions";
    H2sess "h2sess" "MCPP" "HTTP/2 sessions";
    H3sess "h3sess" "MCPP" "HTTP/3 sessions";
    ReqOther "req_other" "MCPP" "requests that are not HTTP";
    H1req "h1req" "MCPP" "HTTP/1 requests";
    H2req "h2req" "MCPP" "HTTP/2 requests";
    H3req "h3req" "MCPP" "HTTP/3 requests";
    Proto "proto" "CNSV" "protocol of the listener";
    PrivIdleCur "priv_idle_cur" "MGPV" "idle connections of one client";
    Reqbin "reqbin" "MCPP" "bytes from clients";
    Reqbout "reqbout" "MCPP" "bytes to servers";
    Resbin "resbin" "MCPP" "bytes from servers";
    Resbout "resbout" "MCPP" "bytes to clients";
    SslSess "ssl_sess" "MCPV" "TLS: sess";
    SslReusedSess "ssl_reused_sess" "MCPV" "TLS: reused sess";
    SslFailedHandshake "ssl_failed_handshake" "MCPV" "TLS: failed handshake";
    SslOcspStaple "ssl_ocsp_staple" "MCPV" "TLS: ocsp staple";
    SslFailedOcspStaple "ssl_failed_ocsp_staple" "MCPV" "TLS: failed ocsp staple";
    H2HeadersRcvd "h2_headers_rcvd" "MCPV" "HTTP/2: headers rcvd";
    H2DataRcvd "h2_data_rcvd" "MCPV" "HTTP/2: data rcvd";
    H2SettingsRcvd "h2_settings_rcvd" "MCPV" "HTTP/2: settings rcvd";
    H2RstStreamRcvd "h2_rst_stream_rcvd" "MCPV" "HTTP/2: rst stream rcvd";
    H2GoawayRcvd "h2_goaway_rcvd" "MCPV" "HTTP/2: goaway rcvd";
    H2DetectedConnProtocolErrors "h2_detected_conn_protocol_errors" "MCPV" "HTTP/2: detected conn protocol errors";
    H2DetectedStrmProtocolErrors "h2_detected_strm_protocol_errors" "MCPV" "HTTP/2: detected strm protocol errors";
    H2RstStreamResp "h2_rst_stream_resp" "MCPV" "HTTP/2: rst stream resp";
    H2GoawayResp "h2_goaway_resp" "MCPV" "HTTP/2: goaway resp";
    H2OpenConnections "h2_open_connections" "MGPV" "HTTP/2: open connections";
    H2BackendOpenStreams "h2_backend_open_streams" "MGPV" "HTTP/2: backend open streams";
    H2TotalConnections "h2_total_connections" "MCPV" "HTTP/2: total connections";
    H2BackendTotalStreams "h2_backend_total_streams" "MCPV" "HTTP/2: backend total streams";
    H1OpenConnections "h1_open_connections" "MGPV" "HTTP/1: open connections";
    H1OpenStreams "h1_open_streams" "MGPV" "HTTP/1: open streams";
    H1TotalConnections "h1_total_connections" "MCPV" "HTTP/1: total connections";
    H1TotalStreams "h1_total_streams" "MCPV" "HTTP/1: total streams";
    H1BytesIn "h1_bytes_in" "MCPV" "HTTP/1: bytes in";
    H1BytesOut "h1_bytes_out" "MCPV" "HTTP/1: bytes out";
    H1SplicedBytesIn "h1_spliced_bytes_in" "MCPV" "HTTP/1: spliced bytes in";
    H1SplicedBytesOut "h1_spliced_bytes_out" "MCPV" "HTTP/1: spliced bytes out";
}
