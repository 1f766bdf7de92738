//! What a test of a rule is made of: a [`Trial`], with calls that assert everything such a test must.

#![allow(unused_imports, reason = "every test takes what it needs")]

mod call;
mod join;
mod list;
mod made;
mod trial;

pub(crate) use list::{NAMES, TYPE};
pub(crate) use made::{Open, lasting, missing_psk, reinit, resumption};
pub(crate) use trial::Trial;

pub(crate) use cenacle_codec::{Decode as _, DecodeErrorKind, Encode as _};
pub(crate) use cenacle_mls::{Error, Misuse, Need, Rule, Unsupported, What};
pub(crate) use cenacle_testkit::forge::*;

/// One way to spoil something, where a test has several.
pub(crate) type Spoil<'a, T> = &'a dyn Fn(&mut T);
