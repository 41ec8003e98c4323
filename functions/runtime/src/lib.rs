//! What every example function does.
