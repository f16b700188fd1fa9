//! Endpoint (USB 2.0 9.6.6, Audio 1.0 4.6.1.1) and its SuperSpeed companion (USB 3.2 9.6.7).

use super::{DescriptorType, ParseError};
use crate::bytes::{Reader, Writer};
use crate::{EndpointAddress, SyncType, TransferType, UsageType};
use alloc::vec::Vec;

/// `wMaxPacketSize`: the packet in bits 10:0, and at high speed the additional transactions of a microframe in
/// bits 12:11.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MaxPacketSize(pub u16);

impl MaxPacketSize {
    /// Packets of `bytes` (modulo 2048), `additional` (modulo 4) more of them in a microframe.
    #[must_use]
    pub const fn new(bytes: u16, additional: u8) -> Self {
        Self(bytes & 0x7FF | (additional as u16 & 3) << 11)
    }

    /// Bytes of a packet.
    #[must_use]
    pub const fn bytes(self) -> u16 {
        self.0 & 0x7FF
    }

    /// Additional transactions of a microframe; 0 to 2, 3 is reserved.
    #[must_use]
    pub const fn additional_transactions(self) -> u8 {
        (self.0 >> 11) as u8 & 3
    }

    /// Bytes of a microframe.
    #[must_use]
    pub const fn bytes_per_microframe(self) -> u32 {
        self.bytes() as u32 * (self.additional_transactions() as u32 + 1)
    }
}

/// Endpoint descriptor: 7 bytes, or 9 with what Audio 1.0 adds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// `bEndpointAddress`.
    pub address: EndpointAddress,
    /// Transfer type.
    pub transfer_type: TransferType,
    /// Synchronization type, of an isochronous endpoint.
    pub sync: SyncType,
    /// Usage type, of an isochronous endpoint.
    pub usage: UsageType,
    /// `wMaxPacketSize`.
    pub max_packet_size: MaxPacketSize,
    /// `bInterval`.
    pub interval: u8,
    /// `bRefresh` and `bSynchAddress`, which make it 9 bytes.
    pub audio: Option<AudioSynch>,
}

/// The two bytes that Audio 1.0 adds to its endpoint descriptors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AudioSynch {
    /// `bRefresh`: a feedback endpoint has a new value every 2^n ms, n from 1 to 9; 0 of others.
    pub refresh: u8,
    /// `bSynchAddress`: the feedback endpoint of a data endpoint; 0: none.
    pub synch_address: EndpointAddress,
}

impl Endpoint {
    /// An endpoint of 7 bytes without synchronization and usage type.
    #[must_use]
    pub const fn new(
        address: EndpointAddress,
        transfer_type: TransferType,
        max_packet_size: MaxPacketSize,
        interval: u8,
    ) -> Self {
        let (sync, usage) = (SyncType::None, UsageType::Data);
        Self { address, transfer_type, sync, usage, max_packet_size, interval, audio: None }
    }

    /// An isochronous endpoint of 7 bytes.
    #[must_use]
    pub const fn isochronous(
        address: EndpointAddress,
        sync: SyncType,
        usage: UsageType,
        max_packet_size: MaxPacketSize,
        interval: u8,
    ) -> Self {
        let transfer_type = TransferType::Isochronous;
        Self { address, transfer_type, sync, usage, max_packet_size, interval, audio: None }
    }

    /// A bulk endpoint.
    #[must_use]
    pub const fn bulk(address: EndpointAddress, max_packet_size: u16) -> Self {
        Self::without_synchronization(TransferType::Bulk, address, max_packet_size, 0)
    }

    /// An interrupt endpoint; `interval` as `bInterval` codes it at the speed of the device.
    #[must_use]
    pub const fn interrupt(address: EndpointAddress, max_packet_size: u16, interval: u8) -> Self {
        Self::without_synchronization(TransferType::Interrupt, address, max_packet_size, interval)
    }

    const fn without_synchronization(
        transfer_type: TransferType,
        address: EndpointAddress,
        max_packet_size: u16,
        interval: u8,
    ) -> Self {
        Self {
            address,
            transfer_type,
            sync: SyncType::None,
            usage: UsageType::Data,
            max_packet_size: MaxPacketSize::new(max_packet_size, 0),
            interval,
            audio: None,
        }
    }

    /// The same with the two bytes of Audio 1.0.
    #[must_use]
    pub const fn with_audio(self, refresh: u8, synch_address: EndpointAddress) -> Self {
        Self { audio: Some(AudioSynch { refresh, synch_address }), ..self }
    }

    /// `bmAttributes`.
    #[must_use]
    pub const fn attributes(&self) -> u8 {
        self.transfer_type.attributes() | self.sync.attributes() | self.usage.attributes()
    }

    /// The descriptor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let writer = Writer::new(DescriptorType::ENDPOINT)
            .u8(self.address.0)
            .u8(self.attributes())
            .u16(self.max_packet_size.0)
            .u8(self.interval);
        match self.audio {
            Some(audio) => writer.u8(audio.refresh).u8(audio.synch_address.0).finish(),
            None => writer.finish(),
        }
    }

    /// Reads a descriptor of 7 bytes, or of 9 and more.
    ///
    /// # Errors
    /// Another type, or too few bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut r = Reader::new(bytes, "endpoint", DescriptorType::ENDPOINT)?;
        let address = EndpointAddress(r.u8()?);
        let attributes = r.u8()?;
        let max_packet_size = MaxPacketSize(r.u16()?);
        let interval = r.u8()?;
        let audio = if r.remaining() >= 2 {
            Some(AudioSynch { refresh: r.u8()?, synch_address: EndpointAddress(r.u8()?) })
        } else {
            None
        };
        Ok(Self {
            address,
            transfer_type: TransferType::from_attributes(attributes),
            sync: SyncType::from_attributes(attributes),
            usage: UsageType::from_attributes(attributes),
            max_packet_size,
            interval,
            audio,
        })
    }
}

/// SuperSpeed Endpoint Companion descriptor, 6 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SuperSpeedCompanion {
    /// `bMaxBurst`: packets of a burst less one.
    pub max_burst: u8,
    /// `bmAttributes`: of an isochronous endpoint Mult in 1:0, of a bulk endpoint MaxStreams in 4:0.
    pub attributes: u8,
    /// `wBytesPerInterval`.
    pub bytes_per_interval: u16,
}

impl SuperSpeedCompanion {
    /// The descriptor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        Writer::new(DescriptorType::SUPERSPEED_ENDPOINT_COMPANION)
            .u8(self.max_burst)
            .u8(self.attributes)
            .u16(self.bytes_per_interval)
            .finish()
    }

    /// Reads a descriptor.
    ///
    /// # Errors
    /// Another type, or too few bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let expected = DescriptorType::SUPERSPEED_ENDPOINT_COMPANION;
        let mut r = Reader::new(bytes, "SuperSpeed endpoint companion", expected)?;
        Ok(Self { max_burst: r.u8()?, attributes: r.u8()?, bytes_per_interval: r.u16()? })
    }
}
