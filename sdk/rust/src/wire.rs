//! The module's side of the wire: the buffers, and what the exports of [`plugin!`](crate::plugin) do.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::UnsafeCell;

use crate::host::{log, Level};
use crate::plugin::{accepted, refused, Plugin, Running};
use crate::value::Value;

/// What a module keeps between the host's calls. A module runs one call at a time on one thread.
pub struct Guest<S: 'static> {
    inner: UnsafeCell<Inner<S>>,
}

struct Inner<S: 'static> {
    input: Vec<u8>,
    output: String,
    running: Option<Running<S>>,
}

// SAFETY: WebAssembly without threads, which is all the host runs, has one thread.
unsafe impl<S> Sync for Guest<S> {}

impl<S> Guest<S> {
    /// A guest without a configuration yet.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Guest { inner: UnsafeCell::new(Inner { input: Vec::new(), output: String::new(), running: None }) }
    }

    #[allow(clippy::mut_from_ref)]
    fn inner(&self) -> &mut Inner<S> {
        // SAFETY: one thread, and no export is called while another one runs: host functions never call back.
        unsafe { &mut *self.inner.get() }
    }

    /// Gives the host `size` bytes to write into.
    pub fn alloc(&self, size: usize) -> *mut u8 {
        let input = &mut self.inner().input;
        if input.len() < size {
            *input = vec![0; size.max(USUAL)];
        }
        input.as_mut_ptr()
    }

    /// Serves `ostiary_configure`.
    pub fn configure(&self, plugin: &'static Plugin<S>, size: usize) -> u64 {
        crate::host::catch_panics();
        let inner = self.inner();
        let setup = text(&inner.input, size);
        inner.output = match plugin.take(Value::of(setup)) {
            Ok(running) => {
                inner.running = Some(running);
                accepted()
            }
            Err(text) => refused(&text),
        };
        make_room();
        place(&inner.output)
    }

    /// Serves a hook. What the host wrote is JSON without spaces around it, valid because the host wrote it.
    pub fn ask(&self, hook: &str, size: usize) -> u64 {
        let inner = self.inner();
        let input = text(&inner.input, size);
        let answer = match &inner.running {
            Some(running) => running.answer(hook, Value::of(input)),
            None => Err(String::from("the plugin was not configured")),
        };
        match answer {
            Ok(answer) => inner.output = answer,
            Err(text) => {
                log(Level::Error, &text);
                return 0;
            }
        }
        place(&inner.output)
    }
}

/// Bytes of an input that most calls stay within.
const USUAL: usize = 4 << 10;

/// Takes memory that a call with much to read may need, and gives it back. A memory that grows during a call cannot be set back: the
/// host would make a new instance after each. Where there is no more memory, calls make do with what there is.
fn make_room() {
    let mut room: Vec<u8> = Vec::new();
    let _ = room.try_reserve_exact(256 << 10);
    core::hint::black_box(&room);
}

/// What the host wrote.
fn text(input: &[u8], size: usize) -> &str {
    // SAFETY: the host writes JSON, which is UTF-8; it checks what it lets in and writes nothing else.
    unsafe { core::str::from_utf8_unchecked(input.get(..size).unwrap_or_default()) }
}

fn place(answer: &str) -> u64 {
    (answer.as_ptr() as u64) << 32 | answer.len() as u64
}

/// The exports of a module, by [`plugin!`](crate::plugin).
#[doc(hidden)]
#[macro_export]
macro_rules! exports {
    ($state:ty, $($hook:ident)+) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            static GUEST: $crate::wire::Guest<$state> = $crate::wire::Guest::new();

            #[unsafe(no_mangle)]
            extern "C" fn ostiary_abi_v1() -> i32 {
                $crate::abi::MINOR
            }

            #[unsafe(no_mangle)]
            extern "C" fn ostiary_alloc(size: usize) -> *mut u8 {
                GUEST.alloc(size)
            }

            #[unsafe(no_mangle)]
            extern "C" fn ostiary_configure(_: *const u8, size: usize) -> u64 {
                GUEST.configure(&PLUGIN, size)
            }

            $(
                #[unsafe(no_mangle)]
                extern "C" fn $hook(_: *const u8, size: usize) -> u64 {
                    GUEST.ask(stringify!($hook), size)
                }
            )+
        };
    };
}
