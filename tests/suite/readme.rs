//! The README: its samples are what the program prints, its links lead somewhere, its commands are those of `.ci/run`.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

use crate::support::program::home;

/// Stands before a block of commands and what they print.
const MARK: &str = "<!-- tested -->";

/// How wide a block of code may be, in characters.
const WIDTH: usize = 80;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

#[test]
fn the_samples_in_the_readme_are_what_the_program_prints() {
    let folder = tempfile::tempdir().unwrap();
    symlink(root().join("testdata"), folder.path().join("testdata")).unwrap();
    let written = readme();
    let mut count = 0;
    let printed = with_samples(&written, &mut |command| {
        count += 1;
        run(command, folder.path())
    });
    assert!(count > 0, "no commands below `{MARK}`");
    if env::var_os("XDSNAP_BLESS").is_some() {
        fs::write(root().join("README.md"), printed).unwrap();
        return;
    }
    let diff = similar::TextDiff::from_lines(&written, &printed);
    assert!(
        written == printed,
        "README.md has other samples than the program prints (XDSNAP_BLESS=1 writes them):\n{}",
        diff.unified_diff()
    );
}

#[test]
fn a_sample_that_is_not_what_is_printed_is_found() {
    let page =
        format!("$ a\n{MARK}\n```console\n$ a \\\n  b\nold\n$ c\n```\n```console\n$ d\n```\n");
    let mut commands = Vec::new();
    let printed = with_samples(&page, &mut |command| {
        commands.push(command.to_owned());
        format!("new {}\n", commands.len())
    });
    assert_eq!(commands, ["a \\\n  b", "c"]);
    assert_eq!(
        printed,
        format!(
            "$ a\n{MARK}\n```console\n$ a \\\n  b\nnew 1\n$ c\nnew 2\n```\n```console\n$ d\n```\n"
        )
    );
}

#[test]
fn blocks_of_code_in_the_readme_fit_80_columns() {
    let page = readme();
    // To be copied and run by people and machines, so it is not broken.
    let is_exempt = |line: &str| line.starts_with("cargo run ");
    for block in page.split("```").skip(1).step_by(2) {
        for line in block.lines().filter(|line| !is_exempt(line)) {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }
}

#[test]
fn the_links_in_the_readme_lead_to_files_of_the_repository() {
    let page = readme();
    let targets = page.split("](").skip(1);
    let targets: Vec<&str> = targets
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .filter(|target| !target.contains("://"))
        .collect();
    assert!(!targets.is_empty());
    for target in targets {
        assert!(root().join(target).exists(), "{target}");
    }
}

#[test]
fn the_last_step_of_ci_is_the_test_command_of_the_readme() {
    let page = readme();
    let (_, section) = page.split_once("\n## Build and test\n").unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    let (command, _) = block.split_once("\n```").unwrap();
    let script = fs::read_to_string(root().join(".ci/run")).unwrap();
    assert_eq!(script.lines().last(), Some(command));
}

/// The page with what `run` gives below each command of the blocks that are marked, in the place of what stood there.
fn with_samples(page: &str, run: &mut dyn FnMut(&str) -> String) -> String {
    let mut samples = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        samples += &format!("{line}\n");
        if line != MARK {
            continue;
        }
        let fence = lines.next().unwrap();
        assert_eq!(fence, "```console", "below `{MARK}`");
        samples += &format!("{fence}\n");
        while let Some(line) = lines.next() {
            if let Some(first) = line.strip_prefix("$ ") {
                let mut command = first.to_owned();
                while command.ends_with('\\') {
                    command += &format!("\n{}", lines.next().unwrap());
                }
                samples += &format!("$ {command}\n{}", run(&command));
            } else if line == "```" {
                samples += "```\n";
                break;
            }
        }
    }
    samples
}

/// What a shell in `folder` shows of `command`.
fn run(command: &str, folder: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_xdsnap")).parent().unwrap();
    let mut path = program.as_os_str().to_owned();
    path.push(":");
    path.push(env::var_os("PATH").unwrap());
    let output = Command::new("sh")
        .arg("-c")
        .arg(format!("exec 2>&1\n{command}"))
        .current_dir(folder)
        .env("PATH", path)
        .env("XDG_STATE_HOME", home())
        .env_remove("XDSNAP_REDACTION_KEY_FILE")
        .env("LC_ALL", "C.UTF-8")
        .env_remove("COLUMNS")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}
