//! The live state as a tree of names and values, for people: `slots/1/endpoints/2`.

use crate::controller::Xhci;
use crate::endpoints::Endpoint;
use crate::interrupters::Interrupter;
use crate::slots::Slot;
use core::fmt;
use sim_time::Instant;
use xhci_spec::{InterrupterId, PortId, SlotId};

/// A part of the controller's state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Node {
    /// A value, as text.
    Value(String),
    /// Parts with their names.
    Branch(Vec<(String, Self)>),
}

impl Node {
    /// The part at `path`, names with `/` between them; an empty path is the whole.
    pub fn at(&self, path: &str) -> Option<&Self> {
        let mut names = path.split('/').filter(|name| !name.is_empty());
        names.try_fold(self, |node, name| match node {
            Self::Branch(parts) => parts.iter().find(|(known, _)| known == name).map(|(_, part)| part),
            Self::Value(_) => None,
        })
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        match self {
            Self::Value(text) => writeln!(f, "{:depth$}{text}", ""),
            Self::Branch(parts) => {
                for (name, part) in parts {
                    match part {
                        Self::Value(text) => writeln!(f, "{:depth$}{name}: {text}", "")?,
                        Self::Branch(_) => {
                            writeln!(f, "{:depth$}{name}", "")?;
                            part.write(f, depth.saturating_add(2))?;
                        }
                    }
                }
                Ok(())
            }
        }
    }
}

/// Indented, a line each.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

fn value(name: &str, text: impl fmt::Display) -> (String, Node) {
    (name.to_owned(), Node::Value(text.to_string()))
}

fn branch(name: impl fmt::Display, parts: Vec<(String, Node)>) -> (String, Node) {
    (name.to_string(), Node::Branch(parts))
}

impl Xhci {
    /// The state at `now`: registers, ports that have something attached or to tell, slots that are enabled, and
    /// interrupters that have a ring.
    pub fn inspect(&self, now: Instant) -> Node {
        let core = &self.core;
        let controller = vec![
            value("running", core.running()),
            value("usbcmd", format_args!("{:#010x}", core.command.into_bits())),
            value("usbsts", format_args!("{:#010x}", core.status.into_bits())),
            value("mfindex", core.microframes.mfindex(now)),
        ];
        let ports = (1..=u8::MAX).filter_map(PortId::new).filter_map(|id| self.inspect_port(id)).collect();
        let interrupters = (0..self.interrupters())
            .map(InterrupterId)
            .filter_map(|id| Some(branch(id, self.interrupters.get(id)?.inspect(now)?)))
            .collect();
        let slots = self.slots.numbered().map(|(id, slot)| inspect_slot(id, slot)).collect();
        Node::Branch(vec![
            branch("controller", controller),
            branch("ports", ports),
            branch("slots", slots),
            branch("interrupters", interrupters),
        ])
    }

    fn inspect_port(&self, id: PortId) -> Option<(String, Node)> {
        let port = self.ports.get(id)?;
        let portsc = port.read();
        let device = self.ports.device(id);
        if device.is_none() && portsc & 0x00FE_0001 == 0 {
            return None;
        }
        Some(branch(
            id,
            vec![
                value("protocol", format_args!("{:?}", port.protocol())),
                value("portsc", format_args!("{portsc:#010x}")),
                value("device", device.map_or_else(|| "none".into(), |device| device.speed().to_string())),
            ],
        ))
    }
}

fn inspect_slot(id: SlotId, slot: &Slot) -> (String, Node) {
    let endpoints = slot.enabled_endpoints().map(inspect_endpoint).collect();
    let port = slot.port().map_or_else(|| "none".into(), |port| port.to_string());
    branch(
        id,
        vec![
            value("state", slot.life.slot_state()),
            value("address", slot.address.0),
            value("port", port),
            value("route", format_args!("{:#07x}", slot.context.route_string())),
            value("speed", slot.speed()),
            branch("endpoints", endpoints),
        ],
    )
}

fn inspect_endpoint(endpoint: &Endpoint) -> (String, Node) {
    let dequeue = endpoint.dequeue();
    branch(
        endpoint.id.dci,
        vec![
            value("type", endpoint.context.ep_type()),
            value("state", endpoint.state),
            value("dequeue", format_args!("{} cycle {}", dequeue.address, u8::from(dequeue.cycle))),
            value("max packet", endpoint.max_packet),
            value("interval", format_args!("{} microframes", endpoint.interval)),
            value("edtla", endpoint.td.edtla),
            value("sequence", endpoint.sequence),
            value("errors", endpoint.errors),
            value("in service", endpoint.busy),
        ],
    )
}

impl Interrupter {
    /// None of an interrupter without event ring.
    fn inspect(&self, now: Instant) -> Option<Vec<(String, Node)>> {
        (self.table_size > 0).then(|| {
            vec![
                value("ip", self.interrupt_pending),
                value("ie", self.interrupt_enable),
                value("ehb", self.event_handler_busy),
                value("imodi", self.moderation.interval),
                value("imodc", self.moderation.counter(now)),
                value("erstsz", self.table_size),
                value("erstba", format_args!("{:#x}", self.table_base)),
                value("erdp", format_args!("{:#x}", self.dequeue_pointer)),
            ]
        })
    }
}
