//! Memory that may not be there: what a new handle needs is asked for, not taken for granted.

use std::mem::MaybeUninit;

use crate::error::{Error, Result};

/// A box, if there is memory for it.
pub fn boxed<T>(value: T) -> Result<Box<T>> {
    Ok(filled(allocate()?, value))
}

/// The second step after [`allocate`]: what cannot be had is known before the value is made.
pub fn filled<T>(mut place: Box<MaybeUninit<T>>, value: T) -> Box<T> {
    place.write(value);
    // SAFETY: just written.
    unsafe { place.assume_init() }
}

/// Memory that may not be there.
pub fn allocate<T>() -> Result<Box<MaybeUninit<T>>> {
    const { assert!(size_of::<T>() > 0) };
    // SAFETY: the layout is not of size 0.
    let place = unsafe { std::alloc::alloc(std::alloc::Layout::new::<T>()) };
    if place.is_null() {
        return Err(Error::out_of_memory());
    }
    // SAFETY: just allocated with the type's layout, which is that of the MaybeUninit.
    Ok(unsafe { Box::from_raw(place.cast()) })
}
