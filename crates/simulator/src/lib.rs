//! A virtual clock and network around the pure crates: what takes hours on hundreds of machines takes
//! seconds here, and the same seed gives the same run.
