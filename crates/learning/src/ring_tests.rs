use proptest::prelude::*;

use super::*;

const LIMIT: Duration = Duration::from_secs(10);
const PATIENCE: Patience = Patience { limit: LIMIT, waiting_max: WAITING_MAX };
const START: Duration = Duration::from_secs(100);

struct Order {
    ring: Ring<u64>,
    now: Duration,
}

impl Order {
    fn new() -> Self {
        Self { ring: Ring::default(), now: START }
    }

    /// Offers a sample that holds its own eid, and gives what leaves.
    fn offer(&mut self, eid: u64) -> Result<Vec<u64>, Refusal> {
        self.offer_other(eid, eid as u32)
    }

    fn offer_other(&mut self, eid: u64, digest: u32) -> Result<Vec<u64>, Refusal> {
        self.ring.offer(eid, digest, eid, self.now)?;
        Ok(self.leave())
    }

    fn leave(&mut self) -> Vec<u64> {
        self.ring.advance(self.now, PATIENCE);
        let mut left = vec![];
        while let Some((eid, sample)) = self.ring.take() {
            assert_eq!(eid, sample);
            left.push(eid);
        }
        left
    }
}

#[test]
fn samples_leave_in_order_whatever_the_order_they_came_in() {
    let mut order = Order::new();
    assert_eq!(order.offer(5), Ok(vec![5]));
    assert_eq!(order.offer(8), Ok(vec![]));
    assert_eq!(order.offer(7), Ok(vec![]));
    assert_eq!(order.offer(6), Ok(vec![6, 7, 8]));
    assert_eq!(order.ring.waiting_n(), 0);
}

#[test]
fn a_lost_sample_is_given_up_after_the_limit() {
    let mut order = Order::new();
    order.offer(1).unwrap();
    order.offer(3).unwrap();
    order.now += LIMIT / 2;
    // A second gap is not waited for anew: what is behind it has waited as well.
    order.offer(5).unwrap();
    order.now += LIMIT / 2;
    assert_eq!(order.leave(), [3]);
    assert_eq!(order.offer(2), Err(Refusal::Late));
    order.now += LIMIT / 2;
    assert_eq!(order.leave(), [5]);
    assert_eq!(order.ring.take_skipped(), 2);
}

#[test]
fn a_lost_sample_is_given_up_when_too_many_wait() {
    let mut order = Order::new();
    order.offer(0).unwrap();
    for eid in 2..=WAITING_MAX as u64 {
        assert_eq!(order.offer(eid), Ok(vec![]), "{eid}");
    }
    let all: Vec<_> = (2..=WAITING_MAX as u64 + 1).collect();
    assert_eq!(order.offer(WAITING_MAX as u64 + 1), Ok(all));
}

#[test]
fn a_duplicate_is_refused_before_and_after_its_turn() {
    let mut order = Order::new();
    order.offer(1).unwrap();
    order.offer(3).unwrap();
    for eid in [1, 3] {
        assert_eq!(order.offer(eid), Err(Refusal::Duplicate));
        assert_eq!(order.offer_other(eid, 99), Err(Refusal::EidTaken));
    }
    assert_eq!(order.ring.waiting_n(), 1);
}

#[test]
fn a_batch_sent_twice_is_refused_whole() {
    let mut order = Order::new();
    for eid in 0..1_000 {
        order.offer(eid).unwrap();
    }
    for eid in 0..1_000 {
        assert_eq!(order.offer(eid), Err(Refusal::Duplicate));
    }
}

#[test]
fn a_sender_that_counts_anew_is_heard_again() {
    let mut order = Order::new();
    for eid in 0..1_000 {
        order.offer(eid).unwrap();
    }
    let refused = (0..100).take_while(|&eid| order.offer_other(eid, 7_000 + eid as u32).is_err()).count();
    assert_eq!(refused, RECOUNT_AFTER as usize - 1);
    assert_eq!(order.offer_other(8, 8), Ok(vec![8]));

    let mut order = Order::new();
    order.offer(1_000_000).unwrap();
    assert_eq!(order.offer(0), Ok(vec![0]), "far behind, it is no late sample");
}

#[test]
fn a_leap_ahead_lets_those_go_that_wait() {
    let mut order = Order::new();
    order.offer(1).unwrap();
    order.offer(3).unwrap();
    assert_eq!(order.offer(u64::MAX), Ok(vec![3, u64::MAX]));
    assert_eq!(order.offer(4), Ok(vec![4]));
}

proptest! {
    #[test]
    fn each_sample_leaves_once_in_order_and_nothing_stays(
        offers in prop::collection::vec((0..60u64, 0..4u64), 1..200)
    ) {
        let mut order = Order::new();
        let mut accepted = vec![];
        let mut left = vec![];
        for (eid, seconds) in offers {
            order.now += Duration::from_secs(seconds);
            left.extend(order.leave());
            if let Ok(gone) = order.offer(eid) {
                accepted.push(eid);
                left.extend(gone);
            }
            prop_assert_eq!(order.ring.waiting_n() + left.len(), accepted.len());
        }
        order.now += LIMIT;
        left.extend(order.leave());
        prop_assert_eq!(order.ring.waiting_n(), 0);
        prop_assert!(left.is_sorted_by(|one, other| one < other), "{:?}", left);
        accepted.sort_unstable();
        prop_assert_eq!(left, accepted);
    }

    #[test]
    fn no_eid_at_all_makes_it_grow_or_stall(eids in prop::collection::vec(any::<u64>(), 1..100)) {
        let mut order = Order::new();
        let mut accepted = 0;
        let mut left = 0;
        for eid in eids {
            if let Ok(gone) = order.offer_other(eid, 1) {
                accepted += 1;
                left += gone.len();
            }
            prop_assert!(order.ring.waiting.len() <= WAITING_MAX);
        }
        order.now += LIMIT;
        left += order.leave().len();
        prop_assert_eq!(left, accepted);
    }
}
