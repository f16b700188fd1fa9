use super::{World, WorldError};
use crate::event_log::{EventLog, Room};
use crate::scenario::{ClientStyle, DspSpec};
use host_bus::HostBus;
use offload_core::{HcdSetup, UsbDevice};
use snd_offload::aoc::AocClient;
use snd_offload::dsp::{Dsp, DspConfig};
use snd_offload::qc::{QcClient, QcConfig, QcService};
use snd_offload::urb::UrbClient;
use snd_offload::{AudioClient, AudioError, ClientSetup, EventSink};
use std::rc::Rc;
use xhcd::Hcd;

/// The drivers and the DSP of a running machine.
pub(crate) struct Machine {
    pub(crate) hcd: Hcd,
    pub(crate) dsp: Dsp,
    setup: ClientSetup,
    qmi: QcService,
}

impl Machine {
    /// Starts the controller's driver and boots the DSP.
    pub(crate) async fn boot(world: &World, spec: DspSpec) -> Result<Self, WorldError> {
        let bus: Rc<dyn HostBus> = world.bus.clone();
        let hcd = Hcd::start(&world.core, bus.clone(), &HcdSetup::default()).await?;
        let defaults = DspConfig::default();
        let config = DspConfig {
            queue_ahead: spec.queue_ahead.unwrap_or(defaults.queue_ahead),
            frame_ids: spec.frame_ids.unwrap_or(defaults.frame_ids),
            ..defaults
        };
        let sink = sound_sink(&world.log);
        let dsp = Dsp::boot(&world.kernel, bus, config, sink.clone());
        let setup = ClientSetup::new(&world.kernel, &hcd, sink);
        let qmi = QcService::start(&setup, &dsp, QcConfig::default());
        Ok(Self { hcd, dsp, setup, qmi })
    }

    /// Binds a class driver to a sound device.
    pub(crate) async fn probe(
        &self,
        style: ClientStyle,
        udev: &Rc<UsbDevice>,
    ) -> Result<Rc<dyn AudioClient>, AudioError> {
        Ok(match style {
            ClientStyle::Aoc => AocClient::probe(&self.setup, &self.dsp, udev).await?,
            ClientStyle::Qc => QcClient::probe(&self.qmi, udev).await?,
            ClientStyle::Urb => UrbClient::probe(&self.setup, udev).await?,
        })
    }
}

fn sound_sink(log: &EventLog) -> Option<EventSink> {
    let log = log.is_on().then(|| log.clone())?;
    Some(Rc::new(move |at, event| log.record(at, Room::Sound, event)))
}
