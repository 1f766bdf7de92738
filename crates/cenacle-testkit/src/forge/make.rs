//! Framing (RFC 9420 §6): from a plan to bytes.

use alloc::sync::Arc;

use super::{
    Insider, Plan, Seal, Subject, Tagged,
    crypto::{mac, seal, sign_with_label},
    insider::proposal_ref,
    pen::{Pen, Wire as _},
    plan::run,
    schedule::Ratchet,
    wire::{Auth, Content, FramedContent, PrivateMessage, Sender, SenderData, code, mls_message},
};

/// Something forged.
#[derive(Clone, Debug)]
pub struct Forged {
    /// The message.
    pub bytes: Vec<u8>,
    /// What it would be referred to by, if it is a proposal.
    pub reference: Vec<u8>,
    /// The generation it used, if it is encrypted.
    pub generation: Option<(u32, Ratchet, u32)>,
    /// What a commit leads to, and what goes with it.
    pub next: Option<Box<Next>>,
}

/// What a commit leads to.
#[derive(Clone, Debug)]
pub struct Next {
    /// The committer in the new epoch.
    pub insider: Insider,
    /// For those it adds, if any.
    pub welcome: Option<Vec<u8>>,
    /// The GroupInfo of the new epoch, with the external key.
    pub group_info: Vec<u8>,
    /// The tree of the new epoch, for those who get it apart.
    pub tree: Vec<u8>,
}

impl Forged {
    /// What a commit leads to.
    ///
    /// # Panics
    /// If it is no commit.
    #[must_use]
    pub fn next(&self) -> &Next {
        self.next.as_ref().expect("a commit")
    }

    /// The Welcome that goes with a commit.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn welcome(&self) -> &[u8] {
        self.next().welcome.as_ref().expect("a Welcome")
    }
}

impl AsRef<[u8]> for Forged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A content that was signed.
pub(super) struct Signed {
    pub(super) wire_format: u16,
    pub(super) framed: FramedContent,
    pub(super) content: Vec<u8>,
    pub(super) auth: Auth,
}

impl Insider {
    /// Makes a message. The insider's own state does not change but for its dice: what is made may be thrown away.
    pub fn make(&mut self, mut plan: Plan<'_>) -> Forged {
        match core::mem::take(&mut plan.subject) {
            Subject::Application(data) => self.send(&mut plan, Content::Application(data)),
            Subject::Proposal(proposal) => self.send(&mut plan, Content::Proposal(proposal)),
            Subject::Commit(list) => self.commit(&mut plan, list),
        }
    }

    /// Signs a content and sends it, without the tag that a commit needs.
    fn send(&mut self, plan: &mut Plan<'_>, content: Content) -> Forged {
        let signed = self.sign(plan, content);
        self.frame(plan, signed)
    }

    /// Signs a content.
    pub(super) fn sign(&self, plan: &mut Plan<'_>, content: Content) -> Signed {
        let mut framed = FramedContent {
            group_id: self.context.group_id.clone(),
            epoch: self.context.epoch,
            sender: plan.sender.clone().unwrap_or(Sender::Member(self.leaf)),
            authenticated_data: plan.authenticated_data.clone(),
            content,
        };
        run(&mut plan.hooks.content, &mut framed);
        let content = framed.bytes_with(&plan.quirks);
        let wire_format = if plan.private { code::PRIVATE_MESSAGE } else { code::PUBLIC_MESSAGE };
        let mut context = self.context.clone();
        run(&mut plan.hooks.signed_context, &mut context);
        let signed_format = plan.signed_wire_format.unwrap_or(wire_format);
        let tbs = tbs(signed_format, &framed.sender, &content, &context.bytes());
        let signer = plan.signer.as_ref().map_or_else(|| self.signer(), Arc::clone);
        let mut signature = sign_with_label(&*signer, "FramedContentTBS", &tbs);
        run(&mut plan.hooks.signature, &mut signature);
        Signed { wire_format, framed, content, auth: Auth { signature, confirmation_tag: None } }
    }

    /// Tags or encrypts what was signed.
    pub(super) fn frame(&mut self, plan: &mut Plan<'_>, mut signed: Signed) -> Forged {
        run(&mut plan.hooks.auth, &mut signed.auth);
        let Signed { wire_format, content, auth, .. } = &signed;
        let authenticated = [&wire_format.bytes()[..], content, &auth.bytes()].concat();
        let reference = proposal_ref(&*self.suite, &authenticated);
        let (mut bytes, generation) = match plan.private {
            true => self.encrypt(plan, &signed),
            false => (self.tag(plan, signed), None),
        };
        run(&mut plan.hooks.bytes, &mut bytes);
        Forged { bytes, reference, generation, next: None }
    }

    fn tag(&self, plan: &mut Plan<'_>, signed: Signed) -> Vec<u8> {
        let Signed { wire_format, framed, content, auth } = signed;
        let tbm = [tbs(wire_format, &framed.sender, &content, &self.context.bytes()), auth.bytes()].concat();
        let key = plan.membership_key.as_ref().unwrap_or(&self.epoch.membership_key);
        let member = matches!(framed.sender, Sender::Member(_));
        let membership_tag = member.then(|| mac(&*self.suite, key, &tbm));
        let mut tagged = Tagged { content, auth, membership_tag };
        run(&mut plan.hooks.tagged, &mut tagged);
        let tag = tagged.membership_tag.map(|tag| tag.bytes()).unwrap_or_default();
        mls_message(code::PUBLIC_MESSAGE, &[tagged.content, tagged.auth.bytes(), tag].concat())
    }

    fn encrypt(&mut self, plan: &mut Plan<'_>, signed: &Signed) -> (Vec<u8>, Option<(u32, Ratchet, u32)>) {
        let framed = &signed.framed;
        let content_type = framed.content.content_type();
        let ratchet = Ratchet::of(content_type);
        let next = self.generations.get(&(self.leaf, ratchet)).copied().unwrap_or_default();
        let generation = plan.generation.unwrap_or(next);
        let mut body = Pen::with(&plan.quirks);
        framed.content.write_body(&mut body);
        let reuse_guard = self.dice.bytes(4).try_into().unwrap();
        let mut parts = Seal {
            header: PrivateMessage {
                group_id: framed.group_id.clone(),
                epoch: framed.epoch,
                content_type,
                authenticated_data: framed.authenticated_data.clone(),
                ..PrivateMessage::default()
            },
            ratchet_leaf: self.leaf,
            ratchet,
            generation,
            reuse_guard,
            body: [body.into_bytes(), signed.auth.bytes()].concat(),
            padding: vec![0; 7],
            content_aad: None,
            sender_data: SenderData { leaf_index: self.leaf, generation, reuse_guard },
            sender_data_tail: Vec::new(),
            sender_data_aad: None,
        };
        run(&mut plan.hooks.seal, &mut parts);
        self.seal(plan, parts)
    }

    fn seal(&self, plan: &mut Plan<'_>, parts: Seal) -> (Vec<u8>, Option<(u32, Ratchet, u32)>) {
        let suite = &*self.suite;
        let Seal { header, ratchet_leaf, ratchet, generation, .. } = parts;
        let (key, mut nonce) = self.secret_tree.key(suite, ratchet_leaf, ratchet, generation);
        nonce.iter_mut().zip(parts.reuse_guard).for_each(|(byte, guard)| *byte ^= guard);
        let about = [&header.group_id.bytes()[..], &header.epoch.bytes(), &[header.content_type]].concat();
        let aad = parts.content_aad.unwrap_or_else(|| [&about[..], &header.authenticated_data.bytes()].concat());
        let mut ciphertext = seal(suite, (&key, &nonce), &aad, &[parts.body, parts.padding].concat());
        run(&mut plan.hooks.ciphertext, &mut ciphertext);

        let (key, nonce) = self.epoch.sender_data_key(suite, &ciphertext);
        let sender_data = [parts.sender_data.bytes(), parts.sender_data_tail].concat();
        let aad = parts.sender_data_aad.unwrap_or(about);
        let encrypted_sender_data = seal(suite, (&key, &nonce), &aad, &sender_data);
        let mut sealed = PrivateMessage { encrypted_sender_data, ciphertext, ..header };
        run(&mut plan.hooks.sealed, &mut sealed);
        (mls_message(code::PRIVATE_MESSAGE, &sealed.bytes()), Some((ratchet_leaf, ratchet, generation)))
    }
}

/// FramedContentTBS (RFC 9420 §6.1).
fn tbs(wire_format: u16, sender: &Sender, content: &[u8], context: &[u8]) -> Vec<u8> {
    let bound = matches!(sender, Sender::Member(_) | Sender::NewMemberCommit | Sender::Raw(_));
    let context = if bound { context } else { &[] };
    [&code::MLS10.bytes()[..], &wire_format.bytes(), content, context].concat()
}
