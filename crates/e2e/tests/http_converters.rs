//! Converters that libraries do for Tidegate and other ones for HAProxy: keyed digests, and points in time as texts. The reference runs the
//! same rows.

use std::fmt::Write;

use e2e::{Origin, Setup, Subject};

e2e::scenarios! {
    shared: [
        keyed_digests,
        points_in_time,
    ],
    alone: [],
}

const ZONE: &str = "Europe/Berlin";

/// Asserts that each of these makes the text beside it, in a zone that has a summer.
fn check(subject: Subject, rows: &[(String, &str)]) {
    let mut sections = String::from("listen px\n bind @px@\n server s @s@\n");
    for (number, (sample, _)) in rows.iter().enumerate() {
        writeln!(sections, " http-request set-header X-{number} \"<%[{sample}]>\"").expect("memory");
    }
    let origin = Origin::answering(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let setup = Setup::sections(subject, "mode http", &sections).with("s", origin.target());
    let proxy = setup.environment("TZ", ZONE).start();
    let mut client = proxy.connect("px");
    client.say("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(client.to_end().0.starts_with(b"HTTP/1.1 200 "));
    for (number, (sample, expected)) in rows.iter().enumerate() {
        assert_eq!(origin.field_at_last(&format!("x-{number}")), Some(format!("<{expected}>")), "{sample}");
    }
}

/// `Jefe`, and 131 octets of 0xaa, which no block of these digests holds: the keys of RFC 4231 §4.3 and §4.7.
const SHORT: &str = "SmVmZQ==";
const LONG: &str = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq\
                    qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=";

/// `printf abc | openssl mac -digest … -macopt hexkey:… HMAC`.
const KEYED: [(&str, &str, &str); 12] = [
    ("md5", SHORT, "0C23DC19A0F341F59659378F4621BB4B"),
    ("md5", LONG, "7F36BD8C0DBB2C36295BED5B470DF295"),
    ("sha1", SHORT, "1F81E4C0F425D93623DF95A0EB5672555612ABBB"),
    ("sha1", LONG, "CD618AB3EBF1DF58DFF14E41D6D6CABA208468BE"),
    ("sha224", SHORT, "88496A64F06A13E26CEA871FE4CFCD58AE7471D86F8D5F3374E02B9E"),
    ("sha224", LONG, "AA730FE3ED3322CCE7F66AE9E2FE2F5C19AFA37889A2B1D15270506A"),
    ("sha256", SHORT, "7CF4EC4F741F51CB0D887013C46251D6F4175643C4F422906A1AAEC688CC13E8"),
    ("sha256", LONG, "C21770E7A294FD85F9E8AD80B2D1E9CCCB25D496015F8708E641358120F46976"),
    (
        "sha384",
        SHORT,
        "F73621BBAE8B012137A65DB5AB260AC622FDED492B1443AEC9F0679CEFB908539463EE92A7DC0944FD3CC93738E4EAF5",
    ),
    (
        "sha384",
        LONG,
        "31286727EE897B1391A65DE80380333AD5DDD410EF77852DA0137FAAC61950B95FFB806F877A6F0F30309E32CB678A08",
    ),
    (
        "sha512",
        SHORT,
        "B5AF0318C3B88834D89DDA9FE6461F2E9FECC953E6F94A09C1786509B1819E5BAA8225E9E26268763C41FEC710D4CF8C\
         BD29F854215DA3455BDED16172B932BD",
    ),
    (
        "sha512",
        LONG,
        "037FE5FAC0DF32997DCF7253ED5BE241FC847B7B84F2C5B93AC9BD2C0755839B07084180A6B86CA1CEFE89B1D61DFBA2\
         14FE4AC86C2CB266D05152269CCF4EA9",
    ),
];

fn keyed_digests(subject: Subject) {
    check(subject, &KEYED.map(|(digest, key, expected)| (format!("str(abc),hmac({digest},{key}),hex"), expected)));
}

/// All that is served, but for an end of line, a tab, and the seconds since 1970, which the C library counts as if the time were local.
const LETTERS: &str = "aAbBcCdDeFgGhHIjklmMNpPrRSTuUVwWxXyYzZ%";

/// What `LC_ALL=C date -d @MOMENT +%LETTER` says in the zone, but for two letters: `%Z` of UTC is that of `gmtime(3)`, and `%N`, which
/// `strftime(3)` does not know, is left as it stands.
const MOMENTS: [(&str, i64, &str); 7] = [
    (
        "utime",
        1704067199,
        "Sun|Sunday|Dec|December|Sun Dec 31 23:59:59 2023|20|31|12/31/23|31|2023-12-31|23|2023|Dec|23|11|\
         365|23|11|12|59|%N|PM|pm|11:59:59 PM|23:59|59|23:59:59|7|53|52|0|52|12/31/23|23:59:59|23|2023|+0000|GMT|%",
    ),
    (
        "utime",
        1709614805,
        "Tue|Tuesday|Mar|March|Tue Mar  5 05:00:05 2024|20|05|03/05/24| 5|2024-03-05|24|2024|Mar|05|05|\
         065| 5| 5|03|00|%N|AM|am|05:00:05 AM|05:00|05|05:00:05|2|09|10|2|10|03/05/24|05:00:05|24|2024|+0000|GMT|%",
    ),
    (
        "utime",
        1104541261,
        "Sat|Saturday|Jan|January|Sat Jan  1 01:01:01 2005|20|01|01/01/05| 1|2005-01-01|04|2004|Jan|01|01|\
         001| 1| 1|01|01|%N|AM|am|01:01:01 AM|01:01|01|01:01:01|6|00|53|6|00|01/01/05|01:01:01|05|2005|+0000|GMT|%",
    ),
    (
        "utime",
        1230595200,
        "Tue|Tuesday|Dec|December|Tue Dec 30 00:00:00 2008|20|30|12/30/08|30|2008-12-30|09|2009|Dec|00|12|\
         365| 0|12|12|00|%N|AM|am|12:00:00 AM|00:00|00|00:00:00|2|52|01|2|52|12/30/08|00:00:00|08|2008|+0000|GMT|%",
    ),
    (
        "utime",
        1704110400,
        "Mon|Monday|Jan|January|Mon Jan  1 12:00:00 2024|20|01|01/01/24| 1|2024-01-01|24|2024|Jan|12|12|\
         001|12|12|01|00|%N|PM|pm|12:00:00 PM|12:00|00|12:00:00|1|00|01|1|01|01/01/24|12:00:00|24|2024|+0000|GMT|%",
    ),
    (
        "ltime",
        1719838923,
        "Mon|Monday|Jul|July|Mon Jul  1 15:02:03 2024|20|01|07/01/24| 1|2024-07-01|24|2024|Jul|15|03|183|\
         15| 3|07|02|%N|PM|pm|03:02:03 PM|15:02|03|15:02:03|1|26|27|1|27|07/01/24|15:02:03|24|2024|+0200|CEST|%",
    ),
    (
        "ltime",
        1230768000,
        "Thu|Thursday|Jan|January|Thu Jan  1 01:00:00 2009|20|01|01/01/09| 1|2009-01-01|09|2009|Jan|01|01|\
         001| 1| 1|01|00|%N|AM|am|01:00:00 AM|01:00|00|01:00:00|4|00|01|4|00|01/01/09|01:00:00|09|2009|+0100|CET|%",
    ),
];

/// `configuration.txt: utime, ltime`.
fn points_in_time(subject: Subject) {
    let format = LETTERS.chars().map(|letter| format!("%{letter}")).collect::<Vec<_>>().join("|");
    let row = |(converter, moment, expected)| (format!("int({moment}),{converter}({format})"), expected);
    check(subject, &MOMENTS.map(row));
}
