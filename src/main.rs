//! The `xdsnap` command.

fn main() -> std::process::ExitCode {
    xdsnap::cli::main()
}
