//! The exponential loop as a process.

fn main() -> anyhow::Result<()> {
    Ok(function_runtime::serve(exponential_loop::router())?)
}
