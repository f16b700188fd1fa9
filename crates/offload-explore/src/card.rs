//! A card on the bus with its class driver, whichever style that has.

use crate::aoc::AocCard;
use crate::client::Client;
use crate::host::Host;
use crate::machine::Machine;
use crate::program::Place;
use crate::qc::{QcCard, QcService};
use offload_core::{
    Condition, EpIndex, Errno, LocalBoxFuture, PmMessage, Sideband, UsbDevice, UsbDriver, UsbInterface,
};
use std::rc::{Rc, Weak};

/// What outlives the binding of a driver.
pub(crate) struct Card {
    pub(crate) udev: Rc<UsbDevice>,
    pub(crate) style: Style,
}

pub(crate) enum Style {
    Qc(Rc<QcCard>),
    Aoc(Rc<AocCard>),
}

/// What a card has of the machine.
pub(crate) struct Seat {
    pub(crate) machine: Rc<Machine>,
    /// Among the devices that can be offloaded.
    pub(crate) number: usize,
    pub(crate) udev: Rc<UsbDevice>,
    pub(crate) host: Rc<Host>,
    pub(crate) endpoint: EpIndex,
    /// `ep_num`, which is the address (B13).
    pub(crate) endpoint_address: u8,
}

impl Card {
    pub(crate) fn new(
        machine: &Rc<Machine>,
        service: &Rc<QcService>,
        client: Client,
        udev: &Rc<UsbDevice>,
        host: Rc<Host>,
        place: &Place,
    ) -> Rc<Self> {
        let number = machine.ghosts.add_device(udev);
        let Some(endpoint) = EpIndex::from_address(place.endpoint) else {
            unreachable!("the endpoints of scenarios are numbered up to 15")
        };
        let seat = Seat {
            machine: machine.clone(),
            number,
            udev: udev.clone(),
            host,
            endpoint,
            endpoint_address: place.endpoint,
        };
        let style = match client {
            Client::Qc => Style::Qc(QcCard::new(seat, service)),
            Client::Aoc => Style::Aoc(AocCard::new(seat)),
        };
        Rc::new(Self { udev: udev.clone(), style })
    }

    /// The first interface, which the driver is bound to.
    pub(crate) fn interface(&self) -> Option<Rc<UsbInterface>> {
        self.udev.interface(0)
    }

    /// Binding by sysfs: the driver is probed, with the device's mutex.
    pub(crate) async fn bind(self: &Rc<Self>) {
        let _device_lock = self.udev.lock().await;
        self.bind_locked().await;
    }

    /// The same for whoever has the device's mutex. Nothing happens to a bound interface.
    pub(crate) async fn bind_locked(self: &Rc<Self>) {
        let Some(intf) = self.interface() else { return };
        if intf.condition() != Condition::Unbound || !self.udev.is_attached() {
            return;
        }
        let driver: Rc<dyn UsbDriver> = Rc::new(Binding(Rc::downgrade(self)));
        let probe = async {
            match &self.style {
                Style::Qc(card) => card.connect(&intf).await,
                Style::Aoc(card) => card.connect(&intf).await,
            }
        };
        let _unbound_if_refused = intf.probe(driver, probe).await;
    }

    /// Begins a stream.
    pub(crate) async fn enable(&self) -> Result<(), Errno> {
        match &self.style {
            Style::Qc(card) => card.handle_enable().await,
            Style::Aoc(card) => card.open().await,
        }
    }

    /// Ends it.
    pub(crate) async fn disable(&self) -> Result<(), Errno> {
        match &self.style {
            Style::Qc(card) => card.handle_disable().await,
            Style::Aoc(card) => card.close().await,
        }
    }

    /// Whether nobody is at work for the card at present.
    pub(crate) fn is_idle(&self) -> bool {
        match &self.style {
            Style::Qc(card) => card.is_idle(),
            Style::Aoc(card) => card.is_idle(),
        }
    }

    /// S15: what is held although no stream is on.
    pub(crate) fn leaks(&self) -> Result<(), String> {
        match &self.style {
            Style::Qc(card) => card.leaks(),
            Style::Aoc(card) => card.leaks(),
        }
    }

    /// The sideband of the driver.
    pub(crate) fn sideband(&self) -> Option<Rc<Sideband>> {
        match &self.style {
            Style::Qc(card) => card.sideband(),
            Style::Aoc(card) => card.sideband(),
        }
    }

    /// Whether the driver has a stream set up.
    pub(crate) fn has_stream(&self) -> bool {
        match &self.style {
            Style::Qc(card) => card.has_stream(),
            Style::Aoc(card) => card.is_open(),
        }
    }

    /// Whether its owner takes the stream to go on through system sleep.
    pub(crate) fn believes_in_stream(&self) -> bool {
        match &self.style {
            Style::Qc(_) => false,
            Style::Aoc(card) => card.is_open(),
        }
    }
}

/// The class driver as usbcore sees it. Holds the card weakly: the card holds the device.
struct Binding(Weak<Card>);

impl UsbDriver for Binding {
    fn name(&self) -> &'static str {
        "snd-usb-audio"
    }

    fn suspend<'a>(
        &'a self,
        _intf: &'a Rc<UsbInterface>,
        message: PmMessage,
    ) -> LocalBoxFuture<'a, Result<(), Errno>> {
        Box::pin(async move {
            if let Some(card) = self.0.upgrade() {
                match &card.style {
                    Style::Qc(card) => card.suspend(message).await,
                    Style::Aoc(card) => card.suspend(message),
                }
            }
            Ok(())
        })
    }

    fn resume<'a>(&'a self, _intf: &'a Rc<UsbInterface>) -> LocalBoxFuture<'a, Result<(), Errno>> {
        if let Some(card) = self.0.upgrade() {
            match &card.style {
                Style::Qc(card) => card.resume(),
                Style::Aoc(card) => card.resume(),
            }
        }
        Box::pin(async { Ok(()) })
    }

    fn reset_resume<'a>(&'a self, intf: &'a Rc<UsbInterface>) -> LocalBoxFuture<'a, Result<(), Errno>> {
        Box::pin(async move {
            if let Some(card) = self.0.upgrade() {
                match &card.style {
                    Style::Qc(card) => card.reset_resume(intf).await,
                    Style::Aoc(card) => card.reset_resume(intf).await,
                }
            }
            Ok(())
        })
    }

    fn disconnect<'a>(&'a self, _intf: &'a Rc<UsbInterface>) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            if let Some(card) = self.0.upgrade() {
                match &card.style {
                    Style::Qc(card) => card.disconnect().await,
                    Style::Aoc(card) => card.disconnect().await,
                }
            }
        })
    }
}
