use crate::name::DeviceName;
use crate::words::Words;
use offload_core::{EpIndex, PmMessage, SidebandType};

/// A function of the kernel with its arguments. A sideband is named by its device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Call {
    /// `None` is `NULL`.
    OffloadGet(Option<DeviceName>),
    OffloadPut(Option<DeviceName>),
    OffloadCheck(DeviceName),
    OffloadSetPmLocked(DeviceName, bool),
    Register(DeviceName, SidebandType),
    Unregister(DeviceName),
    AddEndpoint(DeviceName, EpIndex),
    RemoveEndpoint(DeviceName, EpIndex),
    StopEndpoint(DeviceName, EpIndex),
    GetEndpointBuffer(DeviceName, EpIndex),
    CreateInterrupter {
        device: DeviceName,
        segments: u32,
        ip_autoclear: bool,
        imod_ns: u32,
        intr_num: u32,
    },
    RemoveInterrupter(DeviceName),
    GetEventBuffer(DeviceName),
    InterrupterId(DeviceName),
    SidebandCheck,
    RuntimeSuspend(DeviceName),
    RuntimeResume(DeviceName),
    AutopmGet(DeviceName),
    AutopmPut(DeviceName),
    DpmPrepare,
    DpmSuspend(PmMessage),
    DpmSuspendLate,
    DpmResumeEarly,
    DpmResume(PmMessage),
    DpmComplete,
}

const SUSPEND_MESSAGES: [(&str, PmMessage); 4] = [
    ("SUSPEND", PmMessage::Suspend),
    ("FREEZE", PmMessage::Freeze),
    ("QUIESCE", PmMessage::Quiesce),
    ("HIBERNATE", PmMessage::Hibernate),
];
const RESUME_MESSAGES: [(&str, PmMessage); 4] = [
    ("RESUME", PmMessage::Resume),
    ("THAW", PmMessage::Thaw),
    ("RESTORE", PmMessage::Restore),
    ("RECOVER", PmMessage::Recover),
];
const SIDEBAND_TYPES: [(&str, SidebandType); 2] =
    [("vendor", SidebandType::Vendor), ("audio", SidebandType::Audio)];

impl Call {
    /// The call that begins with the keyword; the words are used up.
    pub(crate) fn parse(mut words: Words<'_>) -> Result<Self, String> {
        let w = &mut words;
        let call = match w.keyword {
            "usb_offload_get" => Self::OffloadGet(device_or_null(w)?),
            "usb_offload_put" => Self::OffloadPut(device_or_null(w)?),
            "usb_offload_check" => Self::OffloadCheck(w.device()?),
            "usb_offload_set_pm_locked" => Self::OffloadSetPmLocked(w.device()?, w.flag("the flag")?),
            "xhci_sideband_register" => Self::Register(w.device()?, w.one_of("the type", &SIDEBAND_TYPES)?),
            "xhci_sideband_unregister" => Self::Unregister(w.device()?),
            "xhci_sideband_add_endpoint" => Self::AddEndpoint(w.device()?, w.endpoint()?),
            "xhci_sideband_remove_endpoint" => Self::RemoveEndpoint(w.device()?, w.endpoint()?),
            "xhci_sideband_stop_endpoint" => Self::StopEndpoint(w.device()?, w.endpoint()?),
            "xhci_sideband_get_endpoint_buffer" => Self::GetEndpointBuffer(w.device()?, w.endpoint()?),
            "xhci_sideband_create_interrupter" => Self::CreateInterrupter {
                device: w.device()?,
                segments: w.number("SEGMENTS", u32::MAX)?,
                ip_autoclear: w.flag("IP_AUTOCLEAR")?,
                imod_ns: w.number("IMOD_NS", u32::MAX)?,
                intr_num: w.number("INTR_NUM", u32::MAX)?,
            },
            "xhci_sideband_remove_interrupter" => Self::RemoveInterrupter(w.device()?),
            "xhci_sideband_get_event_buffer" => Self::GetEventBuffer(w.device()?),
            "xhci_sideband_interrupter_id" => Self::InterrupterId(w.device()?),
            "xhci_sideband_check" => Self::SidebandCheck,
            "pm_runtime_suspend" => Self::RuntimeSuspend(w.device()?),
            "pm_runtime_resume" => Self::RuntimeResume(w.device()?),
            "usb_autopm_get_interface" => Self::AutopmGet(w.device()?),
            "usb_autopm_put_interface" => Self::AutopmPut(w.device()?),
            "dpm_prepare" => Self::DpmPrepare,
            "dpm_suspend" => Self::DpmSuspend(w.one_of("the message", &SUSPEND_MESSAGES)?),
            "dpm_suspend_late" => Self::DpmSuspendLate,
            "dpm_resume_early" => Self::DpmResumeEarly,
            "dpm_resume" => Self::DpmResume(w.one_of("the message", &RESUME_MESSAGES)?),
            "dpm_complete" => Self::DpmComplete,
            unknown => {
                return Err(format!(
                    "there is no step or call `{unknown}`; see xhci-lab offload-golden --help"
                ));
            }
        };
        words.end()?;
        Ok(call)
    }

    /// The device it is about.
    pub(crate) fn device(&self) -> Option<&DeviceName> {
        match self {
            Self::OffloadGet(device) | Self::OffloadPut(device) => device.as_ref(),
            Self::OffloadCheck(device)
            | Self::OffloadSetPmLocked(device, _)
            | Self::Register(device, _)
            | Self::Unregister(device)
            | Self::AddEndpoint(device, _)
            | Self::RemoveEndpoint(device, _)
            | Self::StopEndpoint(device, _)
            | Self::GetEndpointBuffer(device, _)
            | Self::CreateInterrupter { device, .. }
            | Self::RemoveInterrupter(device)
            | Self::GetEventBuffer(device)
            | Self::InterrupterId(device)
            | Self::RuntimeSuspend(device)
            | Self::RuntimeResume(device)
            | Self::AutopmGet(device)
            | Self::AutopmPut(device) => Some(device),
            Self::SidebandCheck
            | Self::DpmPrepare
            | Self::DpmSuspend(_)
            | Self::DpmSuspendLate
            | Self::DpmResumeEarly
            | Self::DpmResume(_)
            | Self::DpmComplete => None,
        }
    }

    /// Whether a driver may call it where usbcore holds the locks of a suspend.
    pub(crate) fn fits_a_suspend_callback(&self) -> bool {
        matches!(
            self,
            Self::OffloadGet(_)
                | Self::OffloadPut(_)
                | Self::OffloadSetPmLocked(..)
                | Self::AddEndpoint(..)
                | Self::RemoveEndpoint(..)
                | Self::StopEndpoint(..)
                | Self::GetEndpointBuffer(..)
                | Self::CreateInterrupter { .. }
                | Self::RemoveInterrupter(_)
                | Self::GetEventBuffer(_)
                | Self::InterrupterId(_)
                | Self::Register(..)
                | Self::Unregister(_)
        )
    }
}

fn device_or_null(words: &mut Words<'_>) -> Result<Option<DeviceName>, String> {
    match words.text("a device")? {
        "NULL" => Ok(None),
        name => name.parse().map(Some),
    }
}
