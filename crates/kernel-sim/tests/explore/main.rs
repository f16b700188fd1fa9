//! The explorer on programs with known answers.
mod classics;
mod invariants;
mod noticed;
mod programs;
mod random;
mod reduction;
mod replay;
mod time_outs;
