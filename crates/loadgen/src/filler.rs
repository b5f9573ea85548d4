//! Generates pixel data.

use clap::ValueEnum;

/// Content of the pixel data of a generated object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Filler {
    /// Zeros.
    Zeros,
    /// 16-bit little endian grey values around 1024 with six bits of noise; like real scans, they can be
    /// compressed to about half their size.
    Noise,
}

impl Filler {
    /// Returns the first `count` bytes, which are always the same.
    pub fn bytes(self, count: usize) -> Vec<u8> {
        match self {
            Self::Zeros => vec![0; count],
            Self::Noise => noise().flat_map(u16::to_le_bytes).take(count).collect(),
        }
    }
}

fn noise() -> impl Iterator<Item = u16> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    std::iter::repeat_with(move || {
        // xorshift64 (Marsaglia)
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        1024 + (state % 64) as u16
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_noise_of_six_bits() {
        let bytes = Filler::Noise.bytes(20_000);
        let mut counts = [0; 64];
        for value in bytes.chunks_exact(2) {
            assert_eq!(value[1], 4);
            counts[usize::from(value[0])] += 1;
        }
        assert!(counts.iter().all(|count| (100..=220).contains(count)), "{counts:?}");
        assert_eq!(Filler::Noise.bytes(99), bytes[..99]);
    }
}
