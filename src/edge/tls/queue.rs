//! Bytes that come in at one end and go out at the other, in a buffer that is given back when it is
//! empty. Called by `records` and `secured`.

/// Bytes that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    bytes: Vec<u8>,
    /// How many of them are gone.
    gone: usize,
}

impl Queue {
    /// What waits, the oldest first.
    pub(super) fn left(&self) -> &[u8] {
        self.bytes.get(self.gone..).unwrap_or_default()
    }

    /// The same, to be changed where it stands.
    pub(super) fn left_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.gone..).unwrap_or_default()
    }

    /// Bytes that wait at the end.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The buffer, with room for so many bytes at its end.
    pub(super) fn room(&mut self, bytes: usize) -> &mut Vec<u8> {
        self.bytes.drain(..self.gone);
        self.gone = 0;
        self.bytes.reserve(bytes);
        &mut self.bytes
    }

    /// Takes so many of the oldest bytes away.
    pub(super) fn drop_front(&mut self, bytes: usize) {
        self.gone += bytes;
        if self.gone >= self.bytes.len() {
            self.bytes.clear();
            self.gone = 0;
        }
    }

    /// Gives the buffer back if nothing waits in it.
    pub(super) fn rest(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
        }
    }

    /// How many bytes of memory it holds.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_first_goes_first_and_an_empty_one_holds_nothing() {
        let mut queue = Queue::default();
        queue.put(b"uno");
        queue.put(b"dos");
        queue.drop_front(2);
        assert_eq!(queue.left(), b"odos");
        queue.room(10).extend_from_slice(b"!");
        assert_eq!(queue.left(), b"odos!");
        queue.rest();
        assert_eq!(queue.left(), b"odos!");
        queue.drop_front(5);
        assert_eq!(queue.left(), b"");
        queue.rest();
        assert_eq!(queue.held(), 0);
    }
}
