//! Colour profiles, rebuilt from the few numbers that a picture's colours need. Text, makers'
//! names and private tags are left out, so that no profile carries anything but colours; a profile
//! that is more than curves and primaries is dropped. Called by the formats' `strip`.

use super::be_u32;

/// The three primaries' or the grey curve's profiles are far smaller.
pub const MAX_PROFILE_BYTES: usize = 64 << 10;

const HEADER_BYTES: usize = 128;
const MAX_TAGS: usize = 64;
const MAX_CURVE_POINTS: usize = 4096;

/// The tags that describe colours, and nothing else.
const TAGS: &[&[u8; 4]] =
    &[b"wtpt", b"chad", b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC"];

/// A profile of the same colours. `None` when it is none for such a picture, or is more than
/// primaries and curves.
pub fn rebuild(profile: &[u8], is_grey: bool) -> Option<Vec<u8>> {
    let space: &[u8; 4] = if is_grey { b"GRAY" } else { b"RGB " };
    let header = profile.get(..HEADER_BYTES)?;
    let fits = &header[16..20] == space && &header[20..24] == b"XYZ " && &header[36..40] == b"acsp";
    if !fits || profile.len() > MAX_PROFILE_BYTES {
        return None;
    }
    let tags = tags(profile)?;
    let needed: &[&[u8; 4]] = if is_grey { &[b"kTRC"] } else { &TAGS[2..8] };
    let complete = needed.iter().all(|name| tags.iter().any(|(found, _)| found == name));
    complete.then(|| write(header, &tags))
}

/// The tags of the table above, each with its data.
fn tags(profile: &[u8]) -> Option<Vec<(&'static [u8; 4], &[u8])>> {
    let count = be_u32(profile, HEADER_BYTES)? as usize;
    let mut tags: Vec<(&'static [u8; 4], &[u8])> = Vec::new();
    for at in (0..count.min(MAX_TAGS)).map(|index| HEADER_BYTES + 4 + 12 * index) {
        let name = profile.get(at..at + 4)?;
        let known = TAGS.iter().find(|known| known[..] == *name);
        let is_new = |name| !tags.iter().any(|(found, _)| *found == name);
        if let Some(name) = known.filter(|name| is_new(**name)) {
            let start = be_u32(profile, at + 4)? as usize;
            tags.push((name, numbers(profile.get(start..)?)?));
        }
    }
    Some(tags)
}

/// The data of one tag by its own type, without what may lie behind it.
fn numbers(data: &[u8]) -> Option<&[u8]> {
    let length = match data.get(..4)? {
        b"XYZ " => 20,
        b"sf32" => 44,
        b"curv" => {
            let points = be_u32(data, 8)? as usize;
            12 + 2 * Some(points).filter(|points| *points <= MAX_CURVE_POINTS)?
        }
        b"para" => 12 + 4 * *[1, 3, 4, 5, 7].get(usize::from(*data.get(9)?))?,
        _ => return None,
    };
    data.get(..length)
}

fn write(header: &[u8], tags: &[(&'static [u8; 4], &[u8])]) -> Vec<u8> {
    let mut table = (tags.len() as u32).to_be_bytes().to_vec();
    let mut data: Vec<u8> = Vec::new();
    let mut written: Vec<(&[u8], usize)> = Vec::new();
    let data_at = HEADER_BYTES + 4 + 12 * tags.len();
    for (name, numbers) in tags {
        // Curves are often shared.
        let shared = written.iter().find(|(other, _)| other == numbers).map(|(_, at)| *at);
        let at = shared.unwrap_or(data_at + data.len());
        if shared.is_none() {
            written.push((numbers, at));
            data.extend_from_slice(numbers);
            data.resize(data.len().next_multiple_of(4), 0);
        }
        table.extend_from_slice(&name[..]);
        table.extend_from_slice(&(at as u32).to_be_bytes());
        table.extend_from_slice(&(numbers.len() as u32).to_be_bytes());
    }
    let size = (data_at + data.len()) as u32;
    [&new_header(header, size)[..], &table, &data].concat()
}

/// The fields that say how the numbers are meant; all others are zero.
fn new_header(old: &[u8], size: u32) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..4].copy_from_slice(&size.to_be_bytes());
    header[8..10].copy_from_slice(&old[8..10]);
    header[12..16].copy_from_slice(b"mntr");
    header[16..24].copy_from_slice(&old[16..24]);
    header[36..40].copy_from_slice(b"acsp");
    header[67] = old[67] & 3;
    // The white of the connection space, D50, the same in every profile.
    header[68..80].copy_from_slice(&[0, 0, 0xf6, 0xd6, 0, 1, 0, 0, 0, 0, 0xd3, 0x2d]);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(text: &[u8]) -> Vec<u8> {
        let mut header = [0; HEADER_BYTES];
        header[8] = 4;
        header[16..24].copy_from_slice(b"RGB XYZ ");
        header[36..40].copy_from_slice(b"acsp");
        header[80..80 + text.len()].copy_from_slice(text);
        let xyz = [&b"XYZ \0\0\0\0"[..], &[1; 12]].concat();
        let curve = [&b"para\0\0\0\0\0\0\0\0"[..], &[0, 2, 0, 0]].concat();
        let tags: Vec<(&'static [u8; 4], &[u8])> = TAGS[2..8]
            .iter()
            .map(|name| (*name, if name.ends_with(b"XYZ") { &xyz[..] } else { &curve[..] }))
            .collect();
        let mut bytes = write(&header, &tags);
        bytes[80..80 + text.len()].copy_from_slice(text);
        bytes
    }

    #[test]
    fn what_is_no_colour_is_left_out() {
        let mut file = profile(b"<script>");
        file.extend_from_slice(b"<script>");
        let rebuilt = rebuild(&file, false).expect("a profile of primaries and curves");
        assert!(!rebuilt.windows(8).any(|part| part == b"<script>"));
        assert_eq!(rebuilt.len(), HEADER_BYTES + 4 + 6 * 12 + 20 + 16);
        assert_eq!(rebuild(&rebuilt, false).as_ref(), Some(&rebuilt));
    }

    #[test]
    fn a_profile_of_another_kind_is_dropped() {
        let file = profile(b"");
        assert_eq!(rebuild(&file, true), None);
        assert_eq!(rebuild(&file[..file.len() - 1], false), None);
        assert_eq!(rebuild(&file[..100], false), None);
        assert_eq!(rebuild(&[], false), None);
    }
}
