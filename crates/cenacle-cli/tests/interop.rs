//! `cenacle interop` from outside: it says where it listens, answers there, and ends when it is asked to.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "helpers of tests")]

use core::net::SocketAddr;
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

fn interop(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cenacle"));
    command.arg("interop").args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A process that does not outlive its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn start(args: &[&str]) -> (Process, String) {
    let mut process = Process(interop(args).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (process, line)
}

#[test]
fn it_says_where_it_listens_and_speaks_http2_there() {
    let (process, line) = start(&["--listen", "127.0.0.1:0", "--json"]);
    let announced: Value = serde_json::from_str(&line).unwrap();
    let address: SocketAddr = announced["address"].as_str().unwrap().parse().unwrap();
    assert!(address.ip().is_loopback() && address.port() != 0);
    let mut stream = TcpStream::connect(address).unwrap();
    // The server opens with a SETTINGS frame: three bytes of length, then type 4.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut frame = [0; 4];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(frame[3], 4);
    drop(process);
}

#[test]
#[cfg(unix)]
fn it_ends_well_when_it_is_asked_to() {
    for signal in ["INT", "TERM"] {
        let (mut process, line) = start(&["--listen", "localhost:0"]);
        assert!(line.starts_with("answering the test-runner on 127.0.0.1:"), "{line}");
        let told = Command::new("kill").args(["-s", signal, &process.0.id().to_string()]).status().unwrap();
        assert!(told.success());
        assert_eq!(process.0.wait().unwrap().code(), Some(0), "{signal}");
    }
}

#[test]
fn other_machines_are_shut_out_unless_asked_in() {
    let refused = interop(&["--listen", "0.0.0.0:0"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("private keys") && told.contains("--allow-remote"), "{told}");
    for (listen, is_open) in [("0.0.0.0:0", true), ("127.0.0.1:0", false)] {
        let (mut process, line) = start(&["--listen", listen, "--allow-remote"]);
        assert!(line.contains(listen.trim_end_matches('0')), "{line}");
        process.0.kill().unwrap();
        let mut warning = String::new();
        process.0.stderr.take().unwrap().read_to_string(&mut warning).unwrap();
        assert_eq!(warning.contains("warning: ") && warning.contains("private keys"), is_open, "{warning}");
    }
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let (process, line) = start(&["--listen", "127.0.0.1:0", "--json"]);
    let announced: Value = serde_json::from_str(&line).unwrap();
    let failed = interop(&["--listen", announced["address"].as_str().unwrap()]).output().unwrap();
    assert_eq!(failed.status.code(), Some(1));
    drop(process);
    let wrong = interop(&["--listen", "nowhere"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    let told = String::from_utf8(wrong.stderr).unwrap();
    assert!(told.contains("127.0.0.1:50001") && !told.contains("8443"), "{told}");
}

#[test]
fn help_has_examples() {
    let help = String::from_utf8(interop(&["--help"]).output().unwrap().stdout).unwrap();
    assert!(help.contains("Examples:") && help.contains("--listen") && help.contains("Exit status"), "{help}");
}
