//! The `xdsnap` command.

fn main() -> std::process::ExitCode {
    xdsnap::cli::main()
}

/// That of musl has one lock for all threads, and a comparison of two large dumps takes three times as long.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
