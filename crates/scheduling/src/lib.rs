//! The pure core of a node.
