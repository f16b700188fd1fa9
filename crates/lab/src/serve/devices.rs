//! What `--device` says: `KIND[,port=N[.M]...][,file=PATH][,speed=high|super][,play=WAV]`.

use super::port_path::PortPath;
use crate::capture_file::CaptureFile;
use scenario::audio::{Audio, read_wav};
use std::any::Any;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use usb_devices::audio::Recording;
use usb_devices::audio::uac1::Speaker;
use usb_devices::audio::uac2::Headset;
use usb_devices::storage::{FileMedium, Medium, MemoryMedium};
use usb_devices::{Disk, Hub, Keyboard, Peripheral};
use xhci_model::Device;

/// Blocks of a disk without file: 16 MiB.
const MEMORY_BLOCKS: usize = 1 << 15;
/// Ports of a hub.
const HUB_PORTS: u8 = 4;

/// A device to plug in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceSpec {
    kind: Kind,
    /// None is the first free port of the device's protocol.
    port: Option<PortPath>,
    /// A disk's file, or what a headset's microphone hears.
    file: Option<PathBuf>,
    is_super: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Uac1,
    Uac2,
    Hub,
    Keyboard,
    Disk,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Uac1, Self::Uac2, Self::Hub, Self::Keyboard, Self::Disk];

    fn name(self) -> &'static str {
        match self {
            Self::Uac1 => "uac1",
            Self::Uac2 => "uac2",
            Self::Hub => "hub",
            Self::Keyboard => "keyboard",
            Self::Disk => "disk",
        }
    }
}

impl fmt::Display for DeviceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        match &self.file {
            Some(file) => write!(f, " {}", file.display()),
            None => Ok(()),
        }
    }
}

impl FromStr for DeviceSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let name = parts.next().unwrap_or_default();
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        let kind = kind.ok_or_else(|| {
            let kinds = Kind::ALL.map(Kind::name).join(", ");
            format!("unknown device {name:?}, there are {kinds}")
        })?;
        let mut spec = Self { kind, port: None, file: None, is_super: false };
        for part in parts {
            match (part.split_once('='), kind) {
                (Some(("port", number)), _) => {
                    spec.port = Some(number.parse()?);
                }
                (Some(("file", path)), Kind::Disk) | (Some(("play", path)), Kind::Uac2) => {
                    spec.file = Some(path.into());
                }
                (Some(("speed", speed @ ("high" | "super"))), Kind::Disk | Kind::Hub) => {
                    spec.is_super = speed == "super";
                }
                _ => return Err(format!("{name} has no property {part:?}; {}", properties(kind))),
            }
        }
        Ok(spec)
    }
}

fn properties(kind: Kind) -> &'static str {
    match kind {
        Kind::Disk => "there are port=N, file=PATH, speed=high and speed=super",
        Kind::Uac2 => "there are port=N and play=WAV",
        Kind::Hub => "there are port=N, speed=high and speed=super",
        Kind::Uac1 | Kind::Keyboard => "there is port=N",
    }
}

impl DeviceSpec {
    /// Its kind, as `--device` names it.
    pub(crate) fn name(&self) -> &'static str {
        self.kind.name()
    }

    pub(crate) fn port(&self) -> Option<PortPath> {
        self.port.clone()
    }

    /// The device, in front of it an analyzer if there is a capture.
    ///
    /// # Errors
    /// Its file cannot be used.
    pub(crate) fn build(&self, capture: Option<&CaptureFile>) -> Result<Box<dyn Device>, String> {
        let device = self.bare()?;
        Ok(match capture {
            Some(file) => file.capture().plug_in(self.name(), device),
            None => device,
        })
    }

    fn bare(&self) -> Result<Box<dyn Device>, String> {
        Ok(match self.kind {
            Kind::Uac1 => Box::new(Peripheral::new(Speaker::new())),
            Kind::Uac2 => {
                let mut headset = Headset::new();
                if let Some(path) = &self.file {
                    headset.set_capture_source(
                        read_wav(path).map_err(|error| error.to_string())?.bytes.to_vec(),
                    );
                }
                Box::new(Peripheral::new(headset))
            }
            Kind::Hub if self.is_super => {
                Box::new(Hub::super_speed(HUB_PORTS).map_err(|error| error.to_string())?)
            }
            Kind::Hub => Box::new(Hub::with_ports(HUB_PORTS).map_err(|error| error.to_string())?),
            Kind::Keyboard => Box::new(Peripheral::new(Keyboard::new())),
            Kind::Disk => {
                let medium: Box<dyn Medium> = match &self.file {
                    Some(path) => {
                        Box::new(open(path).map_err(|error| format!("{}: {error}", path.display()))?)
                    }
                    None => Box::new(MemoryMedium::new(MEMORY_BLOCKS)),
                };
                let disk = if self.is_super { Disk::super_speed(medium) } else { Disk::new(medium) };
                Box::new(Peripheral::new(disk))
            }
        })
    }
}

fn open(path: &Path) -> std::io::Result<FileMedium> {
    FileMedium::new(File::options().read(true).write(true).open(path)?)
}

/// What a sound device heard, a piece for each time that a stream was opened in another format; nothing of a device that
/// hears nothing.
pub(crate) fn recordings(device: &dyn Device) -> Vec<Audio> {
    let device: &dyn Any = scope::device(device);
    let headset = device.downcast_ref::<Peripheral<Headset>>().map(|headset| headset.function().playback());
    let speaker =
        || device.downcast_ref::<Peripheral<Speaker>>().map(|speaker| speaker.function().playback());
    let sinks = headset.or_else(speaker).into_iter();
    sinks
        .flat_map(|sink| sink.earlier_recordings().iter().chain([sink.recording()]))
        .filter(|recording| !recording.bytes.is_empty())
        .map(|Recording { format, bytes, .. }| Audio { format: *format, bytes: bytes.as_slice().into() })
        .collect()
}
