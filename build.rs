//! Packs the web client: for every file of `web/dist`, its bytes and the same compressed, so that
//! the server compresses nothing while it runs. Writes `web.rs`, which `src/http/web.rs` includes.
//!
//! It packs what is in the folder; a file that is added, removed or changed makes it pack again.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// What compresses well; the rest (pictures, fonts, sounds) is compressed already.
const TEXTS: [&str; 7] = ["html", "js", "css", "svg", "json", "webmanifest", "txt"];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=web/dist");
    let var = |name: &str| env::var_os(name).map(PathBuf::from).unwrap_or_default();
    let (dist, out) = (var("CARGO_MANIFEST_DIR").join("web/dist"), var("OUT_DIR"));
    // The table names files by their whole path. A clone that shares its target folder with one that
    // is gone must write it anew: cargo runs this again when a path that it named is missing.
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    walk(&dist, &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for (index, file) in files.iter().enumerate() {
        let name = file.strip_prefix(&dist).map_err(io::Error::other)?;
        let name = name.to_string_lossy().replace('\\', "/");
        let bytes = fs::read(file)?;
        let packed = |ending: &str| out.join(format!("web-{index}.{ending}"));
        fs::write(packed("br"), kept(file, &bytes, brotli(&bytes)?))?;
        fs::write(packed("gz"), kept(file, &bytes, gzip(&bytes)?))?;
        let (br, gz) = (packed("br"), packed("gz"));
        // invariant: writing into a string cannot fail.
        writeln!(
            table,
            "Packed {{ path: {name:?}, plain: include_bytes!({file:?}), \
             brotli: include_bytes!({br:?}), gzip: include_bytes!({gz:?}) }},"
        )
        .expect("a string");
    }
    table.push(']');
    fs::write(out.join("web.rs"), table)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// The compressed form, if it is worth its while; else nothing.
fn kept(file: &Path, plain: &[u8], compressed: Vec<u8>) -> Vec<u8> {
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let text = TEXTS.contains(&ending) && compressed.len() < plain.len();
    if text { compressed } else { Vec::new() }
}

fn brotli(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    brotli::BrotliCompress(&mut &*bytes, &mut out, &params)?;
    Ok(out)
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = GzEncoder::new(Vec::new(), Compression::best());
    out.write_all(bytes)?;
    out.finish()
}
