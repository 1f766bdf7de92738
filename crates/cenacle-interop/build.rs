//! Generates the messages and the server half of `proto/mls_client.proto`, without a protoc on the machine. The client half
//! goes into a file of its own, which only the tests read.

use core::error::Error;
use std::{env, fs, path::PathBuf};

const PROTO: &str = "proto/mls_client.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROTO}");
    let files = protox::compile([PROTO], ["proto"])?;
    let client = PathBuf::from(env::var("OUT_DIR")?).join("client");
    fs::create_dir_all(&client)?;
    tonic_prost_build::configure().build_client(false).compile_fds(files.clone())?;
    tonic_prost_build::configure().build_server(false).out_dir(client).compile_fds(files)?;
    Ok(())
}
