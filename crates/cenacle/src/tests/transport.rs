//! Where plain connections may go, and how much of an answer is read.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    Error,
    transport::{HttpTransport, Method, Request, Transport as _, TransportError},
};

#[test]
fn plain_http_goes_to_loopback_only() {
    for server in ["http://127.0.0.1:8443", "http://localhost", "http://[::1]:80/", "http://127.9.9.9:1"] {
        assert!(HttpTransport::new(server).is_ok(), "{server}");
    }
    for server in ["http://192.0.2.1", "http://example.org", "http://[2001:db8::1]", "http://localhost.example.org"] {
        assert!(matches!(HttpTransport::new(server), Err(Error::InsecureServer)), "{server}");
    }
    for server in ["", "127.0.0.1:8443", "ftp://127.0.0.1", "mailto:someone"] {
        assert!(matches!(HttpTransport::new(server), Err(Error::BadServerUrl)), "{server}");
    }
    for server in ["https://127.0.0.1:8443", "https://example.org"] {
        assert!(matches!(HttpTransport::new(server), Err(Error::NoTls)), "{server}");
    }
}

/// Neither one that says how long it is, nor one that does not.
#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    for (length, size) in [("content-length: 99999999999", ""), ("transfer-encoding: chunked", "10000\r\n")] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let endless = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            assert_ne!(socket.read(&mut [0; 4096]).await.unwrap(), 0);
            let mut written = socket.write_all(format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\n").as_bytes()).await;
            let end = if size.is_empty() { "" } else { "\r\n" };
            let chunk = [size.as_bytes(), &[b'x'; 0x10000], end.as_bytes()].concat();
            let mut sent = 0_u64;
            while written.is_ok() {
                written = socket.write_all(&chunk).await;
                sent += 0x10000;
            }
            sent
        });
        let request = Request { method: Method::Get, path: "/v1/queue".into(), token: None, content: None };
        let answer = HttpTransport::new(&server).unwrap().send(request).await;
        assert!(matches!(answer, Err(TransportError::TooLarge)), "{answer:?}");
        assert!(endless.await.unwrap() < 48 << 20);
    }
}
