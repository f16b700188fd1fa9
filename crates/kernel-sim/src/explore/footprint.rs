/// Something that several tasks share and that the explorer can't see by itself: a word, a flag, a counter. Its name
/// is its identity; two of one name are one object.
///
/// ```
/// use kernel_sim::Object;
/// const USAGE: Object = Object::new("offload_usage");
/// assert_ne!(USAGE.of("1-1"), USAGE.of("1-2"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Object(u64);

/// How a step touches an [`Object`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Touch {
    /// `None`: anything at all.
    object: Option<Object>,
    write: bool,
}

impl Object {
    /// The object of that name.
    pub const fn new(name: &str) -> Self {
        Self(0xcbf2_9ce4_8422_2325).of(name)
    }

    /// The object of that kind which belongs to `owner`.
    pub const fn of(self, owner: &str) -> Self {
        let bytes = owner.as_bytes();
        let mut hash = fnv(self.0, 0xff);
        let mut index = 0;
        while index < bytes.len() {
            hash = fnv(hash, bytes[index]);
            index += 1;
        }
        Self(hash)
    }

    pub(crate) const fn numbered(self, number: u64) -> Self {
        Self((self.0 ^ number).wrapping_mul(0x0100_0000_01b3))
    }

    /// Looks at it.
    pub const fn read(self) -> Touch {
        Touch { object: Some(self), write: false }
    }
    /// Changes it, or both looks at it and changes it.
    pub const fn write(self) -> Touch {
        Touch { object: Some(self), write: true }
    }
}

impl Touch {
    /// Everything that there is: what says so is never reordered.
    pub const ANYTHING: Self = Self { object: None, write: true };
}

/// One step of FNV-1a.
const fn fnv(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0100_0000_01b3)
}

/// The place of an object in a [`Footprint`]. Objects may share one: then they count as one, which only costs
/// schedules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place(u8);

impl Place {
    /// Read by every slice, so that what touches anything conflicts even with what touches nothing.
    const WORLD: Self = Self(0);
    /// Written by every slice that an invariant can see.
    pub(crate) const VISIBLE: Self = Self(1);
    /// The numbering of tasks.
    pub(crate) const TASK_TABLE: Self = Self(2);
    const FIRST_TASK: usize = 4;
    const FIRST_NAMED: usize = 64;

    /// Whether a task is blocked, and whether it has ended.
    pub(crate) fn task(index: usize) -> Self {
        Self::wrapped(Self::FIRST_TASK, Self::FIRST_NAMED, index)
    }

    fn wrapped(first: usize, end: usize, index: usize) -> Self {
        Self(u8::try_from(first + index % (end - first)).unwrap_or(u8::MAX))
    }
}

/// What a slice of execution touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Footprint {
    reads: [u64; WORDS],
    writes: [u64; WORDS],
}

const WORDS: usize = 4;

impl Footprint {
    /// Nothing.
    pub(crate) const EMPTY: Self = Self { reads: [1 << Place::WORLD.0, 0, 0, 0], writes: [0; WORDS] };

    pub(crate) fn add(&mut self, place: Place, write: bool) {
        let words = if write { &mut self.writes } else { &mut self.reads };
        words[usize::from(place.0) / 64] |= 1 << (place.0 % 64);
    }
    pub(crate) fn add_anything(&mut self) {
        self.writes = [u64::MAX; WORDS];
    }
    pub(crate) fn add_everything_read(&mut self) {
        self.reads = [u64::MAX; WORDS];
    }
    pub(crate) fn merge(&mut self, other: &Self) {
        for word in 0..WORDS {
            self.reads[word] |= other.reads[word];
            self.writes[word] |= other.writes[word];
        }
    }

    /// Whether the order of two slices may matter: one writes what the other touches.
    pub(crate) fn conflicts(&self, other: &Self) -> bool {
        (0..WORDS).any(|word| {
            self.writes[word] & (other.reads[word] | other.writes[word])
                | other.writes[word] & self.reads[word]
                != 0
        })
    }
    /// Whether this writes something that `other` reads.
    pub(crate) fn writes_what_is_read_by(&self, other: &Self) -> bool {
        (0..WORDS).any(|word| self.writes[word] & other.reads[word] != 0)
    }
}

/// The places of named objects, in the order of first sight, the same in all runs of one exploration.
pub(crate) struct Objects {
    /// Open addressing: by hash, then whatever is free next. The length is a power of two, a quarter of it is free.
    table: Vec<Option<(u64, Place)>>,
    count: usize,
}

impl Default for Objects {
    fn default() -> Self {
        Self { table: vec![None; 256], count: 0 }
    }
}

impl Objects {
    pub(crate) fn place(&mut self, object: Object) -> Place {
        let mut index = self.home(object.0);
        loop {
            match self.table[index] {
                Some((known, place)) if known == object.0 => return place,
                Some(_) => index = (index + 1) % self.table.len(),
                None => break,
            }
        }
        let place = Place::wrapped(Place::FIRST_NAMED, 256, self.count);
        self.table[index] = Some((object.0, place));
        self.count += 1;
        if self.count * 4 > self.table.len() * 3 {
            self.grow();
        }
        place
    }

    #[expect(clippy::cast_possible_truncation, reason = "low bits of a hash")]
    fn home(&self, hash: u64) -> usize {
        (hash ^ hash >> 32) as usize % self.table.len()
    }

    fn grow(&mut self) {
        let wider = vec![None; self.table.len() * 2];
        for (hash, place) in std::mem::replace(&mut self.table, wider).into_iter().flatten() {
            let mut index = self.home(hash);
            while self.table[index].is_some() {
                index = (index + 1) % self.table.len();
            }
            self.table[index] = Some((hash, place));
        }
    }

    /// Adds what `touch` names.
    pub(crate) fn add(&mut self, touch: Touch, footprint: &mut Footprint) {
        match touch.object {
            Some(object) => footprint.add(self.place(object), touch.write),
            None => footprint.add_anything(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footprint(objects: &mut Objects, touches: &[Touch]) -> Footprint {
        let mut footprint = Footprint::EMPTY;
        touches.iter().for_each(|&touch| objects.add(touch, &mut footprint));
        footprint
    }

    #[test]
    fn two_readers_commute_and_a_writer_does_not() {
        let mut objects = Objects::default();
        let [a, b] = ["a", "b"].map(Object::new);
        let mut of = |touches: &[Touch]| footprint(&mut objects, touches);
        let (read_a, write_a, write_b, anything) =
            (of(&[a.read()]), of(&[a.write()]), of(&[b.write()]), of(&[Touch::ANYTHING]));
        assert!(!read_a.conflicts(&read_a));
        assert!(read_a.conflicts(&write_a) && write_a.conflicts(&read_a) && write_a.conflicts(&write_a));
        assert!(!write_a.conflicts(&write_b));
        assert!(anything.conflicts(&Footprint::EMPTY) && Footprint::EMPTY.conflicts(&anything));
        assert!(!Footprint::EMPTY.conflicts(&Footprint::EMPTY));
    }

    #[test]
    fn more_objects_than_places_share_them() {
        let mut objects = Objects::default();
        let places: Vec<_> = (0..1_000).map(|n| objects.place(Object::new(&n.to_string()))).collect();
        assert!(places.iter().all(|place| usize::from(place.0) >= Place::FIRST_NAMED));
        assert_eq!(places[0], places[192]);
        assert_ne!(places[0], places[191]);
        assert!(usize::from(Place::task(59).0) < Place::FIRST_NAMED);
        assert_eq!(Place::task(0), Place::task(60));
    }
}
