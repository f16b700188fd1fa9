use crate::BringUpError;
use host_bus::HostBus;
use xhci_spec::PortId;
use xhci_spec::context::ContextSize;
use xhci_spec::registers::capability::{
    CAPLENGTH, CaplengthHciversion, DBOFF, HCCPARAMS1, HCCPARAMS2, HCSPARAMS1, HCSPARAMS2, Hccparams1,
    Hccparams2, Hcsparams1, Hcsparams2, RTSOFF,
};
use xhci_spec::registers::extended::{
    CapabilityHeader, CapabilityId, PROTOCOL_NAME_USB, ProtocolPorts, ProtocolRevision, ProtocolSlotType,
};

/// What the capability registers say (xHCI 5.3): everything else is found through them.
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// HCIVERSION in BCD, for example 0x0110.
    pub hci_version: u16,
    /// Offset of the operational registers from the start of the register space.
    pub operational: u32,
    /// Offset of the runtime registers.
    pub runtime: u32,
    /// Offset of the doorbell array.
    pub doorbells: u32,
    /// Device slots.
    pub max_slots: u8,
    /// Interrupters.
    pub max_interrupters: u16,
    /// Highest port number.
    pub max_ports: u8,
    /// Isochronous Scheduling Threshold, in microframes.
    pub ist_microframes: u8,
    /// Largest number of event ring segments of an interrupter.
    pub max_event_ring_segments: u32,
    /// Scratchpad pages that the controller wants.
    pub scratchpads: u16,
    /// Size of a context.
    pub context_size: ContextSize,
    /// Capability Parameters 1.
    pub hccparams1: Hccparams1,
    /// Capability Parameters 2; all 0 before version 1.1.
    pub hccparams2: Hccparams2,
    /// The Supported Protocol capabilities, in the order of the list.
    pub protocols: Vec<Protocol>,
    /// Offset of USB Legacy Support, if there is firmware to take the controller from.
    pub legacy_support: Option<u32>,
}

/// Ports of one USB revision (xHCI 7.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Protocol {
    /// Major revision: 2 or 3.
    pub major: u8,
    /// Minor revision in BCD.
    pub minor: u8,
    /// First port.
    pub first_port: u8,
    /// How many ports.
    pub ports: u8,
    /// What Enable Slot needs for devices of these ports.
    pub slot_type: u8,
}

impl Protocol {
    /// The ports, ascending.
    pub fn port_ids(self) -> impl Iterator<Item = PortId> {
        (0..self.ports).filter_map(move |n| PortId::new(self.first_port.checked_add(n)?))
    }
}

impl Capabilities {
    /// Reads the capability registers and the list of extended capabilities.
    ///
    /// # Errors
    /// If no controller answers, or one that no driver could use.
    pub fn read(bus: &dyn HostBus) -> Result<Self, BringUpError> {
        let first = bus.read32(CAPLENGTH);
        if first == u32::MAX {
            return Err(BringUpError::Gone);
        }
        let version = CaplengthHciversion::from_bits(first);
        let hcs1 = Hcsparams1::from_bits(bus.read32(HCSPARAMS1));
        let hcs2 = Hcsparams2::from_bits(bus.read32(HCSPARAMS2));
        let hcc1 = Hccparams1::from_bits(bus.read32(HCCPARAMS1));
        // CAP-23: defined from 1.1 on only; Linux asks for more than 1.0 likewise.
        let hcc2 = if version.hciversion() > 0x0100 { bus.read32(HCCPARAMS2) } else { 0 };
        let mut capabilities = Self {
            hci_version: version.hciversion(),
            operational: u32::from(version.caplength()),
            runtime: bus.read32(RTSOFF) & !0x1F,
            doorbells: bus.read32(DBOFF) & !0x3,
            max_slots: hcs1.max_slots(),
            max_interrupters: hcs1.max_intrs(),
            max_ports: hcs1.max_ports(),
            ist_microframes: hcs2.ist().microframes(),
            max_event_ring_segments: 1 << hcs2.erst_max(),
            scratchpads: hcs2.max_scratchpads(),
            context_size: ContextSize::from_csz(hcc1.csz()),
            hccparams1: hcc1,
            hccparams2: Hccparams2::from_bits(hcc2),
            protocols: Vec::new(),
            legacy_support: None,
        };
        capabilities.walk_extended(bus)?;
        Ok(capabilities)
    }

    /// The protocol whose range a port is in; `None` for a hole.
    pub fn protocol_of(&self, port: PortId) -> Option<Protocol> {
        self.protocols.iter().copied().find(|protocol| protocol.port_ids().any(|each| each == port))
    }

    fn walk_extended(&mut self, bus: &dyn HostBus) -> Result<(), BringUpError> {
        // EXT-01: the list is forward only; the bound stops a list that is not.
        const CAPABILITIES_MAX: usize = 256;
        let mut at = u32::from(self.hccparams1.xecp()) * 4;
        for _ in 0..CAPABILITIES_MAX {
            if at == 0 {
                break;
            }
            let header = CapabilityHeader::from_bits(bus.read32(at));
            match header.id() {
                CapabilityId::LEGACY_SUPPORT => self.legacy_support = Some(at),
                CapabilityId::SUPPORTED_PROTOCOL => self.add_protocol(bus, at)?,
                _ => {}
            }
            at = match header.next() {
                0 => 0,
                next => at + u32::from(next) * 4,
            };
        }
        if self.protocols.is_empty() { Err(BringUpError::NoPorts) } else { Ok(()) }
    }

    fn add_protocol(&mut self, bus: &dyn HostBus, at: u32) -> Result<(), BringUpError> {
        let revision = ProtocolRevision::from_bits(bus.read32(at));
        if bus.read32(at + 4) != PROTOCOL_NAME_USB {
            return Ok(());
        }
        let ports = ProtocolPorts::from_bits(bus.read32(at + 8));
        let slot_type = ProtocolSlotType::from_bits(bus.read32(at + 12)).slot_type();
        let last = u32::from(ports.offset()) + u32::from(ports.count());
        // EXT-14: Linux refuses a range beyond MaxPorts.
        if ports.offset() == 0 || last > u32::from(self.max_ports) + 1 {
            return Err(BringUpError::PortRange {
                first: ports.offset(),
                count: ports.count(),
                max_ports: self.max_ports,
            });
        }
        self.protocols.push(Protocol {
            major: revision.major(),
            minor: revision.minor(),
            first_port: ports.offset(),
            ports: ports.count(),
            slot_type,
        });
        Ok(())
    }
}
