//! Whatever comes down the line, an answer is the right one or there is none, and the line works again after.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::sleep;

use super::super::Framing;
use super::super::guard::{Failure, Question};
use super::super::plan::Span;
use super::super::session::Session;
use super::bus::{Act, Asked, Bus, true_answer};
use crate::clock::Clock;
use crate::model::{Mono, Text};
use crate::site::Table;

const TIMEOUT: Duration = Duration::from_millis(500);
const BOTH: [Framing; 2] = [Framing::Tcp, Framing::Rtu];

fn question(n: u16) -> Question {
    let span = Span { table: Table::Holding, start: 10 * n, count: 3 };
    Question { unit: 1 + (n % 2) as u8, span, timeout: TIMEOUT, pause: Duration::ZERO }
}

/// Misbehaves at the first and the third question in the way of `wrong`, asks ten, and holds every answer
/// against the truth. Says what the first question came to.
async fn outcome(framing: Framing, wrong: impl Fn(Asked) -> Vec<Act> + Send + 'static) -> Option<Failure> {
    let mut heard = 0;
    let bus = Bus::new(framing, move |asked| {
        heard += 1;
        if heard == 1 || heard == 3 { wrong(asked) } else { vec![Act::Say(asked.answer())] }
    });
    let mut session = Session::new(bus, framing, Clock::start());
    let mut first = None;
    for n in 0..10 {
        let result = session.ask(question(n)).await;
        if let Ok(answer) = &result {
            assert_eq!(*answer, true_answer(question(n)), "{framing:?}: question {n} got another's answer");
        } else if n == 0 {
            first = result.err();
        } else {
            assert!(n < 4, "{framing:?}: question {n} of a line that works again got {result:?}");
        }
    }
    first
}

async fn lost(framing: Framing, wrong: impl Fn(Asked) -> Vec<Act> + Send + 'static) {
    let first = outcome(framing, wrong).await;
    assert!(matches!(first, Some(Failure::Lost(_) | Failure::Garbled(_))), "{framing:?}: {first:?}");
}

async fn silent(framing: Framing, wrong: impl Fn(Asked) -> Vec<Act> + Send + 'static) {
    assert_eq!(outcome(framing, wrong).await, Some(Failure::Silent(TIMEOUT)), "{framing:?}");
}

async fn unfinished(framing: Framing, wrong: impl Fn(Asked) -> Vec<Act> + Send + 'static) {
    assert_eq!(outcome(framing, wrong).await, Some(Failure::unfinished()), "{framing:?}");
}

#[tokio::test(start_paused = true)]
async fn p2_a_late_answer_is_nobodys_answer() {
    for framing in BOTH {
        for late in [501, 600, 999] {
            silent(framing, move |asked| {
                vec![Act::Wait(Duration::from_millis(late)), Act::Say(asked.answer())]
            })
            .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p2_an_answer_that_comes_late_in_its_second_half_is_nobodys_answer() {
    for framing in BOTH {
        unfinished(framing, |asked| {
            let answer = asked.answer();
            let (front, back) = answer.split_at(5);
            vec![Act::Say(front.to_vec()), Act::Wait(Duration::from_millis(700)), Act::Say(back.to_vec())]
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn p2_an_answer_given_twice_is_one_answer() {
    for framing in BOTH {
        let twice = |asked: Asked| vec![Act::Say([asked.answer(), asked.answer()].concat())];
        assert_eq!(outcome(framing, twice).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn p2_what_comes_between_two_questions_answers_neither() {
    for framing in BOTH {
        let bus = Bus::new(framing, |asked| {
            let again = Act::Wait(Duration::from_millis(50));
            vec![Act::Say(asked.answer()), again, Act::Say(asked.answer())]
        });
        let mut session = Session::new(bus.clone(), framing, Clock::start());
        for n in 0..10 {
            assert_eq!(session.ask(question(n)).await, Ok(true_answer(question(n))));
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(bus.dials(), 1, "the line need not be dropped for it");
    }
}

#[tokio::test(start_paused = true)]
async fn p2_an_answer_to_another_question_is_refused() {
    lost(Framing::Tcp, |asked| {
        vec![Act::Say(Asked { transaction: asked.transaction.wrapping_sub(1), ..asked }.answer())]
    })
    .await;
    for framing in BOTH {
        lost(framing, |asked| vec![Act::Say(Asked { unit: asked.unit + 1, ..asked }.answer())]).await;
        lost(framing, |asked| vec![Act::Say(Asked { function: 4, ..asked }.answer())]).await;
        lost(framing, |asked| vec![Act::Say(Asked { function: 4, ..asked }.exception(2))]).await;
        lost(framing, |asked| vec![Act::Say(asked.answer_for(asked.start, asked.count - 1))]).await;
        lost(framing, |asked| vec![Act::Say(asked.answer_for(asked.start, asked.count + 1))]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn p2_garbage_is_no_answer() {
    for framing in BOTH {
        for wrong in [vec![0x55; 40], vec![0; 300], vec![0xFF; 3]] {
            let first = outcome(framing, move |_| vec![Act::Say(wrong.clone())]).await;
            assert!(first.as_ref().is_some_and(Failure::is_silence), "{first:?}");
        }
    }
    let damaged = |asked: Asked| {
        let mut answer = asked.answer();
        answer[4] ^= 1;
        vec![Act::Say(answer)]
    };
    unfinished(Framing::Rtu, damaged).await;
}

#[tokio::test(start_paused = true)]
async fn p2_a_connection_that_ends_gives_no_answer() {
    for framing in BOTH {
        lost(framing, |_| vec![Act::Close]).await;
        lost(framing, |asked| vec![Act::Say(asked.answer()[..6].to_vec()), Act::Close]).await;
        silent(framing, |_| vec![]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_pieces_is_an_answer() {
    for framing in BOTH {
        for cut in 1..12 {
            let pieces = move |asked: Asked| {
                let answer = asked.answer();
                let (front, back) = answer.split_at(cut.min(answer.len()));
                vec![Act::Say(front.to_vec()), Act::Wait(Duration::from_millis(5)), Act::Say(back.to_vec())]
            };
            assert_eq!(outcome(framing, pieces).await, None, "{framing:?} cut at {cut}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_exception_keeps_the_connection() {
    for framing in BOTH {
        let bus = Bus::new(framing, |asked| vec![Act::Say(asked.exception(6))]);
        let mut session = Session::new(bus.clone(), framing, Clock::start());
        for n in 0..3 {
            let failure = session.ask(question(n)).await.unwrap_err();
            assert_eq!(failure.words(), Text::new("异常码 6：从站设备忙", "exception 6: server device busy"));
        }
        assert_eq!(bus.dials(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_died_between_two_questions_costs_no_answer() {
    for framing in BOTH {
        let bus = Bus::new(framing, |asked| vec![Act::Say(asked.answer()), Act::Close]);
        let mut session = Session::new(bus.clone(), framing, Clock::start());
        for n in 0..3 {
            assert_eq!(session.ask(question(n)).await, Ok(true_answer(question(n))));
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(bus.dials(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_waits_for_any_more_takes_its_connection_along() {
    let bus =
        Bus::new(Framing::Tcp, |asked| vec![Act::Wait(Duration::from_millis(100)), Act::Say(asked.answer())]);
    let mut session = Session::new(bus.clone(), Framing::Tcp, Clock::start());
    let given_up = tokio::time::timeout(Duration::from_millis(50), session.ask(question(0))).await;
    assert!(given_up.is_err());
    assert_eq!(session.ask(question(1)).await, Ok(true_answer(question(1))));
    assert_eq!(bus.dials(), 2);
}

/// Asks one unit for blocks of one length, one after another, while it takes each of `latencies` in turn for an answer, and
/// then answers at once. It answers in order, as units do. Says which questions got an answer; none may get another's.
async fn asks_a_slow_unit(latencies: Vec<u64>) -> Vec<bool> {
    let clock = Clock::start();
    let (mut latencies, mut free) = (latencies.into_iter(), clock.now().mono);
    let bus = Bus::new(Framing::Rtu, move |asked| {
        let now = clock.now().mono;
        free = free.max(now) + Duration::from_millis(latencies.next().unwrap_or(5));
        vec![Act::Wait(free - now), Act::Say(asked.answer())]
    });
    let mut session = Session::new(bus, Framing::Rtu, clock);
    let mut answered = Vec::new();
    for n in 0..40 {
        let asked = Question { unit: 1, ..question(n) };
        let result = session.ask(asked).await;
        if let Ok(answer) = &result {
            assert_eq!(*answer, true_answer(asked), "question {n} got another's answer");
        }
        answered.push(result.is_ok());
        sleep(Duration::from_millis(u64::from(n) * 37 % 200)).await;
    }
    answered
}

#[tokio::test(start_paused = true)]
async fn p2_an_answer_that_comes_many_timeouts_late_is_nobodys_answer() {
    for late in [501, 999, 1001, 1300, 2600, 7000, 15_000] {
        let answered = asks_a_slow_unit(vec![late]).await;
        assert!(answered[35..].iter().all(|answered| *answered), "{late}: {answered:?}");
    }
    let slow_throughout = asks_a_slow_unit(vec![700; 1000]).await;
    assert!(!slow_throughout.contains(&true), "{slow_throughout:?}");
}

/// Asks four questions, each to be followed by a pause. Says when each that came to the bus did, of which `wrong` spoils the answer.
async fn asks_with_pauses(
    framing: Framing,
    wrong: impl Fn(usize, Asked) -> Vec<Act> + Send + 'static,
) -> Vec<Mono> {
    let clock = Clock::start();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let bus = Bus::new(framing, {
        let heard = Arc::clone(&heard);
        move |asked| {
            let mut heard = heard.lock().unwrap();
            heard.push(clock.now().mono);
            wrong(heard.len(), asked)
        }
    });
    let mut session = Session::new(bus, framing, clock);
    for n in 0..3 {
        let asked = Question { unit: 1, pause: PAUSE, ..question(n) };
        let answer = session.ask(asked).await;
        assert!(answer.is_err() || answer == Ok(true_answer(asked)));
        sleep(PAUSE).await;
    }
    heard.lock().unwrap().clone()
}

const PAUSE: Duration = Duration::from_millis(30);

#[tokio::test(start_paused = true)]
async fn a_pause_is_kept_after_a_checking_question_and_before_one_that_is_asked_again() {
    let unanswered = |n, asked: Asked| if n == 1 { vec![] } else { vec![Act::Say(asked.answer())] };
    let garbled = |n, asked: Asked| {
        let other = Asked { transaction: asked.transaction.wrapping_add(1), ..asked };
        vec![Act::Say(if n == 2 { other.answer() } else { asked.answer() })]
    };
    for heard in
        [asks_with_pauses(Framing::Rtu, unanswered).await, asks_with_pauses(Framing::Tcp, garbled).await]
    {
        assert_eq!(heard.len(), 4, "three questions, and one that checks or is asked again: {heard:?}");
        assert!(heard.windows(2).all(|pair| pair[1] - pair[0] >= PAUSE), "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_understood_before_it_was_asked_again_is_told_once() {
    let mut heard = 0;
    let bus = Bus::new(Framing::Tcp, move |asked| {
        heard += 1;
        let other = Asked { transaction: asked.transaction.wrapping_add(1), ..asked };
        vec![Act::Say(if heard == 2 { other.answer() } else { asked.answer() })]
    });
    let mut session = Session::new(bus, Framing::Tcp, Clock::start());
    for garbled in [false, true, false] {
        assert_eq!(session.ask(question(0)).await, Ok(true_answer(question(0))));
        assert_eq!(matches!(session.take_garbled(), Some(Failure::Garbled(_))), garbled);
        assert_eq!(session.take_garbled(), None);
    }
}

fn in_virtual_time(test: impl Future<Output = Option<Failure>>) -> Option<Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.unwrap().block_on(test)
}

proptest! {
    #[test]
    fn p2_arbitrary_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for framing in BOTH {
            let bytes = bytes.clone();
            in_virtual_time(outcome(framing, move |_| vec![Act::Say(bytes.clone())]));
        }
    }

    #[test]
    fn p2_a_frame_right_but_for_its_content_is_survived(pdu in proptest::collection::vec(any::<u8>(), 1..40)) {
        for framing in BOTH {
            // Right function and length, other registers: by no means to be told from a right answer.
            prop_assume!(pdu.get(..2) != Some(&[3, 6]) || pdu.len() != 8);
            let pdu = pdu.clone();
            in_virtual_time(outcome(framing, move |asked| vec![Act::Say(asked.frame(&pdu))]));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn p2_a_unit_of_any_slowness_gives_no_answer_to_another_question(
        latencies in proptest::collection::vec(prop_oneof![0..500_u64, 450..2200_u64, 2000..9000_u64], 0..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(asks_a_slow_unit(latencies));
    }
}
