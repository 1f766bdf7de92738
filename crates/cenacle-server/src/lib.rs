//! The network server of Cenacle: HTTP and WebSocket over the services.
