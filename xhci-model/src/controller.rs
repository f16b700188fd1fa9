//! The controller as a whole: what its owner calls, and what its agenda does.

use crate::agenda::Task;
use crate::bus::Buses;
use crate::bus_master::BusMaster;
use crate::commands::CommandRing;
use crate::core::Core;
use crate::device::Device;
use crate::dma::{Dma, DmaError};
use crate::endpoints::completion::Completions;
use crate::endpoints::transact::PACKET_BUFFER;
use crate::event::{Event, LogLevel};
use crate::fault::{FaultId, FaultRule};
use crate::interrupters::{Interrupters, Pending, Signalling};
use crate::microframes::StartOfFrame;
use crate::output::{Budget, Output, Progress};
use crate::ports::{AttachError, PortFault, Ports, Protocol};
use crate::presence::Presence;
use crate::profile::{Profile, ProfileError};
use crate::registers::{Capabilities, Layout, LegacySupport};
use crate::save_state::SavedState;
use crate::slots::{AddressSpace, Slots};
use crate::violation::Violation;
use core::ops::Range;
use sim_time::{Duration, Instant};
use xhci_spec::context::ContextSize;
use xhci_spec::trb::event::PortStatusChange;
use xhci_spec::{InterrupterId, PortId};

/// SEC-01: so many deadlines wait before the dead ones among them are thrown away.
const AGENDA_LIMIT: usize = 4096;

/// An xHCI controller with its root hub.
///
/// It owns no thread, clock or memory. Its owner passes register accesses with the time at which they happen,
/// calls [`advance`](Self::advance) whenever [`poll_timeout`](Self::poll_timeout) says that something is due,
/// and after each call takes what [`poll_output`](Self::poll_output) has. Same calls, same behaviour.
#[derive(Debug)]
pub struct Xhci {
    pub(crate) core: Core,
    pub(crate) layout: Layout,
    pub(crate) capabilities: Capabilities,
    pub(crate) legacy: LegacySupport,
    pub(crate) presence: Presence,
    /// Where BAR 0 is.
    pub(crate) own_addresses: Range<u64>,
    /// When the last change of USBCMD.RS takes effect.
    pub(crate) run_stop_at: Instant,
    pub(crate) run_stop_armed: bool,
    /// When MFINDEX wraps next.
    pub(crate) wrap_at: Instant,
    pub(crate) wrap_armed: bool,
    pub(crate) command: CommandRing,
    /// A command waits for room in the primary event ring (EVR-13).
    pub(crate) command_waits: bool,
    /// So does a port change (EVR-14).
    pub(crate) port_waits: bool,
    /// DNCTRL.
    pub(crate) notification_enable: u32,
    pub(crate) interrupters: Interrupters,
    pub(crate) slots: Slots,
    /// By USBCMD.CSS.
    pub(crate) saved: Option<Box<SavedState>>,
    pub(crate) ports: Ports,
    pub(crate) buses: Buses,
    pub(crate) completions: Completions,
    pub(crate) packet: Box<[u8; PACKET_BUFFER]>,
    /// How many deadlines there may be before the dead ones are looked for.
    agenda_limit: usize,
}

impl Xhci {
    /// A controller after power-on, nothing attached. `seed` feeds whatever is random in the profile.
    pub fn new(profile: Profile, seed: u64) -> Result<Self, ProfileError> {
        profile.validate()?;
        let layout = Layout::new(&profile);
        let ports = Ports::new(&profile);
        let core = Core::new(profile, seed);
        let profile = &core.profile;
        Ok(Self {
            capabilities: Capabilities::new(profile, &layout),
            legacy: LegacySupport::new(profile),
            presence: Presence::Accessible,
            own_addresses: 0..0,
            run_stop_at: Instant::ZERO,
            run_stop_armed: false,
            wrap_at: Instant::ZERO,
            wrap_armed: false,
            layout,
            command: CommandRing::default(),
            command_waits: false,
            port_waits: false,
            notification_enable: 0,
            interrupters: Interrupters::new(&core),
            slots: Slots::new(profile.slots),
            saved: None,
            buses: Buses::new(profile.max_ports().into()),
            ports,
            completions: Completions::new(profile),
            packet: Box::new([0; PACKET_BUFFER]),
            agenda_limit: AGENDA_LIMIT,
            core,
        })
    }

    /// Size of BAR 0 in bytes, a power of two.
    pub fn bar_size(&self) -> u32 {
        self.layout.bytes
    }

    /// MaxIntrs: how many interrupters, and so messages, there are.
    pub fn interrupters(&self) -> u16 {
        self.core.profile.interrupters
    }

    /// Plugs a device into a root hub port.
    pub fn attach(&mut self, now: Instant, port: PortId, device: Box<dyn Device>) -> Result<(), AttachError> {
        self.ports.attach(port, device, now, &mut self.core)
    }

    /// Pulls the device out of a root hub port, whatever it is doing.
    pub fn detach(&mut self, now: Instant, port: PortId) -> Option<Box<dyn Device>> {
        self.ports.detach(port, now, &mut self.core)
    }

    /// What a root hub port is for; none if there is no such port.
    pub fn protocol(&self, port: PortId) -> Option<Protocol> {
        self.ports.get(port).map(|port| port.protocol())
    }

    /// The device at a root hub port.
    pub fn device(&self, port: PortId) -> Option<&dyn Device> {
        self.ports.device(port)
    }

    /// The device at a root hub port, to be changed from outside of the bus.
    pub fn device_mut(&mut self, port: PortId) -> Option<&mut (dyn Device + 'static)> {
        self.ports.device_mut(port)
    }

    /// Says that something happened to the device at a root hub port, or to one behind it: if it sleeps and may
    /// wake the host, it does (remote wakeup).
    pub fn touch(&mut self, now: Instant, port: PortId) {
        self.ports.touch(port, now, &mut self.core);
    }

    /// Does something bad to a root hub port.
    pub fn port_fault(&mut self, now: Instant, port: PortId, fault: PortFault) {
        self.ports.fault(port, fault, now, &mut self.core);
    }

    /// Does what is due at `now`, in order of time, at most `budget` of it.
    pub fn advance<D: Dma>(&mut self, now: Instant, dma: &mut D, budget: Budget) -> Progress {
        if self.presence == Presence::Removed {
            self.core.agenda.clear();
        }
        let dma = &mut BusMaster::new(dma, self.core.profile.addresses_64, self.own_addresses.clone());
        let Some(reached) = self.core.stall.reached(now) else { return Progress::Idle };
        if self.core.agenda.len() > self.agenda_limit {
            self.forget_dead_deadlines();
        }
        for _ in 0..budget.0 {
            let Some((at, task)) = self.core.agenda.pop_due(reached) else { return Progress::Idle };
            let at = self.core.stall.delay(at);
            if let Err(error) = self.perform(task, at, dma) {
                self.host_system_error(at, error.address);
            }
        }
        Progress::More
    }

    /// Makes the controller late: from `now` on it does nothing for `duration` and then all that has become due.
    /// Registers answer meanwhile and MFINDEX counts; service intervals pass and are missed (ISO-28, TIM-29).
    pub fn stall(&mut self, now: Instant, duration: Duration) {
        self.core.stall.begin(now, duration);
    }

    /// When [`advance`](Self::advance) is to be called next; in the past if it is due. `None`: only an outside
    /// act can cause anything.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.core.agenda.next_deadline().map(|at| self.core.stall.delay(at))
    }

    /// What is to be done outside, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.core.outputs.pop_front()
    }

    /// Adds a rule that spoils transactions; it is asked after those added before.
    pub fn add_fault(&mut self, rule: FaultRule) -> FaultId {
        self.core.faults.add(rule)
    }

    /// Removes a rule. Returns whether it was there.
    pub fn remove_fault(&mut self, id: FaultId) -> bool {
        self.core.faults.remove(id)
    }

    /// Which interrupts the host has enabled. At first: messages, one for each interrupter.
    pub fn set_signalling(&mut self, now: Instant, signalling: Signalling) {
        self.core.signals.mode = signalling;
        self.interrupters.signalling_changed(now, &mut self.core);
    }

    /// What all buses heard at the beginning of the microframe at `now`: it counts as MFINDEX does (RTS-03).
    /// `None` while halted.
    pub fn start_of_frame(&self, now: Instant) -> Option<StartOfFrame> {
        self.core.microframes.start_of_frame(now)
    }

    /// How often software broke this rule since construction.
    pub fn violations(&self, violation: Violation) -> u64 {
        self.core.violations.of(violation)
    }

    /// Which events are kept for [`drain_log`](Self::drain_log). [`LogLevel::Off`] at first.
    pub fn set_log_level(&mut self, level: LogLevel) {
        self.core.log.set_level(level);
    }

    /// Takes the events since the last call, in order.
    pub fn drain_log(&mut self) -> impl Iterator<Item = (Instant, Event)> + '_ {
        self.core.log.drain()
    }

    /// A fault: the next command that is fetched never completes. Only an abort (CRCR.CA) or a halt ends it
    /// (CMD-54).
    pub fn hang_next_command(&mut self) {
        self.command.hang_next();
    }

    /// SEC-01: an endpoint that is stopped leaves a deadline behind that nobody waits for. Software can make many of
    /// them, so that they are thrown away whenever they may be half of all.
    fn forget_dead_deadlines(&mut self) {
        let Self { core, slots, .. } = self;
        core.agenda.retain(|task| match *task {
            Task::Service { endpoint, generation } | Task::Retry { endpoint, generation } => {
                slots.endpoint(endpoint).is_some_and(|endpoint| endpoint.generation == generation)
            }
            _ => true,
        });
        self.agenda_limit = AGENDA_LIMIT.max(core.agenda.len().saturating_mul(2));
    }

    pub(crate) fn deadlines_kept(&self) -> usize {
        self.agenda_limit
    }

    /// CMD-20: whose addresses a device at a root port must not share.
    pub(crate) fn address_space(&self, port: PortId) -> AddressSpace {
        let profile = &self.core.profile;
        // One bus has no more than 127 addresses.
        let apart = profile.policy.high_speed_bus_per_port || profile.slots > 127;
        if apart || port.get() > profile.usb2_ports {
            AddressSpace::Port(port)
        } else {
            AddressSpace::Usb2(profile.usb2_ports)
        }
    }

    /// A copy of all state but the devices.
    pub(crate) fn without_devices(&self) -> Self {
        Self {
            core: self.core.clone(),
            layout: self.layout,
            capabilities: self.capabilities.clone(),
            legacy: self.legacy.clone(),
            presence: self.presence,
            own_addresses: self.own_addresses.clone(),
            run_stop_at: self.run_stop_at,
            run_stop_armed: self.run_stop_armed,
            wrap_at: self.wrap_at,
            wrap_armed: self.wrap_armed,
            command: self.command.clone(),
            command_waits: self.command_waits,
            port_waits: self.port_waits,
            notification_enable: self.notification_enable,
            interrupters: self.interrupters.clone(),
            slots: self.slots.clone(),
            saved: self.saved.clone(),
            ports: self.ports.without_devices(),
            buses: self.buses.clone(),
            completions: self.completions.clone(),
            packet: self.packet.clone(),
            agenda_limit: self.agenda_limit,
        }
    }

    pub(crate) fn context_size(&self) -> ContextSize {
        ContextSize::from_csz(self.core.profile.contexts_64)
    }

    fn perform<D: Dma>(&mut self, task: Task, now: Instant, dma: &mut D) -> Result<(), DmaError> {
        match task {
            Task::RunStop => self.run_or_stop(now, dma),
            Task::Ready => {
                self.core.status.set_cnr(false);
                Ok(())
            }
            Task::FirmwareLetsGo => {
                self.legacy.firmware_lets_go();
                Ok(())
            }
            Task::ResetDone => {
                self.end_reset(now);
                Ok(())
            }
            Task::FetchCommand => self.fetch_command(now, dma),
            Task::ExecuteCommand => self.execute_command(now, dma),
            Task::Doorbell(endpoint) => self.doorbell(endpoint, now, dma),
            Task::Service { endpoint, generation } => self.service(endpoint, generation, now, dma),
            Task::Retry { endpoint, generation } => {
                self.retry(endpoint, generation, now);
                Ok(())
            }
            Task::Split { endpoint, generation } => {
                self.more_of_split(endpoint, generation, now);
                Ok(())
            }
            Task::Bus(bus) => self.bus(bus, now, dma),
            Task::Interrupter(id) => self.service_interrupter(id, now, dma),
            Task::Moderation(id) => {
                self.interrupters.moderation_over(id, now, &mut self.core);
                Ok(())
            }
            Task::Message(id) => {
                self.interrupters.send_message(id, now, &mut self.core);
                Ok(())
            }
            Task::Port(port) => self.service_port(port, now, dma),
            Task::SaveState => {
                self.save_state();
                Ok(())
            }
            Task::RestoreState => {
                self.restore_state(now);
                Ok(())
            }
            Task::MfindexWrap => self.wrap_mfindex(now, dma),
            Task::DeviceNotification { slot, kind, data } => {
                self.post_notification(slot, kind, data, now, dma)
            }
        }
    }

    fn service_interrupter<D: Dma>(
        &mut self,
        id: InterrupterId,
        now: Instant,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        if !self.interrupters.service(id, now, &mut self.core, dma)? {
            return Ok(());
        }
        // SEC-03: before endpoints, which may fill the ring again and again; Stop Endpoint is to reach them.
        if id == InterrupterId::PRIMARY && core::mem::take(&mut self.command_waits) {
            self.arm_command_fetch(now);
        }
        while let Some(endpoint) = self.interrupters.next_waiting(id) {
            self.kick(endpoint, now);
        }
        if id == InterrupterId::PRIMARY && core::mem::take(&mut self.port_waits) {
            let Self { ports, core, .. } = self;
            ports.iter_mut().for_each(|port| port.look_again(now, core));
        }
        Ok(())
    }

    fn service_port<D: Dma>(&mut self, id: PortId, now: Instant, dma: &mut D) -> Result<(), DmaError> {
        let Self { ports, core, interrupters, slots, port_waits, .. } = self;
        let lpm_slot = ports.lpm_slot(id).and_then(|slot| slots.get(slot));
        let lpm_target = lpm_slot.filter(|slot| slot.port() == Some(id)).map(|slot| slot.address);
        ports.service(id, lpm_target, now, core);
        let Some(port) = ports.get_mut(id) else { return Ok(()) };
        // EVR-20, PRT-60: while halted the change bits keep it. EVR-14: so they do while the ring is full.
        if core.running() && port.owes_event() {
            if interrupters.ready(InterrupterId::PRIMARY, now, core, dma)? {
                port.event_written();
                let event = Pending::interrupting(PortStatusChange { port: Some(id) }.to_trb());
                interrupters.post(InterrupterId::PRIMARY, event, now, core, dma)?;
            } else {
                *port_waits = true;
            }
        }
        // XFR-31: what waited for a resume goes on.
        let resting: Vec<_> = slots
            .iter()
            .filter(|slot| slot.port() == Some(id))
            .flat_map(|slot| slot.endpoints())
            .filter_map(|endpoint| core::mem::take(&mut endpoint.waits_for_port).then_some(endpoint.id))
            .collect();
        for endpoint in resting {
            self.kick(endpoint, now);
        }
        Ok(())
    }
}
