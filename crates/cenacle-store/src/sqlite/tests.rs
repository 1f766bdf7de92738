//! Where a range of keys ends.

use super::prefix_end;

#[test]
fn a_prefix_ends_before_the_next_key_that_does_not_begin_with_it() {
    assert_eq!(prefix_end(b"ab"), Some(b"ac".to_vec()));
    assert_eq!(prefix_end(&[1, 0xff, 0xff]), Some(vec![2]));
    assert_eq!(prefix_end(&[0]), Some(vec![1]));
}

#[test]
fn the_empty_prefix_and_a_prefix_of_ones_have_no_end() {
    assert_eq!(prefix_end(b""), None);
    assert_eq!(prefix_end(&[0xff, 0xff]), None);
}
