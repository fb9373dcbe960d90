//! Streams: text that comes in pieces.
