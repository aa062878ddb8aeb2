use super::*;
use crate::job::{End, Task, Verdict};
use crate::{JobError, Tx, WriteError};
use std::sync::mpsc;

/// A job that says its number when it is dropped.
struct Numbered(u32, mpsc::Sender<u32>);

impl Work for Numbered {
    fn run(&mut self, _: &mut Tx<'_>) -> Verdict {
        Verdict::Keep
    }

    fn answer(self: Box<Self>, _: End) {}
}

impl Drop for Numbered {
    fn drop(&mut self) {
        self.1.send(self.0).unwrap();
    }
}

fn order(queue: &Queue, served: &mpsc::Receiver<u32>) -> Vec<u32> {
    while queue.try_next().is_some() {}
    served.try_iter().collect()
}

#[test]
fn callers_are_served_in_turn() {
    let (sender, served) = mpsc::channel();
    let queue = Queue::new(100, 100);
    let push = |caller, number| {
        queue.push(Caller(caller), Box::new(Numbered(number, sender.clone()))).unwrap();
    };
    for (caller, number) in [(1, 10), (1, 11), (1, 12), (2, 20), (3, 30), (3, 31)] {
        push(caller, number);
    }
    drop(queue.wait());
    push(2, 21);
    push(4, 40);
    assert_eq!(order(&queue, &served), [10, 20, 30, 11, 40, 21, 31, 12]);
}

#[test]
fn a_full_queue_and_a_full_lane_turn_jobs_away() {
    let (sender, served) = mpsc::channel();
    let queue = Queue::new(3, 2);
    let push = |caller, number| queue.push(Caller(caller), Box::new(Numbered(number, sender.clone())));
    assert_eq!([push(1, 1), push(1, 2)], [Ok(()), Ok(())]);
    assert_eq!(push(1, 3), Err(Rejected::Full));
    assert_eq!(push(2, 4), Ok(()));
    assert_eq!(push(3, 5), Err(Rejected::Full));
    drop(queue.try_next());
    assert_eq!(push(3, 6), Ok(()));
    assert_eq!(order(&queue, &served), [3, 5, 1, 4, 2, 6]);
}

#[test]
fn a_closed_queue_serves_what_waits_and_an_abandoned_one_drops_it() {
    let (sender, served) = mpsc::channel();
    let queue = Queue::new(9, 9);
    let push = |number| queue.push(Caller(1), Box::new(Numbered(number, sender.clone())));
    push(1).unwrap();
    push(2).unwrap();
    queue.close();
    assert_eq!(push(3), Err(Rejected::Closed));
    assert!(queue.wait().is_some());
    queue.abandon();
    assert!(queue.wait().is_none());
    assert_eq!(served.try_iter().collect::<Vec<_>>(), [3, 1, 2]);
}

#[test]
fn a_dropped_job_drops_its_reply_channel() {
    let (reply, answer) = mpsc::channel::<Result<(), WriteError<()>>>();
    let job = |_: &mut Tx<'_>| Err(JobError::Refused(()));
    let queue = Queue::new(1, 1);
    let task = Task::new(job, move |result| reply.send(result).unwrap());
    queue.push(Caller(0), Box::new(task)).unwrap();
    queue.abandon();
    assert_eq!(answer.recv(), Err(mpsc::RecvError));
}
