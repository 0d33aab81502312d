//! The wire, as `sdk/README.md` describes it: its version, its words and its bounds.

/// The major version; also part of the names `ostiary_abi_v1` and `ostiary_v1`.
pub const MAJOR: i64 = 1;
/// The minor version this crate was written for.
pub const MINOR: i32 = 0;

/// Warnings of one answer.
pub const MAX_WARNINGS: usize = 8;
/// Characters of one warning.
pub const MAX_WARNING: usize = 200;
/// Bytes of the description of a refusal.
pub const MAX_DESCRIPTION: usize = 400;
/// Arrays and objects inside each other, in what [`crate::Value::parse`] takes.
pub const MAX_DEPTH: usize = 16;
