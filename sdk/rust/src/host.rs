//! What the host offers.

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For whoever looks for a mistake.
    Debug = 0,
    /// As it should be.
    Info = 1,
    /// Somebody should look.
    Warn = 2,
    /// Something failed.
    Error = 3,
}

/// Writes a line to the operator's log, under the plugin's name. Of one call 32 lines are kept, of a line 1,024 bytes. Under
/// `cargo test` it goes to the standard error.
pub fn log(level: Level, text: &str) {
    imports::log(level as i32, text);
}

/// The imports. Each is reached through one function only: the linker leaves out what nothing reaches, and what is left out is not
/// imported. Natively a [`Fake`](crate::Fake) stands in for the host.
#[cfg(target_arch = "wasm32")]
pub(crate) mod imports {
    use alloc::vec;
    use alloc::vec::Vec;

    use crate::abi::BAD_ARGUMENT;

    mod raw {
        #[link(wasm_import_module = "ostiary_v1")]
        extern "C" {
            pub fn log(level: i32, ptr: *const u8, len: usize);
            pub fn take(ptr: *mut u8, len: usize) -> i32;
            pub fn now() -> i64;
            pub fn random(ptr: *mut u8, len: usize) -> i32;
            pub fn kv_get(key: *const u8, len: usize) -> i32;
            pub fn kv_put(key: *const u8, key_len: usize, value: *const u8, value_len: usize, ttl: i64) -> i32;
            pub fn kv_delete(key: *const u8, len: usize) -> i32;
            pub fn http(ptr: *const u8, len: usize) -> i32;
            pub fn secret(ptr: *const u8, len: usize) -> i32;
            pub fn policy_eval(ptr: *const u8, len: usize) -> i32;
        }
    }

    /// Fetches the answer of so many bytes.
    fn answer(size: i32) -> Result<Vec<u8>, i32> {
        let Ok(length) = usize::try_from(size) else { return Err(size) };
        let mut bytes = vec![0; length];
        if length > 0 {
            // SAFETY: the host writes at most the length of bytes.
            let taken = unsafe { raw::take(bytes.as_mut_ptr(), length) };
            bytes.truncate(usize::try_from(taken).map_err(|_| BAD_ARGUMENT)?);
        }
        Ok(bytes)
    }

    pub fn log(level: i32, text: &str) {
        // SAFETY: here and below the host reads the bytes of living slices.
        unsafe { raw::log(level, text.as_ptr(), text.len()) }
    }

    pub fn now() -> i64 {
        // SAFETY: nothing is given.
        unsafe { raw::now() }
    }

    pub fn random(bytes: &mut [u8]) -> i32 {
        // SAFETY: the host writes at most the length of bytes.
        unsafe { raw::random(bytes.as_mut_ptr(), bytes.len()) }
    }

    pub fn kv_get(key: &str) -> Result<Vec<u8>, i32> {
        answer(unsafe { raw::kv_get(key.as_ptr(), key.len()) })
    }

    pub fn kv_put(key: &str, value: &[u8], ttl: i64) -> i32 {
        unsafe { raw::kv_put(key.as_ptr(), key.len(), value.as_ptr(), value.len(), ttl) }
    }

    pub fn kv_delete(key: &str) -> i32 {
        unsafe { raw::kv_delete(key.as_ptr(), key.len()) }
    }

    pub fn http(request: &str) -> Result<Vec<u8>, i32> {
        answer(unsafe { raw::http(request.as_ptr(), request.len()) })
    }

    pub fn secret(request: &str) -> Result<Vec<u8>, i32> {
        answer(unsafe { raw::secret(request.as_ptr(), request.len()) })
    }

    pub fn policy_eval(request: &str) -> Result<Vec<u8>, i32> {
        answer(unsafe { raw::policy_eval(request.as_ptr(), request.len()) })
    }
}

#[cfg(all(not(target_arch = "wasm32"), feature = "std"))]
pub(crate) use crate::fake::imports;

/// Without std there is nothing that could stand in for the host.
#[cfg(all(not(target_arch = "wasm32"), not(feature = "std")))]
pub(crate) mod imports {
    use alloc::vec::Vec;

    use crate::abi::UNAVAILABLE;

    pub fn log(_: i32, _: &str) {}
    pub fn now() -> i64 {
        0
    }
    pub fn random(_: &mut [u8]) -> i32 {
        UNAVAILABLE
    }
    pub fn kv_get(_: &str) -> Result<Vec<u8>, i32> {
        Err(UNAVAILABLE)
    }
    pub fn kv_put(_: &str, _: &[u8], _: i64) -> i32 {
        UNAVAILABLE
    }
    pub fn kv_delete(_: &str) -> i32 {
        UNAVAILABLE
    }
    pub fn http(_: &str) -> Result<Vec<u8>, i32> {
        Err(UNAVAILABLE)
    }
    pub fn secret(_: &str) -> Result<Vec<u8>, i32> {
        Err(UNAVAILABLE)
    }
    pub fn policy_eval(_: &str) -> Result<Vec<u8>, i32> {
        Err(UNAVAILABLE)
    }
}

/// Lets a panic say in the operator's log what happened and where, before it ends the call.
pub(crate) fn catch_panics() {
    #[cfg(all(feature = "std", target_arch = "wasm32"))]
    std::panic::set_hook(std::boxed::Box::new(|panic| log(Level::Error, &alloc::format!("{panic}"))));
}
