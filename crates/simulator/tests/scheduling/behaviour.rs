//! What a scenario's parts do.
