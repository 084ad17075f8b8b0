//! No push at all: for operators who want nothing to leave their machine by itself.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Dead, Notice, Pusher, check_kind};
use crate::error::Result;
use crate::model::push::{Kind, Subscription, Target};

/// Reaches nobody, and says so to whoever subscribes.
#[derive(Default)]
pub struct Nobody(Dead);

impl Pusher for Nobody {
    fn kinds(&self) -> &[Kind] {
        &[]
    }

    fn vapid_key(&self) -> Option<&str> {
        None
    }

    fn check(&self, target: &Target) -> Result<()> {
        check_kind(&[], target)
    }

    fn push(&self, _: Arc<Subscription>, _: Notice) {}

    fn dead(&self) -> BoxFuture<'_, Arc<Subscription>> {
        Box::pin(self.0.next())
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
