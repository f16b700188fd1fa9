//! The clock entities of an Audio 2.0 function.

use usb_spec::audio::uac2::{ClockSource, Entity};

/// Which clock a terminal runs on.
pub(super) struct ClockTree {
    entities: Vec<Entity>,
}

impl ClockTree {
    pub(super) fn new(entities: Vec<Entity>) -> Self {
        Self { entities }
    }

    /// The clock source of the terminal with this ID, through selectors and multipliers.
    pub(super) fn source_of(&self, terminal: u8) -> Option<ClockSource> {
        let mut id = self.entities.iter().find_map(|entity| match entity {
            Entity::InputTerminal(input) if input.id == terminal => Some(input.clock),
            Entity::OutputTerminal(output) if output.id == terminal => Some(output.clock),
            _ => None,
        })?;
        // A chain is no longer than there are entities: a circle of selectors ends, too.
        for _ in &self.entities {
            match self.clock(id)? {
                Clock::Source(source) => return Some(source),
                Clock::From(above) => id = above,
            }
        }
        None
    }

    fn clock(&self, id: u8) -> Option<Clock> {
        self.entities.iter().find_map(|entity| match entity {
            Entity::ClockSource(clock) if clock.id == id => Some(Clock::Source(*clock)),
            // The first pin is a selector's default.
            Entity::ClockSelector(clock) if clock.id == id => clock.sources.first().copied().map(Clock::From),
            Entity::ClockMultiplier(clock) if clock.id == id => Some(Clock::From(clock.source)),
            _ => None,
        })
    }
}

enum Clock {
    Source(ClockSource),
    From(u8),
}
