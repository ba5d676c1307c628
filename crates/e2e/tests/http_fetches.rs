//! Samples of requests and responses, converters and ways of comparing, one row each: what a rule says is what the reference says of the
//! same message.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read, Write};

use e2e::peers::Conversation;
use e2e::{Origin, Setup, Subject};
use tempfile::TempDir;

e2e::scenarios! {
    shared: [
        requests_are_sampled,
        responses_are_sampled,
        samples_are_converted,
        samples_are_compared,
        aliases_in_rules_on_requests,
        aliases_in_rules_on_responses,
        dates_in_rules,
    ],
    alone: [],
}

const SECTIONS: &str = "
    global
        setenv TIDEGATE_SAMPLE said
    frontend fe
        bind @fe@ id 7 name front
        @rules@
        default_backend be
    backend be
        server s @s@ id 5 weight 7
";

/// What every scenario's client asks.
const REQUEST: &str = "POST /shop/item.php?id=17&name=a%20b&id=18;n=19&empty=&flag HTTP/1.1\r\nHost: www.Example.com:8080\r\n\
    X-Forwarded-For: 10.1.2.3, 192.0.2.44\r\nX-Forwarded-For: 2001:db8::7\r\nX-Number: 42\r\nX-Words: one  two,three;four\r\n\
    X-Base: YWJjPz4_\r\nX-Percent: a%2fb+c%zz\r\nX-Spaces: __trim__\r\nX-Empty:\r\nX-List: a, b , c\r\nUser-Agent: probe/1.2 (x; y)\r\n\
    Accept-Language: fr;q=0.5, de-CH, en;q=0.9\r\nAuthorization: Bearer abc.def\r\nCookie: sid=S-1; theme=dark; sid=S-2; n=7\r\nContent-Length: 4\r\n\r\nbody";

const RESPONSE: &str = "HTTP/1.1 404 Not Here\r\nContent-Length: 4\r\nServer: origin\r\nX-Count: 5\r\nX-List: p, q\r\nX-List: r\r\n\
    X-Address: 192.0.2.9\r\nSet-Cookie: sid=R-1; Path=/\r\nSet-Cookie: theme=light\r\n\r\nbody";

/// The values of fields `X-0`, `X-1` … of a message.
fn rows(message: &str, count: usize) -> Vec<Option<&str>> {
    let value = |index| {
        let (_, rest) = message
            .split_once(&format!("\r\nx-{index}: "))
            .or_else(|| message.split_once(&format!("\r\nX-{index}: ")))?;
        rest.split("\r\n").next()
    };
    (0..count).map(value).collect()
}

fn answer(mut conversation: Conversation) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\nbody") && conversation.read(&mut byte)? > 0 {
        bytes.push(byte[0]);
    }
    conversation.write_all(RESPONSE.as_bytes())
}

/// One exchange past `rules`: what the server got, and what the client got.
fn exchange(subject: Subject, rules: &str) -> (String, String) {
    let origin = Origin::serve(answer);
    let directory = TempDir::new().expect("a temporary directory");
    let patterns = directory.path().join("patterns");
    fs::write(&patterns, "# ours\n/shop\n.php\n").expect("room for a list");
    let setup = Setup::sections(subject, "mode http", &SECTIONS.replace("@rules@", rules)).with("s", origin.target());
    let proxy = setup.with("patterns", patterns.display()).start();
    let mut client = proxy.connect("fe");
    client.say(REQUEST);
    client.finish();
    let (answer, _) = client.to_end();
    let seen = origin.seen_when(0, "the request", |seen| seen.bytes.ends_with(b"body"));
    (String::from_utf8_lossy(&seen.bytes).into_owned(), String::from_utf8_lossy(&answer).into_owned())
}

/// Asks for each sample in a field of its own, of the message that `rule` (`http-request`, `http-response`) edits.
fn assert_values(subject: Subject, rule: &str, table: &[(&str, &str)]) {
    let mut rules = String::new();
    for (index, (expression, _)) in table.iter().enumerate() {
        writeln!(rules, "{rule} set-header X-{index} \"<%[{expression}]>\"").expect("memory");
    }
    assert_rows(&exchange(subject, &rules), rule, table, |value| value[1..value.len() - 1].to_owned());
}

fn assert_rows(
    (request, response): &(String, String),
    rule: &str,
    table: &[(&str, &str)],
    read: impl Fn(&str) -> String,
) {
    let found = rows(if rule == "http-request" { request } else { response }, table.len());
    let wrong: Vec<_> = table
        .iter()
        .zip(found)
        .map(|((what, expected), found)| (what, expected, found.map(&read)))
        .filter(|(_, expected, found)| found.as_deref() != Some(**expected))
        .collect();
    assert!(wrong.is_empty(), "what, expected, found: {wrong:#?}");
}

/// `configuration.txt` §7.3.6.
fn requests_are_sampled(subject: Subject) {
    assert_values(
        subject,
        "http-request",
        &[
            ("method", "POST"),
            ("path", "/shop/item.php"),
            ("pathq", "/shop/item.php?id=17&name=a%20b&id=18;n=19&empty=&flag"),
            ("query", "id=17&name=a%20b&id=18;n=19&empty=&flag"),
            ("url", "/shop/item.php?id=17&name=a%20b&id=18;n=19&empty=&flag"),
            ("base", "www.Example.com:8080/shop/item.php"),
            ("req.ver", "1.1"),
            ("url_param(id)", "17"),
            ("url_param(name)", "a%20b"),
            ("url_param(empty)", ""),
            ("url_param(flag)", ""),
            ("url_param(none)", ""),
            ("urlp(id)", "17"),
            ("url_param", "17"),
            ("url_param(n)", "19"),
            ("urlp_val(id)", "17"),
            ("hdr(host)", "www.Example.com:8080"),
            ("req.hdr(HOST)", "www.Example.com:8080"),
            ("req.hdr(x-forwarded-for)", "2001:db8::7"),
            ("req.hdr(x-forwarded-for,1)", "10.1.2.3"),
            ("req.hdr(x-forwarded-for,2)", "192.0.2.44"),
            ("req.hdr(x-forwarded-for,-3)", "10.1.2.3"),
            ("req.hdr(x-forwarded-for,4)", ""),
            ("req.fhdr(x-forwarded-for,1)", "10.1.2.3, 192.0.2.44"),
            ("req.fhdr(x-forwarded-for)", "2001:db8::7"),
            ("req.fhdr(x-list)", "a, b , c"),
            ("req.hdr(x-list)", "c"),
            ("req.hdr(x-list,2)", "b"),
            ("req.hdr_cnt(x-forwarded-for)", "3"),
            ("req.fhdr_cnt(x-forwarded-for)", "2"),
            ("req.hdr_cnt(none)", "0"),
            ("req.hdr_cnt(x-list)", "3"),
            ("req.hdr_ip(x-forwarded-for)", "2001:db8::7"),
            ("req.hdr_ip(x-forwarded-for,1)", "10.1.2.3"),
            ("req.hdr_ip(host)", ""),
            ("req.hdr_val(x-number)", "42"),
            ("hdr_val(x-words)", "0"),
            ("hdr_val(content-length)", "4"),
            ("req.hdr(x-empty)", ""),
            ("req.fhdr(x-words)", "one  two,three;four"),
            ("req.hdr(x-words)", "three;four"),
            ("req.cook(sid)", "S-2"),
            ("req.cook(theme)", "dark"),
            ("cook(n)", "7"),
            ("cook(none)", ""),
            ("req.cook", "S-1"),
            ("req.cook_cnt(sid)", "2"),
            ("cook_cnt", "4"),
            ("req.cook_val(n)", "7"),
            ("src", "127.0.0.1"),
            ("dst", "127.0.0.1"),
            ("fe_name", "fe"),
            ("capture.req.method", "POST"),
            ("capture.req.uri", "/shop/item.php?id=17&name=a%20b&id=18;n=19&empty=&flag"),
            ("capture.req.ver", "HTTP/1.1"),
            ("ssl_fc", "0"),
            ("int(7)", "7"),
            ("str(a)", "a"),
            ("always_true", "1"),
            ("nbsrv(be)", "1"),
            ("srv_is_up(be/s)", "1"),
            ("fe_conn", "1"),
            ("be_conn(be)", "0"),
            ("unique-id", ""),
            ("base32", "1377863112"),
            ("url32", "3415947932"),
            ("base32,mod(1000)", "112"),
            ("http_auth_bearer", "abc.def"),
            ("fe_defbe", "be"),
            ("fe_client_timeout", "10000"),
            ("stopping", "0"),
            ("proc", "1"),
            ("env(TIDEGATE_SAMPLE)", "said"),
            ("env(TIDEGATE_NOTHING)", ""),
            ("http_first_req", "1"),
            ("so_id", "7"),
            ("so_name", "front"),
            ("fc_http_major", "1"),
            ("meth(GET)", "GET"),
            ("srv_weight(be/s)", "7"),
            ("srv_uweight(be/s)", "7"),
            ("srv_iweight(be/s)", "7"),
        ],
    );
}

/// `configuration.txt` §7.3.6.
fn responses_are_sampled(subject: Subject) {
    assert_values(
        subject,
        "http-response",
        &[
            ("status", "404"),
            ("res.ver", "1.1"),
            ("res.hdr(server)", "origin"),
            ("res.hdr(x-list)", "r"),
            ("res.hdr(x-list,1)", "p"),
            ("res.fhdr(x-list,1)", "p, q"),
            ("res.hdr_cnt(x-list)", "3"),
            ("res.fhdr_cnt(x-list)", "2"),
            ("res.hdr_val(x-count)", "5"),
            ("res.hdr_ip(x-address)", "192.0.2.9"),
            ("shdr(x-count)", "5"),
            ("res.hdr(none)", ""),
            ("res.cook(sid)", "R-1"),
            ("scook(theme)", "light"),
            ("res.cook", "R-1"),
            ("res.cook_cnt(sid)", "1"),
            ("scook_val(sid)", "0"),
            ("capture.req.method", "POST"),
            ("capture.req.uri", "/shop/item.php?id=17&name=a%20b&id=18;n=19&empty=&flag"),
            ("capture.res.ver", "HTTP/1.1"),
            ("be_name", "be"),
            ("srv_name", "s"),
            ("srv_id", "5"),
            ("be_server_timeout", "10000"),
            ("be_tunnel_timeout", "0"),
            ("cur_server_timeout", "10000"),
            ("cur_tunnel_timeout", "0"),
            ("fe_name", "fe"),
        ],
    );
}

/// `configuration.txt` §7.3.1.
fn samples_are_converted(subject: Subject) {
    assert_values(
        subject,
        "http-request",
        &[
            ("path,upper", "/SHOP/ITEM.PHP"),
            ("req.hdr(host),lower", "www.example.com:8080"),
            ("req.hdr(host),length", "20"),
            ("req.hdr(host),field(1,:)", "www.Example.com"),
            ("req.hdr(host),field(2,:)", "8080"),
            ("req.hdr(host),field(-1,.)", "com:8080"),
            ("req.hdr(host),field(2,.,2)", "Example.com:8080"),
            ("req.hdr(host),field(5,.)", ""),
            ("path,field(3,/)", "item.php"),
            ("path,field(2,/,0)", "shop/item.php"),
            ("req.fhdr(x-words),word(1,\\ ;)", "one"),
            ("path,word(2,/)", "item.php"),
            ("path,word(-1,/)", "item.php"),
            ("path,word(1,/.,2)", "shop/item"),
            ("path,bytes(1)", "shop/item.php"),
            ("path,bytes(1,4)", "shop"),
            ("path,bytes(99,4)", ""),
            ("path,regsub(item,thing)", "/shop/thing.php"),
            ("path,regsub(/,-,g)", "-shop-item.php"),
            ("path,regsub(SHOP,x,i)", "/x/item.php"),
            ("path,hex", "2F73686F702F6974656D2E706870"),
            ("path,base64", "L3Nob3AvaXRlbS5waHA="),
            ("req.hdr(x-base),ub64dec", "abc?>?"),
            ("path,ub64enc", "L3Nob3AvaXRlbS5waHA"),
            ("str(YWJj),b64dec", "abc"),
            ("req.hdr(x-percent),url_dec", ""),
            ("req.hdr(x-percent),url_dec(1)", ""),
            ("url_param(name),url_dec", "a b"),
            ("req.fhdr(x-words),url_enc", "one%20%20two%2Cthree%3Bfour"),
            ("req.hdr(x-spaces),ltrim(_)", "trim__"),
            ("req.hdr(x-spaces),rtrim(_)", "__trim"),
            ("path,concat(<,,>)", "/shop/item.php<>"),
            ("path,crc32", "203642674"),
            ("path,crc32(1)", "2146072466"),
            ("path,djb2", "775358818"),
            ("path,sdbm", "980698663"),
            ("path,wt6", "364481670"),
            ("str(1f),hex2i", "31"),
            ("req.hdr_val(x-number),add(3)", "45"),
            ("req.hdr_val(x-number),sub(50)", "-8"),
            ("req.hdr_val(x-number),mul(-2)", "-84"),
            ("req.hdr_val(x-number),div(5)", "8"),
            ("req.hdr_val(x-number),div(0)", "9223372036854775807"),
            ("req.hdr_val(x-number),mod(5)", "2"),
            ("req.hdr_val(x-number),and(3)", "2"),
            ("req.hdr_val(x-number),or(5)", "47"),
            ("req.hdr_val(x-number),xor(1)", "43"),
            ("req.hdr_val(x-number),neg", "-42"),
            ("req.hdr_val(x-number),cpl", "-43"),
            ("req.hdr_val(x-number),bool", "1"),
            ("req.hdr_val(x-number),not", "0"),
            ("req.hdr_val(x-number),odd", "0"),
            ("req.hdr_val(x-number),even", "1"),
            ("ssl_fc,iif(secure,clear)", "clear"),
            ("req.hdr_ip(x-forwarded-for,1),ipmask(8)", "10.0.0.0"),
            ("req.hdr_ip(x-forwarded-for),ipmask(24,32)", "2001:db8::"),
            ("path,sha1,hex,lower", "7c7e8dd4987527886abdfda89ba17a4fef9cd0c1"),
            ("hdr(host),digest(md5),hex", "9B3D79FD79A7B52C514A17299856CB61"),
            ("str(abc),hmac(sha256,a2V5),hex", "9C196E32DC0175F86F4B1CB89289D6619DE6BEE699E4C378E68309ED97A1A6AB"),
            ("str(abc),hmac(md5,a2V5),hex", "D2FE98063F876B03193AFB49B4979591"),
            ("str(abc),hmac(sha1,txn.none),hex", ""),
            ("int(1700000000),utime(%a %d %b %Y %H:%M:%S %Z %z)", "Tue 14 Nov 2023 22:13:20 GMT +0000"),
            ("int(1700000000),utime(%c|%x|%X|%r)", "Tue Nov 14 22:13:20 2023|11/14/23|22:13:20|10:13:20 PM"),
            ("int(1700000000),utime(%e|%k|%l|%p|%P|%s|%j)", "14|22|10|PM|pm|1700000000|318"),
            ("int(1700000000),utime(%U|%u|%w|%W|%V|%G|%g)", "46|2|2|46|46|2023|23"),
            ("int(1700000000),utime(%C|%y|%D|%F|%T|%R|%h|%%)", "20|23|11/14/23|2023-11-14|22:13:20|22:13|Nov|%"),
            ("str(1700000000),utime(%H,3600)", "23"),
            ("int(1699963200),ltime(%F)", "2023-11-14"),
            ("int(1700000000),http_date", "Tue, 14 Nov 2023 22:13:20 GMT"),
            ("int(1700000000),http_date(10)", "Tue, 14 Nov 2023 22:13:30 GMT"),
            ("int(1700000000123),http_date(10,ms)", "Tue, 14 Nov 2023 22:13:20.133 GMT"),
            ("req.fhdr(accept-language),language(de;en,xx)", "de"),
            ("req.fhdr(accept-language),language(en;fr)", "en"),
            ("req.fhdr(accept-language),language(it)", ""),
            ("req.fhdr(accept-language),language(it;es,def)", "def"),
            ("bin(610d0a620d),cut_crlf", "a"),
            ("str(ab),cut_crlf", "ab"),
        ],
    );
}

/// Asks for each text in a field of its own.
fn assert_texts(subject: Subject, rule: &str, table: &[(&str, &str)]) {
    let mut rules = String::from("capture request header Host len 8\n capture response header Server len 3\n");
    for (index, (format, _)) in table.iter().enumerate() {
        writeln!(rules, "{rule} set-header X-{index} <{format}>").expect("memory");
    }
    assert_rows(&exchange(subject, &rules), rule, table, |value| value[1..value.len() - 1].to_owned());
}

/// `configuration.txt` §8.2.6, as HAProxy 2.6.12 fills it while there is no server yet.
fn aliases_in_rules_on_requests(subject: Subject) {
    assert_texts(
        subject,
        "http-request",
        &[
            ("%ci", "127.0.0.1"),
            ("%{+Q}ci", "\"127.0.0.1\""),
            ("%{+X}ci", "7F000001"),
            ("%fi", "127.0.0.1"),
            ("%f", "fe"),
            ("%ft", "fe"),
            ("%b", "fe"),
            ("%s", "<NOSRV>"),
            ("%{+Q}s", "\"<NOSRV>\""),
            ("%si", ""),
            ("%sp", ""),
            ("%bi", ""),
            ("%bp", ""),
            ("%HM", "POST"),
            ("%HP", "/shop/item.php"),
            ("%HQ", "?id=17&name=a%20b&id=18;n=19&empty=&flag"),
            ("%HU", "/shop/item.php?id=17&name=a%20b&id=18;n=19&empty=&flag"),
            ("%HV", "HTTP/1.1"),
            ("%{+Q}HM", "\"POST\""),
            ("%r", "POST /shop/item.php?id=17&name=a%20b&id=18;n=19&empty=&flag HTTP/1.1"),
            ("%hr", "{www.Exam}"),
            ("%{+Q}hr", "\"{www.Exam}\""),
            ("%hrl", "www.Exam"),
            ("%{+Q}hrl", "\"www.Exam\""),
            ("%hs", "{}"),
            ("%hsl", "-"),
            ("%CC", ""),
            ("%CS", ""),
            ("%ID", ""),
            ("%{+Q}ID", "\"\""),
            ("%sslc", ""),
            ("%sslv", ""),
            ("%ST", "-1"),
            ("%TR/%Tq/%Tw/%Tc/%Tr/%Td", "-1/-1/-1/-1/-1/-1"),
            ("%ac/%fc/%bc/%sc/%rc", "1/1/0/0/0"),
            ("%sq/%bq", "0/0"),
            ("%B/%U", "0/0"),
            ("%ts", "--"),
            ("%tsc", "----"),
        ],
    );
}

/// The same once a server has answered.
fn aliases_in_rules_on_responses(subject: Subject) {
    assert_texts(
        subject,
        "http-response",
        &[
            ("%ci", "127.0.0.1"),
            ("%f", "fe"),
            ("%b/%s", "be/s"),
            ("%{+Q}s", "\"s\""),
            ("%si", "127.0.0.1"),
            ("%HM", "POST"),
            ("%HP", "/shop/item.php"),
            ("%HU", "/shop/item.php?id=17&name=a%20b&id=18;n=19&empty=&flag"),
            ("%HV", "HTTP/1.1"),
            ("%r", "POST /shop/item.php?id=17&name=a%20b&id=18;n=19&empty=&flag HTTP/1.1"),
            ("%hr", "{www.Exam}"),
            ("%hs", "{ori}"),
            ("%hsl", "ori"),
            ("%CC", ""),
            ("%ST", "404"),
            ("%ac/%fc/%bc", "1/1/1"),
        ],
    );
}

/// When the connection came.
fn dates_in_rules(subject: Subject) {
    let rules = "http-request set-header X-0 <%T>\nhttp-request set-header X-1 <%t>\nhttp-request set-header X-2 <%Tl>\n\
                 http-request set-header X-3 <%ms>\nhttp-request set-header X-4 <%Ts>\nhttp-request set-header X-5 <%{+X}Ts>";
    let (request, _) = exchange(subject, rules);
    let kind = |letter: char| match letter {
        _ if letter.is_ascii_digit() => '9',
        _ if letter.is_ascii_alphabetic() => 'a',
        _ => letter,
    };
    let shown: Vec<String> =
        rows(&request, 5).into_iter().flatten().map(|row| row.chars().map(kind).collect()).collect();
    let expected = [
        "<99/aaa/9999:99:99:99 +9999>",
        "<99/aaa/9999:99:99:99.999>",
        "<99/aaa/9999:99:99:99 +9999>",
        "<999>",
        "<9999999999>",
    ];
    // The local time may be behind.
    assert_eq!(shown.iter().map(|row| row.replace(" -", " +")).collect::<Vec<_>>(), expected, "{request}");
}

/// `configuration.txt` §7.1: each row is a condition, and whether it holds.
fn samples_are_compared(subject: Subject) {
    let table = [
        ("path /shop/item.php", "yes"),
        ("path -i /SHOP/item.php", "yes"),
        ("path_beg /shop", "yes"),
        ("path_end .php .html", "yes"),
        ("path_dir shop", "yes"),
        ("path_dir item", "no"),
        ("path_sub item", "yes"),
        ("path_reg ^/sh.p/", "yes"),
        ("path_reg -i ITEM\\.PHP$", "yes"),
        ("path_len 14", "yes"),
        ("path_len gt 14", "no"),
        ("path -m beg /shop", "yes"),
        ("path,lower -m sub shop", "yes"),
        ("url_beg /shop/item", "yes"),
        ("url_end flag", "yes"),
        ("url_sub id=17", "yes"),
        ("url_dir item.php", "yes"),
        ("url_reg id=[0-9]+", "yes"),
        ("url_len 45:60", "yes"),
        ("base_beg www.", "yes"),
        ("base_dir shop", "yes"),
        ("base_dom Example.com", "yes"),
        ("base_reg 8080/", "yes"),
        ("base_sub item", "yes"),
        ("base_end php", "yes"),
        ("base_len 1:20", "no"),
        ("url_param(id) 17", "yes"),
        ("url_param(id) 18", "yes"),
        ("urlp_val(id) gt 17", "yes"),
        ("cook_cnt(sid) 2", "yes"),
        ("cook_val(n) ge 8", "no"),
        ("url_param(id) -m int 17", "yes"),
        ("url_param(id) -m int gt 20", "no"),
        ("url_param(none) -m found", "no"),
        ("url_param(flag) -m found", "no"),
        ("url_param(empty) -m found", "yes"),
        ("urlp_beg(name) a", "yes"),
        ("hdr(host) -i www.example.com:8080", "yes"),
        ("hdr_beg(host) www.", "yes"),
        ("hdr_end(host) :8080", "yes"),
        ("hdr_dom(host) Example.com", "yes"),
        ("hdr_dom(host) xample.com", "no"),
        ("hdr_sub(user-agent) 1.2", "yes"),
        ("hdr_reg(user-agent) ^probe/[0-9.]+", "yes"),
        ("hdr_len(host) gt 10", "yes"),
        ("hdr_cnt(x-forwarded-for) 3", "yes"),
        ("hdr_cnt(none) 0", "yes"),
        ("hdr_val(x-number) ge 42", "yes"),
        ("hdr_val(x-number) 1:41", "no"),
        ("hdr_ip(x-forwarded-for) 192.0.2.0/24", "yes"),
        ("hdr_ip(x-forwarded-for,1) 10.0.0.0/8", "yes"),
        ("hdr_ip(x-forwarded-for,-1) 2001:db8::/32", "yes"),
        ("hdr(x-empty) -m found", "yes"),
        ("hdr(x-list) a", "yes"),
        ("hdr(x-list) b", "yes"),
        ("hdr(x-list) -m len 1", "yes"),
        ("cook(sid) S-1", "yes"),
        ("cook(sid) S-2", "yes"),
        ("cook_beg(theme) da", "yes"),
        ("cook_reg(theme) ^d.*k$", "yes"),
        ("cook(none) -m found", "no"),
        ("cook(n) -m int 7", "yes"),
        ("method POST", "yes"),
        ("method GET HEAD", "no"),
        ("METH_POST", "yes"),
        ("METH_GET", "no"),
        ("HTTP_1.1", "yes"),
        ("req.ver 1.1", "yes"),
        ("path,length -m int 14", "yes"),
        ("path,hex -m beg 2F", "yes"),
        ("path -m bin 2f73686f702f6974656d2e706870", "yes"),
        ("src 127.0.0.0/8 10.0.0.0/8", "yes"),
        ("src_port gt 1", "yes"),
        ("LOCALHOST", "yes"),
        ("TRUE", "yes"),
        ("FALSE", "no"),
        ("ssl_fc", "no"),
        ("int(3) gt 2", "yes"),
        ("str(abc) -m str abd abc", "yes"),
        ("str(1) -m bool 1", "yes"),
        ("path_beg -f @patterns@", "yes"),
        ("path -m end -f @patterns@", "yes"),
        ("path_beg /shop } { path_end .php", "yes"),
    ];
    let mut rules = String::new();
    for (index, (condition, _)) in table.iter().enumerate() {
        writeln!(rules, "http-request set-header X-{index} no").expect("memory");
        // A predefined ACL is a name, everything else an expression.
        let is_name = condition.starts_with(|first: char| first.is_ascii_uppercase());
        let condition = if is_name { (*condition).to_owned() } else { format!("{{ {condition} }}") };
        writeln!(rules, "http-request set-header X-{index} yes if {condition}").expect("memory");
    }
    assert_rows(&exchange(subject, &rules), "http-request", &table, str::to_owned);
}
