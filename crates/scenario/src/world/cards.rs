//! The sound cards that the kernel has, by the devices of the scenario.

use super::{World, WorldError};
use crate::scenario::{ClientStyle, DeviceKind, DeviceSpec, PortPath, Scenario};
use kernel_sim::{Kernel, TaskKind, WaitQueue};
use offload_core::UsbDevice;
use snd_offload::AudioClient;
use std::cell::RefCell;
use std::rc::Rc;

/// What the kernel made of the devices.
pub(crate) struct Cards {
    cards: Vec<RefCell<Card>>,
    changed: WaitQueue,
}

struct Card {
    name: String,
    kernel_name: Rc<str>,
    style: Option<ClientStyle>,
    /// The device as it was seen last, also after it was unplugged.
    udev: Option<Rc<UsbDevice>>,
    client: Option<Rc<dyn AudioClient>>,
    error: Option<String>,
}

impl Cards {
    pub(super) fn new(scenario: &Scenario, kernel: &Kernel) -> Self {
        let card = |spec: &DeviceSpec| {
            RefCell::new(Card {
                name: spec.name.clone(),
                kernel_name: kernel_name(spec.port),
                style: (spec.kind != DeviceKind::Hub).then_some(spec.client),
                udev: None,
                client: None,
                error: None,
            })
        };
        let changed = WaitQueue::new(kernel, "sound cards");
        Self { cards: scenario.devices.iter().map(card).collect(), changed }
    }

    /// Has class drivers bound to whatever is there and whatever comes.
    pub(crate) fn bind_all(world: &Rc<World>) {
        for index in 0..world.cards.cards.len() {
            let name = format!("udev {}", world.cards.kernel_name(index));
            let world = world.clone();
            let kernel = world.kernel.clone();
            kernel.spawn(TaskKind::Daemon, name, async move { world.cards.bind(&world, index).await });
        }
    }

    /// Waits until these devices are there, with class drivers.
    ///
    /// # Errors
    /// A class driver does not bind.
    pub(crate) async fn wait_for(&self, present: impl Fn(usize) -> bool) -> Result<(), WorldError> {
        let indices = || (0..self.cards.len()).filter(|&index| present(index));
        self.changed.wait_until(|| indices().all(|index| self.cards[index].borrow().is_settled())).await;
        for index in indices() {
            let card = self.cards[index].borrow();
            if let Some(reason) = &card.error {
                return Err(WorldError::Bind { device: card.name.clone(), reason: reason.clone() });
            }
        }
        Ok(())
    }

    /// The class driver of a device that is there.
    pub(crate) fn client(&self, index: usize) -> Option<Rc<dyn AudioClient>> {
        self.cards[index].borrow().client.clone()
    }

    /// The device as usbcore has it, or had it last.
    pub(crate) fn udev(&self, index: usize) -> Option<Rc<UsbDevice>> {
        self.cards[index].borrow().udev.clone()
    }

    pub(crate) fn kernel_name(&self, index: usize) -> Rc<str> {
        self.cards[index].borrow().kernel_name.clone()
    }

    /// Drops what is held of the kernel.
    pub(super) fn clear(&self) {
        for card in &self.cards {
            let mut card = card.borrow_mut();
            (card.udev, card.client) = (None, None);
        }
    }

    async fn bind(&self, world: &World, index: usize) {
        let Some(machine) = world.machine.get() else { return };
        let (name, style) = {
            let card = self.cards[index].borrow();
            (card.kernel_name.clone(), card.style)
        };
        loop {
            let udev = machine.hcd.wait_for_device(&name).await;
            self.cards[index].borrow_mut().udev = Some(udev.clone());
            let probed = match style {
                Some(style) => machine.probe(style, &udev).await.map(Some),
                None => Ok(None),
            };
            {
                let mut card = self.cards[index].borrow_mut();
                match probed {
                    Ok(client) => card.client = client,
                    Err(error) => card.error = Some(error.to_string()),
                }
            }
            self.changed.wake_all();
            machine.hcd.wait_for_removal(&name).await;
            self.cards[index].borrow_mut().client = None;
        }
    }
}

impl Card {
    fn is_settled(&self) -> bool {
        let bound = self.client.is_some() || self.style.is_none();
        self.udev.is_some() && bound || self.error.is_some()
    }
}

/// The kernel's name of what is plugged in at a port: USB 2 ports make bus 1.
fn kernel_name(port: PortPath) -> Rc<str> {
    format!("1-{port}").into()
}
