//! The standard requests (USB 2.0 9.4).

use super::{AfterStatus, Peripheral};
use crate::function::{Function, RequestError, reply_with};
use sim_time::Instant;
use usb_spec::descriptor::DescriptorType;
use usb_spec::setup::standard as request;
use usb_spec::{EndpointAddress, Recipient, SetupPacket, Speed};
use xhci_model::DeviceAddress;

impl<F: Function> Peripheral<F> {
    /// A standard request with the direction to the host; `None` if it is the function's to know.
    pub(super) fn standard_in(&mut self, setup: &SetupPacket) -> Option<Result<usize, RequestError>> {
        match (setup.request, setup.request_type.recipient()) {
            (request::GET_DESCRIPTOR, Recipient::Device) => Some(self.get_descriptor(setup)),
            (request::GET_STATUS, _) => Some(self.get_status(setup)),
            (request::GET_CONFIGURATION, Recipient::Device) => {
                let value = if self.configured { self.configuration.header.value } else { 0 };
                Some(self.reply(&[value]))
            }
            (request::GET_INTERFACE, Recipient::Interface) => {
                let interface = u8::try_from(setup.index).ok();
                let alternate = interface.and_then(|interface| self.alternate(interface));
                Some(alternate.ok_or(RequestError).and_then(|alternate| self.reply(&[alternate])))
            }
            _ => None,
        }
    }
    /// A standard request with the direction to the device; `None` if it is the function's to know.
    pub(super) fn standard_out(
        &mut self,
        now: Instant,
        setup: &SetupPacket,
    ) -> Option<Result<(), RequestError>> {
        let answer = match (setup.request, setup.request_type.recipient()) {
            (request::SET_ADDRESS, Recipient::Device) => self.set_address(setup),
            (request::SET_CONFIGURATION, Recipient::Device) => self.set_configuration(now, setup),
            (request::SET_INTERFACE, Recipient::Interface) => self.set_interface(now, setup),
            (request::CLEAR_FEATURE, _) => self.change_feature(setup, false),
            (request::SET_FEATURE, _) => self.change_feature(setup, true),
            // Exit latencies: the model's host accounts for them, the device has no use for them.
            (request::SET_SEL | request::SET_ISOCH_DELAY, Recipient::Device) if self.speed.is_super() => {
                Ok(())
            }
            _ => return None,
        };
        Some(answer)
    }

    fn reply(&mut self, bytes: &[u8]) -> Result<usize, RequestError> {
        reply_with(self.control.buffer(), bytes)
    }
    fn get_descriptor(&mut self, setup: &SetupPacket) -> Result<usize, RequestError> {
        let Self { descriptors, control, .. } = self;
        let descriptor = descriptors.get(DescriptorType(setup.value_hi()), setup.value_lo(), setup.index);
        reply_with(control.buffer(), descriptor.ok_or(RequestError)?)
    }
    fn get_status(&mut self, setup: &SetupPacket) -> Result<usize, RequestError> {
        let index = u8::try_from(setup.index).map_err(|_| RequestError)?;
        let status = match setup.request_type.recipient() {
            Recipient::Device if index == 0 => {
                u8::from(self.configuration.header.attributes.self_powered)
                    | u8::from(self.remote_wakeup) << 1
            }
            Recipient::Interface => self.alternate(index).map(|_| 0).ok_or(RequestError)?,
            Recipient::Endpoint if index & 0x7F == 0 => 0,
            Recipient::Endpoint => {
                u8::from(self.endpoint(EndpointAddress(index)).ok_or(RequestError)?.is_halted())
            }
            _ => return Err(RequestError),
        };
        self.reply(&[status, 0])
    }
    fn set_address(&mut self, setup: &SetupPacket) -> Result<(), RequestError> {
        let address = u8::try_from(setup.value).ok().filter(|&address| address < 128);
        // USB 2.0 9.4.6: what a configured device does is not specified.
        match address {
            Some(address) if !self.configured && setup.index == 0 => {
                self.after_status = Some(AfterStatus::Address(DeviceAddress(address)));
                Ok(())
            }
            _ => Err(RequestError),
        }
    }
    fn set_configuration(&mut self, now: Instant, setup: &SetupPacket) -> Result<(), RequestError> {
        let configured = match setup.value {
            0 => false,
            value if value == u16::from(self.configuration.header.value) => true,
            _ => return Err(RequestError),
        };
        if self.address == DeviceAddress::DEFAULT {
            return Err(RequestError);
        }
        self.configure(now, configured);
        Ok(())
    }
    fn set_interface(&mut self, now: Instant, setup: &SetupPacket) -> Result<(), RequestError> {
        let number = u8::try_from(setup.index).map_err(|_| RequestError)?;
        let alternate = u8::try_from(setup.value).map_err(|_| RequestError)?;
        let place = self.place_of(number).ok_or(RequestError)?;
        self.configuration.setting(number, alternate).ok_or(RequestError)?;
        *self.alternates.get_mut(place).ok_or(RequestError)? = alternate;
        self.install(place);
        self.function.set_interface(now, number, alternate);
        Ok(())
    }
    fn change_feature(&mut self, setup: &SetupPacket, set: bool) -> Result<(), RequestError> {
        match (setup.value, setup.request_type.recipient()) {
            (request::ENDPOINT_HALT, Recipient::Endpoint) => self.change_halt(setup, set),
            (request::DEVICE_REMOTE_WAKEUP, Recipient::Device)
                if self.configuration.header.attributes.remote_wakeup =>
            {
                self.remote_wakeup = set;
                Ok(())
            }
            // Nothing here enters U1 or U2 by itself.
            (request::U1_ENABLE | request::U2_ENABLE | request::LTM_ENABLE, Recipient::Device)
                if self.speed.is_super() && self.configured =>
            {
                Ok(())
            }
            // USB 3.2 9.4.9: what remote wake is to a USB 2 device, for a function; bit 1 of the high byte.
            (request::FUNCTION_SUSPEND, Recipient::Interface) if self.speed.is_super() => {
                self.remote_wakeup = set && setup.index_hi() & 2 != 0;
                Ok(())
            }
            // USB 2.0 9.4.9: only a power cycle ends it, that is, a new device.
            (request::TEST_MODE, Recipient::Device) if set && self.speed == Speed::High => {
                if setup.index_lo() != 0 || !(1..=5).contains(&setup.index_hi()) {
                    return Err(RequestError);
                }
                self.after_status = Some(AfterStatus::TestMode);
                Ok(())
            }
            _ => Err(RequestError),
        }
    }
    fn change_halt(&mut self, setup: &SetupPacket, set: bool) -> Result<(), RequestError> {
        let address = u8::try_from(setup.index).map_err(|_| RequestError)?;
        if address & 0x7F == 0 {
            // The default pipe recovers with the next SETUP: there is nothing to clear, and no way to halt it.
            return if set { Err(RequestError) } else { Ok(()) };
        }
        let endpoint = self.endpoint(EndpointAddress(address)).ok_or(RequestError)?;
        if endpoint.set_halt(set) { Ok(()) } else { Err(RequestError) }
    }
}
