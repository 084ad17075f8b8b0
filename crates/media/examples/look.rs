//! Examines files as the server does and says what it found; with a folder as the first argument,
//! it writes there what would be stored, and the thumbnails. For people who want to see for
//! themselves: `cargo run -p media --example look -- FOLDER FILE…`

use std::fs::{self, File};
use std::path::Path;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| ".".into());
    for path in arguments {
        let mut file = File::open(&path)?;
        let size = file.metadata()?.len();
        let stem = Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        match media::inspect(&mut file, size, &media::Limits::default()) {
            Ok(media) => show(&folder, &stem, &media)?,
            Err(refusal) => println!("{stem}: {}: {refusal}", refusal.code()),
        }
    }
    Ok(())
}

fn show(folder: &str, stem: &str, media: &media::Media) -> std::io::Result<()> {
    println!(
        "{stem}: {:?} {} {:?}x{:?} {:?} animated {} cleaned {:?} erasures {}",
        media.kind,
        media.media_type,
        media.width,
        media.height,
        media.duration,
        media.animated,
        media.cleaned.as_ref().map(Vec::len),
        media.erasures.len(),
    );
    if let Some(cleaned) = &media.cleaned {
        fs::write(format!("{folder}/{stem}.cleaned"), cleaned)?;
    }
    for (name, picture) in [("small", &media.small), ("large", &media.large)] {
        if let Some(picture) = picture {
            let ending = picture.media_type.trim_start_matches("image/");
            println!(
                "  {name} {}x{}, {} bytes",
                picture.width,
                picture.height,
                picture.bytes.len()
            );
            fs::write(format!("{folder}/{stem}.{name}.{ending}"), &picture.bytes)?;
        }
    }
    Ok(())
}
