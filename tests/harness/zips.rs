//! Zips, opened by another program than ours.

use std::io::Write as _;
use std::process::Command;

use serde_json::Value;

/// Opens a zip and says all that is in it, as JSON: names, and texts of those that are texts.
const OPENS: &str = r#"
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    assert z.testzip() is None
    told = {}
    for entry in z.infolist():
        data = z.read(entry)
        assert len(data) == entry.file_size and not entry.filename.startswith('/')
        try: told[entry.filename] = data.decode()
        except UnicodeDecodeError: told[entry.filename] = data.hex()
print(json.dumps(told))
"#;

/// What is in a zip, each file by its name; of one that is no text, its bytes as hex digits.
pub fn opened(zip: &[u8]) -> Value {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(zip).expect("written");
    let told = Command::new("python3").args(["-c", OPENS]).arg(file.path()).output();
    let told = told.expect("python3 runs");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    serde_json::from_slice(&told.stdout).expect("JSON")
}
