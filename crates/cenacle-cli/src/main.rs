//! The program `cenacle`: reads the command line and hands over to the library. One line for each subcommand; what it
//! takes and does is in the library's module of the same name.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use cenacle_cli::{
    bench::BenchArgs,
    chat::ChatArgs,
    demo::{DemoArgs, DemoPersonArgs},
    inspect::InspectArgs,
    interop::InteropArgs,
    serve::ServeArgs,
    vectors::VectorsArgs,
    world::WorldArgs,
};
use clap::{Parser, Subcommand};

/// Messaging Layer Security (RFC 9420): look inside it, try it, check it.
#[derive(Debug, Parser)]
#[command(name = "cenacle", version, after_help = EXAMPLES, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bench(BenchArgs),
    Chat(ChatArgs),
    Demo(DemoArgs),
    #[command(hide = true)]
    DemoPerson(DemoPersonArgs),
    Inspect(InspectArgs),
    Interop(InteropArgs),
    Serve(ServeArgs),
    Vectors(VectorsArgs),
    World(WorldArgs),
}

const EXAMPLES: &str = "\
Examples:
  cenacle demo                           watch a group talk, with everything that can go wrong
  cenacle serve                          run the server here, for `cenacle chat --as NAME`
  cenacle inspect welcome.bin            what is inside a message, whatever it is
  cenacle vectors verify ./test-vectors  does this build agree with every other MLS implementation?
  cenacle vectors generate ./vectors     test vectors for every cipher suite, for others to agree with
  cenacle world --seeds 10               groups that never were, judged by a model

`cenacle COMMAND --help` says more, with examples.";

fn main() -> ExitCode {
    match CommandLine::parse().command {
        Command::Bench(args) => args.run(),
        Command::Chat(args) => args.run(),
        Command::Demo(args) => args.run(),
        Command::DemoPerson(args) => args.run(),
        Command::Inspect(args) => args.run(),
        Command::Interop(args) => args.run(),
        Command::Serve(args) => args.run(),
        Command::Vectors(args) => args.run(),
        Command::World(args) => args.run(),
    }
}
