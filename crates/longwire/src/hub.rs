//! A client of the Longwire hub that comes back: one logical connection across drops, over
//! WebSocket or over Server-Sent Events and POST.
//!
//! ```no_run
//! use longwire::hub::{Event, FileStore};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut hub = longwire::connect("https://hub.example/.well-known/mercure")
//!     .topic("prices")
//!     .store(FileStore::new("prices.position"))
//!     .open()?;
//! while let Some(event) = hub.next().await {
//!     match event {
//!         Event::Message(message) => println!("{:?}", message.data),
//!         Event::Missed(missed) => println!("events may be missing: {:?}", missed.reason),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Each event is delivered at most once per process, and in order. What may be missing is said by
//! [`Event::Missed`] before the next event. An event counts as handled when the next one is asked
//! for (or, with [`Connect::handled_by_hand`], when the application says so); only then does the
//! position move that the next process resumes from.
//!
//! # Where decisions are made
//!
//! In [`hub_protocol::Client`], which does no IO. This module asks for URL and token, opens
//! connections and moves bytes. It has no task of its own: everything happens while
//! [`Reconnecting::next`] is polled, and nothing is left when it is dropped. Poll it always: while
//! it is not polled no ping is answered, and the hub sends a client away that does not read.
//!
//! # Exactly once
//!
//! Keep the position in the same transaction as the effect of the event, in a database of your own:
//!
//! ```no_run
//! # use longwire::hub::{Event, Start};
//! # struct Database; struct Transaction;
//! # impl Database {
//! #     async fn position(&self) -> String { String::new() }
//! #     async fn begin(&self) -> Transaction { Transaction }
//! # }
//! # impl Transaction {
//! #     async fn apply(&mut self, _: &longwire::hub::Data) {}
//! #     async fn set_position(&mut self, _: &str) {}
//! #     async fn commit(self) {}
//! # }
//! # async fn example(database: Database) -> Result<(), Box<dyn std::error::Error>> {
//! let mut hub = longwire::connect("https://hub.example/.well-known/mercure")
//!     .topic("orders")
//!     .start(Start::parse(database.position().await.as_bytes()))
//!     .open()?;
//! while let Some(event) = hub.next().await {
//!     if let Event::Message(message) = event {
//!         let mut transaction = database.begin().await;
//!         transaction.apply(&message.data).await;
//!         if let Some(position) = message.receipt.start() {
//!             transaction.set_position(&position.to_string()).await;
//!         }
//!         transaction.commit().await;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! An event that was applied, but whose transaction was not committed, comes again in the next
//! process; one that was committed does not.

mod attempt;
mod connect;
mod reconnecting;
mod store;
mod target;

pub use hub_protocol::{
    Carrier, ClientEvent as Event, Data, End, ErrorCode, Message, Missed, Outcome, PublishForm,
    PublishRefused, Receipt, SelectorError, SkipReason, Skipped, TopicSelector,
};
pub use resume::{BackoffConfig, Finished, GapReason, Position, Start, State};

pub use connect::{Connect, connect};
pub use reconnecting::Reconnecting;
pub use store::{FileStore, MemoryStore, PositionStore, StoreFuture};
pub use target::{Ask, NoTarget, Target};
