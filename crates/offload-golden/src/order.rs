use crate::call::Call;
use std::fmt;

/// Where the text stands in system sleep: which `dpm_` call may come.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Phase {
    #[default]
    Awake,
    Prepared,
    Suspended,
    Late,
    Early,
    Resumed,
}

impl Phase {
    /// The phase after a call.
    ///
    /// # Errors
    /// What may come instead.
    pub(crate) fn after(self, call: &Call) -> Result<Self, String> {
        let next = match call {
            Call::DpmPrepare => Self::Prepared,
            Call::DpmSuspend(_) => Self::Suspended,
            Call::DpmSuspendLate => Self::Late,
            Call::DpmResumeEarly => Self::Early,
            Call::DpmResume(_) => Self::Resumed,
            Call::DpmComplete => Self::Awake,
            _ => return Ok(self),
        };
        let in_order = matches!(
            (self, next),
            (Self::Awake, Self::Prepared)
                | (Self::Prepared, Self::Suspended)
                | (Self::Suspended, Self::Late | Self::Resumed)
                | (Self::Late, Self::Early)
                | (Self::Early, Self::Resumed)
                | (Self::Resumed, Self::Awake)
        );
        if in_order { Ok(next) } else { Err(format!("out of order: {self}")) }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Awake => "the system is awake, only dpm_prepare can come",
            Self::Prepared => "after dpm_prepare only dpm_suspend can come",
            Self::Suspended => "after dpm_suspend only dpm_suspend_late or dpm_resume can come",
            Self::Late => "after dpm_suspend_late only dpm_resume_early can come",
            Self::Early => "after dpm_resume_early only dpm_resume can come",
            Self::Resumed => "after dpm_resume only dpm_complete can come",
        })
    }
}
