//! Bytes from a peer, who may have echoed a credential: nothing of them is left behind in freed
//! memory when the buffer grows or goes.

use std::ops::Deref;

use zeroize::Zeroize;

/// A buffer that is wiped when it is dropped, and whose old place is wiped when it grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wiped(Vec<u8>);

impl Wiped {
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) {
        if self.0.capacity() - self.0.len() < bytes.len() {
            self.grow(bytes.len());
        }
        self.0.extend_from_slice(bytes);
    }

    #[cold]
    fn grow(&mut self, more: usize) {
        let mut larger = Vec::with_capacity((self.0.len() + more).max(2 * self.0.len()));
        larger.extend_from_slice(&self.0);
        self.0.zeroize();
        self.0 = larger;
    }

    /// Empties it, and keeps its memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes the first `count` bytes away.
    pub fn remove(&mut self, count: usize) {
        let left = self.0.len() - count;
        self.0.copy_within(count.., 0);
        self.0[left..].zeroize();
        self.0.truncate(left);
    }
}

impl Deref for Wiped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_it_is_given() {
        let mut wiped = Wiped::default();
        for piece in [&b"a"[..], b"", b"bcdefgh", &[b'x'; 100]] {
            wiped.push(piece);
        }
        assert_eq!((wiped.len(), &wiped[..9]), (108, &b"abcdefghx"[..]));
        wiped.remove(8);
        assert_eq!((wiped.len(), wiped[0]), (100, b'x'));
        wiped.remove(100);
        assert!(wiped.is_empty());
        wiped.push(b"again");
        wiped.clear();
        assert!(wiped.is_empty());
    }
}
