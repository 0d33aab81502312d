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
/// Bytes of the extra members of a refusal, as JSON.
pub const MAX_EXTRA: usize = 1 << 10;
/// Extra members of a refusal.
pub const MAX_EXTRAS: usize = 8;
/// The members that an error answer has itself: a refusal may have none of them as an extra.
pub const OWN_IN_ERROR: [&str; 15] = [
    "error", "error_description", "error_uri", "errors", "decision_id", "warnings", "registration_status", "state", "iss", "type",
    "title", "status", "detail", "instance", "code",
];
/// Arrays and objects inside each other, in what [`crate::Value::parse`] takes.
pub const MAX_DEPTH: usize = 16;

/// Why an import refused: there is no such value.
pub const ABSENT: i32 = -1;
/// Not granted: this host, method, key or rule.
pub const DENIED: i32 = -2;
/// What was given cannot be understood.
pub const BAD_ARGUMENT: i32 = -3;
/// Over a bound, or the quota is full.
pub const TOO_LARGE: i32 = -4;
/// It failed, or took too long.
pub const UNAVAILABLE: i32 = -5;
/// Nothing goes out of a simulation.
pub const IN_SIMULATION: i32 = -6;
/// This call has used up what it may do.
pub const BUDGET: i32 = -7;
/// Nothing can be kept here.
pub const READ_ONLY: i32 = -8;
