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

#[cfg(target_arch = "wasm32")]
mod imports {
    mod raw {
        #[link(wasm_import_module = "ostiary_v1")]
        extern "C" {
            pub fn log(level: i32, ptr: *const u8, len: usize);
        }
    }

    pub fn log(level: i32, text: &str) {
        // SAFETY: the host reads the bytes of a living text.
        unsafe { raw::log(level, text.as_ptr(), text.len()) }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod imports {
    pub fn log(_level: i32, _text: &str) {
        #[cfg(feature = "std")]
        std::eprintln!("plugin: {_text}");
    }
}

/// Lets a panic say in the operator's log what happened and where, before it ends the call.
pub(crate) fn catch_panics() {
    #[cfg(all(feature = "std", target_arch = "wasm32"))]
    std::panic::set_hook(std::boxed::Box::new(|panic| log(Level::Error, &alloc::format!("{panic}"))));
}
