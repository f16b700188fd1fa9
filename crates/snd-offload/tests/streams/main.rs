//! The class drivers and the DSP against the model and emulated sound cards.

mod aoc;
mod dsp;
mod qc;
mod qc_defects;
mod urb;
mod world;
