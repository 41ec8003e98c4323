//! The discovery.
