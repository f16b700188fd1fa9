use crate::serve::PortPath;
use serde::{Deserialize, Serialize};

/// What can be asked of a running server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// What is plugged in where.
    List,
    /// Plug a device in, as `--device` does.
    Attach {
        /// `KIND[,port=N]...`
        device: String,
    },
    /// Pull a device out.
    Detach {
        /// Where.
        port: PortPath,
    },
    /// The live state, or the part of it at a path.
    Inspect {
        /// `slots/1/endpoints/2`; empty is everything.
        path: String,
    },
    /// Spoil transactions of what is behind a root port, from now on.
    Fault {
        /// The port.
        port: u8,
        /// Device Context Index; none is every endpoint.
        endpoint: Option<u8>,
        /// `nak`, `stall`, `lost`, `handshake_lost`, `babble`, `split_error` or `data_buffer`.
        fault: String,
        /// So many pass first.
        skip: u32,
        /// So many fail; none is all.
        count: Option<u32>,
    },
    /// Press keys on a keyboard.
    Type {
        /// Where it is plugged in.
        port: PortPath,
        /// Letters, digits, blanks.
        text: String,
    },
}

/// The answer to a request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Response {
    /// Done; text for people, perhaps none.
    Done(String),
    /// Not done, and why.
    Failed(String),
}
