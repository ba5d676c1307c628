//! Valid messages of every shape: what was put in comes out, in every segmentation, and writing is a fixed point.

use http1::{Body, ConnectionOption, Framing, Limits, PartKind, Progress, Request, Trailers};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

fn name() -> impl Strategy<Value = String> {
    "x-[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}"
}

/// A value without the blanks around it, which do not belong to it.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![8 => 0x20..0x7F_u8, 1 => 0x80..=0xFF_u8, 1 => Just(b'\t')];
    vec(octet, 0..60).prop_map(|bytes| bytes.trim_ascii().to_vec())
}

fn blanks() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", " ", "\t", "  \t "])
}

fn line_end() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["\r\n", "\r\n", "\n"])
}

/// The segments of `bytes` that end at these places.
fn segments<'a>(bytes: &'a [u8], places: &[Index]) -> Vec<&'a [u8]> {
    let mut ends: Vec<usize> = places.iter().map(|place| place.index(bytes.len() + 1)).chain([bytes.len()]).collect();
    ends.sort_unstable();
    let starts: Vec<usize> = [0].into_iter().chain(ends.iter().copied()).collect();
    starts.into_iter().zip(ends).map(|(start, end)| &bytes[start..end]).collect()
}

fn write(request: &Request, bytes: &[u8]) -> Vec<u8> {
    let mut buffer = [0; 16_384];
    let size = request.write(bytes, ConnectionOption::Silent, &mut buffer).expect("room");
    buffer[..size].to_vec()
}

proptest! {
    #[test]
    fn heads(
        method in "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,10}".prop_filter("another form", |method| method != "CONNECT"),
        target in "/[!-\"$-~]{0,60}",
        fields in vec((name(), blanks(), value(), blanks(), line_end()), 0..20),
        behind: Vec<u8>,
        places in vec(any::<Index>(), 0..6),
    ) {
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: h\r\n").into_bytes();
        for (name, before, value, after, end) in &fields {
            bytes.extend([name.as_bytes(), b":", before.as_bytes(), value, after.as_bytes(), end.as_bytes()].concat());
        }
        bytes.extend(b"\r\n");
        let head_size = bytes.len();
        bytes.extend(behind);

        let mut request = Request::new(Limits::default());
        let mut end = 0;
        for segment in segments(&bytes, &places) {
            end += segment.len();
            let expected = if end < head_size { Progress::Incomplete } else { Progress::Complete { head_size } };
            prop_assert_eq!(request.read(&bytes[..end]), expected);
        }
        prop_assert_eq!(request.method_text(&bytes), method.as_bytes());
        prop_assert_eq!(request.target(&bytes), target.as_bytes());
        let read: Vec<(&[u8], &[u8])> = request.fields().iter(&bytes).skip(1).collect();
        let put: Vec<(&[u8], &[u8])> = fields.iter().map(|(name, _, value, ..)| (name.as_bytes(), &value[..])).collect();
        prop_assert_eq!(read, put);

        let written = write(&request, &bytes);
        let mut again = Request::new(Limits::default());
        prop_assert_eq!(again.read(&written), Progress::Complete { head_size: written.len() });
        prop_assert_eq!(write(&again, &written), written);
    }

    #[test]
    fn chunks(
        chunks in vec((vec(any::<u8>(), 1..300), "[0]{0,3}", "( |\t)*(;[a-z=\" ]{0,20})?"), 0..8),
        trailers in vec((name(), value()), 0..4),
        behind: Vec<u8>,
        places in vec(any::<Index>(), 0..12),
    ) {
        let mut bytes = Vec::new();
        for (content, zeros, extension) in &chunks {
            bytes.extend(format!("{zeros}{:x}{extension}\r\n", content.len()).into_bytes());
            bytes.extend([content, &b"\r\n"[..]].concat());
        }
        bytes.extend(b"0\r\n");
        let section: Vec<u8> = trailers
            .iter()
            .flat_map(|(name, value)| [name.as_bytes(), b": ", value, b"\r\n"].concat())
            .chain(*b"\r\n")
            .collect();
        bytes.extend(&section);
        bytes.extend(&behind);

        let mut body = Body::new(Framing::Chunked);
        let (mut content, mut sent, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for segment in segments(&bytes, &places) {
            let mut segment = segment;
            while let Some(part) = body.next(segment).expect("valid chunks") {
                let (taken, left) = segment.split_at(part.size);
                match part.kind {
                    PartKind::Data => {
                        content.extend_from_slice(taken);
                        sent.extend_from_slice(taken);
                    }
                    PartKind::Framing => sent.extend_from_slice(taken),
                    PartKind::Extension => {}
                }
                segment = left;
            }
            rest.extend_from_slice(segment);
        }
        let put: Vec<u8> = chunks.iter().flat_map(|(content, ..)| content.clone()).collect();
        prop_assert_eq!(&content, &put);
        let expected: Vec<u8> = chunks
            .iter()
            .flat_map(|(content, zeros, _)| {
                [format!("{zeros}{:x}\r\n", content.len()).as_bytes(), content, b"\r\n"].concat()
            })
            .chain(*b"0\r\n")
            .collect();
        prop_assert_eq!(sent, expected);
        prop_assert!(body.awaits_trailers());

        let mut reader = Trailers::new(Limits::default());
        prop_assert_eq!(reader.read(&rest), Progress::Complete { head_size: section.len() });
        prop_assert_eq!(reader.fields().len(), trailers.len());
        prop_assert_eq!(&rest[section.len()..], &behind[..]);
    }
}
