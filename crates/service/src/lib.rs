//! What every daemon does.
