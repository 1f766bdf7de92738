//! Why a call is refused, and how gRPC says so: a code by whose fault it is, a sentence for people, and the typed reason as
//! metadata for programs.

use core::fmt;

use cenacle_codec::{DecodeError, EncodeError};
use cenacle_crypto::CryptoError;
use cenacle_mls::{Error, delta::PersistError};
use tonic::{Code, Status};

/// The metadata key of the typed reason.
const REASON: &str = "cenacle-reason";
/// Longest sentence, in characters. A refusal travels in HTTP headers, percent-encoded, and whoever reads them has a limit.
const MAX_SENTENCE: usize = 300;

/// Why a call is refused.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No such thing has this number.
    Unknown(Kind, u32),
    /// The bytes of this field are not what it holds.
    Malformed(&'static str, DecodeError),
    /// This field has a value that makes no sense, and why.
    Field(&'static str, &'static str),
    /// No provider has this suite.
    Suite(u32),
    /// No member has this identity.
    NoMember(Vec<u8>),
    /// The state does not allow it.
    NotNow(Obstacle),
    /// The protocol core says no.
    Core(Error),
    /// Every number was given out.
    NumbersExhausted,
    /// An earlier call failed halfway, by a panic.
    Broken,
}

/// What a number can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    State,
    Transaction,
    Signer,
    Successor,
}

/// What stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// The Welcome names other key packages.
    WelcomeForOthers,
    /// No commit of one's own is pending.
    NothingPending,
    /// A proposal of one's own that this state does not know.
    ForeignEcho,
    /// A proposal that the commit was to refer to does not fit beside the others.
    ProposalLeftOut,
    /// The commit does not re-initialise the group.
    NotReInit,
    /// The commit re-initialises the group, and another call leads on from there.
    ReInit,
    /// The Welcome leads to a group that is not what the call is for.
    OtherGroup(&'static str),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::State => "state",
            Self::Transaction => "transaction",
            Self::Signer => "external signer",
            Self::Successor => "re-initialisation",
        })
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WelcomeForOthers => "the Welcome is not for this key package",
            Self::NothingPending => "no commit is pending",
            Self::ForeignEcho => "the proposal names this member as its sender, but this state never sent it",
            Self::ProposalLeftOut => "a proposal of by_reference cannot be committed with the others",
            Self::NotReInit => "the commit does not re-initialise the group",
            Self::ReInit => "the commit re-initialises the group: the calls named ReInit lead on from there",
            Self::OtherGroup(wanted) => return write!(f, "the Welcome leads to a group that is not {wanted}"),
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(kind, id) => write!(f, "there is no {kind} {id}"),
            Self::Malformed(field, error) => write!(f, "{field}: {error}"),
            Self::Field(field, why) => write!(f, "{field}: {why}"),
            Self::Suite(suite) => write!(f, "cipher_suite: no provider has suite {suite}"),
            Self::NoMember(identity) => write!(f, "no member is called {}", String::from_utf8_lossy(identity)),
            Self::NotNow(obstacle) => obstacle.fmt(f),
            Self::Core(error) => error.fmt(f),
            Self::NumbersExhausted => f.write_str("every number was given out: start anew"),
            Self::Broken => f.write_str("an earlier call on this number broke off: free it"),
        }
    }
}

impl core::error::Error for Failure {}

impl Failure {
    fn code(&self) -> Code {
        match self {
            Self::Unknown(..) => Code::NotFound,
            Self::Malformed(..) | Self::Field(..) | Self::Suite(_) => Code::InvalidArgument,
            Self::NoMember(_) | Self::NotNow(_) => Code::FailedPrecondition,
            Self::Core(error) => code_of(error),
            Self::NumbersExhausted => Code::ResourceExhausted,
            Self::Broken => Code::Internal,
        }
    }

    /// The reason in a few words of ASCII: the names of the variants.
    fn reason(&self) -> String {
        match self {
            Self::Unknown(kind, _) => format!("Unknown({kind:?})"),
            Self::Malformed(field, _) => format!("Malformed({field})"),
            Self::Field(field, _) => format!("Field({field})"),
            Self::Suite(suite) => format!("Suite({suite})"),
            Self::NoMember(_) => "NoMember".to_owned(),
            Self::NotNow(obstacle) => name_of(obstacle),
            Self::Core(error) => reason_of(error),
            Self::NumbersExhausted => "NumbersExhausted".to_owned(),
            Self::Broken => "Broken".to_owned(),
        }
    }
}

/// Who is at fault: whoever made the bytes, this state, or neither.
fn code_of(error: &Error) -> Code {
    match error {
        Error::Decode(_) => Code::InvalidArgument,
        Error::Invalid(_) | Error::Unverified(_) | Error::Refused(_) => Code::Aborted,
        Error::Provider(_) | Error::Corrupt(_) => Code::Internal,
        Error::Unsupported(_)
        | Error::Stale(_)
        | Error::Future(_)
        | Error::KeyGone(_)
        | Error::TooFarAhead(_)
        | Error::OldState
        | Error::Missing(_)
        | Error::Misuse(_)
        | _ => Code::FailedPrecondition,
    }
}

/// A variant's name, without what is in it.
fn name_of(obstacle: &Obstacle) -> String {
    let full = format!("{obstacle:?}");
    full.split('(').next().unwrap_or_default().to_owned()
}

/// What people read, shortened if it quotes something long.
fn sentence(failure: &Failure) -> String {
    let full = failure.to_string();
    match full.char_indices().nth(MAX_SENTENCE) {
        Some((end, _)) => full.get(..end).unwrap_or_default().to_owned() + "...",
        None => full,
    }
}

/// As the core names it: `Invalid(PathPresent)`. What follows the second name may be long, and is left out.
fn reason_of(error: &Error) -> String {
    let full = format!("{error:?}");
    let mut names = full.split(|sign: char| !sign.is_ascii_alphanumeric()).filter(|name| !name.is_empty());
    match (names.next(), names.next()) {
        (Some(kind), Some(detail)) => format!("{kind}({detail})"),
        (kind, _) => kind.unwrap_or_default().to_owned(),
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let mut status = Self::new(failure.code(), sentence(&failure));
        if let Ok(reason) = failure.reason().parse() {
            status.metadata_mut().insert(REASON, reason);
        }
        status
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<EncodeError> for Failure {
    fn from(error: EncodeError) -> Self {
        Self::Core(error.into())
    }
}

impl From<CryptoError> for Failure {
    fn from(error: CryptoError) -> Self {
        Self::Core(error.into())
    }
}

impl From<Obstacle> for Failure {
    fn from(obstacle: Obstacle) -> Self {
        Self::NotNow(obstacle)
    }
}

impl From<PersistError<core::convert::Infallible>> for Failure {
    fn from(error: PersistError<core::convert::Infallible>) -> Self {
        match error {
            PersistError::State(error) => Self::Core(error),
            PersistError::Store(never) => match never {},
        }
    }
}

#[cfg(test)]
mod tests {
    use cenacle_mls::{
        Misuse, Need, Rule, What,
        wire::{Epoch, Generation, GroupId, PreSharedKeyId, Psk},
    };

    use super::*;

    fn status(failure: impl Into<Failure>) -> (Code, String, String) {
        let status = Status::from(failure.into());
        let reason = status.metadata().get(REASON).expect("a reason").to_str().expect("ASCII").to_owned();
        (status.code(), reason, status.message().to_owned())
    }

    #[test]
    fn each_kind_of_error_has_its_code_and_its_reason() {
        let psk = PreSharedKeyId { psk: Psk::External(b"name".into()), psk_nonce: b"nonce".into() };
        for (error, code, reason) in [
            (Error::from(Rule::PathPresent), Code::Aborted, "Invalid(PathPresent)"),
            (Error::from(What::Welcome), Code::Aborted, "Unverified(Welcome)"),
            (Error::from(Misuse::CommitPending), Code::FailedPrecondition, "Misuse(CommitPending)"),
            (Error::Missing(Need::Psk(psk)), Code::FailedPrecondition, "Missing(Psk)"),
            (
                Error::Missing(Need::Origin(GroupId::from(b"g".as_slice()), Epoch(1))),
                Code::FailedPrecondition,
                "Missing(Origin)",
            ),
            (Error::Stale(Epoch(3)), Code::FailedPrecondition, "Stale(Epoch)"),
            (Error::KeyGone(Generation(3)), Code::FailedPrecondition, "KeyGone(Generation)"),
            (Error::OldState, Code::FailedPrecondition, "OldState"),
            (Error::Provider(CryptoError::NoRandomness), Code::Internal, "Provider(NoRandomness)"),
            (Error::Corrupt("a row"), Code::Internal, "Corrupt(a)"),
        ] {
            let message = error.to_string();
            assert_eq!(status(error), (code, reason.to_owned(), message));
        }
    }

    #[test]
    fn a_failure_of_the_call_says_what_and_where() {
        let unknown = status(Failure::Unknown(Kind::Successor, 7));
        assert_eq!(
            unknown,
            (Code::NotFound, "Unknown(Successor)".to_owned(), "there is no re-initialisation 7".to_owned())
        );
        let member = status(Failure::NoMember(vec![0xff, b'x', b'\n']));
        assert_eq!((member.0, member.1.as_str()), (Code::FailedPrecondition, "NoMember"));
        let long = status(Failure::NoMember(vec![0xff; 100_000]));
        assert_eq!((long.1.as_str(), long.2.chars().count()), ("NoMember", MAX_SENTENCE + 3));
        assert_eq!(status(Obstacle::OtherGroup("a branch")).1, "OtherGroup");
        assert_eq!(status(Failure::NumbersExhausted).0, Code::ResourceExhausted);
        assert_eq!(status(Failure::Broken).0, Code::Internal);
    }
}
