//! The way between the host controller and the device of one transaction, with what a fault does on it.

use super::rule::{Fault, FaultRules, Probe};
use crate::device::{Device, DeviceAddress, Handshake, InReply, Token};
use crate::event::{Outcome, TransactionKind};
use sim_time::{Duration, Instant};

/// A data packet that a device sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    /// Its bytes; more than the buffer has if the device babbles.
    pub(crate) length: usize,
    pub(crate) sequence: u8,
}

/// What the host controller sees of a device while one endpoint has the bus. Without a device, silence.
pub(crate) struct Wire<'a> {
    device: Option<&'a mut dyn Device>,
    faults: &'a mut FaultRules,
    probe: Probe,
    delay: Duration,
}

impl<'a> Wire<'a> {
    pub(crate) fn new(device: Option<&'a mut dyn Device>, faults: &'a mut FaultRules, probe: Probe) -> Self {
        Self { device, faults, probe, delay: Duration::ZERO }
    }

    /// Bus time that faults added.
    pub(crate) fn delay(&self) -> Duration {
        self.delay
    }

    /// A SETUP transaction. XFR-11: anything but ACK is no answer.
    pub(crate) fn setup(&mut self, now: Instant, address: DeviceAddress, packet: &[u8; 8]) -> Outcome {
        let send = |device: &mut dyn Device| device.setup(now, address, packet);
        match self.send(now, TransactionKind::Setup, send) {
            Outcome::Nak | Outcome::Stall => Outcome::Error,
            outcome => outcome,
        }
    }

    /// An OUT transaction with a handshake.
    pub(crate) fn out_packet(&mut self, now: Instant, token: Token, data: &[u8]) -> Outcome {
        self.send(now, TransactionKind::Out, |device| device.out_packet(now, token, data))
    }

    /// An isochronous OUT packet: nobody answers, so that the host does not hear of what is lost (ISO-06).
    pub(crate) fn isochronous_out(&mut self, now: Instant, token: Token, data: &[u8]) -> Outcome {
        match self.send(now, TransactionKind::Out, |device| device.out_packet(now, token, data)) {
            outcome @ (Outcome::SplitError | Outcome::DataBuffer) => outcome,
            _ => Outcome::Done,
        }
    }

    /// An IN transaction; `Err` is how it ended without data.
    pub(crate) fn in_packet(
        &mut self,
        now: Instant,
        token: Token,
        buffer: &mut [u8],
    ) -> Result<Packet, Outcome> {
        match self.faults.ask(&self.probe, TransactionKind::In, now) {
            None => {}
            Some(Fault::Delay(delay)) => self.delay += delay,
            // The packet buffer of an endpoint has no room for it: babble.
            Some(Fault::Babble) => {
                return Ok(Packet { length: buffer.len().saturating_add(1), sequence: token.sequence });
            }
            Some(fault) => return Err(refusal(fault)),
        }
        let Some(device) = self.device.as_deref_mut() else { return Err(Outcome::Error) };
        match device.in_packet(now, token, buffer) {
            InReply::Data { length, sequence } => Ok(Packet { length, sequence }),
            InReply::Nak => Err(Outcome::Nak),
            InReply::Stall => Err(Outcome::Stall),
            InReply::NoResponse => Err(Outcome::Error),
        }
    }

    /// An IN transaction of a status stage, which brings no data.
    pub(crate) fn status_in(&mut self, now: Instant, token: Token) -> Outcome {
        match self.in_packet(now, token, &mut []) {
            Ok(Packet { length: 0, .. }) => Outcome::Done,
            Ok(_) => Outcome::Babble,
            Err(outcome) => outcome,
        }
    }

    #[inline]
    fn send(
        &mut self,
        now: Instant,
        kind: TransactionKind,
        send: impl FnOnce(&mut dyn Device) -> Handshake,
    ) -> Outcome {
        let fault = self.faults.ask(&self.probe, kind, now);
        match fault {
            // What babbles is a device that sends.
            None | Some(Fault::HandshakeLost | Fault::Babble) => {}
            Some(Fault::Delay(delay)) => self.delay += delay,
            Some(fault) => return refusal(fault),
        }
        let Some(device) = self.device.as_deref_mut() else { return Outcome::Error };
        let handshake = send(device);
        if fault == Some(Fault::HandshakeLost) {
            return Outcome::Error;
        }
        match handshake {
            Handshake::Ack => Outcome::Done,
            Handshake::Nak => Outcome::Nak,
            Handshake::Stall => Outcome::Stall,
            Handshake::NoResponse => Outcome::Error,
        }
    }
}

/// How a transaction ends that does not reach its device.
fn refusal(fault: Fault) -> Outcome {
    match fault {
        Fault::Nak => Outcome::Nak,
        Fault::Stall => Outcome::Stall,
        Fault::SplitError => Outcome::SplitError,
        Fault::DataBuffer => Outcome::DataBuffer,
        Fault::Lost | Fault::HandshakeLost | Fault::Babble | Fault::Delay(_) => Outcome::Error,
    }
}
