//! What the device answers to a client's requests.

use crate::interrupts::{INDICES, Interrupts, SetIrqs};
use crate::memory::Windows;
use crate::message::{Command, Fields, Header, MAX_DATA_BYTES, MAX_FDS, Request};
use pci_shell::{PciFunction, PciOutput};
use rustix::io::Errno;
use sim_time::Instant;

/// VFIO_PCI_BAR0_REGION_INDEX
const BAR0: u32 = 0;
/// VFIO_PCI_CONFIG_REGION_INDEX
const CONFIG: u32 = 7;
/// VFIO_PCI_NUM_REGIONS
const REGIONS: u32 = 9;
const CONFIG_BYTES: u64 = 256;

/// The device and what the present client has set up.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) function: PciFunction,
    pub(crate) windows: Windows,
    interrupts: Interrupts,
    negotiated: bool,
}

impl Session {
    pub(crate) fn new(function: PciFunction) -> Self {
        let interrupts = Interrupts::new(function.msi_messages(), function.msix_entries());
        Self { function, windows: Windows::default(), interrupts, negotiated: false }
    }

    /// The reply, or the reply that says what is wrong with the request.
    pub(crate) fn answer(&mut self, now: Instant, request: Request) -> Vec<u8> {
        let header = request.header;
        match self.perform(now, request) {
            Ok(payload) => header.reply(&payload),
            Err(errno) => {
                let Header { id, command: Command(command), bytes, .. } = header;
                tracing::warn!(id, command, bytes, %errno, "request refused");
                header.error(errno)
            }
        }
    }

    /// The client is gone: its memory and eventfds with it, and the device is as after power-on.
    pub(crate) fn end(&mut self, now: Instant) {
        self.negotiated = false;
        self.interrupts.clear();
        self.windows.clear();
        self.function.set_message_count(now, 0);
        self.function.reset(now);
    }

    /// Passes on what the function wants.
    pub(crate) fn deliver(&mut self) {
        while let Some(output) = self.function.poll_output() {
            match output {
                PciOutput::Vector(vector) => self.interrupts.message(vector),
                PciOutput::Intx(level) => self.interrupts.pin(level),
                PciOutput::SystemError => tracing::warn!("the controller reports a system error (SERR#)"),
                _ => {}
            }
        }
    }

    fn perform(&mut self, now: Instant, request: Request) -> Result<Vec<u8>, Errno> {
        let Request { header, payload, fds } = request;
        let mut fields = Fields(&payload);
        if header.command == Command::VERSION {
            return self.version(fields);
        }
        if !self.negotiated {
            return Err(Errno::PROTO);
        }
        match header.command {
            Command::DMA_MAP => {
                let map = DmaMap::read(fields).ok_or(Errno::INVAL)?;
                self.map(&map, fds)
            }
            Command::DMA_UNMAP => self.unmap(fields),
            Command::DEVICE_GET_INFO => {
                const RESET: u32 = 1;
                const PCI: u32 = 1 << 1;
                Ok(dwords(&[16, RESET | PCI, REGIONS, INDICES]))
            }
            Command::DEVICE_GET_REGION_INFO => {
                let (_, _, index) = (fields.u32(), fields.u32(), fields.u32().ok_or(Errno::INVAL)?);
                self.region_info(index)
            }
            Command::DEVICE_GET_IRQ_INFO => {
                let (_, _, index) = (fields.u32(), fields.u32(), fields.u32().ok_or(Errno::INVAL)?);
                let (count, flags) = self.interrupts.info(index).ok_or(Errno::INVAL)?;
                Ok(dwords(&[16, flags, index, count]))
            }
            Command::DEVICE_SET_IRQS => {
                let mut next = || fields.u32().ok_or(Errno::INVAL);
                let (_, flags, index, start, count) = (next()?, next()?, next()?, next()?, next()?);
                let data = fields.rest();
                self.interrupts.set(SetIrqs { flags, index, start, count, data, fds })?;
                self.function.set_message_count(now, self.interrupts.message_count());
                Ok(Vec::new())
            }
            Command::REGION_READ => self.region_read(now, fields),
            Command::REGION_WRITE => self.region_write(now, fields),
            Command::DEVICE_RESET => {
                self.function.reset(now);
                Ok(Vec::new())
            }
            _ => Err(Errno::NOTSUP),
        }
    }

    fn version(&mut self, mut fields: Fields<'_>) -> Result<Vec<u8>, Errno> {
        let (major, _minor) = (fields.u16().ok_or(Errno::INVAL)?, fields.u16().ok_or(Errno::INVAL)?);
        if major != 0 || self.negotiated {
            return Err(Errno::INVAL);
        }
        let text = fields.rest().split(|byte| *byte == 0).next().unwrap_or_default();
        // What a client can do does not matter here, but it has to be something.
        if !text.is_empty() && serde_json::from_slice::<serde_json::Value>(text).is_err() {
            return Err(Errno::INVAL);
        }
        self.negotiated = true;
        let ours = serde_json::json!({ "capabilities": {
            "max_msg_fds": MAX_FDS,
            "max_data_xfer_size": MAX_DATA_BYTES,
            "pgsizes": 4096,
        } });
        let mut reply = dwords(&[0]);
        reply.extend_from_slice(ours.to_string().as_bytes());
        reply.push(0);
        Ok(reply)
    }

    fn map(&mut self, map: &DmaMap, fds: Vec<std::os::fd::OwnedFd>) -> Result<Vec<u8>, Errno> {
        const READ_WRITE: u32 = 3;
        let DmaMap { flags, offset, address, size } = *map;
        if size == 0 || address.checked_add(size - 1).is_none() {
            return Err(Errno::INVAL);
        }
        match fds.into_iter().next() {
            Some(file) if flags & READ_WRITE == READ_WRITE => {
                self.windows.insert(address, size, file, offset).map_err(|error| {
                    tracing::warn!(%error, "memory window refused");
                    Errno::INVAL
                })?;
            }
            // ROM, or memory that cannot be shared: DMA to it finds no memory, as if nothing were mapped.
            _ => self.windows.remove(address, size),
        }
        Ok(Vec::new())
    }

    fn unmap(&mut self, mut fields: Fields<'_>) -> Result<Vec<u8>, Errno> {
        let mut next = || fields.u32().ok_or(Errno::INVAL);
        let (argsz, flags) = (next()?, next()?);
        let (address, size) = (fields.u64().ok_or(Errno::INVAL)?, fields.u64().ok_or(Errno::INVAL)?);
        // Unmap all: the flag has had two places, and goes with an empty range in both.
        if address == 0 && size == 0 && flags != 0 {
            self.windows.clear();
        } else {
            self.windows.remove(address, size);
        }
        let mut reply = dwords(&[argsz, flags]);
        reply.extend_from_slice(&address.to_le_bytes());
        reply.extend_from_slice(&size.to_le_bytes());
        Ok(reply)
    }

    fn region_info(&self, index: u32) -> Result<Vec<u8>, Errno> {
        const READ_WRITE: u32 = 3;
        let (flags, size) = match index {
            BAR0 => (READ_WRITE, self.function.bar_size()),
            CONFIG => (READ_WRITE, CONFIG_BYTES),
            _ if index < REGIONS => (0, 0),
            _ => return Err(Errno::INVAL),
        };
        let mut reply = dwords(&[32, flags, index, 0]);
        reply.extend_from_slice(&size.to_le_bytes());
        reply.extend_from_slice(&(u64::from(index) << 40).to_le_bytes());
        Ok(reply)
    }

    fn region_read(&mut self, now: Instant, fields: Fields<'_>) -> Result<Vec<u8>, Errno> {
        let access = Access::read(fields).ok_or(Errno::INVAL)?;
        let mut reply = access.to_bytes();
        let header = reply.len();
        reply.resize(header + access.count, 0);
        match access.region {
            BAR0 => self.function.bar_read(now, access.offset, &mut reply[header..]),
            CONFIG => self.function.config_read(access.offset, &mut reply[header..]),
            _ => return Err(Errno::INVAL),
        }
        Ok(reply)
    }

    fn region_write(&mut self, now: Instant, fields: Fields<'_>) -> Result<Vec<u8>, Errno> {
        let access = Access::read(fields).ok_or(Errno::INVAL)?;
        let data = access.data.get(..access.count).ok_or(Errno::INVAL)?;
        match access.region {
            BAR0 => self.function.bar_write(now, access.offset, data),
            CONFIG => self.function.config_write(now, access.offset, data),
            _ => return Err(Errno::INVAL),
        }
        Ok(access.to_bytes())
    }
}

/// Where a window of memory is.
struct DmaMap {
    flags: u32,
    offset: u64,
    address: u64,
    size: u64,
}

impl DmaMap {
    fn read(mut fields: Fields<'_>) -> Option<Self> {
        fields.u32()?;
        let flags = fields.u32()?;
        Some(Self { flags, offset: fields.u64()?, address: fields.u64()?, size: fields.u64()? })
    }
}

/// An access to a region.
struct Access<'a> {
    offset: u64,
    region: u32,
    count: usize,
    /// Of a write.
    data: &'a [u8],
}

impl<'a> Access<'a> {
    fn read(mut fields: Fields<'a>) -> Option<Self> {
        let (offset, region) = (fields.u64()?, fields.u32()?);
        let count = usize::try_from(fields.u32()?).ok().filter(|count| *count <= MAX_DATA_BYTES)?;
        Some(Self { offset, region, count, data: fields.rest() })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.offset.to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.region.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(self.count).unwrap_or(0).to_le_bytes());
        bytes
    }
}

fn dwords(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
