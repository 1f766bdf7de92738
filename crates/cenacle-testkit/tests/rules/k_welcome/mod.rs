//! Welcome, GroupInfo and external joins (RFC 9420 §12.4.3).

mod external;
mod info;
mod place;
mod secrets;
mod successor;

use cenacle_mls::wire::Capabilities as MlsCapabilities;

use crate::common::*;

/// A commit that adds somebody.
fn adding<'a>(package: &KeyPackage) -> Plan<'a> {
    Plan::commit().with([Proposal::add(package)])
}

/// Someone new who does not support the extension that all others do.
fn newcomer_who_lacks(trial: &mut Trial, name: &str) -> KeyPackage {
    let person = trial.world.enter(name);
    let capabilities = MlsCapabilities { extensions: Vec::new(), ..person.client.capabilities().clone() };
    person.client = person.client.clone().with_capabilities(capabilities);
    trial.key_package(name)
}
