//! Where plain connections may go.

use crate::{Error, transport::HttpTransport};

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
