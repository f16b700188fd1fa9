//! The class drivers and the DSP against the model and emulated sound cards.

mod aoc;
mod world;
