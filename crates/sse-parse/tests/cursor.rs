//! What an item takes off the input, and what the parser keeps of it.

mod literal;
mod support;

use literal::Told;
use support::{comment, event, id, message, parse, patient, retry};

/// What a caller finds behind an event is not the parser's.
#[test]
fn input_is_consumed_up_to_the_line_end_that_completes_an_item() {
    for end in ["\n", "\r\n", "\r"] {
        for (lines, told) in [
            ("data: a\n\n", message("a", "")),
            ("data: a\ndata: b\n\n", message("a\nb", "")),
            ("id: 1\ndata: a\n\n", message("a", "1")),
            ("id: 1\n\n", id("1")),
            (": a\n", comment("a")),
            ("retry: 1\n", retry(1)),
        ] {
            let stream = lines.replace('\n', end) + "rest";
            let mut input = stream.as_bytes();
            let mut parser = patient();
            let item = parser.next_item(&mut input).unwrap().map(Told::of);
            assert_eq!((item.as_ref(), input), (Some(&told), &b"rest"[..]));
            if let Told::Event { .. } = told {
                let mut input = stream.as_bytes();
                let mut parser = patient();
                let event = parser.next_event(&mut input).unwrap();
                assert_eq!(event.map(Told::of_event), Some(told));
                assert_eq!(input, b"rest");
            }
        }
    }
}

#[test]
fn large_fields_of_one_event_do_not_disturb_each_other() {
    let value = |letter: &str| letter.repeat(20_000);
    let lines = [
        format!("data: {}\n", value("d")),
        format!("event: {}\n", value("e")),
        format!("id: {}\n", value("i")),
        format!(": {}\n", value("c")),
    ];
    let whole = event(&value("e"), &value("d"), &value("i"));
    let comment = comment(&value("c"));
    let expected = [comment.clone(), whole.clone(), comment, whole];
    for first in 0..4 {
        for second in (0..4).filter(|line| *line != first) {
            let rest = (0..4).filter(|line| ![first, second].contains(line));
            let mut stream = lines[first].clone() + &lines[second];
            stream.extend(rest.map(|line| &*lines[line]));
            // Twice: buffers are used again.
            let stream = (stream + "\n").repeat(2);
            for size in [usize::MAX, 1_000, 4_099] {
                let chunks: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
                let told = parse(&mut patient(), &chunks);
                assert!(told == expected, "{first}, {second} in {size} bytes");
            }
        }
    }
}
