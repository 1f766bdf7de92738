//! Extensions and GREASE (RFC 9420 §13).

mod grease;

use cenacle_testkit::world::TEST_EXTENSION;

use crate::common::*;

/// Extensions that are refused with this rule in a key package, and in the same trial in every other list of RFC 9420.
struct Lists {
    trial: Trial,
    erin: Insider,
    invited: KeyPackage,
    rule: Rule,
}

impl Lists {
    fn new(seed: u64, rule: Rule) -> Self {
        let mut trial = Trial::new(seed);
        let erin = Insider::nobody(&trial.alice.suite, "erin", seed + 1_000);
        let invited = trial.newcomer("frank");
        Self { trial, erin, invited, rule }
    }

    fn in_key_package(&mut self, list: &[Extension]) {
        let bad = self.erin.key_package_with(|_| (), |package| package.extensions = list.to_vec());
        self.trial.refuses_key_package(&bad, self.rule);
        self.trial.refuses_everywhere(&Proposal::add(&bad), self.rule);
    }

    /// Of a key package, an Update, a commit, and a tree.
    fn in_leaf(&mut self, list: &[Extension]) {
        let (trial, rule) = (&mut self.trial, self.rule);
        let change = |leaf: &mut LeafNode| leaf.extensions = list.to_vec();
        let bad = self.erin.key_package_with(change, |_| ());
        trial.refuses_key_package(&bad, rule);
        trial.refuses_everywhere(&Proposal::add(&bad), rule);
        let bad = trial.alice.leaf_node(change);
        trial.refuses_proposal(&Proposal::update(bad), rule);
        let bad = trial.alice.make(Plan::commit().with([Proposal::add(&self.invited)]).leaf(change));
        trial.refuses(&bad, rule);
        trial.refuses_welcome("frank", bad.welcome(), rule);
    }

    fn in_group_info(&mut self, list: &[Extension]) {
        let (trial, rule) = (&mut self.trial, self.rule);
        let change = |info: &mut GroupInfo| info.extensions.extend(list.iter().cloned());
        let bad = trial.alice.make(Plan::commit().with([Proposal::add(&self.invited)]).group_info(change));
        trial.refuses_welcome("frank", bad.welcome(), rule);
        let bad = trial.alice.group_info(Plan::commit().group_info(change));
        trial.refuses_group_info("frank", &bad, rule);
    }

    /// As a change of the group's, as those of its successor, and in a group that has them.
    fn in_context(&mut self, list: &[Extension]) {
        let (trial, rule) = (&mut self.trial, self.rule);
        let next = ReInit { group_id: b"next".to_vec(), version: 1, cipher_suite: 1, extensions: list.to_vec() };
        for proposal in [Proposal::GroupContextExtensions(list.to_vec()), Proposal::ReInit(next)] {
            trial.refuses_everywhere(&proposal, rule);
        }
        let change = |context: &mut GroupContext| context.extensions = list.to_vec();
        let bad = trial.alice.make(Plan::commit().with([Proposal::add(&self.invited)]).context(change));
        trial.refuses_welcome("frank", bad.welcome(), rule);
    }

    /// Where extensions may stand, they may.
    fn accepts(mut self) {
        let test = || Extension::new(TEST_EXTENSION.0, b"content");
        let leaf = |leaf: &mut LeafNode| leaf.extensions = vec![test(), Extension::new(code::APPLICATION_ID, b"name")];
        let erin = self.erin.key_package_with(leaf, |package| package.extensions = vec![test()]);
        let warden = self.trial.alice.outsider("warden").as_external_sender();
        let list = vec![test(), ExternalSender::extension(&[warden]), RequiredCapabilities::default().extension()];
        let twin = Plan::commit()
            .with([Proposal::add(&self.invited), Proposal::add(&erin), Proposal::GroupContextExtensions(list)])
            .leaf(leaf)
            .group_info(|info| info.extensions.push(test()));
        let twin = self.trial.alice.make(twin);
        self.trial.joins("frank", &twin);
        let info = self.trial.alice.group_info(Plan::commit().group_info(|info| info.extensions.push(test())));
        self.trial.world.enter("grace");
        self.trial.joins_from_outside("grace", &info);
    }
}

/// §13.4: No list of extensions has two of one type.
#[test]
fn r290_two_of_one_type() {
    let mut lists = Lists::new(290, Rule::ExtensionTypesUnique);
    let test = |data: &[u8]| Extension::new(TEST_EXTENSION.0, data);
    for pair in [[test(b""), test(b"")], [test(b"one"), test(b"other")]] {
        lists.in_key_package(&pair);
        lists.in_leaf(&pair);
        lists.in_group_info(&pair);
        lists.in_context(&pair);
    }
    let name = || Extension::new(code::APPLICATION_ID, b"name");
    lists.in_leaf(&[name(), test(b""), name()]);
    let required = || RequiredCapabilities::default().extension();
    lists.in_context(&[required(), test(b""), required()]);
    let tree = Extension::new(code::RATCHET_TREE, lists.trial.alice.tree.extension_data());
    lists.in_group_info(&[tree]);
    lists.accepts();
}

/// §13.4, §17.3: An extension of RFC 9420 stands only where it has a meaning.
#[test]
fn r291_extensions_out_of_place() {
    let mut lists = Lists::new(291, Rule::ExtensionInPlace);
    let alice = &lists.trial.alice;
    let all = [
        Extension::new(code::APPLICATION_ID, b"name"),
        Extension::new(code::RATCHET_TREE, alice.tree.extension_data()),
        RequiredCapabilities::default().extension(),
        Extension::new(code::EXTERNAL_PUB, ExternalPub { external_pub: alice.external_pub() }.bytes()),
        ExternalSender::extension(&[]),
    ];
    for extension in all {
        let (kind, list) = (extension.extension_type, [extension]);
        lists.in_key_package(&list);
        if kind != code::APPLICATION_ID {
            lists.in_leaf(&list);
        }
        if ![code::REQUIRED_CAPABILITIES, code::EXTERNAL_SENDERS].contains(&kind) {
            lists.in_context(&list);
        }
        if ![code::RATCHET_TREE, code::EXTERNAL_PUB].contains(&kind) {
            lists.in_group_info(&list);
        }
    }
    lists.accepts();
}

/// §13.4: Whoever is added, or joins from outside, supports all extensions of the group.
#[test]
fn r292_a_joiner_who_lacks_an_extension() {
    const LACKING: Rule = Rule::ExtensionSupportedByAll;
    let mut trial = Trial::new(292);
    let test = Extension::new(TEST_EXTENSION.0, b"content");
    let change = || Proposal::GroupContextExtensions(vec![test.clone()]);
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 1_292);
    let lacks = |leaf: &mut LeafNode| leaf.capabilities.extensions.clear();
    let lacking = erin.key_package_with(lacks, |_| ());
    // With the commit that brings the extension, and once it is there.
    trial.refuses_commit([change(), Proposal::add(&lacking)], LACKING);
    trial.set_extensions(vec![test.clone()]);
    trial.refuses_commit([Proposal::add(&lacking)], LACKING);
    let waiting = trial.proposes(Proposal::add(&lacking));
    trial.refuses_commit([waiting], LACKING);
    let package = cenacle_mls::wire::KeyPackage::from_bytes(&lacking.bytes()).unwrap();
    trial.refuses_call(|group, inputs, rng| group.commit().add(package).build(inputs, rng), LACKING);
    let mut mallory = trial.alice.outsider("mallory");
    let bad = mallory.clone().make(Plan::external_commit().leaf(lacks));
    trial.refuses(&bad, LACKING);
    let twin = mallory.make(Plan::external_commit());
    trial.accepts(&twin);
    trial.accepts_commit([Proposal::add(&erin.key_package())]);
}
