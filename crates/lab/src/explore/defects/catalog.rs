//! The defects of the reference (5.2 and its corrections; L-A to L-C of section 2; and what searches added), in words.

/// A defect that somebody found by reading, or a person would look for.
pub(super) struct Defect {
    /// As the scenarios name it.
    pub(super) name: &'static str,
    /// What goes wrong, in a line.
    pub(super) meaning: &'static str,
    /// What to look at in the transcript.
    pub(super) shows: &'static str,
    /// Why no scenario looks for it, where that is so.
    pub(super) unexplored: Option<&'static str>,
}

const fn explored(name: &'static str, meaning: &'static str, shows: &'static str) -> Defect {
    Defect { name, meaning, shows, unexplored: None }
}
const fn tested(
    name: &'static str,
    meaning: &'static str,
    shows: &'static str,
    reason: &'static str,
) -> Defect {
    Defect { name, meaning, shows, unexplored: Some(reason) }
}
const fn beyond(name: &'static str, meaning: &'static str, reason: &'static str) -> Defect {
    Defect { name, meaning, shows: "", unexplored: Some(reason) }
}

pub(super) const CATALOG: &[Defect] = &[
    explored(
        "L-A",
        "A task takes the mutex of a device that it holds already: disconnect, clean-up, remove_interrupter, usb_offload_put.",
        "one task that waits for a `&dev->mutex` that it holds",
    ),
    explored(
        "L-B",
        "Disconnect or suspend holds the device's mutex and waits up to 10 s for the DSP; the request of the DSP that would end \
         the wait needs that mutex in usb_offload_put. After the time-out both wait for each other for good.",
        "`waits for uadev.disconnect_wq` under the device's mutex, the time-out, and a circle over `qdev_mutex`",
    ),
    explored(
        "L-C",
        "Without a stream: disconnect or suspend takes the device's mutex, then qdev_mutex; a request of the DSP takes \
         qdev_mutex, then the device's mutex.",
        "the request between its `qdev_mutex` and `usb_offload_get`, and the other task between the two mutexes",
    ),
    explored(
        "ABBA",
        "The class driver takes the device's mutex inside qdev_mutex for a request; disconnect and suspend come with the \
         device's mutex and take qdev_mutex.",
        "two tasks that hold one of `&dev->mutex` and `qdev_mutex` each and want the other",
    ),
    explored(
        "assertion",
        "usb_offload_put is called without the device's mutex that it asserts: the last reference goes after the guarded \
         part of a request.",
        "a panic in `usb_offload_put` of an ordinary stop",
    ),
    explored(
        "QD (put suspends)",
        "usb_offload_put gives back the reference that kept the device awake and suspends it on the spot; the driver's suspend \
         callback wants qdev_mutex, which the caller holds.",
        "`usb_offload_put` in a request, the runtime suspend inside it, and `qdev_mutex` wanted by who has it",
    ),
    explored(
        "W1 (udev is NULL)",
        "The disconnect drops its locks to tell the DSP, and reads the card's device only then: a clean-up after a crash of the \
         DSP in between has set it to NULL.",
        "the clean-up of the crash just before `uaudio_send_disconnect_ind: reads uadev.udev`",
    ),
    explored(
        "B1",
        "A client that ends its stream in its suspend callback is refused with -EAGAIN, and nobody repeats the put: the usage \
         count stays, and no later suspend powers the controller down.",
        "`SUSPEND act 1` with the count frozen, then the request of the DSP in the driver's wait, `usb_offload_put -> -EAGAIN`",
    ),
    explored(
        "B2",
        "A runtime suspend waits for qdev_mutex in the driver's callback, while a request that holds it waits for the runtime \
         suspend to end.",
        "one task in `RPM transition` that wants `qdev_mutex`, one that holds it and waits for runtime PM",
    ),
    explored(
        "B3",
        "The ASoC back end takes its own mutex, then register_mutex; probe and disconnect take register_mutex first.",
        "`q6usb_hw_params` holding `&data->mutex` and wanting `register_mutex`, the unbind the other way round",
    ),
    explored(
        "B4",
        "A request that fails after the stream was set up gives nothing back: the reference that keeps the device awake stays.",
        "the step that fails in the request, and `chip->active` above 0 in the end",
    ),
    explored(
        "B4b",
        "The resume of a request fails, its result is dropped, and the error path gives back a reference that was never taken.",
        "the request whose `rpm_resume` fails while the bus sleeps, and a runtime suspend under the stream that runs all the same",
    ),
    explored(
        "B5",
        "A request that fails late leaves the event ring mapped; the next stream gets the address of memory that was freed.",
        "a failed request, then one whose DSP is told the address of the ring before",
    ),
    explored(
        "B6",
        "A controller that is set up anew at resume frees every virtual device; the sideband goes on using its own.",
        "`hc_resume` with lost power, then a call of the sideband on the freed device",
    ),
    explored(
        "B6 (L5)",
        "The same with a stream that goes on through the sleep: after the resume its owner is not told that it has ended.",
        "`hc_resume` with lost power, and the endpoint that does not run",
    ),
    explored(
        "B7",
        "The reference that keeps the device awake is dropped before the put: an autosuspend in between makes it -EBUSY.",
        "`snd_usb_autosuspend`, the runtime suspend, then `usb_offload_put -> -EBUSY`",
    ),
    tested(
        "B7b",
        "At the end of a system resume runtime PM is off for a moment on a device that is awake: a put in it is refused.",
        "`usb_offload_put -> -EBUSY` between two steps of the resume",
        "it leaks as B7 does; the window itself is in offload-core/tests/offload/usage_phases.rs",
    ),
    explored(
        "B8",
        "Two cards share one account of the event ring: the interrupter of the first to stop stays, and the ring of the second \
         is never mapped.",
        "two enables on two controllers, and the address that the second DSP is told",
    ),
    explored(
        "B9",
        "Only the USB 2 tree is asked before the controller is suspended: a SuperSpeed device that streams makes every system \
         suspend fail.",
        "`act` on bus 2, no `act` on the controller, and the suspend that gives -EINVAL",
    ),
    explored(
        "B10",
        "A DSP that does not answer within 10 s has its buffers freed, while its endpoints run until the sideband goes.",
        "the time-out, and the buffer that is freed while the endpoint runs",
    ),
    explored(
        "B11",
        "After a crash of the DSP its streams stay marked as opened: -EBUSY until the driver is bound again.",
        "the clean-up after the crash, and `subs->opened` in the end",
    ),
    explored(
        "B12",
        "A USB 2 device without wakeup beside an offloaded one is only marked suspended, for its bus is not.",
        "the sibling's suspend without a port, then the root hub that is left running",
    ),
    explored(
        "B13",
        "A ring that is freed is looked up by an address, where an index was meant: another stream is ended, or none.",
        "`xhci_discover_or_reset_device`, and a DSP that nobody told",
    ),
    explored(
        "B14",
        "A usage count on a device that was autosuspended: the resume takes it for left running and skips it.",
        "`SUSPEND suspended already`, and a resume that leaves the device as it is",
    ),
    beyond(
        "B15",
        "An interrupt URB below an offloaded hub or device ends in system sleep and can't be submitted again; the retries end \
         in a reset.",
        "no URBs are modelled above the abstract controller",
    ),
    explored(
        "B16",
        "A stream starts between the hub's check and its suspend: the bus is powered down under it.",
        "`usb_offload_check` of the hub, then the get, then the suspend of the hub",
    ),
    beyond(
        "B17",
        "The notification of a freed ring waits for qdev_mutex under the address-0 mutex; a request under qdev_mutex resumes \
         another device that needs a reset.",
        "theory: it takes endpoints that were left over, which Qualcomm's driver does not leave",
    ),
    explored(
        "B18",
        "The DSP starts a stream again after the disconnect has waited for its end: what is cleaned up is in use.",
        "the wait that ends, the new stream, and `uadev.in_use` after the disconnect",
    ),
    tested(
        "B19",
        "Nothing keeps a sideband alive while another task is on its way into one of its functions.",
        "a call of the sideband that goes on after `xhci_sideband_unregister` freed it",
        "the class drivers call a sideband under a lock of their own, and nobody else calls it in a scenario",
    ),
    beyond(
        "B20",
        "With pages above 4 KiB the table of a ring's pages is too short.",
        "a matter of one array, not of an order of steps",
    ),
    tested(
        "B21",
        "A changed alternate setting frees the ring of a lent endpoint without telling the sideband.",
        "the ring that is freed, and the endpoint that is linked still",
        "in these class drivers it takes endpoints that another defect left over",
    ),
    explored(
        "B22",
        "A get on a device that is gone succeeds as long as its runtime PM is there.",
        "`NOTATTACHED`, then `usb_offload_get` with usage 1",
    ),
    explored(
        "B23",
        "A usage count does not keep a device awake: without a reference of runtime PM it is autosuspended under its stream.",
        "`usb_offload_get` without an autopm reference, then the runtime suspend of the port",
    ),
    explored(
        "B24",
        "A device that is to be disconnected in suspend has its port disabled under the stream.",
        "`act`, and the port that is disabled all the same",
    ),
    beyond(
        "B25",
        "get and put in a hard interrupt, or another writer of the word that holds pm_locked.",
        "theory: interrupts do not come inside spinlocks here, and fields of a word are apart",
    ),
    explored(
        "B26",
        "A PCI controller does not ask for offload: a root hub that was left running makes every system suspend fail.",
        "`act` on the root hub, and the suspend of the controller that gives -EBUSY",
    ),
    explored(
        "B27",
        "A dwc3 core powers down in system sleep whatever xhci-plat decided.",
        "`act` on the controller, and the core that is powered down above it",
    ),
    beyond(
        "B28",
        "A card with several control interfaces: one is unbound, and a later notification finds no data of the driver.",
        "cards have one control interface here",
    ),
    explored(
        "B29",
        "A signal ends the wait for the DSP: what it streams from is freed.",
        "the interrupted wait, and the freed buffer of a running endpoint",
    ),
    explored(
        "B30",
        "Every restart of a stream allocates the list of streams anew and loses the old one.",
        "a stop, then an enable that finds `in_use` 0 and allocates over `info[]`",
    ),
];
