//! Mute and volume, as a feature unit controls them.

/// A volume in 1/256 dB, as audio class requests carry it (UAC1 5.2.2.4.3.2, UAC2 A.23).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Volume(pub i16);

impl Volume {
    /// The value that stands for silence, below every decibel.
    pub const SILENCE: Self = Self(i16::MIN);
    /// The lowest volume that [`Mixer`] offers: -60 dB.
    pub const MIN: Self = Self(-60 * DB);
    /// The highest: 0 dB, samples pass unchanged.
    pub const MAX: Self = Self(0);
    /// The step: 1 dB.
    pub const RES: Self = Self(DB);

    /// The volume as the low 16 bits of a value.
    pub(super) fn bits(self) -> u32 {
        u16::from_le_bytes(self.0.to_le_bytes()).into()
    }
    /// The nearest volume that [`Mixer`] offers.
    fn offered(self) -> Self {
        if self == Self::SILENCE {
            return self;
        }
        let above_min = self.0.clamp(Self::MIN.0, Self::MAX.0) - Self::MIN.0;
        Self(Self::MIN.0 + (above_min + DB / 2) / DB * DB)
    }
}

/// One decibel in units of [`Volume`].
const DB: i16 = 256;

/// 10^(-n/20) in 1/2³² for n = 0 ..= 60.
const GAINS: [u64; 61] = {
    // 10^(-1/20) in 1/2^32, rounded.
    const MINUS_ONE_DB: u64 = 3_827_893_632;
    let mut gains = [1 << 32; 61];
    let mut n = 1;
    while n < gains.len() {
        gains[n] = (gains[n - 1] * (MINUS_ONE_DB >> 1)) >> 31;
        n += 1;
    }
    gains
};

/// The mute and volume controls of one feature unit. They change what is heard, not what is recorded: a
/// recording stays comparable with what was played, bit for bit.
#[derive(Clone, Debug)]
pub struct Mixer {
    /// Whether nothing is heard.
    pub mute: bool,
    volume: Volume,
}

impl Default for Mixer {
    fn default() -> Self {
        Self { mute: false, volume: Volume::MAX }
    }
}

impl Mixer {
    /// The volume in force.
    pub const fn volume(&self) -> Volume {
        self.volume
    }
    /// Sets the volume: clamped to [`Volume::MIN`]`..=`[`Volume::MAX`] and rounded to [`Volume::RES`];
    /// [`Volume::SILENCE`] is taken as it is.
    pub fn set_volume(&mut self, volume: Volume) {
        self.volume = volume.offered();
    }
    /// The level that is heard of one that plays.
    pub fn heard(&self, level: u32) -> u32 {
        if self.mute || self.volume == Volume::SILENCE {
            return 0;
        }
        let below_max = usize::from(self.volume.0.abs_diff(Volume::MAX.0) / DB.unsigned_abs());
        let gain = GAINS.get(below_max).copied().unwrap_or(0);
        u32::try_from((u64::from(level) * (gain >> 1)) >> 31).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: UAC-30
    #[test]
    fn volumes_are_clamped_and_rounded() {
        let set = |raw| {
            let mut mixer = Mixer::default();
            mixer.set_volume(Volume(raw));
            mixer.volume().0
        };
        assert_eq!(
            [set(i16::MAX), set(1), set(-127), set(-129), set(-15_300), set(-32_767), set(i16::MIN)],
            [0, 0, 0, -256, -60 * 256, -60 * 256, i16::MIN]
        );
    }

    #[test]
    fn levels_follow_the_volume() {
        let full = 1 << 31;
        let heard = |db: i16| {
            let mut mixer = Mixer::default();
            mixer.set_volume(Volume(db * 256));
            mixer.heard(full)
        };
        assert_eq!(heard(0), full);
        // -20 dB is a tenth, -60 dB a thousandth, within 1 in 10^6.
        for (db, divisor) in [(-20, 10), (-40, 100), (-60, 1000)] {
            let exact = full / divisor;
            assert!(heard(db).abs_diff(exact) <= exact / 1_000_000 + 1, "{db} dB: {} {exact}", heard(db));
        }
        let mut mixer = Mixer::default();
        mixer.set_volume(Volume::SILENCE);
        assert_eq!(mixer.heard(full), 0);
        let muted = Mixer { mute: true, ..Mixer::default() };
        assert_eq!(muted.heard(full), 0);
    }
}
