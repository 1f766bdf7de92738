//! message-protection.json: framing a content in the clear and encrypted, both ways (RFC 9420 §6).

use alloc::sync::Arc;

use cenacle_codec::Opaque;
use cenacle_crypto::{CipherSuite, Digest, Secret, SignaturePublicKey, Signer, Suite};
use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::{
    Error, Rule,
    limits::Limits,
    protect::{self, Padding, private, public},
    schedule::EncryptionSecret,
    secret_tree::SecretTree,
    tree::math,
    wire::{
        AuthenticatedContent, Commit, Content, Epoch, Extensions, FramedContent, FramedContentAuthData, GroupContext,
        GroupId, LeafIndex, MlsMessage, MlsMessageBody, PrivateMessage, Proposal, ProtocolVersion, PublicMessage,
        Sender, WireFormat,
    },
};
use serde::{Deserialize, Serialize};

use super::{
    check::{At as _, Check, Failure, round_trip, same, same_bytes},
    hex_field::Hex,
    vector_file::SuiteVector,
};

/// All vectors have two leaves, of which the second sends.
const LEAVES: u32 = 2;
const SENDER: LeafIndex = LeafIndex(1);

/// One content of each type, bare and protected.
#[derive(Serialize, Deserialize)]
pub(crate) struct MessageProtection {
    pub(crate) cipher_suite: u16,
    pub(crate) group_id: Hex,
    pub(crate) epoch: u64,
    pub(crate) tree_hash: Hex,
    pub(crate) confirmed_transcript_hash: Hex,
    pub(crate) signature_priv: Hex,
    pub(crate) signature_pub: Hex,
    pub(crate) encryption_secret: Hex,
    pub(crate) sender_data_secret: Hex,
    pub(crate) membership_key: Hex,
    pub(crate) proposal: Hex,
    pub(crate) proposal_pub: Hex,
    pub(crate) proposal_priv: Hex,
    pub(crate) commit: Hex,
    pub(crate) commit_pub: Hex,
    pub(crate) commit_priv: Hex,
    pub(crate) application: Hex,
    pub(crate) application_priv: Hex,
}

impl SuiteVector for MessageProtection {
    fn cipher_suite(&self) -> u16 {
        self.cipher_suite
    }

    fn verify(&self, suite: &Arc<dyn Suite>) -> Check {
        let group = self.group(&**suite)?;
        let proposal = Content::Proposal(round_trip::<Proposal>("proposal", &self.proposal)?);
        group.public(&self.proposal_pub, &proposal).at("proposal_pub")?;
        group.private(&self.proposal_priv, &proposal).at("proposal_priv")?;
        let commit = Content::Commit(round_trip::<Commit>("commit", &self.commit)?);
        group.public(&self.commit_pub, &commit).at("commit_pub")?;
        group.private(&self.commit_priv, &commit).at("commit_priv")?;
        let application = Content::Application(Opaque::from(&*self.application));
        group.no_public(&application).at("application as PublicMessage")?;
        group.private(&self.application_priv, &application).at("application_priv")
    }
}

impl MessageProtection {
    fn group<'a>(&'a self, suite: &'a dyn Suite) -> Result<Group<'a>, Failure> {
        let context = GroupContext {
            version: ProtocolVersion::MLS10,
            cipher_suite: CipherSuite(self.cipher_suite),
            group_id: GroupId::from(&*self.group_id),
            epoch: Epoch(self.epoch),
            tree_hash: self.tree_hash.digest().at("tree_hash")?,
            confirmed_transcript_hash: self.confirmed_transcript_hash.digest().at("confirmed_transcript_hash")?,
            extensions: Extensions::default(),
        };
        let signer = suite.signer(&self.signature_priv.signature_secret_key()).at("signature_priv")?;
        same_bytes("public key of signature_priv", &signer.public_key().0, &self.signature_pub)?;
        Ok(Group {
            suite,
            context,
            signer,
            signature_key: SignaturePublicKey((*self.signature_pub).into()),
            membership_key: self.membership_key.secret().at("membership_key")?,
            sender_data_secret: self.sender_data_secret.secret().at("sender_data_secret")?,
            encryption_secret: self.encryption_secret.secret().at("encryption_secret")?,
        })
    }
}

/// What both members of the vector's group have.
struct Group<'a> {
    suite: &'a dyn Suite,
    context: GroupContext,
    signer: Box<dyn Signer>,
    signature_key: SignaturePublicKey,
    membership_key: Secret,
    sender_data_secret: Secret,
    encryption_secret: Secret,
}

impl Group<'_> {
    /// The vector's message gives `content`; so does one made here.
    fn public(&self, bytes: &[u8], content: &Content) -> Check {
        let MlsMessageBody::PublicMessage(given) = round_trip::<MlsMessage>("message", bytes)?.body else {
            return Err(Failure::unreadable(&"not a PublicMessage"));
        };
        let tag = given.auth.confirmation_tag;
        same("content", &self.open_public(given)?, content)?;
        let signed = self.sign(WireFormat::PUBLIC_MESSAGE, content, tag)?;
        let made = public::protect(self.suite, signed, &self.context, &self.membership_key).at("own message")?;
        same("content of own message", &self.open_public(made).at("own message")?, content)
    }

    fn private(&self, bytes: &[u8], content: &Content) -> Check {
        let MlsMessageBody::PrivateMessage(given) = round_trip::<MlsMessage>("message", bytes)?.body else {
            return Err(Failure::unreadable(&"not a PrivateMessage"));
        };
        let (found, auth) = self.open_private(&given)?;
        same("content", &found, content)?;
        let signed = self.sign(WireFormat::PRIVATE_MESSAGE, content, auth.confirmation_tag)?;
        let (generation, key, _) =
            self.secret_tree().next_own(self.suite, SENDER, content.content_type().into(), &Limits::default())?;
        let (secret, padding) = (&self.sender_data_secret, Padding::default());
        let made = private::protect(self.suite, &signed, (generation, &key), secret, padding, &mut SystemRng)
            .at("own message")?;
        same("content of own message", &self.open_private(&made).at("own message")?.0, content)
    }

    /// RFC 9420 §6: application data travels only encrypted.
    fn no_public(&self, content: &Content) -> Check {
        let because = Some(Error::Invalid(Rule::ApplicationDataIsEncrypted));
        let signed = self.sign(WireFormat::PUBLIC_MESSAGE, content, None)?;
        let received =
            PublicMessage { content: signed.content.clone(), auth: signed.auth.clone(), membership_tag: None };
        let sent = public::protect(self.suite, signed, &self.context, &self.membership_key);
        same("sent: refused because", sent.err(), because.clone())?;
        let opened = public::unprotect(self.suite, received, &self.context, &self.membership_key);
        same("received: refused because", opened.err(), because)
    }

    /// Signs as the sending member.
    fn sign(
        &self,
        wire_format: WireFormat,
        content: &Content,
        confirmation_tag: Option<Digest>,
    ) -> Result<AuthenticatedContent, Failure> {
        let content = FramedContent {
            group_id: self.context.group_id.clone(),
            epoch: self.context.epoch,
            sender: Sender::Member(SENDER),
            authenticated_data: Opaque::EMPTY,
            content: content.clone(),
        };
        let signature = protect::sign(&*self.signer, wire_format, &content, &self.context)?;
        Ok(AuthenticatedContent { wire_format, content, auth: FramedContentAuthData { signature, confirmation_tag } })
    }

    fn open_public(&self, message: PublicMessage) -> Result<Content, Failure> {
        let content = public::unprotect(self.suite, message, &self.context, &self.membership_key)?;
        let verified = protect::verify(self.suite, content, &self.context, &self.signature_key)?.into_inner();
        same("sender", verified.content.sender, Sender::Member(SENDER))?;
        Ok(verified.content.content)
    }

    fn open_private(&self, message: &PrivateMessage) -> Result<(Content, FramedContentAuthData), Failure> {
        let sender = private::open_sender_data(self.suite, message, &self.sender_data_secret)?;
        same("sender", sender.leaf_index, SENDER)?;
        let kind = message.content_type.into();
        let (key, _) = self.secret_tree().key_for(self.suite, SENDER, kind, sender.generation, &Limits::default())?;
        let content = private::open_content(self.suite, message, &sender, &key)?;
        let verified = protect::verify(self.suite, content, &self.context, &self.signature_key)?.into_inner();
        Ok((verified.content.content, verified.auth))
    }

    /// A fresh one for each message: all of them use their ratchet's first generation.
    fn secret_tree(&self) -> SecretTree {
        SecretTree::new(math::root(LEAVES), EncryptionSecret(self.encryption_secret.duplicate()))
    }
}
