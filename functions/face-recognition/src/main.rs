//! The face recognition as a process.

fn main() -> anyhow::Result<()> {
    Ok(function_runtime::serve(face_recognition::router()?)?)
}
