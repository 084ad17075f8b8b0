//! Why an authority gave no certificate, in words for the operator: the cause, and the cure.
//! Called by the renewal and by `order`.

use std::io;
use std::time::Duration;

use instant_acme::{Error, Problem};
use tokio_rustls::rustls::{CertificateError, Error as TlsError};

use super::Wanted;

/// Why there is no certificate.
#[derive(Debug)]
pub(super) struct Fault {
    /// Cause and cure.
    pub words: String,
    /// How long to wait, if the authority said so.
    pub retry_after: Option<Duration>,
}

impl Fault {
    /// Of whatever went wrong on the way; `leads_to` are the addresses of the name as this machine
    /// sees them.
    pub(super) fn of(
        error: &Error,
        wanted: &Wanted,
        leads_to: &str,
        retry_after: Option<Duration>,
    ) -> Self {
        let words = match error {
            Error::Api(problem) => of_problem(problem, wanted, leads_to),
            other => of_exchange(other, wanted),
        };
        Self { words, retry_after }
    }
}

/// What went wrong between this server and the authority.
fn of_exchange(error: &Error, Wanted { directory, .. }: &Wanted) -> String {
    match distrust(error) {
        Some(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => format!(
            "By this machine's clock, the authority {directory} itself has no valid certificate: \
             {error}. Set the clock, for example with 'timedatectl set-ntp true'."
        ),
        Some(_) => format!(
            "The authority {directory} is not one that this server trusts: {error}. If it is your \
             own, name the file of its certificate in ACME_DIRECTORY with ?ca=FILE."
        ),
        None => format!(
            "The authority {directory} gave no usable answer: {error}. Check that this machine can \
             reach it, and its address in ACME_DIRECTORY."
        ),
    }
}

/// Why the certificate that the authority itself shows was refused, if that is what went wrong.
fn distrust(error: &Error) -> Option<&CertificateError> {
    let Error::Other(cause) = error else { return None };
    let cause = cause.downcast_ref::<io::Error>()?.get_ref()?;
    match cause.downcast_ref::<TlsError>()? {
        TlsError::InvalidCertificate(why) => Some(why),
        _ => None,
    }
}

/// What an authority says, by the type of its problem (RFC 8555, section 6.7).
fn of_problem(problem: &Problem, wanted: &Wanted, leads_to: &str) -> String {
    let Wanted { name, port, directory } = wanted;
    let kind = problem.r#type.as_deref().unwrap_or_default();
    let said = said(problem);
    let said = said.trim_end_matches('.');
    let forward = match port {
        443 => String::new(),
        port => format!(" and lead it to PORT_TLS {port} of this machine"),
    };
    match kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(kind) {
        "rateLimited" => format!(
            "The authority {directory} gives no more certificates for now: {said}. The server asks \
             again by itself; set ACME_DIRECTORY=staging while you try things out."
        ),
        "dns" => format!(
            "The authority finds no address of {name}: {said}. Make an A or AAAA record of {name} \
             that leads to this machine{leads_to}."
        ),
        "connection" => format!(
            "The authority cannot reach {name} on port 443: {said}. Open TCP 443 in the \
             firewall{forward}, and check that {name} leads to this machine{leads_to}."
        ),
        "unauthorized" | "tls" | "incorrectResponse" => format!(
            "At {name} somebody else answers than this server: {said}. Make the name lead to this \
             machine{leads_to}, with TCP 443 open{forward} and nothing before it that ends TLS."
        ),
        "caa" => format!(
            "A CAA record of {name} does not allow this authority: {said}. Add the authority to \
             it, or choose another with ACME_DIRECTORY."
        ),
        "rejectedIdentifier" | "unsupportedIdentifier" | "malformed" => format!(
            "The authority gives no certificate for {name}: {said}. Set PUBLIC_URL to a name of \
             your own that leads to this machine."
        ),
        "externalAccountRequired" => format!(
            "The authority {directory} wants an account that was made with it before: {said}. \
             Choose another with ACME_DIRECTORY, such as letsencrypt."
        ),
        _ => format!("The authority {directory} refuses a certificate for {name}: {said}."),
    }
}

/// The authority's own words, on one line, those on the name included.
fn said(problem: &Problem) -> String {
    let details = problem.subproblems.iter().map(|part| part.detail.as_deref());
    let all = std::iter::once(problem.detail.as_deref()).chain(details).flatten();
    let text = all.collect::<Vec<_>>().join("; ");
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.trim() {
        "" => problem.r#type.clone().unwrap_or_else(|| "without a reason".to_owned()),
        line => line.chars().take(500).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn wanted(port: u16) -> Wanted {
        let directory = Config::of(&[]).expect("defaults").acme_directory;
        Wanted { name: "chat.example.org".into(), directory, port }
    }

    fn words(kind: &str, detail: &str, port: u16) -> String {
        let problem = serde_json::json!({
            "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail,
        });
        let problem = serde_json::from_value(problem).expect("a problem");
        Fault::of(&Error::Api(problem), &wanted(port), " (it leads to 192.0.2.1)", None).words
    }

    #[test]
    fn every_refusal_has_its_cure() {
        for (kind, cure) in [
            ("rateLimited", "ACME_DIRECTORY=staging"),
            ("dns", "Make an A or AAAA record of chat.example.org"),
            ("connection", "Open TCP 443"),
            ("unauthorized", "Make the name lead to this machine (it leads to 192.0.2.1)"),
            ("tls", "nothing before it that ends TLS"),
            ("caa", "Add the authority to it"),
            ("rejectedIdentifier", "Set PUBLIC_URL to a name of your own"),
            ("externalAccountRequired", "Choose another with ACME_DIRECTORY"),
            ("serverInternal", "refuses a certificate for chat.example.org"),
        ] {
            let words = words(kind, "what it says.\nin two lines", 443);
            assert!(
                words.contains(cure) && words.contains("what it says. in two lines"),
                "{words}"
            );
            assert!(!words.contains("PORT_TLS") && !words.contains(".."), "{words}");
        }
        assert!(words("connection", "x", 8443).contains("lead it to PORT_TLS 8443"));
        assert!(words("dns", "", 443).contains("urn:ietf:params:acme:error:dns"));
    }

    #[test]
    fn an_authority_that_cannot_be_spoken_to_has_its_cure() {
        let refused = |why| Error::Other(Box::new(io::Error::other(TlsError::from(why))));
        for (error, cure) in [
            (refused(CertificateError::NotValidYet), "Set the clock"),
            (refused(CertificateError::Expired), "Set the clock"),
            (refused(CertificateError::UnknownIssuer), "with ?ca=FILE"),
            (Error::Other("no answer in 30 seconds".into()), "can reach it"),
            (Error::Str("a nonce"), "its address in ACME_DIRECTORY"),
        ] {
            let words = Fault::of(&error, &wanted(443), "", None).words;
            assert!(words.contains(cure) && words.contains("letsencrypt.org"), "{words}");
        }
    }
}
