//! Pages, as captured from HAProxy 3.4; `e2e` compares all of them with a running one.

use http1::{ConnectionOption, Method, Status};

#[test]
fn to_garbage() {
    for (status, expected) in [
        (
            Status::BadRequest,
            "HTTP/1.1 400 Bad request\r\nContent-length: 90\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n\
             <html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\n",
        ),
        (
            Status::RequestTimeout,
            "HTTP/1.1 408 Request Time-out\r\nContent-length: 110\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n\
             <html><body><h1>408 Request Time-out</h1>\nYour browser didn't send a complete request in time.\n</body></html>\n",
        ),
    ] {
        assert_eq!(status.page().to_garbage, expected);
    }
}

#[test]
fn to_requests() {
    for (status, expected) in [
        (
            Status::BadGateway,
            "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n\
             <html><body><h1>502 Bad Gateway</h1>\nThe server returned an invalid or incomplete response.\n</body></html>\n",
        ),
        (
            Status::Unavailable,
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n\
             <html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n",
        ),
        (
            Status::GatewayTimeout,
            "HTTP/1.1 504 Gateway Time-out\r\ncontent-length: 92\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n\
             <html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n</body></html>\n",
        ),
    ] {
        let mut buffer = [0; 512];
        let size = status.page().write(Method::Get, ConnectionOption::Silent, &mut buffer).expect("room");
        assert_eq!(buffer[..size].escape_ascii().to_string(), expected.as_bytes().escape_ascii().to_string());
    }
}

#[test]
fn to_head_without_content() {
    let page = Status::Forbidden.page();
    let mut buffer = [0; 512];
    let size = page.write(Method::Head, ConnectionOption::Close, &mut buffer).expect("room");
    assert_eq!(buffer[..size], *format!("{}connection: close\r\n\r\n", page.head).as_bytes());
}

#[test]
fn lengths_are_true() {
    for status in Status::ALL {
        let page = status.page();
        let announced = format!("content-length: {}\r\n", page.content.len());
        assert!(page.head.contains(&announced), "{status:?}: {}", page.content.len());
        let (head, content) = page.to_garbage.split_once("\r\n\r\n").expect("an empty line");
        assert_eq!(content, page.content);
        assert!(format!("{head}\r\n").to_lowercase().contains(&announced), "{status:?}");
    }
}
