//! The allocator of a module. It takes memory from the end of the heap, and keeps what is given back for blocks of the same size. That
//! is quick, and it is enough where the host sets everything back after each call.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ptr::null_mut;

/// Where a heap has its memory from.
pub(crate) trait Memory {
    /// Where the memory begins, and where it ends now.
    fn bounds() -> (usize, usize);
    /// Makes it reach to a place at least, and gives where it ends then.
    fn reach(end: usize) -> Option<usize>;
}

/// The memory of a WebAssembly module behind its stack and statics.
#[cfg(target_arch = "wasm32")]
struct Linear;

#[cfg(target_arch = "wasm32")]
impl Memory for Linear {
    fn bounds() -> (usize, usize) {
        extern "C" {
            static __heap_base: u8;
        }
        (&raw const __heap_base as usize, core::arch::wasm32::memory_size(0).saturating_mul(PAGE))
    }

    fn reach(end: usize) -> Option<usize> {
        let now = core::arch::wasm32::memory_size(0);
        let wanted = end.div_ceil(PAGE);
        (wanted <= now || core::arch::wasm32::memory_grow(0, wanted - now) != usize::MAX).then(|| wanted.max(now).saturating_mul(PAGE))
    }
}

#[cfg(target_arch = "wasm32")]
const PAGE: usize = 64 << 10;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static HEAP: Heap<Linear> = Heap::new();

/// Sizes and places are multiples of it.
const UNIT: usize = 8;
/// Up to this size there is a class for each size, above it four from each power of two to the next.
const SMALL: usize = 512;
const CLASSES: usize = SMALL / UNIT + 1 + (usize::BITS - SMALL.ilog2()) as usize * 4;

/// An allocator for a program with one thread.
pub(crate) struct Heap<M> {
    blocks: UnsafeCell<Blocks<M>>,
}

struct Blocks<M> {
    next: usize,                // where the part in use ends
    end: usize,                 // where memory ends; 0: nothing was asked for yet
    free: [*mut Free; CLASSES], // blocks that were given back, by their size
    memory: PhantomData<M>,
}

/// A block that was given back.
struct Free {
    next: *mut Free,
}

// SAFETY: WebAssembly without threads, which is all the host runs, has one thread. Tests keep theirs to themselves.
unsafe impl<M> Sync for Heap<M> {}

impl<M> Heap<M> {
    pub(crate) const fn new() -> Self {
        Heap { blocks: UnsafeCell::new(Blocks { next: 0, end: 0, free: [null_mut(); CLASSES], memory: PhantomData }) }
    }
}

/// The size of the blocks that a size is served with, and their class.
#[inline]
fn class(size: usize) -> (usize, usize) {
    if size <= SMALL {
        let units = size.div_ceil(UNIT);
        return (units * UNIT, units);
    }
    large(size)
}

#[inline(never)]
fn large(size: usize) -> (usize, usize) {
    let power = (size - 1).ilog2();
    let step = 1 << (power - 2);
    let quarter = ((size - 1) / step) & 3;
    (((size - 1) | (step - 1)) + 1, SMALL / UNIT + 1 + (power - SMALL.ilog2()) as usize * 4 + quarter)
}

impl<M: Memory> Blocks<M> {
    /// Takes a block from the end; null: there is no memory left.
    fn take(&mut self, size: usize, align: usize) -> *mut u8 {
        let start = self.next.next_multiple_of(align.max(UNIT));
        match self.extend(start, size) {
            true => start as *mut u8,
            false => self.take_more(size, align),
        }
    }

    #[cold]
    #[inline(never)]
    fn take_more(&mut self, size: usize, align: usize) -> *mut u8 {
        if self.end == 0 {
            (self.next, self.end) = M::bounds();
        }
        let start = self.next.next_multiple_of(align.max(UNIT));
        match self.extend(start, size) || self.reach(start, size) {
            true => start as *mut u8,
            false => null_mut(),
        }
    }

    /// Lets the part in use end with a block, if there is room.
    fn extend(&mut self, start: usize, size: usize) -> bool {
        match start.checked_add(size) {
            Some(next) if next <= self.end => {
                self.next = next;
                true
            }
            _ => false,
        }
    }

    /// Does so in memory that must be got first.
    #[cold]
    #[inline(never)]
    fn reach(&mut self, start: usize, size: usize) -> bool {
        let Some(end) = start.checked_add(size).and_then(M::reach) else { return false };
        self.end = end;
        self.extend(start, size)
    }
}

// SAFETY: a block lies in memory that nothing else uses, and is lent once at a time: it comes from the end, which moves behind it, or
// from its class, which it leaves. All of a class have its size, and begin at a multiple of UNIT.
unsafe impl<M: Memory> GlobalAlloc for Heap<M> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let blocks = &mut *self.blocks.get();
        let (size, class) = class(layout.size());
        let block = blocks.free[class];
        if block.is_null() || block as usize & (layout.align() - 1) != 0 {
            return blocks.take(size, layout.align());
        }
        blocks.free[class] = (*block).next;
        block.cast()
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        let blocks = &mut *self.blocks.get();
        let (size, class) = class(layout.size());
        if ptr as usize + size == blocks.next {
            blocks.next = ptr as usize;
            return;
        }
        let block: *mut Free = ptr.cast();
        (*block).next = blocks.free[class];
        blocks.free[class] = block;
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let blocks = &mut *self.blocks.get();
        let (old, new) = (class(layout.size()).0, class(size).0);
        let last = ptr as usize + old == blocks.next;
        if old == new || last && (blocks.extend(ptr as usize, new) || blocks.reach(ptr as usize, new)) {
            return ptr;
        }
        let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
        if !moved.is_null() {
            core::ptr::copy_nonoverlapping(ptr, moved, layout.size().min(size));
            self.dealloc(ptr, layout);
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// A mebibyte for each test, of which a page is there at first.
    struct Arena;

    const ROOM: usize = 1 << 20;
    const PAGE: usize = 4 << 10;

    fn base() -> usize {
        std::thread_local! {
            static BASE: usize = Vec::<u128>::with_capacity(ROOM / 16).leak().as_ptr() as usize;
        }
        BASE.with(|base| *base)
    }

    impl Memory for Arena {
        fn bounds() -> (usize, usize) {
            (base(), base() + PAGE)
        }

        fn reach(end: usize) -> Option<usize> {
            (end <= base() + ROOM).then(|| end.next_multiple_of(16))
        }
    }

    /// Takes, lengthens and gives back blocks of all sizes in an order without sense. Each keeps what was written to it.
    #[test]
    fn keeps_blocks_apart() {
        let heap = Heap::<Arena>::new();
        let mut seed = 1u64;
        let mut draw = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        let mut held: Vec<(*mut u8, Layout, u8)> = Vec::new();
        let (mut refused, mut lengthened) = (0, 0);
        for round in 0..20_000 {
            let size = 1 + if draw(8) == 0 { draw(20_000) } else { draw(600) };
            let fill = round as u8;
            match draw(if held.len() < 40 { 3 } else { 8 }) {
                0 | 1 => {
                    let layout = Layout::from_size_align(size, 1 << draw(5)).unwrap();
                    let block = unsafe { heap.alloc(layout) };
                    if block.is_null() {
                        refused += 1;
                        continue;
                    }
                    assert!(block as usize % layout.align() == 0, "{layout:?} at {block:?}");
                    assert!(block as usize >= base() && block as usize + size <= base() + ROOM, "{layout:?} at {block:?}");
                    unsafe { block.write_bytes(fill, size) };
                    held.push((block, layout, fill));
                }
                2 if !held.is_empty() => {
                    let n = draw(held.len());
                    let (block, layout, fill) = held[n];
                    let moved = unsafe { heap.realloc(block, layout, size) };
                    if !moved.is_null() {
                        lengthened += usize::from(size > layout.size());
                        check(moved, layout.size().min(size), fill);
                        assert!(moved as usize % layout.align() == 0, "{layout:?} at {moved:?}");
                        unsafe { moved.write_bytes(fill, size) };
                        held[n] = (moved, Layout::from_size_align(size, layout.align()).unwrap(), fill);
                    }
                }
                _ if !held.is_empty() => {
                    let (block, layout, fill) = held.swap_remove(draw(held.len()));
                    check(block, layout.size(), fill);
                    unsafe { heap.dealloc(block, layout) };
                }
                _ => {}
            }
        }
        assert!(lengthened > 500 && refused == 0, "{lengthened} lengthened, {refused} refused");
    }

    fn check(block: *const u8, size: usize, fill: u8) {
        let bytes = unsafe { core::slice::from_raw_parts(block, size) };
        assert!(bytes.iter().all(|b| *b == fill), "a block lost what it held");
    }

    /// Each size has one class, and a class one size, which is at most a quarter more than what was asked for.
    #[test]
    fn classes_fit() {
        let mut before = (0, 0);
        for size in (1..100_000).chain((17..31).flat_map(|n| [(1 << n) - 1, 1 << n, (1 << n) + 1])) {
            let (block, class) = class(size);
            assert!(block >= size && block < size + UNIT.max(size / 4 + 1) && block % UNIT == 0 && class < CLASSES, "{size}: {block}, {class}");
            assert!(before.0 == block && before.1 == class || before.0 < block && before.1 < class, "{size}: {block}, {class} after {before:?}");
            before = (block, class);
        }
    }

    /// A loop that takes and gives back needs no more than one round of it, and what does not fit is refused.
    #[test]
    fn uses_blocks_again() {
        let heap = Heap::<Arena>::new();
        let layout = |size| Layout::from_size_align(size, 8).unwrap();
        for _ in 0..10_000 {
            let layouts = [layout(3000), layout(40), Layout::from_size_align(64, 64).unwrap(), layout(8), layout(700)];
            for (block, layout) in layouts.map(|layout| (unsafe { heap.alloc(layout) }, layout)) {
                assert!(!block.is_null() && block as usize % layout.align() == 0);
                unsafe { heap.dealloc(block, layout) };
            }
        }
        let last = unsafe { heap.alloc(layout(16)) };
        assert!((last as usize) < base() + 8 * PAGE);
        assert!(unsafe { heap.alloc(layout(2 * ROOM)) }.is_null());
        assert!(unsafe { heap.realloc(last, layout(16), 2 * ROOM) }.is_null());
    }
}
