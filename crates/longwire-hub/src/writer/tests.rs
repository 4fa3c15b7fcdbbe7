//! Who writes when, and with whom.

use super::*;
use hub_protocol::Data;

/// As who asks while nobody else does.
fn alone(queue: &Queue) -> Option<Writing<'_>> {
    let asked = queue.ask(None).is_some();
    let writing = asked.then(|| queue.alone(None)).flatten();
    if asked {
        queue.ask_no_more();
    }
    writing
}

fn form(len: usize) -> PublishForm {
    PublishForm::new(vec!["a".into()], Data::Text("x".repeat(len)))
}

#[test]
fn what_waits_is_taken_together_and_in_order_up_to_a_size() {
    let queue = Queue::default();
    let _outcomes: Vec<_> = (0..12).map(|n| queue.push(form((1 << 20) - n))).collect();
    queue.close();
    assert!(matches!(queue.push(form(1)), Err(Refusal::Draining)));
    for count in [8, 4] {
        assert_eq!(taken(&queue, Last::default()), count);
    }
    assert_eq!(queue.waiting().bytes, 0);
    assert!(matches!(queue.take().0, Work::Close));
}

/// How many are taken after such a commit.
fn taken(queue: &Queue, last: Last) -> usize {
    queue.waiting().last = last;
    loop {
        match queue.take().0 {
            Work::Append(batch) => return batch.len(),
            // Whoever pushes has not come to it yet.
            Work::Tick => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Pushes one event once the thread that takes waits for `count` of them: it is not taken for
/// one that was there before.
fn push_to_one_that_waits_for(queue: &Queue, count: usize) {
    loop {
        let waiting = queue.waiting();
        if waiting.wake_at == count {
            drop(queue.add(waiting, form(1)));
            return;
        }
        drop(waiting);
        std::thread::yield_now();
    }
}

/// A commit of so many events that took so long that nothing else of a test does.
fn endless(events: usize) -> Last {
    Last {
        events,
        by: None,
        took: Duration::from_secs(3_600),
        ended: Some(Instant::now()),
        back: Duration::ZERO,
    }
}

#[test]
fn who_was_answered_is_waited_for() {
    let queue = Queue::default();
    std::thread::scope(|scope| {
        let queue = &queue;
        scope.spawn(|| {
            push_to_one_that_waits_for(queue, 1);
            for _ in 1..40 {
                std::thread::yield_now();
                let _ = queue.push(form(1));
            }
        });
        assert_eq!(taken(queue, endless(40)), 40);
    });
    // Two that came meanwhile, and the forty.
    let _two = [queue.push(form(1)), queue.push(form(1))];
    std::thread::scope(|scope| {
        let queue = &queue;
        scope.spawn(|| {
            push_to_one_that_waits_for(queue, 42);
            (1..40).for_each(|_| drop(queue.push(form(1))));
        });
        assert_eq!(taken(queue, endless(40)), 42);
    });
}

#[test]
fn who_publishes_alone_does_not_wait() {
    let queue = Queue::default();
    let _one = queue.push(form(1));
    assert_eq!(taken(&queue, Last::default()), 1);
    std::thread::scope(|scope| {
        let queue = &queue;
        scope.spawn(|| {
            push_to_one_that_waits_for(queue, 1);
        });
        assert_eq!(taken(queue, endless(1)), 1);
    });
}

#[test]
fn nobody_waits_for_those_who_do_not_come_back_nor_for_anybody_on_a_quick_disk() {
    let queue = Queue::default();
    let long_ago = Instant::now() - 10 * QUICK;
    let quick = QUICK - Duration::from_nanos(1);
    for (took, ended) in [(2 * QUICK, long_ago), (quick, Instant::now())] {
        let _one = queue.push(form(1));
        let over = Last {
            events: 64,
            by: None,
            took,
            ended: Some(ended),
            back: Duration::ZERO,
        };
        assert_eq!(over.patience(), Duration::ZERO, "{took:?}");
        assert_eq!(taken(&queue, over), 1);
    }
    assert!(endless(64).patience() > Duration::from_secs(60));
}

#[test]
fn the_first_is_waited_for_as_long_as_it_took_the_first_before() {
    let queue = Queue::default();
    let _one = queue.push(form(1));
    assert_eq!(taken(&queue, Last::default()), 1);
    let ended = queue.waiting().last.ended.unwrap();
    let _two = [queue.push(form(1)), queue.push(form(1))];
    let most = ended.elapsed();
    drop(queue.take());
    let last = queue.waiting().last;
    assert!(last.back > Duration::ZERO && last.back <= most);
    let last = Last {
        took: Duration::from_millis(8),
        back: Duration::from_millis(2),
        ..last
    };
    assert_eq!(last.gap(true), Duration::from_micros(2_500));
    assert_eq!(last.gap(false), Duration::from_millis(1));
    for back in [Duration::ZERO, Duration::from_millis(4), Duration::MAX] {
        let last = Last { back, ..last };
        assert_eq!(last.gap(true), Duration::from_millis(1), "{back:?}");
    }
}

#[test]
fn what_is_done_after_the_answers_is_not_of_the_commit() {
    let queue = Queue::default();
    let mut writing = alone(&queue).unwrap();
    writing.answered();
    let answered = Instant::now();
    drop(writing);
    assert!(queue.waiting().last.ended.unwrap() <= answered);
}

#[test]
fn who_is_alone_may_write_and_everybody_else_waits_for_that() {
    let queue = Queue::default();
    let writing = alone(&queue).unwrap();
    assert!(alone(&queue).is_none(), "two would write");
    let _other = queue.push(form(1));
    std::thread::scope(|scope| {
        let taking = scope.spawn(|| taken(&queue, Last::default()));
        while !queue.waiting().wanted {
            std::thread::yield_now();
        }
        assert!(!taking.is_finished());
        drop(writing);
        assert_eq!(taking.join().unwrap(), 1);
    });
    // The commit was of one: who publishes now is alone, too, however long this machine took.
    queue.waiting().last.took = Duration::ZERO;
    drop(alone(&queue).unwrap());
    let _others = [queue.push(form(1)), queue.push(form(1))];
    assert!(alone(&queue).is_none(), "they are first");
    assert_eq!(taken(&queue, Last::default()), 2);
    assert!(alone(&queue).is_none(), "those two may come back");
    queue.close();
    assert!(matches!(queue.take().0, Work::Close));
    queue.waiting().last = Last::default();
    assert!(alone(&queue).is_none(), "it is closed");
}

#[test]
fn for_a_slow_disk_the_thread_waits() {
    let queue = Queue::default();
    for (took, writes) in [(QUICK, true), (2 * QUICK, false), (QUICK / 2, true)] {
        queue.waiting().last = Last {
            events: 1,
            by: None,
            took,
            ended: Some(Instant::now()),
            back: Duration::ZERO,
        };
        assert_eq!(alone(&queue).is_some(), writes, "{took:?}");
    }
}

#[test]
fn who_wrote_alone_does_so_again_and_nobody_else() {
    let queue = Queue::default();
    let [one, other] = [1, 2].map(|port| Some(SocketAddr::from(([127, 0, 0, 1], port))));
    let ask = |from| {
        let alone = queue.ask(from);
        queue.ask_no_more();
        alone
    };
    assert_eq!(ask(None), Some(Alone::Perhaps), "nobody wrote before");
    assert_eq!(ask(one), Some(Alone::Perhaps));
    drop(queue.alone(one).unwrap());
    queue.waiting().last.took = Duration::ZERO;
    assert_eq!(ask(one), Some(Alone::Again));
    assert_eq!(ask(other), Some(Alone::Perhaps));
    assert_eq!(ask(None), Some(Alone::Perhaps), "who has several under way");
    // The thread writes for somebody.
    let _outcome = queue.push(form(1));
    assert_eq!(taken(&queue, Last::default()), 1);
    queue.waiting().last.took = Duration::ZERO;
    assert_eq!(ask(one), Some(Alone::Perhaps));
}

#[test]
fn of_several_who_ask_nobody_is_alone_but_the_last_that_is_left() {
    let queue = Queue::default();
    assert!((0..3).all(|_| queue.ask(None).is_some()));
    for _ in 0..2 {
        assert!(queue.alone(None).is_none());
        queue.ask_no_more();
    }
    let writing = queue.alone(None);
    assert!(writing.is_some(), "nobody else asks, and nothing waits");
    assert!(queue.ask(None).is_none(), "somebody writes");
    drop(writing);
    queue.ask_no_more();
    // However long this machine took.
    queue.waiting().last.took = Duration::ZERO;
    assert!(queue.ask(None).is_some() && queue.alone(None).is_some());
}

#[test]
fn where_writing_panics_those_who_wait_hear_it() {
    let queue = Queue::default();
    let outcome = std::thread::scope(|scope| {
        let (begun, begins) = std::sync::mpsc::channel();
        let queue = &queue;
        let writer = scope.spawn(move || {
            let _writing = alone(queue).unwrap();
            begins.recv().unwrap();
            panic!("as asked");
        });
        while !queue.waiting().writing {
            std::thread::yield_now();
        }
        let outcome = queue.push(form(1)).unwrap();
        begun.send(()).unwrap();
        assert!(writer.join().is_err());
        outcome
    });
    assert!(outcome.blocking_recv().is_err());
    assert!(matches!(queue.push(form(1)), Err(Refusal::Unwritten)));
    assert!(queue.has_failed());
}

#[test]
fn what_waits_is_bounded() {
    let queue = Queue::default();
    let refused = (0..100).find_map(|n| queue.push(form(1 << 20)).err().map(|why| (n, why)));
    assert_eq!(refused, Some((64, Refusal::Busy)));
}
