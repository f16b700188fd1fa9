//! The controller's own randomness: xoshiro256++ seeded by splitmix64, so that a recorded run replays on every
//! version. The stream of a seed never changes.

/// A generator; its state is all that a snapshot has to keep (TIM-28).
#[derive(Clone, Debug)]
pub(crate) struct Rng([u64; 4]);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        let mut state = seed;
        Self(core::array::from_fn(|_| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let z = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ z >> 31
        }))
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.0;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.0 = [a ^ d, b ^ c, c ^ b << 17, d.rotate_left(45)];
        result
    }

    /// Evenly from 0 to `most`, both included.
    pub(crate) fn up_to(&mut self, most: u64) -> u64 {
        let product = u128::from(self.next()).wrapping_mul(u128::from(most).wrapping_add(1));
        u64::try_from(product >> 64).unwrap_or(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // req: TIM-28
    fn the_stream_of_a_seed_never_changes() {
        // Vectors of the reference implementations: splitmix64 seeded with 0, xoshiro256++ from 1, 2, 3, 4.
        assert_eq!(Rng::new(0).0[0], 0xE220_A839_7B1D_CDAF);
        assert_eq!(Rng::new(0).0[3], 0xF88B_B8A8_724C_81EC);
        let mut rng = Rng([1, 2, 3, 4]);
        let first: [u64; 4] = core::array::from_fn(|_| rng.next());
        assert_eq!(first, [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
    }

    #[test]
    fn a_range_is_reached_to_both_its_ends_and_never_left() {
        let mut rng = Rng::new(1);
        let mut seen = [0_u32; 3];
        for _ in 0..300 {
            seen[usize::try_from(rng.up_to(2)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|times| (70..130).contains(times)), "{seen:?}");
        assert_eq!(rng.up_to(0), 0);
        assert!(rng.up_to(u64::MAX) > 0);
    }
}
