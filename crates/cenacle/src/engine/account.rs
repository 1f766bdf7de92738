//! Becoming someone: a signature key, a name the Authentication Service binds to it, and the key of that service, pinned.

use cenacle_codec::Encode;
use cenacle_crypto::{SignaturePublicKey, SignatureSecretKey};
use cenacle_mls::{
    Claim,
    delta::{Delta, RowKey, Store},
    group::{Client as MlsClient, Handshake, Settings},
    wire::{Capabilities, CredentialType, ProtocolVersion},
};
use cenacle_service::wire::{AccountName, AddBindings, AsKey, BindingRequest, RegisterAccount, SignedBinding};

use super::{Engine, Me, account_row, description, now_seconds, room::TITLE};
use crate::{
    Error, MemberId,
    api::Pass,
    bindings::verify,
    state::{self, Account},
};

impl Engine {
    /// Reads the account and the known bindings back from the store.
    pub(super) fn load_account(&mut self) -> Result<(), Error> {
        for (_, row) in self.store.rows(&RowKey::new(state::BINDING, Vec::new()))? {
            let signed: SignedBinding = state::read(&row, "binding")?;
            self.bindings.insert(signed.unverified().clone());
        }
        match state::find::<Account>(&self.store, &account_row(), "account")? {
            Some(account) if account.token.is_some() => self.become_registered(account),
            Some(_) | None => Ok(()),
        }
    }

    /// Takes a complete account into use.
    fn become_registered(&mut self, account: Account) -> Result<(), Error> {
        let token = account.token.clone().ok_or(Error::NotRegistered)?;
        let suite = self.config.provider.suite(account.cipher_suite).ok_or(Error::UnsupportedCipherSuite)?;
        let id = MemberId { name: account.name.clone(), device: token.device_id() };
        let capabilities = Capabilities {
            versions: vec![ProtocolVersion::MLS10],
            cipher_suites: vec![account.cipher_suite],
            extensions: vec![TITLE, description::KEY],
            credentials: vec![CredentialType::BASIC],
            ..Capabilities::default()
        };
        let signer = suite.signer(&account.signature_key)?.into();
        let mls = MlsClient::new(suite, signer, id.to_credential())
            .with_capabilities(capabilities)
            .with_settings(Settings { handshake: Handshake::Private, ..Settings::default() });
        self.api.pass = Some(Pass::new(token, account.as_key.clone()));
        self.me = Some(Me { id, account, mls });
        self.subscribe();
        Ok(())
    }

    /// Registers an account with this device as its first, or finishes a registration that was interrupted.
    pub(crate) async fn register(&mut self, name: &str) -> Result<MemberId, Error> {
        let name: AccountName = name.parse()?;
        if let Some(me) = &self.me {
            let is_same = me.id.name == name;
            return if is_same { Ok(me.id.clone()) } else { Err(Error::AlreadyRegistered(me.id.name.clone())) };
        }
        let account = self.prepare_account(name).await?;
        let suite = self.config.provider.suite(account.cipher_suite).ok_or(Error::UnsupportedCipherSuite)?;
        let signer = suite.signer(&account.signature_key)?;
        let request = BindingRequest::new(account.name.clone(), account.cipher_suite, &*signer)?;
        let body = RegisterAccount { name: account.name.to_string(), bindings: vec![request] };
        let answer = self.api.register(&body).await?;
        let signed = answer.bindings.first().ok_or(Error::NotUnderstood)?;
        let binding = verify(signed, &*self.base, &account.as_key, now_seconds());
        let is_ours = binding.is_some_and(|binding| {
            binding.name == account.name
                && binding.device_id == answer.token.device_id()
                && binding.signature_key == *signer.public_key()
        });
        if !is_ours {
            return Err(Error::NotUnderstood);
        }
        let account = Account { token: Some(answer.token.clone()), ..account };
        let mut delta = Delta::new();
        state::put(&mut delta, account_row(), &account)?;
        self.write_binding(signed, &mut delta)?;
        self.write(&delta)?;
        self.bindings.insert(signed.unverified().clone());
        self.become_registered(account)?;
        self.replenish().await?;
        Ok(self.me()?.id.clone())
    }

    /// The account with its key, stored before anyone hears of it. The same name finds the key it had.
    async fn prepare_account(&mut self, name: AccountName) -> Result<Account, Error> {
        let AsKey { signature_key, .. } = self.api.as_key().await?;
        let as_key = SignaturePublicKey(signature_key.into_vec().into());
        if self.config.as_key.as_ref().is_some_and(|pinned| *pinned != as_key) {
            return Err(Error::AuthenticationKeyChanged);
        }
        if let Some(account) = state::find::<Account>(&self.store, &account_row(), "account")?
            && account.name == name
        {
            return Ok(Account { as_key, ..account });
        }
        let cipher_suite = self.config.cipher_suite;
        let suite = self.config.provider.suite(cipher_suite).ok_or(Error::UnsupportedCipherSuite)?;
        let (signature_key, _): (SignatureSecretKey, _) = suite.signature_key_pair(&mut self.rng)?;
        let account = Account { name, cipher_suite, signature_key, as_key, token: None, lineage: None };
        let mut delta = Delta::new();
        state::put(&mut delta, account_row(), &account)?;
        self.write(&delta)?;
        Ok(account)
    }

    fn write_binding(&self, signed: &SignedBinding, delta: &mut Delta) -> Result<(), Error> {
        let key = RowKey::new(state::BINDING, signed.unverified().signature_key.to_bytes()?);
        state::put(delta, key, signed)
    }

    /// Takes those of the service's statements that are its own.
    fn learn_bindings<'a>(&mut self, signed: impl IntoIterator<Item = &'a SignedBinding>) -> Result<(), Error> {
        let as_key = &self.me()?.account.as_key;
        let mut delta = Delta::new();
        let mut learned = Vec::new();
        for signed in signed {
            if let Some(binding) = verify(signed, &*self.base, as_key, now_seconds()) {
                self.write_binding(signed, &mut delta)?;
                learned.push(binding);
            }
        }
        self.write(&delta)?;
        learned.into_iter().for_each(|binding| self.bindings.insert(binding));
        Ok(())
    }

    /// Asks the service whose key this is. Afterwards there is a verdict.
    pub(super) async fn learn(&mut self, member: Option<MemberId>, key: &SignaturePublicKey) -> Result<(), Error> {
        if let Some(member) = member {
            match self.api.devices(&member.name).await {
                Ok(devices) => self.learn_bindings(devices.devices.iter().flat_map(|device| &device.bindings))?,
                Err(Error::UnknownAccount(_)) => {}
                // A name that the service will not even look up is nobody's.
                Err(Error::Refused(problem)) if matches!(problem.status, 400 | 404 | 422) => {}
                Err(error) => return Err(error),
            }
        }
        self.bindings.asked(key);
        Ok(())
    }

    /// Asks the service whose keys these are. Afterwards there are verdicts.
    pub(super) async fn learn_all(&mut self, claims: &[Claim]) -> Result<(), Error> {
        for claim in claims {
            if self.bindings.find(&claim.signature_key).is_none() {
                self.learn(MemberId::from_credential(&claim.credential), &claim.signature_key).await?;
            }
        }
        Ok(())
    }

    /// Has the own key bound anew when half of the binding's time is over.
    pub(super) async fn renew_binding(&mut self) -> Result<(), Error> {
        let account = &self.me()?.account;
        let suite = self.config.provider.suite(account.cipher_suite).ok_or(Error::UnsupportedCipherSuite)?;
        let signer = suite.signer(&account.signature_key)?;
        let is_fresh = self.bindings.find(signer.public_key()).is_some_and(|binding| {
            let half = binding.not_after.saturating_sub(binding.issued_at) / 2;
            now_seconds() <= binding.issued_at.saturating_add(half)
        });
        if is_fresh {
            return Ok(());
        }
        let request = BindingRequest::new(account.name.clone(), account.cipher_suite, &*signer)?;
        let bound = self.api.add_bindings(&AddBindings { bindings: vec![request] }).await?;
        self.learn_bindings(&bound.bindings)
    }
}
