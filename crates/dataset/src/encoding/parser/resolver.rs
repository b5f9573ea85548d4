//! Which VR an element has, where the encoding does not say, or is not standard.
//!
//! The standard leaves it open for a few attributes: `US or SS`, `OB or OW` (PS3.6 §6). An earlier
//! element of the same item may decide. The choices are those of DCMTK, so that archives stay
//! consistent.

use std::sync::Arc;

use crate::encoding::element::{Encoding, RawHeader, UNDEFINED_LENGTH};
use crate::encoding::token::Element;
use crate::error::Error;
use crate::limits::{CACHED_TAGS, DECIDING_VALUE_BYTES, PRIVATE_BLOCK_BYTES, PRIVATE_BLOCKS};
use crate::registry::dictionary::{self, CreatorId, Dictionary, EntryVr};
use crate::tag::Tag;
use crate::vr::Vr;

/// Determines VRs, and keeps the values that decide about later ones.
#[derive(Debug)]
pub(crate) struct Resolver {
    dictionary: Arc<Dictionary>,
    /// Whether `UN` is replaced by the VR of the dictionary.
    convert_un: bool,
    /// Whether Pixel Data is big endian even if everything else is not.
    big_endian_pixel_data: bool,
    /// The data set and its open items, innermost last.
    scopes: Vec<Scope>,
    /// The private blocks of all open items: innermost last, and those of an item in ascending order.
    reservations: Vec<Reservation>,
    /// Whether the value of the last element is being kept, because it decides about later ones.
    decides: bool,
    deciding_value: Vec<u8>,
    /// The meanings of tags that were looked up last, at the hash of the tag. Empty until one is.
    tag_cache: Vec<(Tag, TagMeaning)>,
}

/// What a tag stands for, in the dictionary in use or in the standard.
#[derive(Clone, Copy, Debug, Default)]
struct TagMeaning {
    is_sequence: bool,
    is_value: bool,
}

/// What the elements of an item say about later ones.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scope {
    /// Pixel Representation (0028,0103).
    pixel_representation: Option<u16>,
    /// Waveform Bits Allocated (5400,1004).
    waveform_bits_allocated: Option<u16>,
    /// The number of reservations of the items around it.
    reservations: usize,
    /// The largest tag so far.
    largest: Tag,
}

/// A block of private elements (PS3.5 §7.8.1).
#[derive(Clone, Copy, Debug)]
struct Reservation {
    /// The tag of the private creator.
    block: Tag,
    /// The creator, if the dictionary knows it.
    creator: Option<CreatorId>,
    /// Whether it is in effect. As in DCMTK, one that comes after a larger tag is not, until it occurs
    /// again.
    active: bool,
}

const _: () = assert!(size_of::<Reservation>() <= PRIVATE_BLOCK_BYTES);

const PIXEL_REPRESENTATION: Tag = Tag(0x0028, 0x0103);
const WAVEFORM_BITS_ALLOCATED: Tag = Tag(0x5400, 0x1004);

impl Resolver {
    pub(crate) fn new(
        dictionary: Arc<Dictionary>,
        convert_un: bool,
        big_endian_pixel_data: bool,
    ) -> Resolver {
        Resolver {
            dictionary,
            convert_un,
            big_endian_pixel_data,
            scopes: vec![Scope::default()],
            reservations: Vec::new(),
            decides: false,
            tag_cache: Vec::new(),
            deciding_value: Vec::new(),
        }
    }

    /// An item begins.
    pub(crate) fn open_item(&mut self) {
        let reservations = self.reservations.len();
        self.scopes.push(Scope { reservations, ..Scope::default() });
    }

    /// The innermost item ends.
    pub(crate) fn close_item(&mut self) {
        if let Some(scope) = self.scopes.pop() {
            self.reservations.truncate(scope.reservations);
        }
    }

    /// Determines the VR, and with it the encoding of the value. `None` if no element can have the
    /// bytes in the place of the VR.
    #[inline]
    pub(crate) fn resolve(
        &mut self,
        header: &RawHeader,
        mut encoding: Encoding,
    ) -> Option<(Vr, Encoding)> {
        let RawHeader { tag, code, length, .. } = *header;
        let mut vr = Vr::UN;
        match code {
            Some(code) => {
                vr = match header.vr {
                    Some(vr) => vr,
                    None => vr_of_entry(tag, entry_of_code(tag, code)?, &Scope::default()),
                };
                let convert = self.convert_un && code == Vr::UN.code();
                if convert
                    && length != UNDEFINED_LENGTH
                    && let Some(entry) = self.look_up(tag)
                {
                    // Earlier elements decide in implicit VR only.
                    vr = vr_of_entry(tag, entry, &Scope::default());
                    encoding = Encoding::IMPLICIT;
                }
            }
            None => {
                if let Some(entry) = self.look_up(tag) {
                    vr = vr_of_entry(tag, entry, self.scope());
                }
            }
        }
        if tag == Tag::PIXEL_DATA && self.big_endian_pixel_data {
            encoding.big_endian = true;
        }
        let scope = self.scope_mut();
        scope.largest = scope.largest.max(tag);
        Some((vr, encoding))
    }

    /// The value of this element follows.
    pub(crate) fn begin(&mut self, element: &Element) {
        let Element { tag, vr, .. } = *element;
        self.decides = (vr == Vr::US
            && matches!(tag, PIXEL_REPRESENTATION | WAVEFORM_BITS_ALLOCATED))
            || (tag.is_private_creator() && vr.is_text() && self.dictionary.knows_creators());
        self.deciding_value.clear();
    }

    /// Whether the next value is kept.
    pub(crate) fn needs_value(&self) -> bool {
        self.decides
    }

    /// The next piece of the value of this element.
    ///
    /// # Errors
    /// [`Error::Limit`] if there are more private blocks than can be held.
    #[inline]
    pub(crate) fn value(
        &mut self,
        element: &Element,
        bytes: &[u8],
        last: bool,
        offset: u64,
    ) -> Result<(), Error> {
        if self.decides { self.keep_value(element, bytes, last, offset) } else { Ok(()) }
    }

    fn keep_value(
        &mut self,
        element: &Element,
        bytes: &[u8],
        last: bool,
        offset: u64,
    ) -> Result<(), Error> {
        let room = DECIDING_VALUE_BYTES - self.deciding_value.len();
        self.deciding_value.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if !last {
            return Ok(());
        }
        self.decides = false;
        if element.tag.is_private_creator() {
            return self.reserve(element.tag, offset);
        }
        if let &[first, second, ..] = &self.deciding_value[..] {
            let value = element.encoding.u16([first, second]);
            let scope = self.scope_mut();
            // If it occurs twice, the first one counts.
            if element.tag == PIXEL_REPRESENTATION {
                scope.pixel_representation.get_or_insert(value);
            } else {
                scope.waveform_bits_allocated.get_or_insert(value);
            }
        }
        Ok(())
    }

    /// Reserves a block: the value that was kept is that of a private creator.
    fn reserve(&mut self, block: Tag, offset: u64) -> Result<(), Error> {
        let Scope { reservations: from, largest, .. } = *self.scope();
        let own = &self.reservations[from..];
        match own.binary_search_by_key(&block, |reserved| reserved.block) {
            Ok(at) => self.reservations[from + at].active = true,
            Err(_) if self.reservations.len() == PRIVATE_BLOCKS => {
                let limit = PRIVATE_BLOCKS as u64;
                return Err(Error::Limit { what: "private blocks", limit, offset });
            }
            Err(at) => {
                let creator = self.dictionary.creator(&self.deciding_value);
                let reservation = Reservation { block, creator, active: block == largest };
                self.reservations.insert(from + at, reservation);
            }
        }
        Ok(())
    }

    pub(crate) fn dictionary(&self) -> &Arc<Dictionary> {
        &self.dictionary
    }

    /// Whether the dictionary is that of the standard.
    pub(crate) fn knows_standard(&self) -> bool {
        self.dictionary.is_standard()
    }

    /// Whether this is the tag of a sequence, in the dictionary in use or in the standard.
    pub(crate) fn is_sequence(&mut self, tag: Tag) -> bool {
        self.tag_meaning(tag).is_sequence
    }

    /// Whether this is the tag of a value, in the dictionary in use or in the standard.
    pub(crate) fn is_value(&mut self, tag: Tag) -> bool {
        self.tag_meaning(tag).is_value
    }

    /// Looks a tag up, in the cache first; private ones depend on their creators, and are not cached.
    fn tag_meaning(&mut self, tag: Tag) -> TagMeaning {
        if tag.is_private() {
            return self.look_up_meaning(tag);
        }
        let bits =
            (u32::from(tag.group()) << 16 | u32::from(tag.element())).wrapping_mul(0x9E37_79B1);
        let at = (bits >> 16) as usize % CACHED_TAGS;
        if self.tag_cache.is_empty() {
            self.tag_cache.resize(CACHED_TAGS, Default::default());
        }
        if self.tag_cache[at].0 != tag {
            self.tag_cache[at] = (tag, self.look_up_meaning(tag));
        }
        self.tag_cache[at].1
    }

    fn look_up_meaning(&self, tag: Tag) -> TagMeaning {
        let mut found = TagMeaning::default();
        for entry in [self.look_up(tag), dictionary::find_in_standard(tag)].into_iter().flatten() {
            found.is_sequence |= entry == EntryVr::Exact(Vr::SQ);
            found.is_value |= !matches!(entry, EntryVr::Exact(Vr::SQ | Vr::UN) | EntryVr::Na);
        }
        found
    }

    fn look_up(&self, tag: Tag) -> Option<EntryVr> {
        if tag.is_private() && tag.element() > 0xFF && self.dictionary.knows_creators() {
            let block = Tag(tag.group(), tag.element() >> 8);
            let own = &self.reservations[self.scope().reservations..];
            let found = own.binary_search_by_key(&block, |reserved| reserved.block);
            if let Some(reserved) = found.ok().map(|at| own[at])
                && reserved.active
                && let Some(creator) = reserved.creator
            {
                return self.dictionary.find_private(creator, tag);
            }
        }
        self.dictionary.find(tag)
    }

    fn scope(&self) -> &Scope {
        // The scope of the data set itself is never closed.
        &self.scopes[self.scopes.len() - 1]
    }

    fn scope_mut(&mut self) -> &mut Scope {
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }
}

/// The VR that a dictionary entry stands for after the elements of `scope`.
fn vr_of_entry(tag: Tag, entry: EntryVr, scope: &Scope) -> Vr {
    match entry {
        EntryVr::Exact(vr) => vr,
        EntryVr::Xs
            if scope.pixel_representation == Some(1) && follows_pixel_representation(tag) =>
        {
            Vr::SS
        }
        EntryVr::Xs => Vr::US,
        EntryVr::Ox => bytes_or_words(tag, scope),
        EntryVr::Px | EntryVr::Lt => Vr::OW,
        EntryVr::Up => Vr::UL,
        EntryVr::Na => Vr::UN,
    }
}

fn bytes_or_words(tag: Tag, scope: &Scope) -> Vr {
    match (tag.group(), tag.element()) {
        (0x6000..=0x60FF, 0x3000) if !tag.is_private() => Vr::OW,
        (0x7FE0, 0x0010) => Vr::OW,
        // Channel Minimum and Maximum Value, Waveform Padding Value, Waveform Data.
        (0x5400, 0x0110 | 0x0112 | 0x100A | 0x1010) => match scope.waveform_bits_allocated {
            None | Some(8) => Vr::OB,
            Some(_) => Vr::OW,
        },
        _ => Vr::OB,
    }
}

/// Whether an attribute that is `US or SS` depends on Pixel Representation: smallest and largest
/// values, paddings, and those of parametric maps and histograms.
fn follows_pixel_representation(tag: Tag) -> bool {
    matches!(
        (tag.group(), tag.element()),
        (0x0028, 0x0106..=0x0109 | 0x0120 | 0x0121 | 0x3002)
            | (0x0018, 0x9810)
            | (0x0060, 0x3004 | 0x3006)
            | (0x0040, 0x9211 | 0x9216)
    )
}

/// What two bytes in the place of a VR stand for; `None` if no element can have them. Some toolkits
/// write their own names of ambiguous VRs; everything else that is not standard is unknown.
fn entry_of_code(tag: Tag, code: [u8; 2]) -> Option<EntryVr> {
    Some(match Vr::from_code(code) {
        Some(vr) => EntryVr::Exact(vr),
        None => match &code {
            b"ox" => EntryVr::Ox,
            b"xs" => EntryVr::Xs,
            b"lt" => EntryVr::Lt,
            b"px" => EntryVr::Px,
            b"up" => EntryVr::Up,
            b"OX" if tag == Tag::PIXEL_DATA => EntryVr::Px,
            b"na" | b"pi" => return None,
            _ => EntryVr::Exact(Vr::UN),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver() -> Resolver {
        let mut dictionary = Dictionary::built_in();
        dictionary.load(&b"(0009,\"ABC\",05)\tUL\tX\n"[..]).unwrap();
        Resolver::new(Arc::new(dictionary), false, false)
    }

    /// The VR of an implicit element, whose value is taken note of.
    fn implicit(resolver: &mut Resolver, tag: Tag, value: &[u8]) -> Vr {
        let header = RawHeader { tag, code: None, vr: None, length: value.len() as u32 };
        let element = element_of(resolver, &header, Encoding::IMPLICIT);
        resolver.begin(&element);
        resolver.value(&element, value, true, 0).unwrap();
        element.vr
    }

    fn element_of(resolver: &mut Resolver, header: &RawHeader, encoding: Encoding) -> Element {
        let RawHeader { tag, length, .. } = *header;
        let (vr, encoding) = resolver.resolve(header, encoding).unwrap();
        Element { tag, vr, length, encoding }
    }

    #[test]
    fn the_dictionary_decides() {
        let mut resolver = resolver();
        for (tag, vr) in [
            (Tag(0x0008, 0x0000), Vr::UL),
            (Tag(0x0008, 0x0009), Vr::UN),
            (Tag(0x0009, 0x0011), Vr::LO),
            (Tag(0x0010, 0x0010), Vr::PN),
            (Tag(0x0028, 0x0106), Vr::US),
            (Tag(0x0028, 0x3006), Vr::OW),
            (Tag(0x5000, 0x3000), Vr::OB),
            (Tag(0x5400, 0x1010), Vr::OB),
            (Tag(0x6002, 0x3000), Vr::OW),
            (Tag(0x6001, 0x3000), Vr::UN),
            (Tag(0x7FE0, 0x0010), Vr::OW),
        ] {
            assert_eq!(implicit(&mut resolver, tag, b"\0\0"), vr, "{tag}");
        }
    }

    #[test]
    fn earlier_elements_of_the_same_item_decide() {
        let mut resolver = resolver();
        implicit(&mut resolver, PIXEL_REPRESENTATION, b"\x01\0");
        assert_eq!(implicit(&mut resolver, Tag(0x0028, 0x0106), b"\0\0"), Vr::SS);
        assert_eq!(implicit(&mut resolver, Tag(0x0028, 0x1101), b"\0\0"), Vr::US);
        resolver.open_item();
        assert_eq!(implicit(&mut resolver, Tag(0x0028, 0x0106), b"\0\0"), Vr::US);
        implicit(&mut resolver, WAVEFORM_BITS_ALLOCATED, b"\x10\0");
        assert_eq!(implicit(&mut resolver, Tag(0x5400, 0x1010), b"\0\0"), Vr::OW);
        implicit(&mut resolver, WAVEFORM_BITS_ALLOCATED, b"\x08\0");
        assert_eq!(
            implicit(&mut resolver, Tag(0x5400, 0x100A), b"\0\0"),
            Vr::OW,
            "the first counts"
        );
        resolver.close_item();
        assert_eq!(implicit(&mut resolver, Tag(0x0028, 0x0107), b"\0\0"), Vr::SS);
        assert_eq!(implicit(&mut resolver, Tag(0x5400, 0x1010), b"\0\0"), Vr::OB);
    }

    #[test]
    fn private_elements_need_their_creator_in_the_same_item() {
        let (creator, element) = (Tag(0x0009, 0x0010), Tag(0x0009, 0x1005));
        let mut resolver = resolver();
        assert_eq!(implicit(&mut resolver, element, b""), Vr::UN);
        resolver.open_item();
        implicit(&mut resolver, creator, b"ABC ");
        assert_eq!(implicit(&mut resolver, element, b""), Vr::UL);
        assert_eq!(implicit(&mut resolver, Tag(0x0009, 0x1105), b""), Vr::UN);
        resolver.open_item();
        assert_eq!(implicit(&mut resolver, element, b""), Vr::UN);
        resolver.close_item();
        resolver.close_item();
        implicit(&mut resolver, creator, b"ABC ");
        assert_eq!(implicit(&mut resolver, element, b""), Vr::UN, "the creator came too late");
        implicit(&mut resolver, creator, b"XYZ ");
        assert_eq!(implicit(&mut resolver, element, b""), Vr::UL, "of two, the first counts");
    }

    #[test]
    fn odd_codes() {
        let pixel_data = Tag::PIXEL_DATA;
        let other = Tag(0x0010, 0x0010);
        assert_eq!(entry_of_code(other, *b"US"), Some(EntryVr::Exact(Vr::US)));
        assert_eq!(entry_of_code(other, *b"ox"), Some(EntryVr::Ox));
        assert_eq!(entry_of_code(pixel_data, *b"OX"), Some(EntryVr::Px));
        for code in [b"OX", b"ZZ", b"??", b"\0\0", b"us"] {
            assert_eq!(entry_of_code(other, *code), Some(EntryVr::Exact(Vr::UN)), "{code:?}");
        }
        assert_eq!(entry_of_code(other, *b"na"), None);
    }

    #[test]
    fn unknown_values_get_the_vr_of_the_dictionary_if_asked() {
        let (tag, code, vr) = (Tag(0x0028, 0x0010), Some(*b"UN"), Some(Vr::UN));
        let header = RawHeader { tag, code, vr, length: 2 };
        let mut keeps = resolver();
        assert_eq!(element_of(&mut keeps, &header, Encoding::BIG).vr, Vr::UN);
        let mut converts = Resolver { convert_un: true, ..resolver() };
        let element = element_of(&mut converts, &header, Encoding::BIG);
        assert_eq!((element.vr, element.encoding), (Vr::US, Encoding::IMPLICIT));
        converts.scope_mut().pixel_representation = Some(1);
        let ambiguous = RawHeader { tag: Tag(0x0028, 0x0106), ..header };
        assert_eq!(element_of(&mut converts, &ambiguous, Encoding::BIG).vr, Vr::US);
        let undefined = RawHeader { length: UNDEFINED_LENGTH, ..header };
        assert_eq!(element_of(&mut converts, &undefined, Encoding::BIG).vr, Vr::UN);
    }

    #[test]
    fn private_blocks_are_bounded() {
        let mut resolver = resolver();
        let refused = (0..=0xFFFF_u16).filter(|group| group % 2 == 1).find_map(|group| {
            let header = RawHeader { tag: Tag(group, 0x10), code: None, vr: None, length: 2 };
            let element = element_of(&mut resolver, &header, Encoding::IMPLICIT);
            resolver.begin(&element);
            resolver.value(&element, b"AB", true, 7).err()
        });
        assert!(matches!(refused, Some(Error::Limit { offset: 7, .. })), "{refused:?}");
        assert_eq!(resolver.reservations.len(), PRIVATE_BLOCKS);
    }
}
