//! The types of settings that are about who may sign up.

/// Who may create an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// Anybody.
    Open,
    /// Whoever has an invitation.
    Invited,
    /// Nobody.
    Closed,
}

impl SignUp {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "open" => Ok(Self::Open),
            "invited" => Ok(Self::Invited),
            "closed" => Ok(Self::Closed),
            _ => Err("neither open nor invited nor closed. Write one of them.".into()),
        }
    }
}

/// Domains of e-mail addresses, in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Domains(pub Vec<String>);

impl Domains {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let domains = parts.map(|part| domain(part).ok_or_else(|| NO_DOMAINS.to_owned()));
        domains.collect::<Result<_, _>>().map(Self)
    }
}

const NO_DOMAINS: &str = "no list of domains. Write it like example.org, school.example.net.";

/// A domain as addresses have it: ASCII, in lower case.
fn domain(text: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    match url::Host::parse(text) {
        Ok(url::Host::Domain(name)) if name.contains('.') && name.bytes().all(fits) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_names_with_a_dot() {
        let domains = Domains::parse("Example.ORG, bücher.example,").expect("fine");
        assert_eq!(domains.0, ["example.org", "xn--bcher-kva.example"]);
        assert_eq!(Domains::parse(""), Ok(Domains::default()));
        for text in ["@example.org", "example", "a b.org", "*.example.org", "10.0.0.1"] {
            assert!(Domains::parse(text).is_err(), "{text}");
        }
    }
}
