//! Quotes: where they begin and end, and what makes them equal to the text.

use super::super::quotes::{Chapter, chapters, fragments, in_order, misquoted, normalise, quotes};

fn texts(comment: &str) -> Vec<&str> {
    quotes(comment).into_iter().map(|quote| quote.text).collect()
}

#[test]
fn quotes_end_where_they_end() {
    assert_eq!(texts("RFC 9420 §6: \"one\", and \"two\"."), ["one", "two"]);
    assert_eq!(texts("(\"in brackets\") \"left open"), ["in brackets"]);
    assert_eq!(
        texts("are \"types considered \"default\" and MUST NOT\" be"),
        ["types considered \"default\" and MUST NOT"]
    );
    assert_eq!(texts("5\" is no quote"), Vec::<&str>::new());
}

#[test]
fn markup_and_references_do_not_count() {
    assert_eq!(normalise("the `leaf_index`\n  of _that_ \"default\"  node"), "the leafindex of that default node");
    assert_eq!(normalise("(see {{leaf-node-validation}})."), normalise("(see Section 7.3)."));
    assert_eq!(normalise("in {{array-based-trees}}."), normalise("in Appendix C."));
    assert_eq!(normalise("2<sup>d+1</sup> - 1 and 2<sup>d</sup>"), "2^(d+1) - 1 and 2^d");
}

#[test]
fn fragments_come_in_their_order() {
    let text = "Verify that the leaf is valid. The tree is then extended to the right.";
    let holds = |quote: &str| in_order(text, &fragments(quote));
    assert!(holds("verify that ... is valid"));
    assert!(holds("Verify that […] the tree is … extended"));
    assert!(!holds("The tree ... Verify"));
    assert!(!holds("verify that the leaf was valid"));
    assert!(!holds("VERIFY"));
}

const SOURCE: &str = "\
# Not yet
--- middle

# Introduction

Words.

# Terminology {#terms}

## Presentation Language

~~~
# a comment in code
~~~
It MUST be `so`.

--- back

# Origins

## Their Details
";

#[test]
fn sections_are_numbered() {
    let found: Vec<_> = chapters(SOURCE).into_iter().map(|chapter| (chapter.number, chapter.title)).collect();
    let expected = [
        ("1", "Introduction"),
        ("2", "Terminology"),
        ("2.1", "Presentation Language"),
        ("A", "Origins"),
        ("A.1", "Their Details"),
    ];
    assert_eq!(found, expected.map(|(number, title)| (number.to_owned(), title.to_owned())));
}

#[test]
fn a_quote_belongs_to_its_section() {
    let chapters: Vec<Chapter> = chapters(SOURCE);
    // Positions in the table are those of the text: §1, §2, §2.1.
    assert_eq!(misquoted("It MUST be so.", &[2], &chapters), None);
    assert_eq!(misquoted("It MUST be so.", &[0, 2], &chapters), None);
    let elsewhere = misquoted("it MUST be so", &[0], &chapters);
    assert_eq!(elsewhere.as_deref(), Some("\"it MUST be so\" is in §2.1, not in §1"));
    let nowhere = misquoted("it MAY be so", &[2], &chapters);
    assert_eq!(nowhere.as_deref(), Some("RFC 9420 does not say \"it MAY be so\""));
}
