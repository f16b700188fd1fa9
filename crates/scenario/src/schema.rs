//! A scenario file as it is written: fields with their places in the text, nothing checked but names and types.

use crate::expectation::Condition;
use crate::scenario::{ClientStyle, DeviceKind, Direction, SleepPhase};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;
use toml::Spanned;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) title: Spanned<String>,
    pub(crate) seed: Option<u64>,
    pub(crate) limit_ms: Option<Spanned<u64>>,
    pub(crate) topology: Topology,
    pub(crate) client: Option<Client>,
    pub(crate) audio: Option<Spanned<Source>>,
    pub(crate) dsp: Option<Dsp>,
    #[serde(default, rename = "stream")]
    pub(crate) streams: Vec<Spanned<Stream>>,
    pub(crate) timeline: Vec<Spanned<Step>>,
    #[serde(default)]
    pub(crate) expect: Expect,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Topology {
    pub(crate) controller: Option<Spanned<Controller>>,
    #[serde(rename = "device")]
    pub(crate) devices: Vec<Spanned<Device>>,
}

/// Fields of [`xhci_model::Profile`] that are not as by default.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Controller {
    pub(crate) hci_version: Option<u16>,
    pub(crate) slots: Option<u8>,
    pub(crate) interrupters: Option<u16>,
    pub(crate) usb2_ports: Option<u8>,
    pub(crate) usb3_ports: Option<u8>,
    pub(crate) erst_max: Option<u8>,
    pub(crate) ist_microframes: Option<u8>,
    pub(crate) scratchpads: Option<u16>,
    pub(crate) contexts_64: Option<bool>,
    pub(crate) contiguous_frame_ids: Option<bool>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Device {
    pub(crate) name: Spanned<String>,
    pub(crate) port: Spanned<String>,
    pub(crate) kind: DeviceKind,
    pub(crate) client: Option<Spanned<ClientStyle>>,
    #[serde(default)]
    pub(crate) drift_ppm: i32,
    #[serde(default)]
    pub(crate) absent: bool,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Client {
    pub(crate) style: ClientStyle,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dsp {
    pub(crate) queue_ahead_ms: Option<Spanned<u64>>,
    pub(crate) frame_ids: Option<bool>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) fixture: Option<Spanned<String>>,
    pub(crate) wav: Option<Spanned<String>>,
    pub(crate) ms: Option<Spanned<u64>>,
    pub(crate) frames: Option<Spanned<u64>>,
    pub(crate) rate: Option<Spanned<u32>>,
    pub(crate) bits: Option<Spanned<u8>>,
    pub(crate) channels: Option<Spanned<u8>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stream {
    pub(crate) name: Spanned<String>,
    pub(crate) device: Option<Spanned<String>>,
    pub(crate) direction: Option<Direction>,
    pub(crate) audio: Option<Spanned<Source>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) at_ms: Option<Spanned<u64>>,
    pub(crate) at_phase: Option<Spanned<SleepPhase>>,
    pub(crate) action: Spanned<ActionName>,
    pub(crate) stream: Option<Spanned<String>>,
    pub(crate) device: Option<Spanned<String>>,
    pub(crate) until_ms: Option<Spanned<u64>>,
    pub(crate) for_ms: Option<Spanned<u64>>,
    pub(crate) fault: Option<Spanned<FaultName>>,
    pub(crate) endpoint: Option<Spanned<String>>,
    pub(crate) skip: Option<Spanned<u32>>,
    pub(crate) count: Option<Spanned<u32>>,
    pub(crate) delay_us: Option<Spanned<u64>>,
    pub(crate) expect: Option<Spanned<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActionName {
    Start,
    Stop,
    Suspend,
    Unplug,
    Plug,
    DspStall,
    DspLate,
    DspSilent,
    DspCrash,
    DspRestart,
    OffloadGet,
    OffloadPut,
    PowerAuto,
    PowerOn,
    Fault,
}

impl ActionName {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Suspend => "suspend",
            Self::Unplug => "unplug",
            Self::Plug => "plug",
            Self::DspStall => "dsp_stall",
            Self::DspLate => "dsp_late",
            Self::DspSilent => "dsp_silent",
            Self::DspCrash => "dsp_crash",
            Self::DspRestart => "dsp_restart",
            Self::OffloadGet => "offload_get",
            Self::OffloadPut => "offload_put",
            Self::PowerAuto => "power_auto",
            Self::PowerOn => "power_on",
            Self::Fault => "fault",
        }
    }
}

/// What spoils transactions, see [`xhci_model::Fault`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultName {
    Nak,
    Stall,
    Lost,
    HandshakeLost,
    Babble,
    SplitError,
    DataBuffer,
    Delay,
}

/// The table `[expect]`: metrics, lists of log lines, and a table of metrics for each stream or device.
#[derive(Default)]
pub(crate) struct Expect {
    pub(crate) log: Vec<Spanned<String>>,
    pub(crate) no_log: Vec<Spanned<String>>,
    pub(crate) entries: Vec<(Spanned<String>, Spanned<Entry>)>,
}

pub(crate) enum Entry {
    Condition(Condition),
    Table(Vec<(Spanned<String>, Spanned<Condition>)>),
}

// By hand: `serde(flatten)` and untagged enums forget where in the text they were.
impl<'de> Deserialize<'de> for Expect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Expect;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of metrics")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Expect, A::Error> {
                let mut expect = Expect::default();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    match key.get_ref().as_str() {
                        "log" => expect.log = map.next_value()?,
                        "no_log" => expect.no_log = map.next_value()?,
                        _ => expect.entries.push((key, map.next_value()?)),
                    }
                }
                Ok(expect)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(EntryVisitor)? {
            Entry::Condition(condition) => Ok(condition),
            Entry::Table(_) => Err(de::Error::custom("a table; a condition is expected")),
        }
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a condition such as \"< 1\", or a table of them")
    }
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Entry, E> {
        Ok(Entry::Condition(Condition::Equal(f64::from(u8::from(value)))))
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Entry, E> {
        // The digits of a counter: a decimal number means the same, however long it is.
        self.visit_str(&value.to_string())
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Entry, E> {
        Ok(Entry::Condition(Condition::Equal(value)))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Entry, E> {
        text.parse().map(Entry::Condition).map_err(E::custom)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entry::Table(entries))
    }
}
