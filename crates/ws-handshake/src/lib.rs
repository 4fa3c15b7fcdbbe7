//! The WebSocket opening handshake, both sides, without IO.
