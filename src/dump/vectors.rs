//! Instructions that look at many bytes at once: the widest that this machine has.

use wide::{CmpEq, CmpLt, i8x16};

use super::blocks::BLOCK;

/// What bytes of a block are like: a bit each, the lowest is the first byte's.
pub(crate) trait Vectors: Copy {
    type Block: Copy;

    fn load(self, block: &[u8; BLOCK]) -> Self::Block;

    /// The block with `bit` set in each byte.
    fn with_bit(self, block: Self::Block, bit: u8) -> Self::Block;

    /// Which bytes are `byte`.
    fn equal(self, block: Self::Block, byte: u8) -> u64;

    /// Which bytes are less than `byte`, which has seven bits; those of eight bits are, too.
    fn less(self, block: Self::Block, byte: u8) -> u64;

    /// Which bytes have eight bits.
    fn eights(self, block: Self::Block) -> u64;
}

/// What is done with the vectors of this machine; all that it calls should be inlined always.
pub(crate) trait WithVectors {
    type Output;

    fn run<V: Vectors>(self, vectors: V) -> Self::Output;
}

/// The widest vectors of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Widest {
    #[cfg(target_arch = "x86_64")]
    avx512: Option<pulp::x86::V4>,
    #[cfg(target_arch = "x86_64")]
    avx2: Option<pulp::x86::V3>,
}

impl Default for Widest {
    fn default() -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            avx512: pulp::x86::V4::try_new(),
            #[cfg(target_arch = "x86_64")]
            avx2: pulp::x86::V3::try_new(),
        }
    }
}

impl Widest {
    #[inline(always)]
    pub(crate) fn run<T: WithVectors>(self, task: T) -> T::Output {
        #[cfg(target_arch = "x86_64")]
        match self {
            Self {
                avx512: Some(avx512),
                ..
            } => return avx512.vectorize(x86::Run(avx512, task)),
            Self {
                avx2: Some(avx2), ..
            } => return avx2.vectorize(x86::Run(avx2, task)),
            _ => {}
        }
        task.run(Narrow)
    }

    /// Those of 256 bits at most: for what goes by single words, a compiler makes worse code of wider ones.
    pub(crate) fn narrow(self) -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            avx512: None,
            ..self
        }
    }
}

/// Vectors that every machine has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Narrow;

impl Vectors for Narrow {
    type Block = [i8x16; 4];

    #[inline(always)]
    fn load(self, block: &[u8; BLOCK]) -> Self::Block {
        bytemuck::cast(*block)
    }

    #[inline(always)]
    fn with_bit(self, [first, second, third, fourth]: Self::Block, bit: u8) -> Self::Block {
        let bit = i8x16::splat(bit as i8);
        [first | bit, second | bit, third | bit, fourth | bit]
    }

    #[inline(always)]
    fn equal(self, block: Self::Block, byte: u8) -> u64 {
        let byte = i8x16::splat(byte as i8);
        bits(block, |lane| lane.cmp_eq(byte))
    }

    #[inline(always)]
    fn less(self, block: Self::Block, byte: u8) -> u64 {
        let byte = i8x16::splat(byte as i8);
        bits(block, |lane| lane.cmp_lt(byte))
    }

    #[inline(always)]
    fn eights(self, block: Self::Block) -> u64 {
        bits(block, |lane| lane)
    }
}

/// The bits of the bytes that `test` makes negative. Without a loop or a map, which do not become as few instructions.
#[inline(always)]
fn bits([first, second, third, fourth]: [i8x16; 4], test: impl Fn(i8x16) -> i8x16) -> u64 {
    let bits = |lane| u64::from(test(lane).move_mask() as u16);
    bits(first) | bits(second) << 16 | bits(third) << 32 | bits(fourth) << 48
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m256i, __m512i};

    use pulp::{
        NullaryFnOnce,
        x86::{V3, V4},
    };

    use super::{BLOCK, Vectors, WithVectors};

    /// A task with all instructions that there are.
    pub(crate) struct Run<V, T>(pub(crate) V, pub(crate) T);

    impl<V: Vectors, T: WithVectors> NullaryFnOnce for Run<V, T> {
        type Output = T::Output;

        #[inline(always)]
        fn call(self) -> T::Output {
            self.1.run(self.0)
        }
    }

    impl Vectors for V4 {
        type Block = __m512i;

        #[inline(always)]
        fn load(self, block: &[u8; BLOCK]) -> Self::Block {
            bytemuck::cast(*block)
        }

        #[inline(always)]
        fn with_bit(self, block: Self::Block, bit: u8) -> Self::Block {
            let bit = self.avx512f._mm512_set1_epi8(bit as i8);
            self.avx512f._mm512_or_si512(block, bit)
        }

        #[inline(always)]
        fn equal(self, block: Self::Block, byte: u8) -> u64 {
            let byte = self.avx512f._mm512_set1_epi8(byte as i8);
            self.avx512bw._mm512_cmpeq_epi8_mask(block, byte)
        }

        #[inline(always)]
        fn less(self, block: Self::Block, byte: u8) -> u64 {
            let byte = self.avx512f._mm512_set1_epi8(byte as i8);
            self.avx512bw._mm512_cmplt_epi8_mask(block, byte)
        }

        #[inline(always)]
        fn eights(self, block: Self::Block) -> u64 {
            self.avx512bw._mm512_movepi8_mask(block)
        }
    }

    impl Vectors for V3 {
        type Block = [__m256i; 2];

        #[inline(always)]
        fn load(self, block: &[u8; BLOCK]) -> Self::Block {
            bytemuck::cast(*block)
        }

        #[inline(always)]
        fn with_bit(self, [first, second]: Self::Block, bit: u8) -> Self::Block {
            let bit = self.avx._mm256_set1_epi8(bit as i8);
            let with_bit = |half| self.avx2._mm256_or_si256(half, bit);
            [with_bit(first), with_bit(second)]
        }

        #[inline(always)]
        fn equal(self, block: Self::Block, byte: u8) -> u64 {
            let byte = self.avx._mm256_set1_epi8(byte as i8);
            bits(self, block, |half| self.avx2._mm256_cmpeq_epi8(half, byte))
        }

        #[inline(always)]
        fn less(self, block: Self::Block, byte: u8) -> u64 {
            let byte = self.avx._mm256_set1_epi8(byte as i8);
            bits(self, block, |half| self.avx2._mm256_cmpgt_epi8(byte, half))
        }

        #[inline(always)]
        fn eights(self, block: Self::Block) -> u64 {
            bits(self, block, |half| half)
        }
    }

    #[inline(always)]
    fn bits(v3: V3, [first, second]: [__m256i; 2], test: impl Fn(__m256i) -> __m256i) -> u64 {
        let bits = |half| u64::from(v3.avx2._mm256_movemask_epi8(test(half)) as u32);
        bits(first) | bits(second) << 32
    }
}
