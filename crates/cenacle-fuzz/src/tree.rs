//! Ratchet trees from the wire (RFC 9420 §12.4.3.3). What can be built is sent on as it came, answers every question, and is
//! validated without a panic; its encoding and its rows lead to the same tree.

use alloc::sync::Arc;
use core::cell::OnceCell;

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_crypto::{CipherSuite, CryptoProvider as _, SecretBytes, Suite};
use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_mls::{
    tree::{LeafCheck, NodeIndex, RatchetTree},
    wire::{ExtensionType, GroupId, LeafIndex, MlsMessage, MlsMessageBody, WireTree},
};

use crate::{corpus, scene::Scene, source::Source};

thread_local!(static SUITE: OnceCell<Arc<dyn Suite>> = const { OnceCell::new() });

pub(crate) fn run(input: &[u8]) {
    SUITE.with(|suite| try_tree(&**suite.get_or_init(|| AwsLcProvider.suite(CipherSuite(1)).unwrap()), input));
}

fn try_tree(suite: &dyn Suite, input: &[u8]) {
    let Ok(wire) = WireTree::from_bytes(input) else { return };
    let Ok(tree) = RatchetTree::from_wire(&wire, suite) else { return };
    assert_eq!(tree.to_bytes().unwrap(), input, "a tree is not sent as it came");
    assert_eq!(tree.to_wire().unwrap(), wire);
    let group_id = GroupId::from(&b"group"[..]);
    let check = LeafCheck { group_id: Some(&group_id), ..LeafCheck::alone(suite, Some(1_000), u64::MAX) };
    // Whatever it says.
    drop(tree.validate(&check));
    let mut source = Source::new(input);
    let leaf = LeafIndex(u32::try_from(source.below(300)).unwrap());
    let node = NodeIndex(u32::try_from(source.below(600)).unwrap());
    let path = tree.filtered_direct_path(leaf);
    assert!(path.iter().all(|step| !tree.resolution(step.copath_child).is_empty()));
    drop((tree.resolution(node), tree.encryption_key(node), tree.node_tree_hash(node, suite).unwrap()));
    assert_eq!(tree.members().count(), usize::try_from(tree.member_count()).unwrap());
    let mut rows = Vec::new();
    tree.changes_since(None, &mut |node, value| {
        rows.push(Ok((node, SecretBytes::from(&*value.unwrap()))));
        Ok(())
    })
    .unwrap();
    let read = RatchetTree::from_rows(tree.level(), rows, suite).unwrap();
    assert_eq!(read.tree_hash(), tree.tree_hash(), "a tree is not read back as it was written");
}

/// Trees by themselves, and those in GroupInfos.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let from_info = |bytes: &Vec<u8>| match MlsMessage::from_bytes(bytes).map(|message| message.body) {
        Ok(MlsMessageBody::GroupInfo(info)) => info.extensions.find(ExtensionType::RATCHET_TREE).map(<[u8]>::to_vec),
        _ => None,
    };
    let suite = AwsLcProvider.suite(CipherSuite(1)).unwrap();
    let builds =
        |bytes: &Vec<u8>| WireTree::from_bytes(bytes).is_ok_and(|wire| RatchetTree::from_wire(&wire, &*suite).is_ok());
    let own = corpus::own().iter().filter(|bytes| builds(bytes)).cloned();
    own.chain(corpus::own().iter().filter_map(from_info)).chain([Scene::tree()]).collect()
}
