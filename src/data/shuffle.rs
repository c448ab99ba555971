//! The order of the images in an epoch.

use crate::random::{Draws, stream};

/// The indices `0..len` in the order in which `epoch` visits them: a Fisher–Yates shuffle that
/// depends on nothing but its arguments.
pub fn shuffled(seed: u64, epoch: u32, len: u32) -> Vec<u32> {
    let draws = Draws::new(seed, stream::SHUFFLE, epoch);
    let mut order: Vec<u32> = (0..len).collect();
    for last in (1..len).rev() {
        order.swap(last as usize, draws.below(last, last + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fnv1a;

    #[test]
    fn visits_every_image_once() {
        for len in [0, 1, 2, 60_000] {
            let mut order = shuffled(3, 0, len);
            order.sort_unstable();
            assert!(order.into_iter().eq(0..len));
        }
    }

    #[test]
    fn depends_on_seed_and_epoch() {
        let order = shuffled(3, 0, 1000);
        assert_eq!(order, shuffled(3, 0, 1000));
        assert_ne!(order, shuffled(3, 1, 1000));
        assert_ne!(order, shuffled(4, 0, 1000));
    }

    #[test]
    fn is_the_same_in_every_version() {
        let bytes: Vec<u8> = shuffled(42, 7, 60_000).into_iter().flat_map(u32::to_le_bytes).collect();
        assert_eq!(fnv1a(&bytes), 0x0d65_9792_4b3e_a3f1);
    }
}
