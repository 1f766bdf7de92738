//! message-protection.json: a proposal, a commit and application data of the second of two members, bare, in the clear and
//! encrypted.

use cenacle_codec::{Encode as _, Opaque};
use cenacle_crypto::{Digest, Secret};
use cenacle_mls::{
    limits::Limits,
    protect::{self, Padding, private, public},
    schedule::EncryptionSecret,
    secret_tree::SecretTree,
    tree::math,
    wire::{
        AuthenticatedContent, Commit, Content, Epoch, Extensions, FramedContent, FramedContentAuthData, GroupContext,
        GroupContextExtensions, GroupId, LeafIndex, MlsMessage, PreSharedKey, PreSharedKeyId, Proposal, ProposalOrRef,
        ProposalRef, ProtocolVersion, Psk, Remove, Sender, WireFormat,
    },
};

use super::{
    super::{check::Failure, hex_field::Hex, message_protection::MessageProtection},
    Case, Size,
    person::Person,
};

const LEAVES: u32 = 2;
const SENDER: LeafIndex = LeafIndex(1);

pub(super) fn count(size: Size) -> usize {
    size.of(1, 3)
}

/// What the sender has.
struct Member {
    context: GroupContext,
    person: Person,
    membership_key: Secret,
    sender_data_secret: Secret,
    encryption_secret: Secret,
}

pub(super) fn make(case: &mut Case) -> Result<MessageProtection, Failure> {
    let nh = case.hash_length();
    let dice = &mut case.dice;
    let context = GroupContext {
        version: ProtocolVersion::MLS10,
        cipher_suite: case.suite.cipher_suite(),
        group_id: GroupId::from(dice.bytes(16).as_slice()),
        epoch: Epoch(dice.number()),
        tree_hash: dice.digest(nh),
        confirmed_transcript_hash: dice.digest(nh),
        extensions: Extensions::default(),
    };
    let member = Member {
        context,
        membership_key: dice.secret(nh),
        sender_data_secret: dice.secret(nh),
        encryption_secret: dice.secret(nh),
        person: Person::new(&case.suite, dice)?,
    };
    let proposal = proposal(case);
    let commit = commit(case, &proposal);
    let application = case.dice.bytes(40);
    let contents = [
        Content::Proposal(proposal.clone()),
        Content::Commit(commit.clone()),
        Content::Application(application.as_slice().into()),
    ];
    let [of_proposal, of_commit, of_application] = &contents;
    Ok(MessageProtection {
        cipher_suite: case.cipher_suite(),
        group_id: member.context.group_id.as_slice().into(),
        epoch: member.context.epoch.0,
        tree_hash: member.context.tree_hash.as_slice().into(),
        confirmed_transcript_hash: member.context.confirmed_transcript_hash.as_slice().into(),
        signature_priv: member.person.signature_priv.clone(),
        signature_pub: member.person.signer().public_key().0.as_slice().into(),
        encryption_secret: (&member.encryption_secret).into(),
        sender_data_secret: (&member.sender_data_secret).into(),
        membership_key: (&member.membership_key).into(),
        proposal: proposal.to_bytes()?.into(),
        proposal_pub: member.public(case, of_proposal)?,
        proposal_priv: member.private(case, of_proposal)?,
        commit: commit.to_bytes()?.into(),
        commit_pub: member.public(case, of_commit)?,
        commit_priv: member.private(case, of_commit)?,
        application: application.into(),
        application_priv: member.private(case, of_application)?,
    })
}

/// One of three kinds.
fn proposal(case: &mut Case) -> Proposal {
    let nh = case.hash_length();
    match case.index {
        0 => Proposal::Remove(Remove { removed: LeafIndex(0) }),
        1 => {
            let (id, nonce) = (case.dice.bytes(10), case.dice.bytes(nh));
            let psk = PreSharedKeyId { psk: Psk::External(id.into()), psk_nonce: nonce.into() };
            Proposal::PreSharedKey(PreSharedKey { psk })
        }
        _ => Proposal::GroupContextExtensions(GroupContextExtensions { extensions: Extensions::default() }),
    }
}

/// A commit of that proposal and another by reference.
fn commit(case: &mut Case, proposal: &Proposal) -> Commit {
    let reference = ProposalRef(case.dice.digest(case.hash_length()));
    let proposals = vec![ProposalOrRef::Reference(Box::new(reference)), ProposalOrRef::Proposal(proposal.clone())];
    Commit { proposals, path: None }
}

impl Member {
    fn public(&self, case: &mut Case, content: &Content) -> Result<Hex, Failure> {
        let signed = self.sign(case, WireFormat::PUBLIC_MESSAGE, content)?;
        let message = public::protect(&*case.suite, signed, &self.context, &self.membership_key)?;
        Ok(MlsMessage::from(message).to_bytes()?.into())
    }

    /// With the first key of its ratchet, whatever was encrypted before.
    fn private(&self, case: &mut Case, content: &Content) -> Result<Hex, Failure> {
        let signed = self.sign(case, WireFormat::PRIVATE_MESSAGE, content)?;
        let Case { suite, dice, .. } = case;
        let tree = SecretTree::new(math::root(LEAVES), EncryptionSecret(self.encryption_secret.duplicate()));
        let kind = content.content_type().into();
        let (generation, key, _) = tree.next_own(&**suite, SENDER, kind, &Limits::default())?;
        let padding = Padding { multiple_bytes: dice.pick(&[0, 16, 64]).copied().unwrap_or(0) };
        let message = private::protect(&**suite, &signed, (generation, &key), &self.sender_data_secret, padding, dice)?;
        Ok(MlsMessage::from(message).to_bytes()?.into())
    }

    fn sign(
        &self,
        case: &mut Case,
        wire_format: WireFormat,
        content: &Content,
    ) -> Result<AuthenticatedContent, Failure> {
        // Nobody can check the tag without a group; it is any.
        let tag: Option<Digest> =
            matches!(content, Content::Commit(_)).then(|| case.dice.digest(case.suite.hash_length()));
        let content = FramedContent {
            group_id: self.context.group_id.clone(),
            epoch: self.context.epoch,
            sender: Sender::Member(SENDER),
            authenticated_data: Opaque::from(case.dice.bytes(8)),
            content: content.clone(),
        };
        let signature = protect::sign(self.person.signer(), wire_format, &content, &self.context)?;
        let auth = FramedContentAuthData { signature, confirmation_tag: tag };
        Ok(AuthenticatedContent { wire_format, content, auth })
    }
}
