use parking_lot::{Mutex, MutexGuard};
use sim_time::Instant;
use std::sync::Arc;
use usb_spec::Speed;
use xhci_model::{Device, DeviceAddress, Handshake, InReply, LpmAnswer, LpmRequest, StreamId, Token};

/// A device that is plugged in somewhere and can be looked at all the same. The world has one thread, so the lock is
/// never waited for; it is there because a device may move to another thread with its controller.
pub(super) struct SharedDevice<D>(Arc<Mutex<D>>);

impl<D> SharedDevice<D> {
    pub(super) fn new(device: D) -> Self {
        Self(Arc::new(Mutex::new(device)))
    }
    pub(super) fn lock(&self) -> MutexGuard<'_, D> {
        self.0.lock()
    }
}

impl<D> Clone for SharedDevice<D> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<D: Device> Device for SharedDevice<D> {
    fn speed(&self) -> Speed {
        self.lock().speed()
    }
    fn bus_reset(&mut self, now: Instant) {
        self.lock().bus_reset(now);
    }
    fn setup(&mut self, now: Instant, address: DeviceAddress, packet: &[u8; 8]) -> Handshake {
        self.lock().setup(now, address, packet)
    }
    fn out_packet(&mut self, now: Instant, token: Token, data: &[u8]) -> Handshake {
        self.lock().out_packet(now, token, data)
    }
    fn in_packet(&mut self, now: Instant, token: Token, buffer: &mut [u8]) -> InReply {
        self.lock().in_packet(now, token, buffer)
    }
    fn stream_ready(&mut self, now: Instant, token: Token, is_in: bool) -> Option<StreamId> {
        self.lock().stream_ready(now, token, is_in)
    }
    fn suspend(&mut self, now: Instant) {
        self.lock().suspend(now);
    }
    fn resume(&mut self, now: Instant) {
        self.lock().resume(now);
    }
    fn downstream(&mut self, now: Instant, port: u8, visit: &mut dyn FnMut(&mut dyn Device)) {
        self.lock().downstream(now, port, visit);
    }
    fn usb2_speed(&self) -> Option<Speed> {
        self.lock().usb2_speed()
    }
    fn connected_at(&mut self, speed: Speed) {
        self.lock().connected_at(speed);
    }
    fn lpm(&mut self, now: Instant, address: DeviceAddress, request: LpmRequest) -> LpmAnswer {
        self.lock().lpm(now, address, request)
    }
    fn signals_wake(&mut self, now: Instant) -> bool {
        self.lock().signals_wake(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moves data of one stream, whatever the host proposes.
    struct OneStream(StreamId);

    impl Device for OneStream {
        fn speed(&self) -> Speed {
            Speed::Super
        }
        fn bus_reset(&mut self, _now: Instant) {}
        fn setup(&mut self, _now: Instant, _address: DeviceAddress, _packet: &[u8; 8]) -> Handshake {
            Handshake::Ack
        }
        fn out_packet(&mut self, _now: Instant, _token: Token, _data: &[u8]) -> Handshake {
            Handshake::Ack
        }
        fn in_packet(&mut self, _now: Instant, _token: Token, _buffer: &mut [u8]) -> InReply {
            InReply::Nak
        }
        fn stream_ready(&mut self, _now: Instant, _token: Token, _is_in: bool) -> Option<StreamId> {
            Some(self.0)
        }
        fn suspend(&mut self, _now: Instant) {}
        fn resume(&mut self, _now: Instant) {}
    }

    #[test]
    fn the_device_chooses_its_stream() {
        let mut shared = SharedDevice::new(OneStream(StreamId(3)));
        let token = Token { address: DeviceAddress::DEFAULT, endpoint: 1, sequence: 0, stream: StreamId(7) };
        assert_eq!(shared.stream_ready(Instant::ZERO, token, true), Some(StreamId(3)));
    }
}
