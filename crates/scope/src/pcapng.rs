//! The three blocks of pcapng (draft-ietf-opsawg-pcapng) that a capture needs, little endian.

use std::io::{self, Write};

/// A link type of the tcpdump registry: how packets look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LinkType(pub(crate) u16);

/// A capture file that is being written.
#[derive(Debug)]
pub(crate) struct PcapNg<W> {
    file: W,
    interfaces: u32,
    /// The block in hand.
    block: Vec<u8>,
}

impl<W: Write> PcapNg<W> {
    /// A file in which nothing is yet. [`section`](Self::section) begins it.
    pub(crate) fn new(file: W) -> Self {
        Self { file, interfaces: 0, block: Vec::new() }
    }

    /// Begins the file.
    pub(crate) fn section(&mut self) -> io::Result<()> {
        const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;
        const USER_APPLICATION: u16 = 4;
        self.begin(0x0A0D_0D0A);
        self.put(&BYTE_ORDER_MAGIC.to_le_bytes());
        // Version 1.0, length of the section unknown.
        self.put(&[1, 0, 0, 0]);
        self.put(&u64::MAX.to_le_bytes());
        self.option(USER_APPLICATION, b"xhci-lab");
        self.end_of_options();
        self.end()
    }

    /// Adds something that packets come from; the number by which [`packet`](Self::packet) knows it.
    pub(crate) fn interface(&mut self, link_type: LinkType, name: &str) -> io::Result<u32> {
        const NAME: u16 = 2;
        const TIMESTAMP_RESOLUTION: u16 = 9;
        self.begin(1);
        self.put(&link_type.0.to_le_bytes());
        // Reserved; and packets are not cut.
        self.put(&[0; 6]);
        self.option(NAME, name.as_bytes());
        // 10^-9 seconds.
        self.option(TIMESTAMP_RESOLUTION, &[9]);
        self.end_of_options();
        self.end()?;
        self.interfaces += 1;
        Ok(self.interfaces - 1)
    }

    /// Adds a packet.
    pub(crate) fn packet(&mut self, interface: u32, at_ns: u64, packet: &[u8]) -> io::Result<()> {
        let length = u32::try_from(packet.len()).map_err(io::Error::other)?;
        let [t0, t1, t2, t3, t4, t5, t6, t7] = at_ns.to_le_bytes();
        self.begin(6);
        self.put(&interface.to_le_bytes());
        // The high half comes first.
        self.put(&[t4, t5, t6, t7, t0, t1, t2, t3]);
        self.put(&length.to_le_bytes());
        self.put(&length.to_le_bytes());
        self.put_padded(packet);
        self.end()
    }

    /// Writes out what is buffered.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    fn begin(&mut self, block_type: u32) {
        self.block.clear();
        self.put(&block_type.to_le_bytes());
        // The length, known in the end.
        self.put(&[0; 4]);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
    }

    fn put_padded(&mut self, bytes: &[u8]) {
        self.put(bytes);
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        // Names are short; of one that is not, the start.
        let value = &value[..value.len().min(255)];
        self.put(&code.to_le_bytes());
        self.put(&[value.len().to_le_bytes()[0], 0]);
        self.put_padded(value);
    }

    fn end_of_options(&mut self) {
        self.put(&[0; 4]);
    }

    fn end(&mut self) -> io::Result<()> {
        let length = u32::try_from(self.block.len() + 4).map_err(io::Error::other)?.to_le_bytes();
        self.put(&length);
        self.block[4..8].copy_from_slice(&length);
        self.file.write_all(&self.block)
    }
}
