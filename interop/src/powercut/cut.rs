//! What a disk holds after the power was cut.

use super::image::Image;
use super::recording::{Event, Past, Recording};
use crate::random::Random;

/// What became of the writes that no flush had covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fates {
    pub(super) kept: usize,
    pub(super) dropped: usize,
    pub(super) torn: usize,
}

/// What a disk writes whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sectors {
    /// Their size.
    pub(super) bytes: usize,
    /// Numbers of blocks of 4 KiB that are written whole nevertheless.
    pub(super) whole_blocks: Vec<u64>,
}

impl Sectors {
    const BLOCK_BYTES: usize = 4096;

    /// Number of bytes up to the end of the sector at this place.
    fn left_at(&self, offset: u64) -> usize {
        let is_whole = self.whole_blocks.contains(&(offset / Self::BLOCK_BYTES as u64));
        let bytes = if is_whole { self.bytes.max(Self::BLOCK_BYTES) } else { self.bytes };
        bytes - usize::try_from(offset % bytes as u64).unwrap_or_default()
    }
}

/// Cuts the power at the position of `past`: each write that no flush has covered is kept, dropped or torn.
///
/// How many of each differs from cut to cut: sometimes all are kept, or dropped.
pub(super) fn cut(
    recording: &Recording,
    past: &Past,
    sectors: &Sectors,
    random: &mut Random,
) -> (Image, Fates) {
    let kept_percent = random.pick(&[0, 5, 30, 50, 70, 95, 100]);
    let torn_percent = random.pick(&[0, 0, 10, 50]);
    let (mut image, mut fates) = (past.durable.clone(), Fates::default());
    for write in &past.volatile {
        let event = &recording.events[*write];
        match event {
            Event::Write { offset, bytes }
                if bytes.len() > sectors.bytes && random.percent(torn_percent) =>
            {
                fates.torn += 1;
                tear(&mut image, *offset, bytes, sectors, random);
            }
            _ if random.percent(kept_percent) => {
                fates.kept += 1;
                event.apply(&mut image);
            }
            _ => fates.dropped += 1,
        }
    }
    (image, fates)
}

/// Writes some of the sectors: the first ones, the last ones, or any.
fn tear(image: &mut Image, offset: u64, bytes: &[u8], sectors: &Sectors, random: &mut Random) {
    let border = 1 + random.below((bytes.len() - 1).div_ceil(sectors.bytes));
    let kind = random.below(3);
    let (mut offset, mut rest) = (offset, bytes);
    for index in 0.. {
        let (sector, behind) = rest.split_at(rest.len().min(sectors.left_at(offset)));
        let is_kept = match kind {
            0 => index < border,
            1 => index >= border,
            _ => random.percent(50),
        };
        if is_kept {
            image.write(offset, sector);
        }
        if behind.is_empty() {
            break;
        }
        offset += sector.len() as u64;
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Fates, Image, Past, Recording, Sectors, cut, tear};
    use crate::random::Random;

    #[test]
    fn what_is_durable_stays_and_all_else_may_be_lost_in_part() {
        let durable = Event::Write { offset: 0, bytes: vec![1; 4096] };
        let volatile = |page: u64| Event::Write { offset: page * 4096, bytes: vec![2; 4096] };
        let mut events = vec![durable, Event::Completed(0), Event::Flush, Event::Flushed(2)];
        events.extend((1..9).map(volatile));
        let recording = Recording { base: Image::new(10 * 4096), events };
        let mut past = Past::begin(&recording);
        past.advance(&recording, 12);
        let random = &mut Random::new(1, 1);
        let sectors = Sectors { bytes: 512, whole_blocks: Vec::new() };
        let (mut total, mut nothing, mut all) = (Fates::default(), false, false);
        for _ in 0..200 {
            let (image, fates) = cut(&recording, &past, &sectors, random);
            assert_eq!(fates.kept + fates.dropped + fates.torn, 8);
            assert_eq!(image.read(0, 4096), [1; 4096]);
            assert!(image.read(4096, 8 * 4096).iter().all(|byte| [0, 2].contains(byte)));
            assert_eq!(image.read(9 * 4096, 4096), [0; 4096]);
            nothing |= fates.dropped == 8;
            all |= fates.kept == 8;
            total.kept += fates.kept;
            total.dropped += fates.dropped;
            total.torn += fates.torn;
        }
        assert!(nothing && all, "the extremes are tried");
        assert!(total.kept > 200 && total.dropped > 200 && total.torn > 100, "{total:?}");
    }
    #[test]
    fn sectors_are_whole() {
        let random = &mut Random::new(2, 2);
        let mut mixed = 0;
        for _ in 0..100 {
            let mut image = Image::new(16_384);
            let sectors = Sectors { bytes: 2048, whole_blocks: vec![1] };
            tear(&mut image, 1024, &[1; 10_000], &sectors, random);
            let sectors = [1024..2048, 2048..4096, 4096..8192, 8192..10_240, 10_240..11_024];
            let values = sectors.map(|sector| {
                let bytes = image.read(sector.start, sector.count());
                assert!(bytes.iter().all(|byte| *byte == bytes[0]), "one is torn");
                bytes[0]
            });
            mixed += usize::from(values.contains(&0) && values.contains(&1));
        }
        assert!(mixed > 50, "{mixed} are torn");
    }
}
