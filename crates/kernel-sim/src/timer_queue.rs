use crate::TaskId;
use sim_time::Instant;

/// Timers in order of time, equal times in the order in which they were set. Unlike
/// [`sim_time::DeadlineQueue`] it forgets a cancelled timer at once: one that is left over would move the time,
/// and keep a deadlock from being seen.
#[derive(Default)]
pub(crate) struct TimerQueue {
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// A binary heap of slots, earliest first.
    heap: Vec<usize>,
    next_order: u64,
}

struct Slot {
    at: Instant,
    order: u64,
    /// In the heap.
    position: usize,
    /// Absent in a free slot.
    action: Option<TimerAction>,
}

/// What happens when a timer fires.
pub(crate) enum TimerAction {
    Wake(TaskId),
    WakeHost,
    Call(Box<dyn FnOnce()>),
}

/// One timer that was set; never means a later one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimerKey {
    slot: usize,
    order: u64,
}

impl TimerQueue {
    pub(crate) fn insert(&mut self, at: Instant, action: TimerAction) -> TimerKey {
        let order = self.next_order;
        self.next_order += 1;
        let position = self.heap.len();
        let entry = Slot { at, order, position, action: Some(action) };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = entry;
                slot
            }
            None => {
                self.slots.push(entry);
                self.slots.len() - 1
            }
        };
        self.heap.push(slot);
        self.sift_up(position);
        TimerKey { slot, order }
    }

    pub(crate) fn is_pending(&self, key: TimerKey) -> bool {
        self.slots.get(key.slot).is_some_and(|slot| slot.order == key.order && slot.action.is_some())
    }

    /// Takes a timer back; `None` if it has fired or was taken back.
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<TimerAction> {
        if !self.is_pending(key) {
            return None;
        }
        self.remove(self.slots[key.slot].position)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.heap.first().map(|&slot| self.slots[slot].at)
    }

    /// The order number that the next timer will get.
    pub(crate) fn next_order(&self) -> u64 {
        self.next_order
    }

    /// Takes the first timer that is due and was set before the one numbered `before`.
    pub(crate) fn pop_due(&mut self, now: Instant, before: u64) -> Option<TimerAction> {
        let first = &self.slots[*self.heap.first()?];
        if first.at > now || first.order >= before {
            return None;
        }
        self.remove(0)
    }

    fn remove(&mut self, position: usize) -> Option<TimerAction> {
        let slot = self.heap.swap_remove(position);
        if let Some(&moved) = self.heap.get(position) {
            self.slots[moved].position = position;
            self.sift_down(position);
            self.sift_up(position);
        }
        self.free.push(slot);
        self.slots[slot].action.take()
    }

    fn key(&self, position: usize) -> (Instant, u64) {
        let slot = &self.slots[self.heap[position]];
        (slot.at, slot.order)
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.slots[self.heap[a]].position = a;
        self.slots[self.heap[b]].position = b;
    }

    fn sift_up(&mut self, mut position: usize) {
        while position > 0 {
            let parent = (position - 1) / 2;
            if self.key(parent) <= self.key(position) {
                break;
            }
            self.swap(parent, position);
            position = parent;
        }
    }

    fn sift_down(&mut self, mut position: usize) {
        loop {
            let children = [2 * position + 1, 2 * position + 2].into_iter();
            let Some(child) =
                children.filter(|&child| child < self.heap.len()).min_by_key(|&child| self.key(child))
            else {
                break;
            };
            if self.key(position) <= self.key(child) {
                break;
            }
            self.swap(position, child);
            position = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// The heap against a list that is sorted anew each time.
    #[test]
    fn any_order_of_set_cancel_and_fire_agrees_with_a_sorted_list() {
        let mut rng = Rng::new(3);
        let mut queue = TimerQueue::default();
        let mut model: Vec<(u64, usize, TimerKey)> = Vec::new();
        for step in 0..20_000 {
            match rng.below(4) {
                0 | 1 => {
                    let at = rng.below(50) as u64;
                    let action = TimerAction::Wake(TaskId::from_index(step));
                    model.push((at, step, queue.insert(Instant::from_ticks(at), action)));
                }
                2 if !model.is_empty() => {
                    let (_, step, key) = model.remove(rng.below(model.len()));
                    assert!(queue.is_pending(key));
                    let Some(TimerAction::Wake(id)) = queue.cancel(key) else { panic!("was pending") };
                    assert_eq!(id.index(), step);
                    assert!(queue.cancel(key).is_none());
                }
                _ => {
                    model.sort_unstable_by_key(|&(at, step, _)| (at, step));
                    let expected = model.first().map(|&(at, step, _)| (at, step));
                    assert_eq!(
                        queue.next_deadline(),
                        expected.map(|(at, _)| Instant::from_ticks(at)),
                        "step {step}"
                    );
                    if let Some(TimerAction::Wake(id)) = queue.pop_due(Instant::MAX, u64::MAX) {
                        assert_eq!(Some(id.index()), expected.map(|(_, step)| step));
                        model.remove(0);
                    }
                }
            }
        }
    }

    #[test]
    fn a_timer_set_while_others_fire_waits_for_the_next_pass() {
        let mut queue = TimerQueue::default();
        queue.insert(Instant::ZERO, TimerAction::WakeHost);
        let before = queue.next_order();
        queue.insert(Instant::ZERO, TimerAction::WakeHost);
        assert!(queue.pop_due(Instant::ZERO, before).is_some());
        assert!(queue.pop_due(Instant::ZERO, before).is_none());
        assert!(queue.pop_due(Instant::ZERO, queue.next_order()).is_some());
    }
}
