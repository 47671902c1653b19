//! Transactions on loan to a client: out of their handles, which stay busy, and back again.

use crate::client::Transaction;
use crate::error::{Error, ErrorKind, Result};

use super::boundary::Handle;
use super::transaction::{Owned, smtp_transaction};

/// Takes a transaction out of its handle, until [`give_back`].
pub(super) fn lend(pointer: *mut smtp_transaction) -> Result<Box<Transaction>> {
    let handle = Handle::<Owned>::acquire(pointer)?;
    // SAFETY: just acquired.
    let owned = unsafe { Handle::<Owned>::acquired(handle) };
    let mut transaction = owned.transaction.take().unwrap_or_default();
    transaction.set_token(handle);
    Ok(transaction)
}

/// Puts a transaction back into its handle; the handle, unless it was freed meanwhile.
pub(super) fn give_back(transaction: Box<Transaction>) -> Option<*mut smtp_transaction> {
    let handle = transaction.token();
    put(handle, transaction)
}

fn put(handle: usize, transaction: Box<Transaction>) -> Option<*mut smtp_transaction> {
    // SAFETY: acquired by `lend` and released only here, once for each loan.
    let alive = unsafe {
        Handle::<Owned>::acquired(handle).transaction = Some(transaction);
        Handle::<Owned>::release(handle)
    };
    alive.then(|| std::ptr::without_provenance_mut(handle))
}

/// Whom the transactions of one batch belong to, in the same order. Its memory is kept, so that a
/// batch costs none in the steady state.
#[derive(Default)]
pub(super) struct Batch {
    lent: Vec<usize>,
}

/// What of a batch is with the client.
type Transactions = Vec<Box<Transaction>>;

impl Batch {
    /// Takes all of them, or, if one is not to be had, says which.
    pub fn lend(
        &mut self,
        pointers: &[*mut smtp_transaction],
        transactions: &mut Transactions,
    ) -> Result<()> {
        for (index, pointer) in pointers.iter().enumerate() {
            match lend(*pointer) {
                Ok(transaction) => {
                    transactions.push(transaction);
                    self.lent.push(pointer.addr());
                }
                Err(error) => {
                    let error = error.in_context(&format!("transactions[{index}]"));
                    let twice = self.lent.iter().position(|other| *other == pointer.addr());
                    let Some(first) = twice else { return Err(error) };
                    return Err(Error::new(
                        ErrorKind::Misuse,
                        format!("transactions[{index}] is transactions[{first}] once more"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Takes one.
    pub fn lend_one(
        &mut self,
        pointer: *mut smtp_transaction,
        transactions: &mut Transactions,
    ) -> Result<()> {
        transactions.push(lend(pointer)?);
        self.lent.push(pointer.addr());
        Ok(())
    }

    pub fn is_lent(&self) -> bool {
        !self.lent.is_empty()
    }

    /// Gives all of them back. What a fault of the library has swallowed comes back empty, and
    /// says so.
    pub fn give_back(&mut self, transactions: &mut Transactions) {
        let complete = transactions.len() == self.lent.len();
        for transaction in transactions.drain(..) {
            if !complete {
                let token = transaction.token();
                self.lent.retain(|handle| *handle != token);
            }
            give_back(transaction);
        }
        if complete {
            self.lent.clear();
        }
        for handle in self.lent.drain(..) {
            let mut lost = Box::<Transaction>::default();
            lost.fail_before_sending(Error::new(
                ErrorKind::Internal,
                "a fault of the library lost this transaction; it may have been delivered",
            ));
            put(handle, lost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::transaction::{
        smtp_transaction_free, smtp_transaction_new, smtp_transaction_recipient_count,
        smtp_transaction_status,
    };

    const MISUSE: i32 = -2;
    const BUSY: i32 = -3;
    const INTERNAL: i32 = -23;

    fn statuses(handles: &[*mut smtp_transaction]) -> Vec<i32> {
        // SAFETY: the tests pass live or freed handles.
        handles.iter().map(|handle| unsafe { smtp_transaction_status(*handle) }).collect()
    }

    fn free(handles: &[*mut smtp_transaction]) {
        // SAFETY: as above.
        handles.iter().for_each(|handle| unsafe { smtp_transaction_free(*handle) });
    }

    #[test]
    fn lent_ones_are_busy_and_come_back_with_what_happened() {
        // SAFETY: makes new ones.
        let handles = [(); 3].map(|()| smtp_transaction_new());
        let mut batch = Batch::default();
        let mut with_client = Transactions::new();
        batch.lend(&handles, &mut with_client).unwrap();
        assert_eq!(statuses(&handles), [BUSY; 3]);
        with_client[1].add_recipient("a@b", &[]).unwrap();
        free(&handles[2..]);
        assert_eq!(statuses(&handles), [BUSY, BUSY, MISUSE]);
        batch.give_back(&mut with_client);
        assert_eq!(statuses(&handles), [0, 0, MISUSE]);
        // SAFETY: a live handle.
        assert_eq!(unsafe { smtp_transaction_recipient_count(handles[1]) }, 1);
        free(&handles[..2]);
    }

    #[test]
    fn nothing_is_lent_twice() {
        let handles = [(); 2].map(|()| smtp_transaction_new());
        for (array, kind, text) in [
            (vec![handles[0], handles[1], handles[0]], ErrorKind::Misuse, "is transactions[0]"),
            (vec![handles[0], std::ptr::null_mut()], ErrorKind::Misuse, "transactions[1]: the tra"),
        ] {
            let (mut batch, mut with_client) = (Batch::default(), Transactions::new());
            let error = batch.lend(&array, &mut with_client).unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(error.message().contains(text), "{error}");
            batch.give_back(&mut with_client);
            assert_eq!(statuses(&handles), [0, 0]);
        }
        let elsewhere = lend(handles[1]).unwrap();
        let error = Batch::default().lend(&handles[1..], &mut Transactions::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Busy);
        give_back(elsewhere);
        free(&handles);
    }

    #[test]
    fn what_a_fault_has_swallowed_says_so() {
        let handles = [(); 4].map(|()| smtp_transaction_new());
        let mut batch = Batch::default();
        let mut with_client = Transactions::new();
        batch.lend(&handles, &mut with_client).unwrap();
        free(&handles[3..]);
        with_client.truncate(3);
        with_client.remove(1);
        with_client.swap(0, 1);
        batch.give_back(&mut with_client);
        assert_eq!(statuses(&handles), [0, INTERNAL, 0, MISUSE]);
        free(&handles[..3]);
    }
}
