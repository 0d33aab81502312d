//! Sixteen bytes that are looked at at once: most of a document is text, and a loop costs fuel.
//!
//! A compiler inlines this only into functions that have vector instructions too; that is why the loops of scan.rs and those that
//! call them say `target_feature`.

#[cfg(target_arch = "wasm32")]
use core::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, v128, v128_load, v128_or};

pub(crate) const SIZE: usize = 16;

/// The bit that tells { from [ and } from ].
const SMALL: u8 = b'{' ^ b'[';

/// Some bytes of a text. What is asked of them is answered with a bit for each of them; the first one's is the lowest.
#[derive(Clone, Copy)]
#[cfg(target_arch = "wasm32")]
pub(crate) struct Chunk(v128);

#[cfg(target_arch = "wasm32")]
impl Chunk {
    #[inline]
    #[target_feature(enable = "simd128")]
    pub(crate) fn of(bytes: &[u8; SIZE]) -> Self {
        // SAFETY: they are as many as a vector has, which may begin anywhere.
        Chunk(unsafe { v128_load(bytes.as_ptr().cast()) })
    }

    /// Which bytes are this one.
    #[inline]
    #[target_feature(enable = "simd128")]
    pub(crate) fn is(self, byte: u8) -> u32 {
        u32::from(u8x16_bitmask(u8x16_eq(self.0, u8x16_splat(byte))))
    }

    /// Which bytes are less than this one.
    #[inline]
    #[target_feature(enable = "simd128")]
    pub(crate) fn is_below(self, byte: u8) -> u32 {
        u32::from(u8x16_bitmask(u8x16_lt(self.0, u8x16_splat(byte))))
    }

    /// The bytes with the bit SMALL, so that [ is { and ] is }.
    #[inline]
    #[target_feature(enable = "simd128")]
    pub(crate) fn small(self) -> Self {
        Chunk(v128_or(self.0, u8x16_splat(SMALL)))
    }
}

/// The same where tests run.
#[derive(Clone, Copy)]
#[cfg(not(target_arch = "wasm32"))]
pub(crate) struct Chunk([u8; SIZE]);

#[cfg(not(target_arch = "wasm32"))]
impl Chunk {
    pub(crate) fn of(bytes: &[u8; SIZE]) -> Self {
        Chunk(*bytes)
    }

    pub(crate) fn is(self, byte: u8) -> u32 {
        self.marks(|c| c == byte)
    }

    pub(crate) fn is_below(self, byte: u8) -> u32 {
        self.marks(|c| c < byte)
    }

    pub(crate) fn small(self) -> Self {
        Chunk(self.0.map(|c| c | SMALL))
    }

    fn marks(self, wanted: impl Fn(u8) -> bool) -> u32 {
        self.0.iter().rev().fold(0, |marks, c| marks << 1 | u32::from(wanted(*c)))
    }
}
