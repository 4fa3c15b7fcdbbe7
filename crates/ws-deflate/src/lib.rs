//! permessage-deflate for WebSocket (RFC 7692) without IO, with limits.
