use sim_time::Duration;

/// How many bits the wire adds to the data of a USB 2 packet so that its clock is not lost: one after six ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitStuffing {
    /// None: the maxima of the specification's tables come out (TIM-06).
    None,
    /// As if all data were ones.
    Worst,
}

/// Choices that the specification leaves open, or that imitate a controller that departs from it. The default is
/// what a driver may expect from the specification; each field names the requirement row that it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Every field of a context and a TRB is checked, not only those without which nothing works (CMD-17, CMD-18,
    /// CMD-25, CMD-28, RNG-10).
    pub strict: bool,
    /// Register writes while USBSTS.CNR is 1 are dropped; otherwise they act and count as a violation (OPR-09).
    pub drop_writes_while_not_ready: bool,
    /// A doorbell to a disabled slot or endpoint is answered by an event (DBS-06, DBS-07).
    pub answer_dead_doorbells: bool,
    /// A Host Controller event (Event Ring Full Error) is written into the last free slot of an event ring
    /// (EVR-12). Without it a full ring stalls silently (EVR-15).
    pub ring_full_event: bool,
    /// All events go to interrupter 0 as long as there are no message interrupts to tell them apart (INT-17).
    pub primary_without_messages: bool,
    /// An Interrupter Target that does not exist is a TRB Error; otherwise its events are dropped (INT-20).
    pub refuse_bad_targets: bool,
    /// Every missed isochronous TD gets its own Missed Service event, not only the last one of a stretch
    /// (ISO-17).
    pub missed_service_each: bool,
    /// A short packet is told once in its TD, as QEMU does, not again at each later TRB with IOC (RNG-17).
    pub short_packet_once: bool,
    /// A failed isochronous TD gets a second event at its last TRB, if that has IOC (ISO-24).
    pub isoch_trailing_event: bool,
    /// Stop Endpoint is announced by a Stopped event (XFR-20); QEMU writes none.
    pub stopped_event: bool,
    /// Memory that does not answer under a data buffer is a Data Buffer Error of its TD, not a Host System Error
    /// (ERR-02).
    pub data_buffer_error: bool,
    /// HSE and HCE interrupt the host: IP of interrupter 0 and EINT are set, without an event (ERR-01, OPR-27).
    /// Without it a driver has to poll USBSTS.
    pub error_interrupt: bool,
    /// Restoring the state always fails, as if it had been lost (PWR-06).
    pub restore_fails: bool,
    /// Saving the state always fails (PWR-06).
    pub save_fails: bool,
    /// Ports have no power until software switches it on for the first time (PRT-05).
    pub ports_start_without_power: bool,
    /// PORTSC moves the link of a port also while the controller is halted (PRT-04).
    pub ports_work_while_halted: bool,
    /// No endpoint is ever refused for lack of bandwidth (BW-14).
    pub unlimited_bandwidth: bool,
    /// Each USB 2 root port has a high-speed bus of its own; otherwise all share one (BW-02).
    pub high_speed_bus_per_port: bool,
    /// A TD of more bytes is a TRB Error; by default only the number of TRBs is limited (RNG-35).
    pub longest_td: Option<u32>,
    /// A transaction that was NAKed is tried again when so many microframes have begun, at least one (XFR-01).
    pub nak_interval_microframes: u8,
    /// So many endpoints besides the default ones can be enabled at once; more are a Resource Error (TRB-47).
    pub endpoint_limit: Option<u16>,
    /// Disable Slot writes Slot State and EP States 0 into the output contexts, as VirtualBox does; otherwise it
    /// touches no memory (CMD-13, CMD-14).
    pub disabled_slot_shown: bool,
    /// What bit stuffing costs on the bus. Admission counts with the worst in any case (TIM-02).
    pub bit_stuffing: BitStuffing,
    /// So much longer takes each transaction than the specification's formulas say, to match a slower controller
    /// (TIM-07).
    pub turnaround_extra: Duration,
    /// What is left of the bit rate of a USB 3 bus besides flow control and clock compensation, 1 to 100 (TIM-13).
    pub super_speed_efficiency_percent: u8,
    /// Firmware owns the controller at first, and gives it up when asked to (EXT-04).
    pub bios_owned: bool,
}

impl Policy {
    /// The default choices.
    pub const DEFAULT: Self = Self {
        strict: false,
        drop_writes_while_not_ready: false,
        answer_dead_doorbells: false,
        ring_full_event: true,
        primary_without_messages: false,
        refuse_bad_targets: false,
        missed_service_each: false,
        short_packet_once: false,
        isoch_trailing_event: true,
        stopped_event: true,
        data_buffer_error: false,
        error_interrupt: true,
        restore_fails: false,
        save_fails: false,
        ports_start_without_power: false,
        ports_work_while_halted: false,
        unlimited_bandwidth: false,
        high_speed_bus_per_port: false,
        longest_td: None,
        nak_interval_microframes: 1,
        endpoint_limit: None,
        disabled_slot_shown: false,
        bit_stuffing: BitStuffing::None,
        turnaround_extra: Duration::ZERO,
        super_speed_efficiency_percent: 92,
        bios_owned: false,
    };
}

impl Default for Policy {
    fn default() -> Self {
        Self::DEFAULT
    }
}
