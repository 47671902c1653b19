//! What an attachment is read from.

use crate::error::Result;

/// The bytes of an attachment. It is shared by a message and the transactions that send it.
pub trait Content: Send + Sync {
    /// How many they are, if that is known beforehand. Then so many are given, or the message
    /// fails.
    fn size(&self) -> Option<u64>;

    /// All of them, where they are in memory.
    fn bytes(&self) -> Option<&[u8]> {
        None
    }

    /// An error if it can be read once, and was.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The same where it is read from now on.
    fn begin(&self) -> Result<()> {
        self.check()
    }

    /// Fills `buffer` with the bytes from `offset` on, which is where the last call ended. 0 is
    /// their end, `None` that there are none now.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<Option<usize>>;

    /// What to wait for behind a `None`.
    fn descriptor(&self) -> Option<i32> {
        None
    }
}

/// Bytes in memory.
impl<T: AsRef<[u8]> + Send + Sync> Content for T {
    fn size(&self) -> Option<u64> {
        Some(self.as_ref().len() as u64)
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(self.as_ref())
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<Option<usize>> {
        let bytes = self.as_ref();
        let rest = usize::try_from(offset).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(Some(count))
    }
}
