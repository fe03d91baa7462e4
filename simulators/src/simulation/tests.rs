//! Tests to come with their files.
