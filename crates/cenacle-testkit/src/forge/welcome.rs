//! GroupInfo and Welcome of the epoch an insider is in (RFC 9420 §12.4.3).

use alloc::sync::Arc;

use super::{
    Insider, Plan,
    crypto::{encrypt_with_label, seal, sign_with_label},
    insider::key_package_ref,
    pen::Wire as _,
    plan::run,
    wire::{
        EncryptedGroupSecrets, Extension, ExternalPub, GroupInfo, GroupSecrets, KeyPackage, PreSharedKeyId, Welcome,
        code, mls_message,
    },
};

/// Someone a Welcome is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joiner {
    /// Its key package.
    pub key_package: KeyPackage,
    /// The path secret of the lowest node that it and the committer are below.
    pub path_secret: Option<Vec<u8>>,
}

impl Insider {
    /// A GroupInfo of the present epoch as an `MLSMessage`, with the external key, as the plan changes it.
    #[must_use]
    pub fn group_info(&self, mut plan: Plan<'_>) -> Vec<u8> {
        self.info_message(&mut plan)
    }

    pub(super) fn info_message(&self, plan: &mut Plan<'_>) -> Vec<u8> {
        self.signed_info(plan, true).message()
    }

    fn signed_info(&self, plan: &mut Plan<'_>, with_external_pub: bool) -> GroupInfo {
        let mut extensions = Vec::new();
        if with_external_pub {
            let external_pub = ExternalPub { external_pub: self.external_pub() };
            extensions.push(Extension::new(code::EXTERNAL_PUB, external_pub.bytes()));
        }
        if !plan.treeless {
            extensions.push(Extension::new(code::RATCHET_TREE, self.tree.extension_data()));
        }
        let mut info = GroupInfo {
            group_context: self.context.clone(),
            extensions,
            confirmation_tag: self.confirmation_tag.clone(),
            signer: self.leaf,
            signature: Vec::new(),
        };
        run(&mut plan.hooks.group_info, &mut info);
        let signer = self.tree.leaf(info.signer).and_then(|leaf| self.signers.get(&leaf.signature_key));
        let signer = signer.map_or_else(|| self.signer(), Arc::clone);
        info.signature = sign_with_label(&*signer, "GroupInfoTBS", &info.tbs());
        run(&mut plan.hooks.signed_group_info, &mut info);
        info
    }

    /// A Welcome into the present epoch, whose joiner secret must be known: the forge made it, or it was made up.
    #[must_use]
    pub fn welcome(&self, mut plan: Plan<'_>, joiners: &[Joiner], psks: &[PreSharedKeyId]) -> Vec<u8> {
        self.welcome_message(&mut plan, joiners, psks)
    }

    pub(super) fn welcome_message(&self, plan: &mut Plan<'_>, joiners: &[Joiner], psks: &[PreSharedKeyId]) -> Vec<u8> {
        let suite = &*self.suite;
        let mut dice = self.dice.clone();
        let mut info = self.signed_info(plan, false).bytes();
        run(&mut plan.hooks.group_info_bytes, &mut info);
        let (key, nonce) = self.epoch.welcome_key(suite);
        let encrypted_group_info = seal(suite, (&key, &nonce), &[], &info);
        let mut entry = |joiner: &Joiner| {
            let mut secrets = GroupSecrets {
                joiner_secret: self.epoch.joiner_secret.clone(),
                path_secret: joiner.path_secret.clone(),
                psks: psks.to_vec(),
            };
            run(&mut plan.hooks.group_secrets, &mut secrets);
            let mut secrets = secrets.bytes();
            run(&mut plan.hooks.group_secrets_bytes, &mut secrets);
            let context = ("Welcome", &encrypted_group_info[..]);
            EncryptedGroupSecrets {
                new_member: key_package_ref(suite, &joiner.key_package),
                encrypted_group_secrets: encrypt_with_label(
                    suite,
                    &joiner.key_package.init_key,
                    context,
                    &secrets,
                    &mut dice.fork(),
                ),
            }
        };
        let secrets = joiners.iter().map(&mut entry).collect();
        let mut welcome = Welcome { cipher_suite: self.context.cipher_suite, secrets, encrypted_group_info };
        run(&mut plan.hooks.welcome, &mut welcome);
        mls_message(code::WELCOME, &welcome.bytes())
    }
}
