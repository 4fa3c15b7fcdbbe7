//! Server-Sent Events and WebSocket on tokio, client and server.
