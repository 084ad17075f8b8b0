//! A certificate authority of one's own, for a network that has no name on the Internet: its
//! certificate is installed once on each device, and vouches for the server's addresses there.
//!
//! Invariant: what its key signs is believed for addresses and names of private networks alone,
//! whoever holds the key: its certificate says so (RFC 5280, section 4.2.1.10), so that a stolen
//! one opens no bank. Wired by `app`; devices get the certificate from `http/install`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, Error,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, date_time_ymd,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use super::identity::{Identity, Validity};
use super::shown::Shown;
use crate::clock::{Clock, Time};
use crate::config::data_dir::write_private;
use crate::config::private::{NAMES, NETWORKS, is_private};
use crate::config::secrets::is_there;
use crate::id::hex_digits;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the authority vouches: who installs it is not asked again soon.
const AUTHORITY: Duration = Duration::from_secs(3650 * 24 * 60 * 60);
/// How long a certificate is valid: no device takes one of more than 825 days.
const VALID: Duration = Duration::from_secs(200 * 24 * 60 * 60);
/// So long before the authority ends there is a word about it at each start.
const AHEAD: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// How often the machine's addresses are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Clocks of devices may be late by this much.
const LATE: Duration = DAY;
/// At most so many hosts are in a certificate, so that it fits into a handshake; the rest is left
/// out.
const HOSTS: usize = 100;

/// Key and certificate of the authority: what it signs is believed by devices that installed it.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    validity: Validity,
}

impl Authority {
    /// Reads it from the folder of secrets, or makes it there (mode 0600). An error names the cure.
    pub fn open(secrets: &Path, clock: &dyn Clock) -> Result<Self, String> {
        let path = secrets.join("authority.pem");
        let (path, now) = (path.as_path(), clock.now());
        let own = if is_there(path)? {
            let pem = fs::read(path);
            pem.map_err(|error| error.to_string()).and_then(|pem| Self::from_pem(&pem)).map_err(
                |why| {
                    format!(
                        "{} cannot be used: {why}. Put back what it held; or remove it, and the \
                         server makes another authority, to be installed on each device.",
                        path.display()
                    )
                },
            )?
        } else {
            let (own, pem) = Self::make(now).map_err(|error| error.to_string())?;
            write_private(path, pem.as_bytes())
                .map_err(|error| format!("{} cannot be written: {error}.", path.display()))?;
            own
        };
        let until = own.validity.until;
        if until.since(now) < AHEAD {
            tracing::warn!(
                %until,
                "the server's own authority ends. Remove {}, start the server again, and install \
                 the new one on each device.",
                path.display()
            );
        }
        Ok(own)
    }

    fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let certificate = CertificateDer::from_pem_slice(pem).map_err(|error| error.to_string())?;
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| "there is no key in it")?;
        let key = KeyPair::try_from(&key).map_err(|_| "its key is not one of ours")?;
        Self::new(params(&key), key, certificate).ok_or_else(|| "no certificate in it".to_owned())
    }

    fn make(now: Time) -> Result<(Self, String), Error> {
        let key = KeyPair::generate()?;
        let mut params = params(&key);
        make_valid(&mut params, now, now.plus(AUTHORITY));
        let own = params.self_signed(&key)?;
        let pem = format!("{}{}", own.pem(), key.serialize_pem());
        let made = Self::new(params, key, own.der().clone());
        Ok((made.ok_or(Error::CouldNotParseCertificate)?, pem))
    }

    fn new(
        params: CertificateParams,
        key: KeyPair,
        certificate: CertificateDer<'static>,
    ) -> Option<Self> {
        let validity = Validity::of(&certificate)?;
        Some(Self { issuer: Issuer::new(params, key), certificate, validity })
    }

    /// Its certificate, which devices install (DER).
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// A fresh certificate for these hosts.
    fn issue(&self, hosts: &BTreeSet<String>, now: Time) -> Result<Identity, Error> {
        let mut params = CertificateParams::new(hosts.iter().cloned().collect::<Vec<_>>())?;
        params.distinguished_name = called("Chat server");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        make_valid(&mut params, now, now.plus(VALID).min(self.validity.until));
        let key = KeyPair::generate()?;
        let own = params.signed_by(&key, &self.issuer)?;
        let chain = vec![own.der().clone(), self.certificate.clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der());
        let key = key.map_err(|_| Error::CouldNotParseKeyPair)?;
        Identity::new(chain, key).map_err(|_| Error::CouldNotParseCertificate)
    }
}

fn called(name: &str) -> DistinguishedName {
    let mut called = DistinguishedName::new();
    called.push(DnType::CommonName, name);
    called
}

/// What only depends on the key, so that it is the same after a restart. The name tells people
/// whose devices know several such authorities which one this is.
fn params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    let print = Sha256::digest(key.public_key_raw());
    params.distinguished_name = called(&format!("Chat server {}", hex_digits(&print[..4])));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let networks = NETWORKS.iter().filter_map(|(base, prefix)| {
        let base = base.parse().ok()?;
        Some(GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(base, *prefix)))
    });
    let names = NAMES.iter().map(|name| GeneralSubtree::DnsName((*name).to_owned()));
    let permitted_subtrees = networks.chain(names).collect();
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    params
}

/// Valid from a little earlier, as the clocks of devices differ.
fn make_valid(params: &mut CertificateParams, now: Time, until: Time) {
    let at = |time: Time| {
        let since_1970 = Duration::from_millis(time.millis().try_into().unwrap_or_default());
        date_time_ymd(1970, 1, 1) + since_1970
    };
    params.not_before = at(now.minus(LATE));
    params.not_after = at(until);
}

/// Under what this machine is found.
pub type Hosts = Box<dyn Fn() -> BTreeSet<String> + Send + Sync>;

/// Keeps a certificate for the hosts of this machine fresh.
pub struct Follower {
    authority: Authority,
    hosts: Hosts,
    /// What the certificate that is shown is for, and since when.
    issued: (BTreeSet<String>, Time),
    to: Weak<Shown>,
    clock: Arc<dyn Clock>,
}

/// What the authority vouches for, of what this machine is called.
fn vouched(hosts: &Hosts) -> BTreeSet<String> {
    hosts().into_iter().filter(|host| is_private(host)).take(HOSTS).collect()
}

impl Follower {
    /// Issues the first, for what `hosts` says now. An error is for the operator.
    pub fn open(
        authority: Authority,
        hosts: Hosts,
        clock: Arc<dyn Clock>,
    ) -> Result<(Arc<Shown>, Self), String> {
        let (now, first) = (clock.now(), vouched(&hosts));
        let identity = authority.issue(&first, now);
        let identity = identity.map_err(|error| format!("TLS=local: no certificate: {error}."))?;
        let shown = Shown::new(identity);
        let to = Arc::downgrade(&shown);
        Ok((shown, Self { authority, hosts, issued: (first, now), to, clock }))
    }

    /// Issues another when the hosts have changed or the certificate has aged, until nobody shows
    /// it any more.
    pub async fn follow(mut self) {
        loop {
            sleep(LOOK_EVERY).await;
            let Some(to) = self.to.upgrade() else { return };
            self.look(&to);
        }
    }

    fn look(&mut self, to: &Shown) {
        let (now, hosts) = (self.clock.now(), vouched(&self.hosts));
        let (before, since) = &self.issued;
        if *before == hosts && *since <= now && now.since(*since) < VALID / 2 {
            return;
        }
        match self.authority.issue(&hosts, now) {
            Ok(identity) => {
                tracing::info!(?hosts, "the certificate is for these hosts from now on");
                to.replace(identity);
                self.issued = (hosts, now);
            }
            Err(error) => tracing::error!(%error, "no certificate can be made for {hosts:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Mutex;

    use super::*;
    use crate::clock::ManualClock;

    const NOW: Time = Time(1_795_340_000_000);

    fn set(hosts: &[&str]) -> BTreeSet<String> {
        hosts.iter().map(|host| (*host).to_owned()).collect()
    }

    #[test]
    fn it_is_made_once_for_its_owner_alone_and_what_is_not_one_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("authority.pem");
        let open = || Authority::open(folder.path(), &ManualClock::at(NOW));
        let first = open().expect("made");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let again = open().expect("read");
        assert_eq!(first.certificate(), again.certificate());
        // What it signs after a restart is signed by the same name and key.
        let identity = again.issue(&set(&["192.168.1.5"]), NOW).expect("issued");
        assert!(identity.is_for("192.168.1.5") && !identity.is_for("192.168.1.6"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
        assert!(open().err().expect("refused").contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
        fs::write(&path, "hush").expect("written");
        let told = open().err().expect("refused");
        assert!(told.contains("remove it") && !told.contains("hush"), "{told}");
    }

    #[test]
    fn another_is_issued_when_the_hosts_change_or_it_ages() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(NOW));
        let authority = Authority::open(folder.path(), &*clock).expect("made");
        let found = Arc::new(Mutex::new(set(&["192.168.1.5", "chat.example.org", "box.lan"])));
        let hosts = {
            let found = found.clone();
            Box::new(move || found.lock().expect("not poisoned").clone())
        };
        let (shown, mut follower) = Follower::open(authority, hosts, clock.clone()).expect("one");
        let now = || shown.now().expect("shown");
        assert!(now().is_for("192.168.1.5") && now().is_for("box.lan"));
        assert!(!now().is_for("chat.example.org"), "not one of a private network");
        let first = now().validity();
        assert_eq!(first.until, NOW.plus(VALID));
        follower.look(&shown);
        assert_eq!(now().validity(), first, "nothing has changed");
        *found.lock().expect("not poisoned") = set(&["10.0.0.7"]);
        follower.look(&shown);
        assert!(now().is_for("10.0.0.7") && !now().is_for("192.168.1.5"));
        clock.advance(VALID / 2);
        follower.look(&shown);
        assert_eq!(now().validity().until, clock.now().plus(VALID));
        clock.set(NOW.minus(DAY * 30));
        follower.look(&shown);
        assert_eq!(now().validity().until, clock.now().plus(VALID), "the clock was put right");
        clock.set(NOW.plus(AUTHORITY - DAY));
        follower.look(&shown);
        assert_eq!(now().validity().until, NOW.plus(AUTHORITY), "not beyond the authority");
    }
}
