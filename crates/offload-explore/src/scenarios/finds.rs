//! What scenarios find in common: the deadlocks of the designs that have get and put take the device's mutex.

use crate::client::Client::{self, Aoc, Qc};
use crate::scenario::Finds;
use offload_core::Design::{self, Legacy, RfcV1, RfcV2, V1, V2, V3, V4};

pub(super) const BOTH: &[Client] = &[Qc, Aoc];
pub(super) const SERIES: &[Design] = &[V3, V4];
/// Every design that leaves the class driver as it is.
pub(super) const UNREPAIRED: &[Design] = &[Legacy, RfcV1, RfcV2, V1, V2, V3, V4];

pub(super) const ITSELF: &str = "a task waits for itself";
pub(super) const WANTS_DEVICE: &str = "wants &dev->mutex";

/// The device's mutex, then qdev_mutex; the worker has it the other way round, in a request to disable.
pub(super) const L_B: Finds = Finds {
    defect: "L-B",
    designs: &[Legacy],
    clients: &[Qc],
    verdict: "deadlock",
    says: "runs \"QMI disable request\"",
};
/// The same in a request to enable.
pub(super) const L_C: Finds = Finds { defect: "L-C", says: "runs \"QMI enable request\"", ..L_B };
/// Either, where the worker does not say which request it carries out.
pub(super) const L_B_OR_L_C: Finds = Finds { defect: "L-B", says: WANTS_DEVICE, ..L_B };
/// The same in the versions that moved the mutex up.
pub(super) const ABBA: Finds =
    Finds { defect: "ABBA", designs: &[RfcV1, RfcV2, V1, V2], says: WANTS_DEVICE, ..L_B };
/// The same with `chip->mutex` in the place of qdev_mutex.
pub(super) const ABBA_AOC: Finds = Finds {
    defect: "ABBA",
    designs: &[Legacy, RfcV1, RfcV2, V1, V2],
    clients: &[Aoc],
    says: "\"audio hal\"",
    ..L_B
};
/// put comes after the guard was given up.
pub(super) const ASSERTION: Finds = Finds {
    defect: "assertion",
    designs: &[V1, V2],
    clients: &[Qc],
    verdict: "panic",
    says: "usb_offload_put: device_lock_assert",
};
