//! Buffers that a connection borrows only while bytes are there.
//!
//! A connection at rest owns none: read buffers come from a pool of the thread when the socket has
//! bytes and go back when these are used up; a write buffer exists only while bytes wait to be
//! written. Both may move between threads with their connection.

mod batch;
mod read;

use core::cell::RefCell;
use std::thread::LocalKey;

pub use batch::Batch;
pub(crate) use batch::SOFT_LIMIT;
pub(crate) use read::ReadBuffer;

/// Buffers of each kind that a thread keeps.
const KEEP_BUFFERS: usize = 32;

/// What a thread keeps of one kind of buffer.
type Pool<T> = RefCell<Vec<Box<T>>>;

fn keep<T>(pool: &'static LocalKey<Pool<T>>, buffer: Box<T>) {
    // A thread that is ending has no pool any more: the buffer is then freed.
    let _ = pool.try_with(|pool| {
        let mut pool = pool.borrow_mut();
        if pool.len() < KEEP_BUFFERS {
            pool.push(buffer);
        }
    });
}
