//! What a picture of 12 megapixels costs: `cargo run --release -p media --example thumbs`.
//!
//! One thread examines the same picture again and again. Prints pictures a second, CPU time and how
//! far the process's memory peak rose, for a picture that is upright and one that must be turned
//! and encoded again.

use std::fs;
use std::io::Cursor;
use std::time::Instant;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

const WIDTH: u32 = 4000;
const HEIGHT: u32 = 3000;
const ROUNDS: u32 = 20;

fn main() {
    let upright = picture();
    let turned = turned(&upright);
    println!("12 megapixels, {} KiB of JPEG, {ROUNDS} times each", upright.len() >> 10);
    measure("upright, stripped without loss", &upright);
    measure("turned, encoded anew", &turned);
}

/// Soft shapes with some noise, as a camera sees.
fn picture() -> Vec<u8> {
    let mut noise = 1u32;
    let mut samples = Vec::with_capacity((WIDTH * HEIGHT * 3) as usize);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let grain = (noise >> 28) as i32 - 8;
            for wave in [37.0, 91.0, 53.0] {
                let value = (f64::from(x) / wave).sin() + (f64::from(y) / wave).cos();
                samples.push((127.0 + 55.0 * value) as i32 + grain);
            }
        }
    }
    let samples: Vec<u8> = samples.into_iter().map(|sample| sample.clamp(0, 255) as u8).collect();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 85);
    encoder.encode(&samples, WIDTH, HEIGHT, ExtendedColorType::Rgb8).expect("it fits a JPEG");
    bytes
}

/// The same with an EXIF block that asks for a quarter turn.
fn turned(upright: &[u8]) -> Vec<u8> {
    let exif =
        b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    [&upright[..2], exif, &upright[2..]].concat()
}

fn measure(what: &str, file: &[u8]) {
    // Since then the peak is counted anew (Linux).
    let _ = fs::write("/proc/self/clear_refs", "5");
    let (before, cpu, began) = (resident_kib("VmRSS"), cpu_ms(), Instant::now());
    for _ in 0..ROUNDS {
        let size = file.len() as u64;
        let seen = media::inspect(&mut Cursor::new(file), size, &media::Limits::default());
        assert!(seen.expect("a picture").large.is_some());
    }
    let (took, cpu) = (began.elapsed(), cpu_ms() - cpu);
    println!(
        "{what}: {:.1} a second, {:.0} ms of CPU each, peak {} MiB above idle",
        f64::from(ROUNDS) / took.as_secs_f64(),
        cpu / f64::from(ROUNDS),
        (resident_kib("VmHWM").saturating_sub(before)) >> 10,
    );
}

/// A line of this process's status, which is in KiB.
fn resident_kib(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// User and system time, from fields 14 and 15 of the process's `stat`, in ticks of 10 ms.
fn cpu_ms() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let field = |at: usize| {
        after_name.split_whitespace().nth(at).and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0)
    };
    (field(11) + field(12)) * 10.0
}
