//! `cenacle inspect` on bytes of any kind: whatever decodes is rendered in every way.

use cenacle_cli::inspect::{Length, inspect};

use crate::corpus;

pub(crate) fn run(input: &[u8]) {
    match inspect(input, None) {
        Ok(inspected) => {
            assert!(!inspected.value.to_text(Length::Short).is_empty());
            assert!(!inspected.value.to_text(Length::Full).is_empty());
            serde_json::to_string(inspected.value.content()).unwrap();
        }
        Err(refused) => assert!(refused.error.offset <= input.len()),
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    corpus::own().to_vec()
}
