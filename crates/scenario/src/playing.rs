//! A stream of the scenario while it runs, and what is measured of it.

use crate::audio::{Audio, frames_of};
use crate::offers;
use crate::report::StreamReport;
use crate::scenario::{ClientStyle, DeviceSpec, Direction, StreamSpec};
use crate::world::{TapePosition, World};
use kernel_sim::TaskKind;
use offload_core::Errno;
use sim_time::Instant;
use snd_offload::{AudioClient, AudioError, CaptureRequest, PlaybackRequest, StreamHandle, StreamStats};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use xhci_spec::{Dci, SlotId};

/// One stream of the scenario, started or not.
pub(crate) struct Playing {
    spec: StreamSpec,
    device: DeviceSpec,
    running: RefCell<Option<Running>>,
    /// Why it was not started.
    refused: RefCell<Option<String>>,
    /// User space asked for the end.
    stopped: Cell<bool>,
}

#[derive(Clone)]
struct Running {
    client: Rc<dyn AudioClient>,
    handle: StreamHandle,
    /// The transfer ring of the data.
    ring: Option<(SlotId, Dci)>,
    from: Mark,
    to: Option<Mark>,
    /// Where the device's recording stood before the start, and after the stream was closed.
    tape_from: TapePosition,
    tape_to: Option<TapePosition>,
}

/// The counters of the world at the start or the end of a stream.
#[derive(Clone, Copy)]
struct Mark {
    at: Instant,
    /// Of vector 0.
    interrupts: u64,
    ring_xruns: u64,
    device_underruns: u64,
}

impl Playing {
    pub(crate) fn new(spec: &StreamSpec, device: &DeviceSpec) -> Rc<Self> {
        let (spec, device) = (spec.clone(), device.clone());
        Rc::new(Self {
            spec,
            device,
            running: RefCell::default(),
            refused: RefCell::default(),
            stopped: Cell::new(false),
        })
    }

    /// What user space does to play: opens the device, waits for the end, closes it.
    ///
    /// # Errors
    /// Of the opening.
    pub(crate) async fn start(self: &Rc<Self>, world: &Rc<World>) -> Result<(), AudioError> {
        let started = self.open(world).await;
        self.refused.replace(started.as_ref().err().map(ToString::to_string));
        started
    }

    async fn open(self: &Rc<Self>, world: &Rc<World>) -> Result<(), AudioError> {
        let no_card = AudioError::Kernel { call: "open", errno: Errno::ENODEV };
        let client = world.cards.client(self.spec.device).ok_or(no_card)?;
        let before = world.sockets.tape_position(self.spec.device);
        let Audio { format, bytes } = self.spec.audio.clone();
        let handle = match self.spec.direction {
            Direction::Playback => client.start(PlaybackRequest { pcm: bytes, format }).await?,
            Direction::Capture => {
                client.capture(CaptureRequest { frames: self.spec.audio.frames(), format }).await?
            }
        };
        let ring = self.ring(world);
        let running = Running {
            client,
            handle: handle.clone(),
            ring,
            from: self.mark(world, ring),
            to: None,
            // A change of format begins a new recording.
            tape_from: before.or_start_of_next(world.sockets.tape_position(self.spec.device)),
            tape_to: None,
        };
        self.stopped.set(false);
        self.running.replace(Some(running));
        let (me, task_world) = (self.clone(), world.clone());
        // On no processor of the host's: it marks the end in time although the host may sleep.
        world.kernel.spawn(TaskKind::Firmware, format!("end of {}", handle.id()), async move {
            let _how_it_ended_is_kept = handle.wait_finished().await;
            let mark = me.mark(&task_world, ring);
            if let Some(running) = &mut *me.running.borrow_mut() {
                running.to = Some(mark);
            }
        });
        Ok(())
    }

    /// Waits until a started stream has ended, and closes it as user space does then.
    ///
    /// # Errors
    /// Of the closing.
    pub(crate) async fn finish(&self, world: &World) -> Result<(), AudioError> {
        let handle = self.running.borrow().as_ref().map(|running| running.handle.clone());
        let Some(handle) = handle else { return Ok(()) };
        let _how_it_ended_is_kept = handle.wait_finished().await;
        if self.stopped.get() { Ok(()) } else { self.stop(world).await }
    }

    /// Closes the stream before its end.
    ///
    /// # Errors
    /// Of the closing; `-ENODEV` if it was not started.
    pub(crate) async fn stop(&self, world: &World) -> Result<(), AudioError> {
        let running = self.running.borrow().clone();
        let not_open = AudioError::Kernel { call: "close", errno: Errno::ENODEV };
        let Running { client, handle, .. } = running.ok_or(not_open)?;
        self.stopped.set(true);
        let closed = client.stop(&handle).await;
        let tape = world.sockets.tape_position(self.spec.device);
        if let Some(running) = &mut *self.running.borrow_mut() {
            running.tape_to = Some(tape);
        }
        closed
    }

    /// What the other end got.
    pub(crate) fn received(&self, world: &World) -> Audio {
        let format = self.spec.audio.format;
        let received = self.running.borrow().as_ref().and_then(|running| match self.spec.direction {
            Direction::Capture => Some(Audio { format, bytes: running.handle.captured().into() }),
            Direction::Playback => {
                let (from, to) = (running.tape_from, running.tape_to);
                world.sockets.recorded(self.spec.device, from, to).filter(|audio| audio.format == format)
            }
        });
        received.unwrap_or_else(|| Audio { format, bytes: Rc::default() })
    }

    pub(crate) fn report(&self, world: &World, received: &Audio) -> StreamReport {
        let running = self.running.borrow().clone();
        let audio = &self.spec.audio;
        let stats = running.as_ref().map_or_else(StreamStats::default, |running| running.handle.stats());
        let to = running
            .as_ref()
            .and_then(|running| running.to)
            .unwrap_or_else(|| self.mark(world, running.as_ref().and_then(|running| running.ring)));
        let from = running.as_ref().map_or(to, |running| running.from);
        let bus_seconds = seconds(to.at.since(from.at).as_nanos());
        let host_interrupts = to.interrupts - from.interrupts;
        let per_second =
            |count: u64| if bus_seconds > 0.0 { seconds(count * 1_000_000_000) / bus_seconds } else { 0.0 };
        let usage = world.cards.udev(self.spec.device).map_or(0, |udev| udev.offload.usage());
        StreamReport {
            name: self.spec.name.clone(),
            path: if self.device.client == ClientStyle::Urb { "urb" } else { "sideband" },
            client: self.device.client,
            device: self.device.kind,
            direction: self.spec.direction,
            rate_hz: audio.format.rate_hz,
            bits: audio.format.bits,
            channels: audio.format.channels,
            frames_in: audio.frames(),
            frames_out: frames_of(received.format, &received.bytes),
            bit_exact: received.bytes == audio.bytes,
            tds: stats.tds,
            missed_service: stats.missed_service,
            underruns: (to.ring_xruns - from.ring_xruns) + (to.device_underruns - from.device_underruns),
            ring_full: stats.ring_full,
            errors: stats.errors,
            host_interrupts,
            host_interrupts_per_s: per_second(host_interrupts),
            sideband_events: stats.sideband_events,
            feedback_packets: stats.feedback_packets,
            offload_usage_end: usage,
            bus_seconds,
            end: match running {
                Some(running) => end(&running.handle),
                None => self
                    .refused
                    .borrow()
                    .as_ref()
                    .map_or_else(|| "not started".into(), |reason| format!("not started: {reason}")),
            },
        }
    }

    fn mark(&self, world: &World, ring: Option<(SlotId, Dci)>) -> Mark {
        Mark {
            at: world.kernel.now(),
            interrupts: world.bus.interrupts(0),
            ring_xruns: ring.map_or(0, |(slot, endpoint)| world.log.ring_xruns(slot, endpoint)),
            device_underruns: world.sockets.device_underruns(self.spec.device),
        }
    }

    fn ring(&self, world: &World) -> Option<(SlotId, Dci)> {
        let slot = SlotId::new(world.cards.udev(self.spec.device)?.slot_id()?.get())?;
        let endpoint = offers::endpoint(self.device.kind, self.spec.direction)?;
        Some((slot, Dci::from_endpoint(endpoint.number(), endpoint.direction() == usb_spec::Direction::In)?))
    }
}

fn end(handle: &StreamHandle) -> String {
    match handle.end() {
        None => "running".into(),
        Some(Ok(())) => "finished".into(),
        Some(Err(error)) => error.to_string(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "an hour in nanoseconds stays below 2^53")]
fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}
