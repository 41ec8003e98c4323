//! The echo function as a process.

fn main() -> anyhow::Result<()> {
    Ok(function_runtime::serve(echo::router())?)
}
