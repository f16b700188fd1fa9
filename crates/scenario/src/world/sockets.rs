//! Devices and the ports that they are plugged into.

use super::WorldError;
use super::shared_device::SharedDevice;
use crate::audio::Audio;
use crate::scenario::{DeviceKind, DeviceSpec, Direction, PortPath, Scenario};
use host_bus::LocalBus;
use scope::Capture;
use sim_time::Instant;
use std::cell::Cell;
use std::rc::Rc;
use usb_devices::audio::Sink;
use usb_devices::audio::uac1::Speaker;
use usb_devices::audio::uac2::Headset;
use usb_devices::hub::HubPort;
use usb_devices::{Hub, Peripheral};
use xhci_model::Device;
use xhci_spec::PortId;

/// The devices of a scenario, in its order, plugged in or not.
pub(crate) struct Sockets {
    bus: Rc<LocalBus>,
    sockets: Vec<Socket>,
    capture: Option<Capture>,
}

struct Socket {
    name: String,
    port: PortPath,
    device: Gadget,
    plugged: Cell<bool>,
}

/// A place in what a sound device records.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct TapePosition {
    /// The recording, counted from 0: each change of format begins a new one.
    recording: usize,
    bytes: usize,
}

impl TapePosition {
    /// This position, or the start of the recording that has begun since.
    pub(crate) fn or_start_of_next(self, now: Self) -> Self {
        if now.recording == self.recording { self } else { Self { recording: now.recording, bytes: 0 } }
    }
}

enum Gadget {
    Headset(SharedDevice<Peripheral<Headset>>),
    Speaker(SharedDevice<Peripheral<Speaker>>),
    Hub(SharedDevice<Hub>),
}

impl Sockets {
    /// Makes the devices, with room for what they will record, and plugs in those that are there from the beginning.
    pub(crate) fn new(
        scenario: &Scenario,
        bus: &Rc<LocalBus>,
        capture: Option<Capture>,
    ) -> Result<Self, WorldError> {
        let socket = |(index, spec): (usize, &DeviceSpec)| Socket {
            name: spec.name.clone(),
            port: spec.port,
            device: Gadget::new(spec, &Room::of(scenario, index)),
            plugged: Cell::new(false),
        };
        let sockets = scenario.devices.iter().enumerate().map(socket).collect();
        let sockets = Self { bus: bus.clone(), sockets, capture };
        for (index, spec) in scenario.devices.iter().enumerate() {
            if !spec.absent {
                sockets.plug(index, Instant::ZERO)?;
            }
        }
        Ok(sockets)
    }

    /// Plugs a device in. Nothing happens if it is plugged in.
    pub(crate) fn plug(&self, index: usize, now: Instant) -> Result<(), WorldError> {
        let socket = &self.sockets[index];
        if socket.plugged.replace(true) {
            return Ok(());
        }
        let device = match &self.capture {
            Some(capture) => capture.plug_in(&socket.name, socket.device.to_box()),
            None => socket.device.to_box(),
        };
        let refused = |reason: String| WorldError::Attach { port: socket.port, reason };
        match socket.port.hub_port {
            None => {
                let port = root_port(socket.port)?;
                let attached = self.bus.with_xhci(|xhc| xhc.attach(now, port, device));
                attached.map_err(|error| refused(error.to_string()))
            }
            Some(port) => {
                let hub = self.hub_at(socket.port.root).ok_or_else(|| refused("there is no hub".into()))?;
                let attached = hub.lock().attach(now, HubPort(port), device);
                attached.map_err(|error| refused(error.to_string()))
            }
        }
    }

    /// Pulls a device's cable. Nothing happens if it is not plugged in.
    pub(crate) fn unplug(&self, index: usize, now: Instant) -> Result<(), WorldError> {
        let socket = &self.sockets[index];
        if !socket.plugged.replace(false) {
            return Ok(());
        }
        let detached = match socket.port.hub_port {
            None => {
                let port = root_port(socket.port)?;
                self.bus.with_xhci(|xhc| xhc.detach(now, port))
            }
            Some(port) => self.hub_at(socket.port.root).and_then(|hub| hub.lock().detach(now, HubPort(port))),
        };
        // What was pulled is one more handle of the device, which stays here.
        drop(detached);
        Ok(())
    }

    /// Where the recording of a sound device stands.
    pub(crate) fn tape_position(&self, index: usize) -> TapePosition {
        let position = |sink: &Sink| TapePosition {
            recording: sink.earlier_recordings().len(),
            bytes: sink.recording().bytes.len(),
        };
        self.with_sink(index, position).unwrap_or_default()
    }

    /// What a sound device recorded in one format, from one position to another or to the end.
    pub(crate) fn recorded(
        &self,
        index: usize,
        from: TapePosition,
        to: Option<TapePosition>,
    ) -> Option<Audio> {
        let audio = |sink: &Sink| {
            let current = std::iter::once(sink.recording());
            let recording = sink.earlier_recordings().iter().chain(current).nth(from.recording)?;
            let end = match to {
                Some(to) if to.recording == from.recording => to.bytes,
                _ => recording.bytes.len(),
            };
            let bytes = recording.bytes.get(from.bytes..end)?.into();
            Some(Audio { format: recording.format, bytes })
        };
        self.with_sink(index, audio).flatten()
    }

    /// Gaps that a sound device heard until now.
    pub(crate) fn device_underruns(&self, index: usize) -> u64 {
        self.with_sink(index, |sink| sink.counts().underruns).unwrap_or(0)
    }

    fn with_sink<T>(&self, index: usize, read: impl FnOnce(&Sink) -> T) -> Option<T> {
        match &self.sockets[index].device {
            Gadget::Headset(device) => Some(read(device.lock().function().playback())),
            Gadget::Speaker(device) => Some(read(device.lock().function().playback())),
            Gadget::Hub(_) => None,
        }
    }

    fn hub_at(&self, root: u8) -> Option<&SharedDevice<Hub>> {
        let at = PortPath { root, hub_port: None };
        self.sockets.iter().find(|socket| socket.port == at).and_then(|socket| match &socket.device {
            Gadget::Hub(hub) => Some(hub),
            _ => None,
        })
    }
}

/// What a device is to hold, by the streams of the scenario.
struct Room {
    /// Bytes that are played.
    playback: usize,
    /// What the microphone hears.
    microphone: Option<Vec<u8>>,
}

impl Room {
    fn of(scenario: &Scenario, device: usize) -> Self {
        let streams = || scenario.streams.iter().filter(move |stream| stream.device == device);
        let played = streams().filter(|stream| stream.direction == Direction::Playback);
        let mut captured = streams().filter(|stream| stream.direction == Direction::Capture);
        Self {
            playback: played.map(|stream| stream.audio.bytes.len()).sum(),
            microphone: captured.next().map(|stream| stream.audio.bytes.to_vec()),
        }
    }
}

impl Gadget {
    fn new(spec: &DeviceSpec, room: &Room) -> Self {
        match spec.kind {
            DeviceKind::Uac2 => {
                let mut headset = Headset::new();
                headset.set_drift_ppm(spec.drift_ppm);
                headset.reserve(room.playback);
                if let Some(signal) = &room.microphone {
                    headset.set_capture_source(signal.clone());
                }
                Self::Headset(SharedDevice::new(Peripheral::new(headset)))
            }
            DeviceKind::Uac1 => {
                let mut speaker = Speaker::new();
                speaker.set_drift_ppm(spec.drift_ppm);
                speaker.reserve(room.playback);
                Self::Speaker(SharedDevice::new(Peripheral::new(speaker)))
            }
            DeviceKind::Hub => Self::Hub(SharedDevice::new(Hub::new())),
        }
    }

    fn to_box(&self) -> Box<dyn Device> {
        match self {
            Self::Headset(device) => Box::new(device.clone()),
            Self::Speaker(device) => Box::new(device.clone()),
            Self::Hub(device) => Box::new(device.clone()),
        }
    }
}

fn root_port(port: PortPath) -> Result<PortId, WorldError> {
    PortId::new(port.root).ok_or_else(|| WorldError::Attach { port, reason: "there is no such port".into() })
}
