//! Layouts of USB and its audio class: setup packets, descriptors, feedback values.
