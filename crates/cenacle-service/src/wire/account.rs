//! Accounts, devices and key packages: what a device sends to be known, and to be added while it is offline.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::{AccountName, Base64Url, BindingRequest, DeviceId, DeviceToken, SignedBinding, SuiteNumber};

/// Body of `POST /v1/accounts`: a new account with its first device.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegisterAccount {
    /// The name wanted: see [`AccountName`]. Text here, so that a bad one is answered with its fault.
    pub name: String,
    /// The first device's keys, one for each cipher suite it uses.
    pub bindings: Vec<BindingRequest>,
}

/// Body of `POST /v1/accounts/{name}/devices`: a further device, authorised by the bearer's token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegisterDevice {
    /// The new device's keys, one for each cipher suite it uses.
    pub bindings: Vec<BindingRequest>,
}

/// Body of `POST /v1/bindings`: more cipher suites for the bearer, or fresh bindings of the same keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddBindings {
    /// The keys.
    pub bindings: Vec<BindingRequest>,
}

/// Answer to a registration. The token is told here and never again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Registered {
    /// The account.
    pub name: AccountName,
    /// The device's new identifier.
    pub device_id: DeviceId,
    /// What the device authenticates with from now on.
    pub token: DeviceToken,
    /// The Authentication Service's statements, in the order of the requests.
    pub bindings: Vec<SignedBinding>,
}

/// Answer to `POST /v1/bindings`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bound {
    /// The Authentication Service's statements, in the order of the requests.
    pub bindings: Vec<SignedBinding>,
}

/// Answer to `GET /v1/accounts/{name}/devices`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Devices {
    /// The account.
    pub name: AccountName,
    /// Its devices in the order of their registration.
    pub devices: Vec<Device>,
}

/// One device of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Device {
    /// Its identifier.
    pub device_id: DeviceId,
    /// Its keys, one for each cipher suite, in ascending order of the suites. Expired ones are included.
    pub bindings: Vec<SignedBinding>,
}

/// Answer to `GET /v1/as/key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsKey {
    /// The suite whose signature scheme the key is of: 1.
    pub cipher_suite: SuiteNumber,
    /// The Authentication Service's public key.
    pub signature_key: Base64Url,
}

/// How often a key package may be handed out (RFC 9420 §16.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPackageKind {
    /// Once.
    Normal,
    /// Whenever no normal one is left. A device has one for each cipher suite; a new one replaces the old.
    LastResort,
}

/// Body of `PUT /v1/key-packages`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PublishKeyPackages {
    /// The bearer's key packages. Publishing one again changes nothing, even after it was handed out.
    pub key_packages: Vec<KeyPackageOffer>,
}

/// A key package to be published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPackageOffer {
    /// How often it may be handed out.
    pub kind: KeyPackageKind,
    /// An MLSMessage holding a KeyPackage.
    pub key_package: Base64Url,
}

/// Answer to `PUT /v1/key-packages` and to `GET /v1/key-packages/count`: what others can still take of the bearer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// One entry for each cipher suite in stock, in ascending order.
    pub suites: Vec<SuiteStock>,
}

/// The stock of one cipher suite. Expired key packages are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteStock {
    /// The cipher suite.
    pub cipher_suite: SuiteNumber,
    /// Normal key packages left.
    pub normal: u64,
    /// Whether there is a last resort.
    pub last_resort: bool,
}

/// Body of `POST /v1/accounts/{name}/key-packages/take`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TakeKeyPackages {
    /// The cipher suite of the group to be added to.
    pub cipher_suite: SuiteNumber,
    /// Only this device of the account; all of them without it. The bearer's own device is always left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
}

/// Answer to `POST /v1/accounts/{name}/key-packages/take`: one for each device that had one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenKeyPackages {
    /// What was taken.
    pub key_packages: Vec<TakenKeyPackage>,
    /// Devices that have nothing for this cipher suite.
    pub exhausted: Vec<DeviceId>,
}

/// A key package handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenKeyPackage {
    /// Whose.
    pub device_id: DeviceId,
    /// Whether it may be handed out again.
    pub kind: KeyPackageKind,
    /// An MLSMessage holding a KeyPackage.
    pub key_package: Base64Url,
}
