//! How many uploads one person may have under way at once. Called by `files`, `uploads` and
//! `original_send`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::id::UserId;

/// At most this many uploads of one user at once.
pub const UPLOADS_AT_ONCE: usize = 4;
/// When it is worth trying again.
const UPLOADS_LATER: Duration = Duration::from_secs(5);

/// Who uploads at the moment: each holds a connection, disk and memory.
#[derive(Default, Clone)]
pub struct UploadSeats(Arc<Mutex<HashMap<UserId, usize>>>);

impl UploadSeats {
    /// A place for one upload; free again when it is dropped.
    pub fn take(&self, user: UserId) -> Result<UploadSeat> {
        let mut taken = self.taken();
        let own = taken.entry(user).or_default();
        if *own >= UPLOADS_AT_ONCE {
            return Err(Error::too_many(UPLOADS_LATER));
        }
        *own += 1;
        Ok(UploadSeat { seats: self.clone(), user })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One upload's place.
pub struct UploadSeat {
    seats: UploadSeats,
    user: UserId,
}

impl Drop for UploadSeat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        if let Some(own) = taken.get_mut(&self.user) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::id::ObjectId;

    #[test]
    fn one_user_uploads_a_few_files_at_once() {
        let (seats, user) = (UploadSeats::default(), |user| UserId(ObjectId([user; 12])));
        let mut taken: Vec<_> = (0..UPLOADS_AT_ONCE).map(|_| seats.take(user(1)).ok()).collect();
        assert!(taken.iter().all(Option::is_some));
        let code = seats.take(user(1)).err().map(|error| error.code);
        assert_eq!(code, Some(Code::TooMany));
        assert!(seats.take(user(2)).is_ok(), "somebody else");
        taken.pop();
        assert!(seats.take(user(1)).is_ok(), "one is over");
        drop(taken);
        assert!(seats.taken().is_empty(), "nothing is kept");
    }
}
