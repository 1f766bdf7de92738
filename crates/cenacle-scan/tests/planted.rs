//! What is planted is found: in the heap and on the stack of another process, in a database's free page and gaps, in its
//! log, as it is, in hexadecimal and reversed, and if only a piece of it is left. What is not there is not found.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "tests fail by panicking")]

use std::{fs, path::Path};

use cenacle_scan::{Form, Wanted};
use tempfile::tempdir;

/// The `n`-th value: bytes of no pattern, the same in every process.
fn value(n: u64) -> Vec<u8> {
    let mut state = n + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[2]
    };
    (0..32).map(|_| next()).collect()
}

fn wanted(count: u64) -> Wanted {
    let mut wanted = Wanted::default();
    (0..count).for_each(|n| assert_eq!(wanted.add(&value(n)) as u64, n));
    wanted
}

#[test]
fn all_forms_and_pieces_are_found_where_they_are() {
    let wanted = wanted(100);
    let secret = value(42);
    let found = |bytes: &[u8]| {
        let hits = wanted.find(&[b"before ", bytes, b" after"].concat());
        assert!(hits.iter().all(|hit| hit.value == 42 && hit.at >= 7));
        hits.into_iter().map(|hit| (hit.form, hit.piece)).collect::<Vec<_>>()
    };
    let pieces = [0..16, 8..24, 16..32];
    assert_eq!(found(&secret), pieces.clone().map(|piece| (Form::Raw, piece)));
    assert_eq!(found(hex::encode(&secret).as_bytes()), pieces.clone().map(|piece| (Form::Hex, piece)));
    assert_eq!(found(hex::encode_upper(&secret).as_bytes()), pieces.map(|piece| (Form::Hex, piece)));
    let reversed: Vec<u8> = secret.iter().rev().copied().collect();
    assert_eq!(found(&reversed), [(Form::Reversed, 16..32), (Form::Reversed, 8..24), (Form::Reversed, 0..16)]);
    assert_eq!(found(&secret[16..]), [(Form::Raw, 16..32)]);
    assert_eq!(found(&secret[8..24]), [(Form::Raw, 8..24)]);
    assert_eq!(found(&secret[..15]), []);
    assert_eq!(found(&value(100)), []);
}

#[test]
fn a_short_value_is_found_whole() {
    let mut wanted = Wanted::default();
    let nonce = &value(1)[..12];
    wanted.add(nonce);
    assert_eq!(wanted.find(nonce).len(), 1);
    assert_eq!(wanted.find(&nonce[1..]), []);
}

/// The names of the files that have a value.
fn files_with(folder: &Path, n: u64) -> Vec<String> {
    let mut wanted = Wanted::default();
    wanted.add(&value(n));
    let found = wanted.find_in_files(folder).unwrap();
    let mut names: Vec<String> =
        found.iter().map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    names.dedup();
    names
}

#[test]
fn what_a_database_leaves_behind_is_found() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("rows.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch("PRAGMA secure_delete = OFF; CREATE TABLE rows (n INTEGER PRIMARY KEY, value BLOB)")
        .unwrap();
    // Rows of a page and more each: erased, their pages are free.
    for n in 0..20 {
        let page = value(n).repeat(200);
        connection.execute("INSERT INTO rows VALUES (?1, ?2)", rusqlite::params![n as i64, page]).unwrap();
    }
    connection.execute("DELETE FROM rows WHERE n < 10", []).unwrap();
    assert_eq!(files_with(folder.path(), 5), ["rows.db"], "in a free page");
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.execute("INSERT INTO rows VALUES (100, ?1)", [value(100)]).unwrap();
    connection.execute("DELETE FROM rows WHERE n = 100", []).unwrap();
    assert_eq!(files_with(folder.path(), 100), ["rows.db-wal"], "in the log");
    assert_eq!(files_with(folder.path(), 1_000), [""; 0]);
    fs::write(folder.path().join("notes.txt"), hex::encode(value(1_000))).unwrap();
    assert_eq!(files_with(folder.path(), 1_000), ["notes.txt"], "in hexadecimal");
}

#[cfg(target_os = "linux")]
mod in_memory {
    use core::hint::black_box;
    use std::{
        env,
        io::{BufRead, BufReader, Read},
        process::{Child, Command, Stdio},
    };

    use cenacle_scan::{Form, process};

    use super::{value, wanted};

    #[inline(never)]
    fn on_the_stack(n: u64) {
        // Deep enough that no later call reaches it.
        let mut array = [0u8; 256 * 1024];
        array[200..232].copy_from_slice(&value(n));
        println!("planted at {:x}", black_box(&mut array).as_ptr() as usize + 200);
    }

    /// Not a test by itself: the process that is searched.
    #[test]
    #[ignore = "started by the tests that search it"]
    fn child_with_something_planted() {
        let kept = value(3);
        let freed: Vec<Vec<u8>> = (10..20).map(value).collect();
        drop(black_box(freed));
        let text = hex::encode(value(4));
        on_the_stack(5);
        let mut nothing = [0];
        let _ended = std::io::stdin().read(&mut nothing);
        black_box((kept, text));
    }

    /// The child, once it has everything, and where on its stack the fifth value was. Its output must be held until it ends.
    fn planted() -> (Child, usize, impl Iterator<Item = String>) {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "in_memory::child_with_something_planted",
                "--ignored",
                "--nocapture",
                "--test-threads=1",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let place = lines.find_map(|line| Some(line.split_once("planted at ")?.1.to_owned())).unwrap();
        (child, usize::from_str_radix(&place, 16).unwrap(), lines)
    }

    #[test]
    fn what_a_process_has_and_had_is_found() {
        let (mut child, place, _output) = planted();
        let search = process::search(child.id(), &wanted(30)).unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(search.searched_bytes > 100_000, "{} bytes", search.searched_bytes);
        let forms = |n: usize| {
            let hits = search.found.iter().filter(|found| found.hit.value == n);
            hits.map(|found| found.hit.form).collect::<Vec<_>>()
        };
        assert!(forms(3).contains(&Form::Raw), "kept");
        assert!(forms(4).contains(&Form::Hex), "kept in hexadecimal");
        assert!((10..20).any(|n| forms(n).contains(&Form::Raw)), "freed");
        assert!(search.found.iter().any(|found| found.hit.value == 5 && found.hit.at == place), "on the stack");
        assert_eq!(forms(25), [], "never there");
    }
}
