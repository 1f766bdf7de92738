//! messages.json: one of every structure that travels. Those of a living group are taken from one; what stands alone is
//! random but well-formed.

use alloc::boxed::Box;

use cenacle_codec::{Encode, Opaque};
use cenacle_crypto::{CipherSuite, Signature};
use cenacle_mls::{
    group::Handshake,
    wire::{
        Add, Commit, Content, Epoch, Extensions, ExternalInit, FramedContent, FramedContentAuthData,
        GroupContextExtensions, GroupId, GroupSecrets, LeafIndex, LeafNodeSource, MlsMessage, MlsMessageBody,
        PathSecretEntry, PreSharedKey, PreSharedKeyId, ProtocolVersion, Psk, PublicMessage, ReInit, Remove,
        RequiredCapabilities, ResumptionPskUsage, Sender, Update,
    },
};

use super::{
    super::{check::Failure, hex_field::Hex, messages::Messages},
    Case, Size,
    crew::{Change, Crew, Newcomer, Order},
    person::{Person, key_pair},
};

pub(super) fn count(size: Size) -> usize {
    size.of(1, 40)
}

pub(super) fn make(case: &mut Case) -> Result<Messages, Failure> {
    let mut crew = Crew::found(case, Handshake::Public)?;
    let founder = LeafIndex(0);
    let newcomers = (0..case.size.of(1, 1 + case.dice.below(3)))
        .map(|_| crew.newcomer(&mut case.dice))
        .collect::<Result<Vec<_>, _>>()?;
    let mut by_value: Vec<_> = newcomers.iter().map(Newcomer::add).collect();
    by_value.push(Change::Psk(crew.external_psk(&mut case.dice)));
    let proposal = crew.newcomer(&mut case.dice)?.add();
    let proposal = crew.propose(&mut case.dice, founder, &proposal)?;
    let order = Order { by_value, path: true, tree_apart: case.dice.chance(50) };
    let bundle = crew.commit(&mut case.dice, founder, &order)?;
    let welcome = bundle.welcome.ok_or_else(|| Failure::refused(&"no Welcome"))?;
    let data = case.dice.bytes(30);
    Ok(Messages {
        mls_welcome: hex(&welcome)?,
        mls_group_info: hex(&crew.group()?.group_info(case.dice.chance(50), true)?)?,
        mls_key_package: crew.newcomer(&mut case.dice)?.key_package()?,
        ratchet_tree: hex(crew.group()?.public().tree())?,
        group_secrets: hex(&group_secrets(case))?,
        add_proposal: {
            let key_package = crew.newcomer(&mut case.dice)?.offer.key_package;
            hex(&Add { key_package: Box::new(key_package) })?
        },
        update_proposal: hex(&update(case)?)?,
        remove_proposal: hex(&Remove { removed: LeafIndex(case.dice.number32()) })?,
        pre_shared_key_proposal: hex(&PreSharedKey { psk: psk(case) })?,
        re_init_proposal: hex(&re_init(case)?)?,
        external_init_proposal: hex(&ExternalInit { kem_output: case.dice.bytes(32).into() })?,
        group_context_extensions_proposal: hex(&GroupContextExtensions { extensions: required(case)? })?,
        commit: hex(&commit_of(&bundle.commit)?)?,
        public_message_application: hex(&application(case))?,
        public_message_proposal: hex(&proposal)?,
        public_message_commit: hex(&bundle.commit)?,
        private_message: hex(&crew.say(&mut case.dice, founder, &data)?)?,
    })
}

fn hex<T: Encode>(value: &T) -> Result<Hex, Failure> {
    Ok(value.to_bytes()?.into())
}

fn group_secrets(case: &mut Case) -> GroupSecrets {
    let nh = case.hash_length();
    let path_secret = case.dice.chance(50).then(|| PathSecretEntry { path_secret: case.dice.secret(nh) });
    let psks = (0..case.dice.below(3)).map(|_| psk(case)).collect();
    GroupSecrets { joiner_secret: case.dice.secret(nh), path_secret, psks }
}

fn psk(case: &mut Case) -> PreSharedKeyId {
    let nh = case.hash_length();
    let dice = &mut case.dice;
    let usages = [ResumptionPskUsage::Application, ResumptionPskUsage::Reinit, ResumptionPskUsage::Branch];
    let psk = match dice.pick(&usages).filter(|_| case.index % 2 == 1) {
        Some(usage) => Psk::Resumption {
            usage: *usage,
            psk_group_id: GroupId::from(dice.bytes(16).as_slice()),
            psk_epoch: Epoch(dice.number()),
        },
        None => Psk::External(dice.bytes(10).into()),
    };
    PreSharedKeyId { psk, psk_nonce: dice.bytes(nh).into() }
}

fn update(case: &mut Case) -> Result<Update, Failure> {
    let (_, key) = key_pair(&*case.suite, &mut case.dice)?;
    let group_id = GroupId::from(case.dice.bytes(16).as_slice());
    let person = Person::new(&case.suite, &mut case.dice)?;
    let leaf = person.leaf(key, LeafNodeSource::Update, Some((&group_id, LeafIndex(case.dice.number32()))))?;
    Ok(Update { leaf_node: Box::new(leaf) })
}

fn re_init(case: &mut Case) -> Result<ReInit, Failure> {
    Ok(ReInit {
        group_id: GroupId::from(case.dice.bytes(16).as_slice()),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(case.cipher_suite()),
        extensions: required(case)?,
    })
}

fn required(case: &mut Case) -> Result<Extensions, Failure> {
    let mut extensions = Extensions::default();
    if case.dice.chance(50) {
        extensions.push_required_capabilities(&RequiredCapabilities::default())?;
    }
    Ok(extensions)
}

fn commit_of(message: &MlsMessage) -> Result<Commit, Failure> {
    if let MlsMessageBody::PublicMessage(message) = &message.body
        && let Content::Commit(commit) = &message.content.content
    {
        return Ok(commit.clone());
    }
    Err(Failure::refused(&"a commit that is none"))
}

/// Nobody may send it, but it can be read.
fn application(case: &mut Case) -> MlsMessage {
    let nh = case.hash_length();
    let dice = &mut case.dice;
    let content = FramedContent {
        group_id: GroupId::from(dice.bytes(16).as_slice()),
        epoch: Epoch(dice.number()),
        sender: Sender::Member(LeafIndex(dice.number32())),
        authenticated_data: Opaque::from(dice.bytes(9)),
        content: Content::Application(dice.bytes(33).into()),
    };
    let auth = FramedContentAuthData { signature: Signature(dice.bytes(64).into()), confirmation_tag: None };
    PublicMessage { content, auth, membership_tag: Some(dice.digest(nh)) }.into()
}
