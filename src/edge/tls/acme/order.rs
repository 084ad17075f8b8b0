//! The way to one certificate: an account, an order, the proof that the name is ours, a key, and
//! the certificate for it. Called by the renewal.

use std::sync::Arc;
use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, Problem, RetryPolicy,
};
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::Wanted;
use super::fault::Fault;
use super::http::Client;
use super::kept::Kept;
use crate::edge::tls::challenges::Challenges;
use crate::edge::tls::identity::Identity;

/// How long an authority may check, and how long it may sign.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(120));
/// How long a look-up of the name may take.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(5);

/// What it takes to ask.
pub(super) struct Asking<'a> {
    pub wanted: &'a Wanted,
    pub client: &'a Client,
    pub kept: &'a Kept,
    pub challenges: &'a Arc<Challenges>,
}

impl Asking<'_> {
    /// A certificate with its key, and both in PEM.
    pub(super) async fn certificate(&self) -> Result<(Identity, String), Fault> {
        let asked = self.ask().await;
        self.challenges.clear();
        let pem = match asked {
            Ok(pem) => pem,
            Err(error) => {
                let leads_to = leads_to(&self.wanted.name).await;
                let retry_after = self.client.retry_after();
                return Err(Fault::of(&error, self.wanted, &leads_to, retry_after));
            }
        };
        let identity = Identity::from_pem(pem.as_bytes(), pem.as_bytes());
        let identity = identity.ok().filter(|identity| identity.is_for(&self.wanted.name));
        let identity = identity.ok_or_else(|| {
            let unusable = Error::Other("a certificate for another name or another key".into());
            Fault::of(&unusable, self.wanted, "", None)
        })?;
        Ok((identity, pem))
    }

    async fn ask(&self) -> Result<String, Error> {
        let account = self.account().await?;
        let names = [Identifier::Dns(self.wanted.name.clone())];
        let mut order = match account.new_order(&NewOrder::new(&names)).await {
            // The authority has lost the account, or closed it.
            Err(Error::Api(problem))
                if is(&problem, "accountDoesNotExist") || is(&problem, "unauthorized") =>
            {
                self.kept.forget_account();
                self.account().await?.new_order(&NewOrder::new(&names)).await?
            }
            other => other?,
        };
        self.prove(&mut order).await?;
        if order.poll_ready(&PATIENCE).await? != OrderStatus::Ready {
            return Err(refusal(&mut order).await?);
        }
        let key = order.finalize().await?;
        let chain = order.poll_certificate(&PATIENCE).await?;
        Ok(format!("{chain}\n{key}"))
    }

    /// The account that was kept, or a new one. Making one agrees to the authority's terms.
    async fn account(&self) -> Result<Account, Error> {
        let builder = || Account::builder_with_http(Box::new(self.client.clone()));
        if let Some(account) = self.kept.account() {
            return builder().from_credentials(account).await;
        }
        let new =
            NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false };
        let directory = self.wanted.directory.url.to_string();
        let (account, credentials) = builder().create(&new, directory, None).await?;
        if let Err(why) = self.kept.keep_account(&credentials) {
            tracing::error!("{why}");
        }
        Ok(account)
    }

    /// Shows what proves that the name is ours, and says that it is there to be seen.
    async fn prove(&self, order: &mut Order) -> Result<(), Error> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
            let mut challenge = challenge.ok_or(Error::Unsupported("TLS-ALPN-01 for this name"))?;
            let digest = challenge.key_authorization().digest();
            self.challenges.show(&self.wanted.name, digest.as_ref()).map_err(Error::Other)?;
            challenge.set_ready().await?;
        }
        Ok(())
    }
}

/// Why an order has failed: what the authority found when it checked the name.
async fn refusal(order: &mut Order) -> Result<Error, Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        let state = authorization.refresh().await?;
        let problem = state.challenges.iter().find_map(|challenge| challenge.error.clone());
        if let Some(problem) = problem {
            return Ok(Error::Api(problem));
        }
    }
    Ok(Error::Other("the order has failed, and it does not say why".into()))
}

fn is(problem: &Problem, kind: &str) -> bool {
    let own =
        problem.r#type.as_deref().and_then(|own| own.strip_prefix("urn:ietf:params:acme:error:"));
    own == Some(kind)
}

/// Where a name leads as this machine sees it, in words for a fault; nothing if that is not known.
async fn leads_to(name: &str) -> String {
    let Ok(Ok(found)) = timeout(LOOK_UP_WITHIN, lookup_host((name, 443))).await else {
        return String::new();
    };
    let addresses: Vec<_> = found.map(|address| address.ip().to_string()).take(4).collect();
    if addresses.is_empty() {
        return String::new();
    }
    format!(" (seen from here it leads to {})", addresses.join(", "))
}
