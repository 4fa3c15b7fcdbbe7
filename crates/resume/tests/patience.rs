//! What ends an event stream for good: the Standard's answer, and that of each option.

use resume::{Outcome, Patience, Recovery};

const EVERY_STATUS: core::ops::RangeInclusive<u16> = 0..=u16::MAX;

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
//= type=test
//# if res is a network error, then reestablish the connection
#[test]
fn the_standard_comes_back_after_a_lost_connection_and_after_an_end_and_never_else() {
    let standard = Patience::new();
    assert_eq!(standard.recovery(Outcome::Lost), Recovery::Retry);
    assert_eq!(standard.recovery(Outcome::Ended), Recovery::Retry);
    assert_eq!(standard.recovery(Outcome::Refused), Recovery::Stop);
    for status in EVERY_STATUS {
        assert_eq!(
            standard.recovery(Outcome::Status(status)),
            Recovery::Stop,
            "{status}"
        );
    }
}

#[test]
fn statuses_that_pass_are_tried_again_if_asked() {
    let patient = Patience::new().retry_statuses();
    for status in EVERY_STATUS {
        let passing = matches!(status, 408 | 425 | 429 | 500..=599);
        let expected = if passing {
            Recovery::Retry
        } else {
            Recovery::Stop
        };
        assert_eq!(
            patient.recovery(Outcome::Status(status)),
            expected,
            "{status}"
        );
    }
    assert_eq!(patient.recovery(Outcome::Refused), Recovery::Stop);
}

#[test]
fn an_end_is_the_end_if_asked_and_a_lost_connection_is_not() {
    let finite = Patience::new().stop_at_end();
    assert_eq!(finite.recovery(Outcome::Ended), Recovery::Stop);
    assert_eq!(finite.recovery(Outcome::Lost), Recovery::Retry);
}

#[test]
fn a_request_that_must_not_be_repeated_never_is() {
    for patience in [
        Patience::new().once(),
        Patience::new().retry_statuses().once(),
        Patience::new().stop_at_end().once(),
    ] {
        for outcome in [
            Outcome::Ended,
            Outcome::Lost,
            Outcome::Refused,
            Outcome::Status(503),
        ] {
            assert_eq!(patience.recovery(outcome), Recovery::Stop, "{outcome:?}");
        }
    }
}
