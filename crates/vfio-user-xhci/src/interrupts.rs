//! The client's eventfds: which interrupt reaches it how (VFIO_DEVICE_SET_IRQS).

use rustix::io::{Errno, write};
use std::os::fd::OwnedFd;

/// VFIO_PCI_INTX_IRQ_INDEX and its neighbours.
pub(crate) const INTX: u32 = 0;
pub(crate) const MSI: u32 = 1;
pub(crate) const MSIX: u32 = 2;
const ERROR: u32 = 3;
const REQUEST: u32 = 4;
/// VFIO_PCI_NUM_IRQS
pub(crate) const INDICES: u32 = 5;

const DATA_NONE: u32 = 1;
const DATA_BOOL: u32 = 1 << 1;
const DATA_EVENTFD: u32 = 1 << 2;
const ACTION_MASK: u32 = 1 << 3;
const ACTION_UNMASK: u32 = 1 << 4;
const ACTION_TRIGGER: u32 = 1 << 5;

/// What a client asks of interrupts.
#[derive(Debug)]
pub(crate) struct SetIrqs<'a> {
    pub(crate) flags: u32,
    pub(crate) index: u32,
    pub(crate) start: u32,
    pub(crate) count: u32,
    pub(crate) data: &'a [u8],
    pub(crate) fds: Vec<OwnedFd>,
}

/// Eventfds by index and vector.
#[derive(Debug)]
pub(crate) struct Interrupts {
    vectors: [Vec<Option<OwnedFd>>; INDICES as usize],
    /// INTx: the controller drives the pin.
    level: bool,
    /// INTx: told, and not unmasked since (VFIO_IRQ_INFO_AUTOMASKED).
    masked: bool,
}

impl Interrupts {
    /// No eventfds, for so many messages.
    pub(crate) fn new(msi: u16, msix: u16) -> Self {
        let empty = |count: u16| (0..count).map(|_| None).collect::<Vec<Option<OwnedFd>>>();
        Self { vectors: [empty(1), empty(msi), empty(msix), empty(1), empty(1)], level: false, masked: false }
    }

    /// How many vectors an index has, and its VFIO_IRQ_INFO flags.
    pub(crate) fn info(&self, index: u32) -> Option<(u32, u32)> {
        const EVENTFD: u32 = 1;
        const MASKABLE: u32 = 1 << 1;
        const AUTOMASKED: u32 = 1 << 2;
        const NORESIZE: u32 = 1 << 3;
        let count = self.vectors.get(usize::try_from(index).ok()?)?.len();
        let flags = match index {
            INTX => EVENTFD | MASKABLE | AUTOMASKED,
            ERROR | REQUEST => EVENTFD | NORESIZE,
            _ => EVENTFD,
        };
        Some((u32::try_from(count).ok()?, flags))
    }

    /// Messages that the client takes: those of MSI-X, or of MSI; 0 if it takes the pin.
    pub(crate) fn message_count(&self) -> u16 {
        let table = |index: u32| &self.vectors[index as usize];
        if table(MSIX).iter().any(Option::is_some) {
            return u16::try_from(table(MSIX).len()).unwrap_or(u16::MAX);
        }
        let last = table(MSI).iter().rposition(Option::is_some);
        // PCI-10: MSI enables a power of two.
        last.and_then(|last| u16::try_from((last + 1).next_power_of_two()).ok()).unwrap_or(0)
    }

    /// Carries out a request.
    pub(crate) fn set(&mut self, request: SetIrqs<'_>) -> Result<(), Errno> {
        let SetIrqs { flags, index, start, count, data, fds } = request;
        let table =
            usize::try_from(index).ok().and_then(|index| self.vectors.get_mut(index)).ok_or(Errno::INVAL)?;
        let start = usize::try_from(start).map_err(|_| Errno::INVAL)?;
        let count = usize::try_from(count).map_err(|_| Errno::INVAL)?;
        let end = start.checked_add(count).filter(|end| *end <= table.len()).ok_or(Errno::INVAL)?;
        let chosen = |vector: usize| match flags & (DATA_NONE | DATA_BOOL) {
            DATA_BOOL => data.get(vector).is_some_and(|byte| *byte != 0),
            _ => true,
        };
        match (flags & (ACTION_MASK | ACTION_UNMASK | ACTION_TRIGGER), flags & DATA_EVENTFD != 0) {
            (ACTION_TRIGGER, true) => {
                // A vector without descriptor loses the one it had.
                let mut fds = fds.into_iter();
                table[start..end].iter_mut().for_each(|vector| *vector = fds.next());
                if index == INTX {
                    self.masked = false;
                    self.tell_pin();
                }
                Ok(())
            }
            (ACTION_TRIGGER, false) if count == 0 => {
                table.iter_mut().for_each(|vector| *vector = None);
                Ok(())
            }
            (ACTION_TRIGGER, false) => {
                let hit = table[start..end].iter().enumerate().filter(|(vector, _)| chosen(*vector));
                hit.for_each(|(_, fd)| tell(fd.as_ref()));
                Ok(())
            }
            // Only the pin can be masked from here; the tables of the messages are the client's.
            (ACTION_MASK, false) if index == INTX => {
                self.masked |= chosen(0);
                Ok(())
            }
            (ACTION_UNMASK, false) if index == INTX => {
                if chosen(0) {
                    self.masked = false;
                    self.tell_pin();
                }
                Ok(())
            }
            _ => Err(Errno::INVAL),
        }
    }

    /// A message is to be sent.
    pub(crate) fn message(&self, vector: u16) {
        let index = if self.vectors[MSIX as usize].iter().any(Option::is_some) { MSIX } else { MSI };
        tell(self.vectors[index as usize].get(usize::from(vector)).and_then(Option::as_ref));
    }

    /// The pin goes to a level.
    pub(crate) fn pin(&mut self, level: bool) {
        self.level = level;
        self.tell_pin();
    }

    /// Forgets the client's descriptors.
    pub(crate) fn clear(&mut self) {
        self.vectors.iter_mut().flatten().for_each(|vector| *vector = None);
        self.masked = false;
    }

    /// A level reaches the client as an edge; until it unmasks it is not told again.
    fn tell_pin(&mut self) {
        if self.level && !self.masked && self.vectors[INTX as usize][0].is_some() {
            self.masked = true;
            tell(self.vectors[INTX as usize][0].as_ref());
        }
    }
}

/// Adds 1 to an eventfd. One that is full has not been read for 2^64 - 1 interrupts: its reader is told already.
fn tell(fd: Option<&OwnedFd>) {
    if let Some(fd) = fd
        && let Err(error) = write(fd, &1_u64.to_ne_bytes())
        && error != Errno::AGAIN
    {
        tracing::warn!(%error, "the client's eventfd does not take an interrupt");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{EventfdFlags, eventfd};

    fn fd() -> OwnedFd {
        eventfd(0, EventfdFlags::NONBLOCK).unwrap()
    }

    fn told(fd: &OwnedFd) -> u64 {
        let mut count = [0; 8];
        rustix::io::read(fd, &mut count).map_or(0, |_| u64::from_ne_bytes(count))
    }

    fn assign(
        interrupts: &mut Interrupts,
        index: u32,
        start: u32,
        count: u32,
        fds: &[&OwnedFd],
    ) -> Result<(), Errno> {
        let fds = fds.iter().map(|fd| fd.try_clone().unwrap()).collect();
        interrupts.set(SetIrqs { flags: DATA_EVENTFD | ACTION_TRIGGER, index, start, count, data: &[], fds })
    }

    fn act(interrupts: &mut Interrupts, flags: u32, index: u32, count: u32) -> Result<(), Errno> {
        interrupts.set(SetIrqs { flags, index, start: 0, count, data: &[], fds: vec![] })
    }

    #[test]
    fn messages_reach_the_vectors_that_were_assigned() {
        let mut interrupts = Interrupts::new(4, 8);
        assert_eq!(interrupts.message_count(), 0);
        let (a, b) = (fd(), fd());
        assign(&mut interrupts, MSI, 0, 1, &[&a]).unwrap();
        assign(&mut interrupts, MSI, 2, 1, &[&b]).unwrap();
        assert_eq!(interrupts.message_count(), 4, "of 3 vectors");
        interrupts.message(2);
        interrupts.message(1);
        assert_eq!((told(&a), told(&b)), (0, 1));
        assign(&mut interrupts, MSIX, 5, 1, &[&a]).unwrap();
        assert_eq!(interrupts.message_count(), 8, "MSI-X goes before MSI");
        interrupts.message(5);
        assert_eq!((told(&a), told(&b)), (1, 0));
        // Without a descriptor the vector is taken back; a count of 0 takes back all.
        assign(&mut interrupts, MSIX, 5, 1, &[]).unwrap();
        assert_eq!(interrupts.message_count(), 4);
        act(&mut interrupts, DATA_NONE | ACTION_TRIGGER, MSI, 0).unwrap();
        assert_eq!(interrupts.message_count(), 0);
    }

    #[test]
    fn the_pin_is_told_once_until_it_is_unmasked() {
        let mut interrupts = Interrupts::new(1, 1);
        let pin = fd();
        interrupts.pin(true);
        assign(&mut interrupts, INTX, 0, 1, &[&pin]).unwrap();
        assert_eq!(told(&pin), 1, "asserted before anybody listened");
        interrupts.pin(true);
        assert_eq!(told(&pin), 0);
        act(&mut interrupts, DATA_NONE | ACTION_UNMASK, INTX, 1).unwrap();
        assert_eq!(told(&pin), 1, "still asserted");
        interrupts.pin(false);
        act(&mut interrupts, DATA_NONE | ACTION_UNMASK, INTX, 1).unwrap();
        assert_eq!(told(&pin), 0);
        act(&mut interrupts, DATA_NONE | ACTION_MASK, INTX, 1).unwrap();
        interrupts.pin(true);
        assert_eq!(told(&pin), 0);
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let mut interrupts = Interrupts::new(4, 8);
        let table = [
            (DATA_EVENTFD | ACTION_TRIGGER, 5, 0, 1),
            (DATA_EVENTFD | ACTION_TRIGGER, MSIX, 8, 1),
            (DATA_EVENTFD | ACTION_TRIGGER, MSIX, u32::MAX, 2),
            (DATA_NONE | ACTION_MASK, MSIX, 0, 1),
            (ACTION_TRIGGER | ACTION_MASK, INTX, 0, 1),
            (0, INTX, 0, 1),
        ];
        for (flags, index, start, count) in table {
            let request = SetIrqs { flags, index, start, count, data: &[], fds: vec![] };
            assert_eq!(interrupts.set(request), Err(Errno::INVAL), "{flags:#x} {index} {start} {count}");
        }
        assert_eq!(
            [INTX, MSI, MSIX, 3, 4, 5].map(|index| interrupts.info(index).map(|info| info.0)),
            [Some(1), Some(4), Some(8), Some(1), Some(1), None]
        );
    }
}
