//! Rendering.

use crate::inspect::{Content, Length, Value};

fn sample() -> Value {
    Value::new(
        "Thing",
        Content::Struct(vec![
            Value::new("suite", Content::CodePoint(1, Some("ONE"))),
            Value::new("strange", Content::CodePoint(0x3a3a, None)),
            Value::new("key", Content::Bytes((0..20).collect())),
            Value::new("name", Content::Bytes(b"alice".to_vec())),
            Value::new("many", Content::List((1..=4).map(|n| Content::CodePoint(n, Some("N"))).collect())),
            Value::new("few", Content::List(vec![Content::CodePoint(9, None)])),
            Value::new("none", Content::List(Vec::new())),
            Value::new("parts", Content::List(vec![Content::Absent, Content::Bytes(vec![7])])),
            Value::new("since", Content::Number(0, "1970".to_owned())),
            Value::new("picture", Content::Drawing("a\nb\n".to_owned())),
        ]),
    )
}

#[test]
fn short_text() {
    let expected = "\
Thing:
  suite: ONE (0x0001)
  strange: GREASE (0x3a3a)
  key: 20 bytes 000102030405060708090a0b0c0d0e0f…
  name: 5 bytes 616c696365 \"alice\"
  many: 0x0001, 0x0002, 0x0003, 0x0004
  few: unknown (0x0009)
  none: none
  parts: 2
    [0]: -
    [1]: 1 bytes 07
  since: 0 (1970)
  picture:
    a
    b
";
    assert_eq!(sample().to_text(Length::Short), expected);
}

#[test]
fn full_text_leaves_nothing_out() {
    let text = sample().to_text(Length::Full);
    assert!(text.contains("key: 20 bytes 000102030405060708090a0b0c0d0e0f10111213\n"));
    assert!(text.contains("many: N (0x0001), N (0x0002), N (0x0003), N (0x0004)\n"));
}

#[test]
fn json_keeps_the_order_of_the_wire_and_no_drawing() {
    let json = serde_json::to_string(sample().content()).unwrap();
    let expected = concat!(
        r#"{"suite":{"value":1,"name":"ONE"},"strange":{"value":14906,"name":null},"#,
        r#""key":"000102030405060708090a0b0c0d0e0f10111213","name":"616c696365","many":[{"value":1,"name":"N"},"#,
        r#"{"value":2,"name":"N"},{"value":3,"name":"N"},{"value":4,"name":"N"}],"few":[{"value":9,"name":null}],"none":[],"#,
        r#""parts":[null,"07"],"since":0}"#
    );
    assert_eq!(json, expected);
}
