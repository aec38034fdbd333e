//! Normalizing what is normal changes nothing, and no other spelling of a resource has another normal form.
//!
//! Input: a letter for the type, then the body of a resource.

#![no_main]

use libfuzzer_sys::fuzz_target;
use xdsnap::normalize::{Value, digests};
use xdsnap_fuzz::{json::respelled_with_floats, subject::Subject};

fuzz_target!(|data: &[u8]| {
    let Some((letter, body)) = data.split_first() else {
        return;
    };
    let subject = Subject::of(*letter);
    let normal = subject.normal(body);
    if let Some(body) = respelled_with_floats(body) {
        assert_same(&normal, &subject.normal(body.as_bytes()), &body);
    }
    let Ok(value) = normal else { return };
    let printed = serde_json::to_string(&value).expect("a value is JSON");
    let again = subject.normal(printed.as_bytes());
    let again = again.unwrap_or_else(|error| panic!("{error} in {printed}"));
    assert_eq!(value, again, "{printed}");
    assert_eq!(printed, serde_json::to_string(&again).expect("it is JSON"));
    let key = subject.key();
    assert_eq!(digests(&key, &value, None), digests(&key, &again, None));
});

fn assert_same<E: std::fmt::Debug>(one: &Result<Value, E>, other: &Result<Value, E>, body: &str) {
    match (one, other) {
        (Ok(one), Ok(other)) => assert_eq!(one, other, "{body}"),
        (Err(_), Err(_)) => {}
        _ => panic!("{one:?} is {other:?} as {body}"),
    }
}
