//! `cenacle inspect` from outside: every structure of a real group, every way to hand it over, and what a refusal says.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

extern crate alloc;

use alloc::sync::Arc;
use std::{
    fs,
    io::Write as _,
    process::{Command, Output, Stdio},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use cenacle_codec::Encode;
use cenacle_crypto::{CipherSuite, CryptoProvider as _};
use cenacle_crypto_awslc::{AwsLcProvider, SystemRng};
use cenacle_mls::{
    group::{AcceptAll, Client, CommitBundle, Inputs},
    wire::{Credential, Extensions, GroupId, KeyPackage, Lifetime, MlsMessage, MlsMessageBody},
};
use cenacle_store::MemoryStore;
use serde_json::Value;

const LIFETIME: Lifetime = Lifetime { not_before: 1_700_000_000, not_after: 1_700_000_000 + 7_000_000 };

fn client(name: &str) -> Client {
    let suite = AwsLcProvider.suite(CipherSuite(1)).unwrap();
    let (secret, _) = suite.signature_key_pair(&mut SystemRng).unwrap();
    let signer = Arc::from(suite.signer(&secret).unwrap());
    Client::new(suite, signer, Credential::Basic(name.as_bytes().into()))
}

fn key_package(name: &str) -> (MlsMessage, KeyPackage) {
    let made = client(name).key_package(LIFETIME, false, &mut SystemRng).unwrap();
    let message = made.persist(&mut MemoryStore::default()).unwrap();
    let MlsMessageBody::KeyPackage(body) = &message.body else { unreachable!("a key package") };
    let body = body.clone();
    (message, body)
}

/// Alice's group with the commit that adds Bob and Carol, and its tree.
fn group() -> (CommitBundle, Vec<u8>) {
    let (inputs, mut store) = (Inputs::new(&AcceptAll), MemoryStore::default());
    let group_id = GroupId::from(b"upper room".as_slice());
    let group = client("Alice").create_group(group_id, Extensions::default(), LIFETIME, &inputs, &mut SystemRng);
    let mut group = group.unwrap().accept(&mut store).unwrap();
    let commit = group.commit().add(key_package("Bob").1).add(key_package("Carol").1).with_group_info();
    let commit = commit.build(&inputs, &mut SystemRng).unwrap();
    let bundle = group.merge(commit, &mut store).unwrap();
    let opened = group.open(&bundle.commit).unwrap();
    let staged = group.stage(opened, &inputs).unwrap();
    group.merge(staged, &mut store).unwrap();
    let tree = group.public().tree().to_bytes().unwrap();
    (bundle, tree)
}

fn run(args: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cenacle"));
    command.arg("inspect").args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The command may end without reading its input.
    drop(child.stdin.take().unwrap().write_all(input));
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8], args: &[&str]) -> String {
    let output = run(&[&["-"], args].concat(), bytes);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(bytes: &[u8], args: &[&str]) -> Value {
    serde_json::from_str(&text(bytes, &[&["--json"], args].concat())).unwrap()
}

#[test]
fn a_key_package_wrapped_and_bare() {
    let (message, bare) = key_package("Zoë");
    let shown = text(&message.to_bytes().unwrap(), &[]);
    assert!(shown.contains("decoded as MLSMessage\n"), "{shown}");
    assert!(shown.contains("wire_format: KEY_PACKAGE (0x0005)"), "{shown}");
    assert!(shown.contains("identity: 4 bytes 5a6fc3ab \"Zoë\""), "{shown}");
    assert!(shown.contains("not_before: 1700000000 (2023-11-14 22:13:20 UTC)"), "{shown}");
    let shown = json(&bare.to_bytes().unwrap(), &[]);
    assert_eq!(shown["structure"], "KeyPackage");
    assert_eq!(shown["value"]["cipher_suite"]["name"], "MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519");
    assert_eq!(shown["value"]["init_key"], hex::encode(&*bare.init_key.0));
}

#[test]
fn a_welcome_wrapped_and_bare() {
    let welcome = group().0.welcome.unwrap();
    let shown = json(&welcome.to_bytes().unwrap(), &[]);
    assert_eq!(shown["value"]["welcome"]["secrets"].as_array().unwrap().len(), 2);
    let MlsMessageBody::Welcome(bare) = &welcome.body else { unreachable!("a Welcome") };
    assert_eq!(json(&bare.to_bytes().unwrap(), &[])["structure"], "Welcome");
}

#[test]
fn a_group_info_with_its_tree_drawn() {
    let info = group().0.group_info.unwrap();
    let shown = text(&info.to_bytes().unwrap(), &[]);
    for part in
        ["group_id: 10 bytes 757070657220726f6f6d \"upper room\"", "RATCHET_TREE (0x0002)", "EXTERNAL_PUB (0x0004)"]
    {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    assert!(shown.lines().any(|line| ["Alice", "Bob", "Carol"].iter().all(|name| line.contains(name))), "{shown}");
    let shown = json(&info.to_bytes().unwrap(), &[]);
    assert_eq!(shown["value"]["group_info"]["group_context"]["epoch"], 1);
    let MlsMessageBody::GroupInfo(bare) = &info.body else { unreachable!("a GroupInfo") };
    assert_eq!(json(&bare.to_bytes().unwrap(), &[])["structure"], "GroupInfo");
}

#[test]
fn a_bare_tree() {
    let shown = text(&group().1, &[]);
    assert!(shown.contains("decoded as ratchet_tree") && shown.contains('●'), "{shown}");
    assert_eq!(json(&group().1, &["--as", "ratchet-tree"])["value"]["nodes"].as_array().unwrap().len(), 5);
}

#[test]
fn from_a_file_an_argument_or_standard_input_in_any_spelling() {
    let bytes = key_package("Bob").0.to_bytes().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key-package");
    let spellings = [bytes.clone(), hex::encode(&bytes).into_bytes(), BASE64_STANDARD.encode(&bytes).into_bytes()];
    let tree = |output: Output| String::from_utf8(output.stdout).unwrap().split_once('\n').unwrap().1.to_owned();
    let expected = tree(run(&["-"], &bytes));
    assert!(expected.starts_with("MLSMessage:\n"));
    for spelling in spellings {
        fs::write(&path, &spelling).unwrap();
        assert_eq!(tree(run(&[path.to_str().unwrap()], &[])), expected);
        assert_eq!(tree(run(&[], &spelling)), expected);
        if let Ok(argument) = core::str::from_utf8(&spelling)
            && spelling != bytes
        {
            assert_eq!(tree(run(&[argument], &[])), expected);
        }
    }
}

#[test]
fn full_shows_every_byte() {
    let (message, bare) = key_package("Bob");
    let bytes = message.to_bytes().unwrap();
    let key = hex::encode(&*bare.init_key.0);
    assert!(!text(&bytes, &[]).contains(&key));
    assert!(text(&bytes, &["--full"]).contains(&key));
}

#[test]
fn bad_bytes_are_pointed_at() {
    let mut bytes = key_package("Bob").0.to_bytes().unwrap();
    // The length of the init key, behind version, wire format, version and suite.
    bytes[8] = 0xc0;
    let output = run(&["-", "--as", "message"], &bytes);
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("are no MLSMessage"), "{complaint}");
    assert!(complaint.contains("at byte 8: a length header starts with the reserved bits 11"), "{complaint}");
    let marked = complaint.lines().position(|line| line.ends_with("^^ byte 8")).unwrap();
    let (dumped, mark) = (complaint.lines().nth(marked - 1).unwrap(), complaint.lines().nth(marked).unwrap());
    let column = mark.find("^^").unwrap();
    assert_eq!(dumped.get(column..column + 2), Some("c0"), "{complaint}");
}

#[test]
fn a_missing_file_whose_name_spells_bytes_is_told() {
    let output = run(&["v1/x"], &[]);
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("(base64)") && complaint.contains("(there is no file v1/x)"), "{complaint}");
    let complaint = String::from_utf8(run(&["-"], b"v1/x").stderr).unwrap();
    assert!(!complaint.contains("no file"), "{complaint}");
}

#[test]
fn bad_bytes_as_json() {
    let output = run(&["-", "--json", "--as", "welcome"], &[0xff; 40]);
    assert_eq!(output.status.code(), Some(1));
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&shown["bytes"], &shown["error"]["offset"]), (&40.into(), &2.into()));
}

#[test]
fn no_bytes_is_a_usage_error() {
    for (args, complaint) in [(&["no such file"][..], "\"no such file\": there is no such file"), (&["--as", "x"], "x")]
    {
        let output = run(args, &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr).unwrap().contains(complaint));
    }
}

#[test]
fn empty_input_is_not_decodable() {
    for args in [&[][..], &["-"], &[""]] {
        let output = run(args, &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().contains("the input is empty"));
    }
}

#[test]
fn help_teaches_by_examples() {
    for args in [&["--help"][..], &["inspect", "--help"], &["vectors", "--help"], &["vectors", "verify", "--help"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_cenacle")).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8(output.stdout).unwrap().contains("Examples:"));
    }
}
