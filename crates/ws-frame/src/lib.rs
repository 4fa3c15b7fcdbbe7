//! WebSocket frames and connection rules of RFC 6455 without IO.
