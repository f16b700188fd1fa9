use crate::connection::{ConnectionError, read_request, write_message};
use crate::handle::Handle;
use crate::model::{Input, LogSink, Model};
use crossbeam_channel::{Receiver, Sender, unbounded};
use pci_shell::{InterruptKind, MessageOwner, PciFunction};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use sim_time::Instant;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use thiserror::Error;
use xhci_model::{Event, LogLevel, Xhci};

/// How long a client that is not wanted may take to say which message it wants refused.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(1);

/// A server that cannot begin.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The socket's path.
    #[error("{path}: {source}", path = path.display())]
    Bind {
        /// Where the socket was to be.
        path: PathBuf,
        /// Why it is not there.
        source: io::Error,
    },
    /// The system.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// An xHCI controller that waits for a virtual machine monitor.
pub struct Server {
    listener: UnixListener,
    /// Removed in the end.
    path: Option<PathBuf>,
    xhci: Xhci,
    log: Option<LogSink>,
    slow_down: u32,
    interrupts: InterruptKind,
    inputs: (Sender<Input>, Receiver<Input>),
    stop: Stop,
}

/// Ends a [`Server`], from any thread.
#[derive(Clone, Debug)]
pub struct Stop(Arc<OwnedFd>);

impl Stop {
    /// The server hangs up, removes its socket and returns.
    pub fn stop(&self) {
        // An eventfd that is full has been told already.
        let _told = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}

impl Server {
    /// Serves `xhci` on a socket at `path`, which must not exist.
    ///
    /// # Errors
    /// The socket cannot be made there.
    pub fn bind(path: &Path, xhci: Xhci) -> Result<Self, ServerError> {
        let bound =
            UnixListener::bind(path).map_err(|source| ServerError::Bind { path: path.into(), source })?;
        let server = Self::listening(bound, xhci)?;
        Ok(Self { path: Some(path.into()), ..server })
    }

    /// Serves `xhci` on a socket that listens.
    ///
    /// # Errors
    /// The system is out of descriptors.
    pub fn listening(listener: UnixListener, xhci: Xhci) -> Result<Self, ServerError> {
        let stop = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(io::Error::from)?;
        Ok(Self {
            listener,
            path: None,
            xhci,
            log: None,
            slow_down: 1,
            interrupts: InterruptKind::MsiX,
            inputs: unbounded(),
            stop: Stop(Arc::new(stop)),
        })
    }

    /// Lets the controller's time run so many times slower than real time, for guests whose processor is emulated: a frame
    /// then lasts as much longer. The guest's clocks have to run as much slower, or its drivers give up waiting: Linux
    /// ends a sound stream with EIO whose buffer is not through after 1.1 times its length.
    pub fn slow_down(&mut self, times: u32) {
        self.slow_down = times;
    }

    /// Leaves the ways to interrupt behind `best` out, for guests that are to use it.
    pub fn interrupt_by(&mut self, best: InterruptKind) {
        self.interrupts = best;
    }

    /// Events of the controller at this level go to `sink`, on the model's thread.
    pub fn log_to(&mut self, level: LogLevel, sink: impl FnMut(Instant, &Event) + Send + 'static) {
        self.xhci.set_log_level(level);
        self.log = Some(Box::new(sink));
    }

    /// The way to the controller while the server runs.
    pub fn handle(&self) -> Handle {
        Handle(self.inputs.0.clone())
    }

    /// What ends [`run`](Self::run).
    pub fn stopper(&self) -> Stop {
        self.stop.clone()
    }

    /// Serves one client after another until it is stopped. A client that comes while another is there is refused.
    /// Gives the controller back, with what is plugged into it.
    ///
    /// # Errors
    /// The listening socket fails.
    pub fn run(self) -> Result<Xhci, ServerError> {
        let Self { listener, path, xhci, log, slow_down, interrupts, inputs: (sender, receiver), stop } =
            self;
        let function = PciFunction::with_interrupts(xhci, MessageOwner::Embedder, interrupts);
        let model = thread::Builder::new()
            .name("xhci-model".into())
            .spawn(move || Model::new(function, receiver, log, slow_down).run())?;
        let served = accept(&listener, &stop, &sender);
        // The model may have ended with all its senders.
        let _ended = sender.send(Input::Stop);
        let function = join(model);
        if let Some(path) = path {
            let _removed_already = std::fs::remove_file(path);
        }
        served.map(|()| function.into_xhci())
    }
}

fn accept(listener: &UnixListener, stop: &Stop, sender: &Sender<Input>) -> Result<(), ServerError> {
    let mut client: Option<Client> = None;
    loop {
        let mut wait = [
            PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(stop.0.as_fd(), PollFlags::IN),
        ];
        match poll(&mut wait, None) {
            Err(rustix::io::Errno::INTR) => continue,
            result => result.map_err(io::Error::from)?,
        };
        let [new, stopped] = wait.map(|fd| !fd.revents().is_empty());
        if stopped {
            if let Some(client) = client.take() {
                client.end();
            }
            return Ok(());
        }
        if !new {
            continue;
        }
        let (stream, _) = listener.accept()?;
        match client.take_if(|client| client.is_gone()) {
            Some(gone) => gone.end(),
            None if client.is_some() => {
                refuse(&stream);
                continue;
            }
            None => {}
        }
        client = Some(Client::new(stream, sender.clone())?);
    }
}

/// The reader of one client's requests.
struct Client {
    stream: UnixStream,
    gone: Arc<AtomicBool>,
    reader: JoinHandle<()>,
}

impl Client {
    fn new(stream: UnixStream, sender: Sender<Input>) -> io::Result<Self> {
        tracing::info!("client connected");
        let gone = Arc::new(AtomicBool::new(false));
        let (requests, says_gone) = (stream.try_clone()?, gone.clone());
        let _model_ended = sender.send(Input::Connected(stream.try_clone()?));
        let reader = thread::Builder::new().name("vfio-user".into()).spawn(move || {
            let reason = loop {
                match read_request(&requests) {
                    Ok(request) => {
                        if sender.send(Input::Request(request)).is_err() {
                            break ConnectionError::Closed;
                        }
                    }
                    Err(reason) => break reason,
                }
            };
            match reason {
                ConnectionError::Closed => tracing::info!("{reason}"),
                _ => tracing::error!("connection ended: {reason}"),
            }
            let _closed_already = requests.shutdown(Shutdown::Both);
            // The next client may come only when the model has forgotten this one.
            let _model_ended = sender.send(Input::Gone);
            says_gone.store(true, Ordering::Release);
        })?;
        Ok(Self { stream, gone, reader })
    }

    /// Whether it hung up, noticed by its reader or not yet.
    fn is_gone(&self) -> bool {
        let mut hang_up = [PollFd::from_borrowed_fd(self.stream.as_fd(), PollFlags::RDHUP)];
        let polled = poll(&mut hang_up, Some(&rustix::event::Timespec::default()));
        self.gone.load(Ordering::Acquire) || polled.is_ok_and(|ready| ready > 0)
    }

    fn end(self) {
        let _closed_already = self.stream.shutdown(Shutdown::Both);
        join(self.reader);
    }
}

/// Answers the first message of a client that cannot be served with EBUSY.
fn refuse(stream: &UnixStream) {
    tracing::warn!("a second client is refused: one is connected");
    let answer = || -> Result<(), ConnectionError> {
        stream.set_read_timeout(Some(REFUSAL_PATIENCE))?;
        let request = read_request(stream)?;
        Ok(write_message(stream, &request.header.error(rustix::io::Errno::BUSY))?)
    };
    if let Err(reason) = answer() {
        tracing::info!("the second client did not wait for its refusal: {reason}");
    }
}

fn join<T>(thread: JoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
