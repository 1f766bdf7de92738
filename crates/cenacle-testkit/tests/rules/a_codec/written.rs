//! Every structure of RFC 9420 once, each of its vectors to be written badly, all else as it must be.

use cenacle_testkit::world::TEST_EXTENSION;

use crate::common::*;

/// In which bad ways the length header of a vector of so many bytes is to be written.
pub(super) type Ways<'a> = &'a dyn Fn(usize) -> Vec<Twist>;

/// One quirk for each vector of a value and each way.
pub(super) fn quirks(value: &impl Wire, ways: Ways<'_>) -> Vec<Quirk> {
    let (bytes, marks) = (value.bytes(), value.marks());
    let mut quirks = Vec::new();
    for (place, mark) in marks.iter().enumerate().filter(|(_, mark)| mark.kind == Kind::Length) {
        let before = marks[..place].iter().filter(|earlier| earlier.name == mark.name).count();
        let length = Scan(&bytes[mark.offset..]).vector().len();
        quirks.extend(ways(length).into_iter().map(|twist| Quirk { at: At::FieldNth(mark.name, before), twist }));
    }
    quirks
}

/// An opaque value for each way.
fn strings(content: &[u8], ways: Ways<'_>) -> Vec<Vec<u8>> {
    let content = content.to_vec();
    quirks(&content, ways).into_iter().map(|quirk| content.bytes_with(&[quirk])).collect()
}

/// Every vector of every structure is refused when it is written in these ways, and accepted when it is not.
pub(super) fn refuses_everywhere(seed: u64, ways: Ways<'_>, kind: DecodeErrorKind) {
    let mut trial = Trial::new(seed);
    welcomes(&mut trial, ways, kind);
    group_infos(&mut trial, ways);
    contexts(&mut trial, ways);
    framing(&mut trial, ways, kind);
    contents(&mut trial, ways, kind);
}

/// The content of a message, in the clear and encrypted: data, an Update, a commit of many things, an external commit, a ReInit.
fn contents(trial: &mut Trial, ways: Ways<'_>, kind: DecodeErrorKind) {
    refuses_content(trial, &|| Plan::application(b"data"), &[true], ways, kind);
    let update = trial.alice.leaf_node(|leaf| leaf.extensions.push(extension()));
    let update = || Plan { authenticated_data: vec![7; 63], ..Plan::proposal(Proposal::update(update.clone())) };
    refuses_content(trial, &update, &[false, true], ways, kind);

    let mut frank = Insider::nobody(&trial.alice.suite, "frank", 6);
    let frank = frank.key_package_with(|_| (), |package| package.extensions.push(extension()));
    let (external, present) = (trial.shared_psk(b"known to all"), trial.alice.resumption(trial.alice.context.epoch));
    let psks = [external, present].map(|psk| Proposal::PreSharedKey(trial.alice.psk_id(psk)));
    let context = Proposal::GroupContextExtensions(vec![extension()]);
    let waiting = trial.proposes(Proposal::Remove(3));
    let list = [&psks[..], &[Proposal::add(&frank), context]].concat();
    let commit = || {
        let extended = |leaf: &mut LeafNode| leaf.extensions = vec![extension()];
        Plan::commit().with(list.clone()).with([waiting.clone()]).leaf(extended)
    };
    refuses_content(trial, &commit, &[false, true], ways, kind);

    let twin = trial.alice.outsider("mallory").make(Plan::external_commit());
    refuses_public(trial, &twin, ways, kind);
    trial.accepts(&twin);

    let next = ReInit { group_id: b"next".to_vec(), version: 1, cipher_suite: 1, extensions: vec![extension()] };
    let reinit = || Plan { authenticated_data: vec![7; 0x3fff], ..Plan::proposal(Proposal::ReInit(next.clone())) };
    refuses_content(trial, &reinit, &[false, true], ways, kind);
}

fn extension() -> Extension {
    Extension::new(TEST_EXTENSION.0, b"content")
}

fn refuses_content(
    trial: &mut Trial,
    plan: &dyn Fn() -> Plan<'static>,
    framings: &[bool],
    ways: Ways<'_>,
    kind: DecodeErrorKind,
) {
    for private in framings {
        if !private {
            let twin = trial.alice.clone().make(plan());
            refuses_public(trial, &twin, ways, kind);
            continue;
        }
        // Encrypted anew, with the signature and tag of the twin.
        let (mut framed, mut body, mut auth) = (FramedContent::default(), Vec::new(), Auth::default());
        let seen = plan().private().content(|seen| framed = seen.clone()).auth(|seen| auth = seen.clone());
        trial.alice.clone().make(seen.seal(|seal| body.clone_from(&seal.body)));
        let content = Body(framed.content.clone());
        assert_eq!(body, [content.bytes(), auth.bytes()].concat());
        for quirk in quirks(&content, ways) {
            let spoilt = Content::Raw(framed.content.content_type(), content.bytes_with(&[quirk]));
            let spoilt = FramedContent { content: spoilt, ..framed.clone() };
            let bad = Plan::application(b"").content(|made| made.clone_from(&spoilt));
            let bad = trial.alice.make(bad.auth(|made| made.clone_from(&auth)));
            trial.refuses_encoding(&bad, kind);
        }
    }
    let twin = trial.alice.make(plan());
    trial.accepts(&twin);
}

/// A content without its type.
struct Body(Content);

impl Wire for Body {
    fn write(&self, pen: &mut Pen) {
        self.0.write_body(pen);
    }

    fn read(_: &mut Scan<'_>) -> Self {
        unreachable!("it is only written")
    }
}

/// A public message, with the signature and tags of the twin.
fn refuses_public(trial: &mut Trial, twin: &Forged, ways: Ways<'_>, kind: DecodeErrorKind) {
    let body = unwrap_message(&twin.bytes).1;
    let content = PublicMessage::parse(body).content;
    let rest = &body[content.bytes().len()..];
    for quirk in quirks(&content, ways) {
        let bad = [&content.bytes_with(&[quirk]), rest].concat();
        trial.refuses_encoding(mls_message(code::PUBLIC_MESSAGE, &bad), kind);
    }
}

/// What is around the content: the encrypted message, signature and tags.
fn framing(trial: &mut Trial, ways: Ways<'_>, kind: DecodeErrorKind) {
    for length in [63, 0x3fff] {
        let data = Plan { authenticated_data: vec![7; length], ..Plan::application(b"data") };
        let twin = trial.alice.make(data);
        let message = PrivateMessage::parse(unwrap_message(&twin.bytes).1);
        for quirk in quirks(&message, ways) {
            trial.refuses_encoding(mls_message(code::PRIVATE_MESSAGE, &message.bytes_with(&[quirk])), kind);
        }
        trial.accepts(&twin);
    }
    let twin = trial.alice.make(Plan::commit());
    let body = unwrap_message(&twin.bytes).1;
    let PublicMessage { content, auth, membership_tag } = PublicMessage::parse(body);
    let parts = [auth.signature, auth.confirmation_tag.unwrap(), membership_tag.unwrap()];
    for (spoilt, part) in parts.iter().enumerate() {
        for string in strings(part, ways) {
            let mut body = [content.bytes(), parts[0].bytes(), parts[1].bytes(), parts[2].bytes()];
            body[spoilt + 1] = string;
            trial.refuses_encoding(mls_message(code::PUBLIC_MESSAGE, &body.concat()), kind);
        }
    }
    trial.accepts(&twin);
}

/// A Welcome and what is encrypted in it.
fn welcomes(trial: &mut Trial, ways: Ways<'_>, kind: DecodeErrorKind) {
    let erin = trial.newcomer("erin");
    let psk = trial.shared_psk(b"of the Welcome");
    let psk = Proposal::PreSharedKey(trial.alice.psk_id(psk));
    let plan = || Plan::commit().with([Proposal::add(&erin), psk.clone()]);
    let (mut secrets, mut info) = (GroupSecrets::default(), GroupInfo::default());
    let seen =
        plan().group_secrets(|seen| secrets = seen.clone()).group_info_bytes(|seen| info = GroupInfo::parse(seen));
    let twin = trial.alice.clone().make(seen);
    let welcome = Welcome::parse(unwrap_message(twin.welcome()).1);
    for quirk in quirks(&welcome, ways) {
        let bad = mls_message(code::WELCOME, &welcome.bytes_with(&[quirk]));
        trial.refuses_welcome_encoding("erin", &bad, kind);
    }
    for quirk in quirks(&secrets, ways) {
        let quirk = [quirk];
        let bad = plan().group_secrets_bytes(|bytes| *bytes = GroupSecrets::parse(bytes).bytes_with(&quirk));
        let bad = trial.alice.clone().make(bad);
        trial.refuses_welcome_encoding("erin", bad.welcome(), kind);
    }
    for quirk in quirks(&info, ways) {
        let quirk = [quirk];
        let bad = plan().group_info_bytes(|bytes| *bytes = GroupInfo::parse(bytes).bytes_with(&quirk));
        let bad = trial.alice.clone().make(bad);
        trial.refuses_welcome_encoding("erin", bad.welcome(), kind);
    }
    trial.joins("erin", &twin);
}

/// Extensions of a GroupInfo whose content is a structure.
fn group_infos(trial: &mut Trial, ways: Ways<'_>) {
    trial.world.enter("frank");
    let external_pub = ExternalPub { external_pub: trial.alice.external_pub() };
    let tree = trial.alice.tree.nodes();
    let written = |kind, quirks: Vec<Quirk>, write: &dyn Fn(&[Quirk]) -> Vec<u8>| {
        quirks.into_iter().map(|quirk| (kind, write(&[quirk]))).collect::<Vec<_>>()
    };
    let cases = [
        written(code::EXTERNAL_PUB, quirks(&external_pub, ways), &|quirk| external_pub.bytes_with(quirk)),
        written(code::RATCHET_TREE, quirks(&tree, ways), &|quirk| tree.bytes_with(quirk)),
    ];
    for (kind, content) in cases.concat() {
        let change = |info: &mut GroupInfo| info.extension(kind).extension_data.clone_from(&content);
        let bad = trial.alice.group_info(Plan::commit().group_info(change));
        trial.refuses_group_info("frank", &bad, Rule::ExtensionWellFormed);
    }
    let twin = trial.alice.group_info(Plan::commit());
    trial.joins_from_outside("frank", &twin);
}

/// Extensions of a GroupContext whose content is a structure.
fn contexts(trial: &mut Trial, ways: Ways<'_>) {
    let senders = ["one", "two"].map(|name| trial.alice.outsider(name).as_external_sender()).to_vec();
    let required = RequiredCapabilities { credential_types: vec![1], ..RequiredCapabilities::default() };
    let change = |kind, content| Proposal::GroupContextExtensions(vec![Extension::new(kind, content)]);
    for quirk in quirks(&senders, ways) {
        let bad = change(code::EXTERNAL_SENDERS, senders.bytes_with(&[quirk]));
        trial.refuses_everywhere(&bad, Rule::ExtensionWellFormed);
    }
    for quirk in quirks(&required, ways) {
        let bad = change(code::REQUIRED_CAPABILITIES, required.bytes_with(&[quirk]));
        trial.refuses_everywhere(&bad, Rule::ExtensionWellFormed);
    }
    trial.set_extensions(vec![ExternalSender::extension(&senders), required.extension()]);
}
