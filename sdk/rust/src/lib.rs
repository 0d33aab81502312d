//! What a plugin for Ostiary is written with, in Rust:
//!
//! ```
//! use ostiary_plugin::{plugin, Call, Outcome};
//!
//! fn shape(c: &mut Call) -> Outcome {
//!     if c.client.contacts().is_empty() {
//!         c.patch.set("contacts", ["clients@example.com"]);
//!     }
//!     Ok(())
//! }
//!
//! plugin! { pre_register: shape, pre_update: shape }
//! # fn main() {}
//! ```
//!
//! Built as a `cdylib` for `wasm32-unknown-unknown`, the macro's functions are the module's exports. Built for any other target the
//! same code runs under `cargo test`: see [`Plugin::set_up`] and [`Running::run`].
//!
//! The road of a call: `wire.rs` takes the bytes, `call.rs` finds in them what a [`Call`] is about, `plugin.rs` asks the function and
//! writes the answer. JSON is looked at where it stands, when it is asked for (`view.rs`, `metadata.rs`), many bytes at a time
//! (`scan.rs`, `chunk.rs`), and nothing is copied that need not be; what a plugin makes is a [`Json`]. A call keeps nothing: the host
//! resets the module's memory after each one.
#![cfg_attr(not(feature = "std"), no_std)]
#![warn(missing_docs)]

extern crate alloc;

pub mod abi;
pub mod base64;
mod call;
mod capability;
mod check;
mod chunk;
#[cfg(all(not(target_arch = "wasm32"), feature = "std"))]
mod fake;
mod fault;
#[cfg(all(feature = "allocator", any(target_arch = "wasm32", test)))]
mod heap;
mod host;
mod json;
mod metadata;
mod plugin;
mod scan;
mod value;
mod view;
#[doc(hidden)]
pub mod wire;

pub use call::{Call, Keys, Patch};
pub use capability::{CapabilityError, Refusal, Request, Response, Signature};
#[cfg(all(not(target_arch = "wasm32"), feature = "std"))]
pub use fake::Fake;
pub use fault::{reject, Code, Fault, Outcome, Rejection};
pub use host::{log, Level};
pub use json::{Json, Object};
pub use metadata::Metadata;
#[doc(hidden)]
pub use plugin::hooks;
pub use plugin::{Plugin, Running, Serve};
pub use value::{Items, Members, Value};
pub use view::{AlternativeNames, Caller, Certificate, Context, InitialAccessToken, Signed, Token};
