//! `push`: what it costs a send that devices in the chat can be reached by push.
//!
//! One-to-one messages, as many as the server takes, without subscriptions and then with one of
//! each receiver's session: to people who are connected, to whom nothing is pushed, and to people
//! who are not, who are told of a chat once. Where pushes go is the server's setting (`PUSH`);
//! telling is over when measuring begins, so what is compared is the sends.

use async_trait::async_trait;
use hyper::Method;
use serde_json::{Value, json};

use super::direct::{Direct, Ready};
use super::{Bare, Pace, Prepared, Workload};
use crate::client::api::Api;
use crate::client::error::{Error, Result};
use crate::measure::meter::Meter;
use crate::measure::report::Phase;
use crate::server::Target;

/// Messages to people with subscriptions.
#[derive(Debug, Clone)]
pub struct Push {
    /// How many pairs of people.
    pub pairs: usize,
    /// How many messages are in flight over all pairs.
    pub in_flight: usize,
    /// Bytes of text in a message.
    pub size: usize,
}

impl Push {
    fn direct(&self, asleep: bool) -> Direct {
        let Self { pairs, in_flight, size } = *self;
        Direct { pairs, in_flight, rates: Vec::new(), size, rest: false, asleep }
    }
}

#[async_trait]
impl Workload for Push {
    fn name(&self) -> &'static str {
        "push"
    }

    fn sessions(&self) -> usize {
        self.pairs * 2
    }

    async fn prepare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        let awake = self.direct(false).ready(target)?;
        Ok(Box::new(Both { target, awake, asleep: self.direct(true).ready(target)? }))
    }

    fn bare(&self) -> Option<Bare> {
        None
    }
}

/// The load on one server, to people who are connected and to people who are not.
struct Both<'t> {
    target: &'t Target,
    awake: Ready<'t>,
    asleep: Ready<'t>,
}

impl Both<'_> {
    /// Puts a subscription into each receiver's session, or takes it out.
    async fn subscribe(&self, method: Method, body: Option<&Value>) -> Result<()> {
        let (_, receivers) = self.awake.people()?;
        for session in receivers {
            let api = Api::with(self.target.addr, session.clone());
            let answer = api.call(method.clone(), "/api/v1/me/push", body).await?;
            if !answer.status.is_success() {
                return Err(Error::protocol(format!("{method} /me/push: {}", answer.status)));
            }
        }
        Ok(())
    }
}

/// The browser's key in RFC 8291's example (section 5).
const KEY: &str = concat!(
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx",
    "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
);

/// A subscription of a browser.
fn subscription() -> Value {
    json!({
        "kind": "web",
        "endpoint": "https://push.load.example/of-a-device",
        "keys": {
            "p256dh": KEY,
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        },
    })
}

#[async_trait]
impl Prepared for Both<'_> {
    async fn measure(&mut self, meter: Meter, pace: Pace) -> Result<Vec<Phase>> {
        let mut phases = Vec::new();
        for (who, ready) in [("connected", &self.awake), ("not connected", &self.asleep)] {
            self.subscribe(Method::DELETE, None).await?;
            let mut without = ready.full(meter, pace).await?;
            self.subscribe(Method::PUT, Some(&subscription())).await?;
            let mut with = ready.full(meter, pace).await?;
            let times = with.server_cpu_us.zip(without.server_cpu_us);
            if let Some((with_us, without_us)) = times.filter(|(_, without)| *without > 0.0) {
                let times = with_us / without_us;
                with = with.figure("server CPU, times that without subscriptions", times);
            }
            without.name = format!("to people {who}, without subscriptions");
            with.name = format!("to people {who}, with subscriptions");
            phases.extend([without, with]);
        }
        Ok(phases)
    }
}
