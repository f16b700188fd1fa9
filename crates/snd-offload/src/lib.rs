//! Fake audio class drivers and the DSP that streams behind the host's back.
