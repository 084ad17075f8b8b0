//! The types of settings that are about TLS.

/// Who speaks TLS with browsers and apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// A reverse proxy before this server, or nobody.
    Off,
    /// This server, with the certificate in TLS_CERT and TLS_KEY.
    Files,
}

impl TlsMode {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "files" => Ok(Self::Files),
            _ => Err("no way to speak TLS. Write off or files.".into()),
        }
    }

    /// Whether this server speaks it.
    pub fn is_on(self) -> bool {
        self != Self::Off
    }
}
