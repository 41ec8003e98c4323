//! Puts the detector's model, which the package of `rustface` carries, where the source can embed it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

const MODEL: &str = "seeta_fd_frontal_v1.0.bin";

fn main() -> Result<(), Box<dyn Error>> {
    let model = rustface_directory()?.join("model").join(MODEL);
    let embedded = Path::new(&std::env::var("OUT_DIR")?).join(MODEL);
    std::fs::copy(&model, embedded).map_err(|cause| format!("copying {}: {cause}", model.display()))?;
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", model.display());
    Ok(())
}

/// Where Cargo keeps the sources of `rustface`. Only Cargo knows: they may be vendored or patched.
///
/// The first question needs no network, but is refused if a package of the lock file that this build does
/// not use has never been fetched; the second one fetches it.
fn rustface_directory() -> Result<PathBuf, Box<dyn Error>> {
    let metadata = metadata(&["--locked", "--offline"]).or_else(|_| metadata(&["--locked"]))?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let manifest = packages
        .iter()
        .find(|package| package["name"] == "rustface")
        .and_then(|package| package["manifest_path"].as_str())
        .ok_or("cargo metadata does not list rustface")?;
    Ok(Path::new(manifest).parent().ok_or("the manifest of rustface has no directory")?.to_owned())
}

fn metadata(flags: &[&str]) -> Result<serde_json::Value, Box<dyn Error>> {
    let output = Command::new(std::env::var("CARGO")?)
        .args(["metadata", "--format-version", "1", "--filter-platform", &std::env::var("TARGET")?])
        .args(flags)
        .current_dir(std::env::var("CARGO_MANIFEST_DIR")?)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
