//! Writes `fixtures/audio/plucked-strings.wav` anew. Run from the top of the repository.
use scenario::audio::{FIXTURE_FILE, WavError, render_plucked_strings, write_wav};
use std::path::Path;

fn main() -> Result<(), WavError> {
    write_wav(Path::new(FIXTURE_FILE), &render_plucked_strings())
}
