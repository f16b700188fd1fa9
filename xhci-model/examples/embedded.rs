//! The controller inside somebody else's emulator, and four lines of a guest that it runs. `docs/embedding.md` explains
//! it; `cargo run -p xhci-model --example embedded`.

use sim_time::{Duration, Instant};
use xhci_model::{Budget, Dma, DmaError, Output, Profile, ProfileError, Xhci};
use xhci_spec::trb::{command, event::Event};
use xhci_spec::{Gpa, Trb};

/// Where the emulator maps the registers.
const BAR: u64 = 0xF000_0000;

/// The emulator's memory, from address 0 on.
struct Ram(Vec<u8>);

impl Ram {
    fn slice(&mut self, address: Gpa, length: usize) -> Result<&mut [u8], DmaError> {
        let start = usize::try_from(address.0).ok();
        let range = start.and_then(|start| Some(start..start.checked_add(length)?));
        range.and_then(|range| self.0.get_mut(range)).ok_or(DmaError { address, length })
    }
}

/// With the guest's processor on a thread of its own, the last two are an acquire load and a release store.
impl Dma for Ram {
    fn read(&mut self, address: Gpa, buffer: &mut [u8]) -> Result<(), DmaError> {
        buffer.copy_from_slice(self.slice(address, buffer.len())?);
        Ok(())
    }
    fn write(&mut self, address: Gpa, data: &[u8]) -> Result<(), DmaError> {
        self.slice(address, data.len())?.copy_from_slice(data);
        Ok(())
    }
    fn acquire_u32(&mut self, address: Gpa) -> Result<u32, DmaError> {
        let mut bytes = [0; 4];
        self.read(address, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
    fn publish_u32(&mut self, address: Gpa, value: u32) -> Result<(), DmaError> {
        self.write(address, &value.to_le_bytes())
    }
}

/// What an emulator adds to the controller.
struct Emulator {
    xhci: Xhci,
    ram: Ram,
    now: Instant,
    /// Messages sent: the emulator's own interrupt controller.
    interrupts: Vec<(Instant, u16)>,
}

impl Emulator {
    /// The trap of a load.
    fn load(&self, address: u64) -> u32 {
        let mut bytes = [0; 4];
        self.xhci.mmio_read(self.now, address - BAR, &mut bytes);
        u32::from_le_bytes(bytes)
    }
    /// The trap of a store.
    fn store(&mut self, address: u64, value: u32) {
        self.xhci.mmio_write(self.now, address - BAR, &value.to_le_bytes());
        self.serve();
    }
    /// Does what is due, and hands on what the controller wants.
    fn serve(&mut self) {
        // What is left over is due at once: `poll_timeout` is in the past.
        let _left_over = self.xhci.advance(self.now, &mut self.ram, Budget::default());
        while let Some(output) = self.xhci.poll_output() {
            if let Output::Message { vector } = output {
                self.interrupts.push((self.now, vector));
            }
        }
    }
    /// The guest computes or sleeps for so long.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.xhci.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.serve();
        }
        self.now = until;
    }
}

/// Boots the controller as a driver does, lets it execute a No Op command, and tells what the guest saw.
fn transcript() -> Result<String, ProfileError> {
    let xhci = Xhci::new(Profile::default(), 0)?;
    let ram = Ram(vec![0; 0x1_0000]);
    let mut board = Emulator { xhci, ram, now: Instant::ZERO, interrupts: Vec::new() };
    let capabilities = board.load(BAR);
    let (operational, runtime) =
        (BAR + u64::from(capabilities & 0xFF), BAR + u64::from(board.load(BAR + 0x18)));
    let doorbells = BAR + u64::from(board.load(BAR + 0x14));
    let mut text = format!("xHCI {:#06x}, {} slots\n", capabilities >> 16, board.load(BAR + 4) & 0xFF);

    // An event ring of 16 TRBs at 0x2000, described at 0x3000; a command ring at 0x4000.
    let in_ram = |board: &mut Emulator, address, bytes: &[u8]| {
        board.ram.write(Gpa(address), bytes).expect("there is memory");
    };
    in_ram(&mut board, 0x3000, &[0x2000_u64.to_le_bytes(), 16_u64.to_le_bytes()].concat());
    in_ram(&mut board, 0x4000, &command::no_op().with_cycle(true).to_bytes());
    board.pass(Duration::from_millis(10));
    // CONFIG, DCBAAP, CRCR; ERSTSZ, ERDP, ERSTBA, IMOD, IMAN; USBCMD: run, with interrupts.
    let registers =
        [(0x38, 8), (0x30, 0x1000), (0x18, 0x4001)].map(|(offset, value)| (operational + offset, value));
    let interrupter = [(0x28, 1), (0x38, 0x2000), (0x30, 0x3000), (0x24, 0), (0x20, 2)]
        .map(|(offset, value)| (runtime + offset, value));
    for (register, value) in registers.into_iter().chain(interrupter).chain([(operational, 0b101)]) {
        board.store(register, value);
    }
    board.pass(Duration::from_millis(1));
    board.store(doorbells, 0);
    board.pass(Duration::from_millis(1));

    for (at, vector) in &board.interrupts {
        text += &format!("{at} interrupt {vector}\n");
    }
    let mut bytes = [0; Trb::BYTES];
    board.ram.read(Gpa(0x2000), &mut bytes).expect("there is memory");
    if let Event::CommandCompletion(done) = Event::from_trb(Trb::from_bytes(bytes)) {
        text += &format!("command at {}: {}\n", done.command, done.code);
    }
    Ok(text)
}

fn main() -> Result<(), ProfileError> {
    print!("{}", transcript()?);
    Ok(())
}

#[cfg(test)]
mod tests {
    /// What the guide shows is what comes out.
    #[test]
    fn it_says_what_the_guide_says() {
        let guide = include_str!("../../docs/embedding.md");
        let text = super::transcript().expect("the profile is one");
        assert!(text.contains("Success"), "{text}");
        assert!(guide.contains(&text), "docs/embedding.md does not show:\n{text}");
    }
}
