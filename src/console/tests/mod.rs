//! Tests of the console over real sockets.
