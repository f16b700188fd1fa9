use crate::Instant;
use alloc::collections::BinaryHeap;
use core::cmp::Ordering;

/// Deadlines in order of time; equal times come out in the order they went in, whatever the keys are.
///
/// ```
/// use sim_time::{DeadlineQueue, Instant};
/// let mut queue = DeadlineQueue::new();
/// queue.push(Instant::from_ticks(2), 'b');
/// queue.push(Instant::from_ticks(1), 'a');
/// assert_eq!(queue.next_deadline(), Some(Instant::from_ticks(1)));
/// assert_eq!(queue.pop_due(Instant::from_ticks(1)), Some((Instant::from_ticks(1), 'a')));
/// assert_eq!(queue.pop_due(Instant::from_ticks(1)), None);
/// ```
///
/// An owner that changes its mind keeps the instant it waits for and ignores any other; removal looks at every
/// deadline.
#[derive(Clone, Debug)]
pub struct DeadlineQueue<K> {
    heap: BinaryHeap<Entry<K>>,
    next_order: u64,
}

#[derive(Clone, Debug)]
struct Entry<K> {
    at: Instant,
    order: u64,
    key: K,
}

impl<K> Default for DeadlineQueue<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> DeadlineQueue<K> {
    /// An empty queue.
    pub fn new() -> Self {
        Self { heap: BinaryHeap::new(), next_order: 0 }
    }
    /// Adds a deadline.
    pub fn push(&mut self, at: Instant, key: K) {
        let order = self.next_order;
        self.next_order += 1;
        self.heap.push(Entry { at, order, key });
    }
    /// The earliest deadline.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.heap.peek().map(|entry| entry.at)
    }
    /// Takes the earliest deadline if it is not after `now`.
    pub fn pop_due(&mut self, now: Instant) -> Option<(Instant, K)> {
        if self.heap.peek()?.at > now {
            return None;
        }
        self.heap.pop().map(|entry| (entry.at, entry.key))
    }
    /// Forgets every deadline of that key.
    pub fn remove(&mut self, key: &K)
    where
        K: PartialEq,
    {
        self.heap.retain(|entry| entry.key != *key);
    }
    /// Forgets every deadline whose key `keep` refuses; the others stay in their order.
    pub fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        self.heap.retain(|entry| keep(&entry.key));
    }
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.heap.clear();
    }
    /// How many deadlines wait.
    pub fn len(&self) -> usize {
        self.heap.len()
    }
    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

// The heap is a max-heap: the entry that is due first compares greatest.
impl<K> Ord for Entry<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}
impl<K> PartialOrd for Entry<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> PartialEq for Entry<K> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<K> Eq for Entry<K> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_come_out_in_the_order_they_went_in() {
        let mut queue = DeadlineQueue::new();
        for key in [3, 1, 2] {
            queue.push(Instant::from_ticks(5), key);
        }
        queue.push(Instant::from_ticks(4), 9);
        let order: [i32; 4] = core::array::from_fn(|_| queue.pop_due(Instant::MAX).map_or(0, |(_, key)| key));
        assert_eq!(order, [9, 3, 1, 2]);
    }

    #[test]
    fn removal_leaves_the_others_in_their_order() {
        let mut queue = DeadlineQueue::new();
        for key in [3, 1, 3, 2] {
            queue.push(Instant::from_ticks(5), key);
        }
        queue.remove(&3);
        assert_eq!(queue.len(), 2);
        let order: [i32; 2] = core::array::from_fn(|_| queue.pop_due(Instant::MAX).map_or(0, |(_, key)| key));
        assert_eq!(order, [1, 2]);
    }
}
