//! The same tests on the other engines, in processes of their own.
use std::process::Command;

/// Engines with numbers of workers, besides the one that runs where nothing is said.
const OTHERS: [(&str, bool, &[&str]); 2] =
    [("threads", cfg!(feature = "threads"), &["1", "2", "3", "8"]), ("serial", true, &["1"])];

/// Runs this program on each, unless it runs on one that it was told; whether all passed.
pub fn others() -> bool {
    if std::env::var_os("DETPAR_ENGINE").is_some() {
        return true;
    }
    let runs = OTHERS.iter().filter(|(_, built, _)| *built);
    let runs = runs.flat_map(|(engine, _, all)| all.iter().map(move |workers| (engine, workers)));
    let failed = runs.filter(|(engine, workers)| {
        let me = std::env::current_exe().expect("this program");
        let mut command = Command::new(me);
        command.env("DETPAR_ENGINE", engine).env("DETPAR_WORKERS", workers);
        println!("on the engine {engine} at {workers} workers:");
        !command.status().expect("a run of this program").success()
    });
    failed.count() == 0
}
