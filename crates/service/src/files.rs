use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Replaces the file in one step, so that a crash leaves the old or the new one, never a part. Its folder is
/// made if it is missing.
///
/// # Errors
/// Why it could not be written; then the old one is still there.
pub fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.flush()?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}
