//! What a disk holds after the power was cut.

use super::image::Image;
use super::recording::{Event, Past, Recording};
use crate::random::Random;

/// A disk writes a sector whole or not at all.
const SECTOR_BYTES: usize = 512;

/// What became of the writes that no flush had covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fates {
    pub(super) kept: usize,
    pub(super) dropped: usize,
    pub(super) torn: usize,
}

/// Cuts the power at the position of `past`: each write that no flush has covered is kept, dropped or torn.
///
/// How many of each differs from cut to cut: sometimes all are kept, or dropped.
pub(super) fn cut(recording: &Recording, past: &Past, random: &mut Random) -> (Image, Fates) {
    let kept_percent = random.pick(&[0, 5, 30, 50, 70, 95, 100]);
    let torn_percent = random.pick(&[0, 0, 10, 50]);
    let (mut image, mut fates) = (past.durable.clone(), Fates::default());
    for write in &past.volatile {
        let event = &recording.events[*write];
        match event {
            Event::Write { offset, bytes }
                if bytes.len() > SECTOR_BYTES && random.percent(torn_percent) =>
            {
                fates.torn += 1;
                tear(&mut image, *offset, bytes, random);
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
fn tear(image: &mut Image, offset: u64, bytes: &[u8], random: &mut Random) {
    let count = bytes.len().div_ceil(SECTOR_BYTES);
    let border = 1 + random.below(count - 1);
    let kind = random.below(3);
    for (index, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
        let is_kept = match kind {
            0 => index < border,
            1 => index >= border,
            _ => random.percent(50),
        };
        if is_kept {
            image.write(offset + (index * SECTOR_BYTES) as u64, sector);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Fates, Image, Past, Recording, cut};
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
        let (mut total, mut nothing, mut all) = (Fates::default(), false, false);
        for _ in 0..200 {
            let (image, fates) = cut(&recording, &past, random);
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
}
