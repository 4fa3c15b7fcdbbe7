//! Positions, replay windows, gaps and backoff for streams that resume, without IO.
