//! Contents that are moved without being looked at, as splicing does.

use http1::{Body, Framing, Part, PartKind, Refusal};

fn data(size: usize) -> Part {
    Part { kind: PartKind::Data, size }
}

#[test]
fn a_known_length() {
    let mut body = Body::new(Framing::Length(10));
    assert_eq!(body.data_left(), 10);
    assert_eq!(body.next(b"abc"), Ok(Some(data(3))));
    assert_eq!(body.data_left(), 7);
    body.skip(5);
    assert_eq!(body.next(b"xyGET / "), Ok(Some(data(2))), "what is behind is not content");
    assert!(body.is_done());
    assert_eq!(body.next(b"GET / "), Ok(None));
    assert_eq!(body.on_end_of_stream(), Ok(()));
}

#[test]
#[should_panic(expected = "bytes behind the content")]
fn no_more_than_is_left() {
    Body::new(Framing::Length(10)).skip(11);
}

#[test]
fn inside_of_a_chunk() {
    let mut body = Body::new(Framing::Chunked);
    assert_eq!(body.data_left(), 0, "framing comes first");
    assert_eq!(body.next(b"a\r\n"), Ok(Some(Part { kind: PartKind::Framing, size: 2 })));
    assert_eq!(body.next(b"\n"), Ok(Some(Part { kind: PartKind::Framing, size: 1 })));
    assert_eq!(body.data_left(), 10);
    body.skip(10);
    assert_eq!(body.data_left(), 0);
    assert_eq!(body.next(b"x"), Err(Refusal::ChunkEnd));
}

#[test]
fn until_the_end() {
    let mut body = Body::new(Framing::UntilClose);
    assert_eq!(body.data_left(), u64::MAX);
    body.skip(1 << 40);
    assert_eq!(body.next(b"HTTP/1.1 200 OK\r\n"), Ok(Some(data(17))));
    assert!(!body.is_done());
    assert_eq!(body.on_end_of_stream(), Ok(()));
    assert!(body.is_done());
}

#[test]
fn an_end_too_early() {
    for framing in [Framing::Length(1), Framing::Chunked] {
        assert_eq!(Body::new(framing).on_end_of_stream(), Err(Refusal::CutShort), "{framing:?}");
    }
}

#[test]
fn nothing_is_done_at_once() {
    for framing in [Framing::None, Framing::Length(0)] {
        assert!(Body::new(framing).is_done(), "{framing:?}");
    }
}
