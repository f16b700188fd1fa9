//! A class driver whose callbacks a test writes.

use offload_core::{Errno, LocalBoxFuture, PmMessage, UsbDriver, UsbInterface};
use std::rc::Rc;

pub(crate) type Callback<T> = Rc<dyn Fn(Rc<UsbInterface>, PmMessage) -> LocalBoxFuture<'static, T>>;

/// Does nothing unless told otherwise.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) name: &'static str,
    pub(crate) on_suspend: Option<Callback<Result<(), Errno>>>,
    pub(crate) on_disconnect: Option<Callback<()>>,
    pub(crate) no_pm: bool,
    pub(crate) no_reset_resume: bool,
}

impl Scripted {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, on_suspend: None, on_disconnect: None, no_pm: false, no_reset_resume: false }
    }
    pub(crate) fn on_suspend<F>(mut self, script: impl Fn(Rc<UsbInterface>, PmMessage) -> F + 'static) -> Self
    where
        F: Future<Output = Result<(), Errno>> + 'static,
    {
        self.on_suspend = Some(Rc::new(move |intf, message| Box::pin(script(intf, message))));
        self
    }
    pub(crate) fn on_disconnect<F>(mut self, script: impl Fn(Rc<UsbInterface>) -> F + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        self.on_disconnect = Some(Rc::new(move |intf, _message| Box::pin(script(intf))));
        self
    }
}

impl UsbDriver for Scripted {
    fn name(&self) -> &str {
        self.name
    }
    fn suspend<'a>(
        &'a self,
        intf: &'a Rc<UsbInterface>,
        message: PmMessage,
    ) -> LocalBoxFuture<'a, Result<(), Errno>> {
        match &self.on_suspend {
            Some(script) => script(intf.clone(), message),
            None => Box::pin(async { Ok(()) }),
        }
    }
    fn disconnect<'a>(&'a self, intf: &'a Rc<UsbInterface>) -> LocalBoxFuture<'a, ()> {
        match &self.on_disconnect {
            Some(script) => script(intf.clone(), PmMessage::Suspend),
            None => Box::pin(async {}),
        }
    }
    fn supports_suspend(&self) -> bool {
        !self.no_pm
    }
    fn supports_reset_resume(&self) -> bool {
        !self.no_reset_resume
    }
}
