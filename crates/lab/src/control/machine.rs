use super::request::{Request, Response};
use crate::capture_file::CaptureFile;
use crate::failure::Failure;
use crate::output::OutDir;
use crate::serve::{DeviceSpec, PortPath, topology};
use scenario::audio::Audio;
use sim_time::Instant;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use usb_devices::keyboard::Key;
use usb_devices::{Keyboard, Peripheral};
use vfio_user_xhci::Handle;
use xhci_model::{Device, Fault, FaultRule, Xhci};
use xhci_spec::{Dci, PortId};

/// A running controller and what was plugged into it.
pub(crate) struct Machine {
    handle: Handle,
    plugged: Mutex<BTreeMap<PortPath, DeviceSpec>>,
    /// Where recordings of sound devices go.
    record: Option<PathBuf>,
    recorded: AtomicU32,
    capture: Option<CaptureFile>,
}

impl Machine {
    pub(crate) fn new(
        handle: Handle,
        plugged: BTreeMap<PortPath, DeviceSpec>,
        record: Option<PathBuf>,
        capture: Option<CaptureFile>,
    ) -> Self {
        Self { handle, plugged: Mutex::new(plugged), record, recorded: AtomicU32::new(0), capture }
    }

    /// Carries out a request.
    pub(crate) fn answer(&self, request: Request) -> Response {
        match self.perform(request) {
            Ok(text) => Response::Done(text),
            Err(reason) => Response::Failed(reason),
        }
    }

    fn perform(&self, request: Request) -> Result<String, String> {
        match request {
            Request::List => {
                Ok(self.plugged().iter().map(|(port, spec)| format!("{port} {spec}\n")).collect())
            }
            Request::Attach { device } => self.attach(&device),
            Request::Detach { port } => self.detach(&port),
            Request::Inspect { path } => {
                let looked_for = path.clone();
                let node = self.call(move |xhc, now| xhc.inspect(now).at(&looked_for).cloned())?;
                node.map(|node| node.to_string()).ok_or_else(|| format!("{path}: there is no such thing"))
            }
            Request::Fault { port, endpoint, fault, skip, count } => {
                let rule = FaultRule {
                    port: Some(port_id(port)?),
                    endpoint: endpoint
                        .map(|dci| Dci::try_from(dci).map_err(|error| error.to_string()))
                        .transpose()?,
                    skip,
                    count,
                    ..FaultRule::new(fault_of(&fault)?)
                };
                self.call(move |xhc, now| xhc.add_fault(FaultRule { from: now, ..rule }))?;
                Ok(String::new())
            }
            Request::Type { port, text } => self.type_text(&port, &text),
        }
    }

    fn attach(&self, text: &str) -> Result<String, String> {
        let spec: DeviceSpec = text.parse()?;
        let device = spec.build(self.capture.as_ref())?;
        let wanted = spec.port();
        let port = self.call(move |xhc, now| topology::plug(xhc, now, wanted, device))??;
        let answer = format!("port {port}\n");
        self.plugged().insert(port, spec);
        Ok(answer)
    }

    fn detach(&self, port: &PortPath) -> Result<String, String> {
        let pulled = port.clone();
        let device = self.call(move |xhc, now| topology::unplug(xhc, now, &pulled))??;
        self.plugged().retain(|other, _| !other.is_behind(port));
        self.keep_recordings(port, device.as_ref())?;
        Ok(String::new())
    }

    fn type_text(&self, port: &PortPath, text: &str) -> Result<String, String> {
        let keys = text.chars().map(key_of).collect::<Result<Vec<Key>, _>>()?;
        let at = port.clone();
        let typed = self.call(move |xhc, now| {
            let device = topology::device_at(xhc, &at);
            let keyboard = device.and_then(|device| device.downcast_mut::<Peripheral<Keyboard>>());
            let found = keyboard.is_some();
            if let Some(keyboard) = keyboard {
                keys.into_iter().for_each(|key| keyboard.function_mut().type_key(key));
                xhc.touch(now, at.root);
            }
            found
        })?;
        if typed { Ok(String::new()) } else { Err(format!("port {port} has no keyboard")) }
    }

    /// Writes what a sound device, or those behind a hub, heard, as `port-N.1.wav` and so on.
    pub(crate) fn keep_recordings(&self, port: &PortPath, device: &dyn Device) -> Result<(), String> {
        let Some(directory) = &self.record else { return Ok(()) };
        let mut heard = Vec::new();
        topology::walk(port, device, &mut |at, device| {
            heard.extend(crate::serve::recordings(device).into_iter().map(|audio| (at.clone(), audio)));
        });
        for (at, audio) in heard {
            let number = self.recorded.fetch_add(1, Ordering::Relaxed) + 1;
            keep(directory, &format!("port-{at}.{number}.wav"), &audio)?;
        }
        Ok(())
    }

    fn plugged(&self) -> MutexGuard<'_, BTreeMap<PortPath, DeviceSpec>> {
        self.plugged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Xhci, Instant) -> T + Send + 'static,
    ) -> Result<T, String> {
        self.handle.call(act).map_err(|stopped| stopped.to_string())
    }
}

fn port_id(number: u8) -> Result<PortId, String> {
    PortId::new(number).ok_or_else(|| "port 0: allowed is 1 to 255".into())
}

fn fault_of(name: &str) -> Result<Fault, String> {
    Ok(match name {
        "nak" => Fault::Nak,
        "stall" => Fault::Stall,
        "lost" => Fault::Lost,
        "handshake_lost" => Fault::HandshakeLost,
        "babble" => Fault::Babble,
        "split_error" => Fault::SplitError,
        "data_buffer" => Fault::DataBuffer,
        _ => {
            return Err(format!(
                "unknown fault {name:?}, there are nak, stall, lost, handshake_lost, babble, split_error, data_buffer"
            ));
        }
    })
}

/// HID usage page Keyboard: letters, digits, blank.
fn key_of(letter: char) -> Result<Key, String> {
    let code = match letter {
        'a'..='z' => u8::try_from(letter).map(|letter| letter - b'a' + 0x04),
        '1'..='9' => u8::try_from(letter).map(|digit| digit - b'1' + 0x1E),
        '0' => Ok(0x27),
        ' ' => Ok(0x2C),
        _ => return Err(format!("{letter:?}: only a to z, digits and blanks can be typed")),
    };
    code.map(Key).map_err(|error| error.to_string())
}

fn keep(directory: &Path, name: &str, audio: &Audio) -> Result<(), String> {
    let kept = OutDir::open(directory).and_then(|mut out| out.keep_wav(name, audio));
    kept.map_err(|failure| match failure {
        Failure::Usage(reasons) => reasons.join("; "),
        Failure::Run(reason) => reason,
        Failure::BrokenPipe => "broken pipe".into(),
    })
}
