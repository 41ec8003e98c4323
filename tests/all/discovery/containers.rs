//! Three nodes in containers, by one compose file.
