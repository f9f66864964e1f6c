//! `detpar doctor` here, and where a system lacks something.
use detpar_tests::deny::{Deny, error};
use detpar_tests::docker::Profile;
use detpar_tests::harness::{Program, Run, assert_gone, check, copy_program};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn doctor() -> Program {
    Program::new(env!("CARGO_BIN_EXE_detpar")).arg("doctor").own_session().workers(2)
}

/// Runs it; nothing may be left over.
#[track_caller]
fn run(program: Program) -> Run {
    let running = program.start();
    let pid = running.pid();
    let run = running.wait();
    assert_gone(pid, "detpar doctor");
    run
}

/// What it says in JSON; each line that is not fine has a remedy, and no other.
#[track_caller]
fn report(program: Program) -> (Value, Run) {
    let run = run(program.arg("--json"));
    let report: Value = serde_json::from_str(&run.text())
        .unwrap_or_else(|e| panic!("{e}\n{}{}", run.text(), run.err_text()));
    for item in report["items"].as_array().expect("items") {
        let bad = item["state"] == "limit" || item["state"] == "missing";
        let remedy = item["remedy"].as_str();
        assert_eq!(bad, remedy.is_some_and(|r| r.len() > 10), "{item}");
    }
    (report, run)
}

#[track_caller]
fn item<'r>(report: &'r Value, name: &str) -> &'r Value {
    let mut items = report["items"].as_array().expect("items").iter();
    items.find(|i| i["name"] == name).unwrap_or_else(|| panic!("no {name} in\n{report:#}"))
}

fn deny(call: libc::c_long, bits: Option<(u32, u32)>, answer: u32) -> Program {
    let deny = Deny { call, bits, answer };
    doctor().before(move || deny.install())
}

#[test]
fn this_machine() {
    let (report, run) = report(doctor());
    assert_eq!(run.code(), Some(0), "{report:#}");
    assert!(report["verdict"].as_str().is_some_and(|v| v.starts_with("ready")), "{report:#}");
    assert_eq!((&report["engine"], &report["workers"]), (&"spaces".into(), &2.into()));
    for name in ["kernel", "/proc", "C library", "open files", "clone", "seccomp filter"] {
        assert_eq!(item(&report, name)["state"], "ok", "{report:#}");
    }
    let join = item(&report, "a join of two children");
    assert_eq!((&join["topic"], &join["state"]), (&"engine".into(), &"ok".into()));
}

/// A user without any right, in a process that can get none.
fn as_nobody() -> std::io::Result<()> {
    const NOBODY: u32 = 65534;
    // SAFETY: no groups are passed; the others have no memory operands.
    unsafe {
        check(libc::setgroups(0, std::ptr::null()))?;
        check(libc::setresgid(NOBODY, NOBODY, NOBODY))?;
        check(libc::setresuid(NOBODY, NOBODY, NOBODY))?;
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    }
}

#[test]
fn without_any_privilege() {
    // SAFETY: has no operands.
    if unsafe { libc::geteuid() } != 0 {
        println!("skipped: only root may become another user; all other tests run without rights");
        return;
    }
    // The programs' own place may be closed to others.
    let place = tempfile::tempdir().expect("a temporary directory");
    let open = |path: &Path| {
        let rights = fs::Permissions::from_mode(0o755);
        fs::set_permissions(path, rights).expect("permissions");
    };
    open(place.path());
    for (from, name) in [
        (env!("CARGO_BIN_EXE_detpar"), "detpar"),
        (env!("CARGO_BIN_EXE_detpar-probe"), "detpar-probe"),
    ] {
        copy_program(from, place.path().join(name));
        open(&place.path().join(name));
    }
    let own = || Program::new(place.path().join("detpar")).arg("doctor").own_session().workers(2);
    let (report, run) = report(own().dir("/").before(as_nobody));
    assert_eq!(run.code(), Some(0), "{report:#}");
    let bad: Vec<_> = report["items"].as_array().expect("items").iter().collect();
    let bad: Vec<_> = bad.iter().filter(|i| i["state"] == "missing").collect();
    assert!(bad.is_empty() && report["engine"] == "spaces", "{report:#}");
    // Under Docker's default profile as well, where addresses stay random.
    let profile = Profile::new();
    let (report, run) =
        self::report(own().dir("/").before(as_nobody).before(move || profile.install()));
    assert_eq!((run.code(), &report["verdict"]), (Some(0), &"ready with limits".into()));
    assert_eq!(item(&report, "personality")["state"], "limit", "{report:#}");
    let filters = item(&report, "seccomp")["text"].as_str().unwrap_or_default().to_owned();
    assert!(filters.contains("filter(s) in force") && filters.ends_with("no new privileges"));
}

/// A container's default profile: what it denies is told, and the engine runs.
#[test]
fn under_dockers_profile() {
    let profile = Profile::new();
    let (report, run) = report(doctor().before(move || profile.install()));
    assert_eq!((run.code(), &report["verdict"]), (Some(0), &"ready with limits".into()));
    let limits: Vec<_> = report["items"].as_array().expect("items").iter().collect();
    let limits = limits.iter().filter(|i| i["topic"] == "calls" && i["state"] != "ok");
    let limits: Vec<_> = limits.map(|i| i["name"].as_str().unwrap_or_default()).collect();
    assert_eq!(limits, ["personality"], "{report:#}");
    assert_eq!(item(&report, "a join of two children")["state"], "ok", "{report:#}");
}

#[test]
fn the_engine_that_is_asked_for() {
    for engine in ["threads", "serial"] {
        let (report, run) = report(doctor().env("DETPAR_ENGINE", engine));
        assert_eq!((run.code(), &report["engine"]), (Some(0), &engine.into()), "{report:#}");
        let join = item(&report, "a join of two children");
        let text = join["text"].as_str().unwrap();
        assert!(text.contains(&format!("engine `{engine}` as DETPAR_ENGINE asks for")), "{text}");
    }
    let (report, run) = report(doctor().env("DETPAR_ENGINE", "other"));
    assert_eq!((run.code(), &report["engine"]), (Some(1), &Value::Null), "{report:#}");
    assert!(item(&report, "a join of two children")["text"].as_str().unwrap().contains("`serial`"));
}

#[test]
fn text_ends_with_the_verdict() {
    let text = run(doctor()).expect(0).text();
    let last = text.lines().last().unwrap_or_default();
    assert!(last.starts_with("ready"), "{text}");
    assert!(text.starts_with("System\n  ok      kernel: Linux "), "{text}");
    assert!(!text.contains('\x1b'), "colours, on a pipe");
}

/// Calls without which nothing runs: the check that needs one says so, and so does the join.
#[test]
fn calls_that_are_needed() {
    let table = [
        (libc::SYS_clone, "clone"),
        (libc::SYS_pidfd_send_signal, "pidfd"),
        (libc::SYS_waitid, "pidfd"),
        (libc::SYS_setpgid, "ties"),
        (libc::SYS_close_range, "close_range"),
        (libc::SYS_sigaltstack, "signal handlers"),
        (libc::SYS_seccomp, "seccomp filter"),
    ];
    for (call, name) in table {
        let (report, run) = report(deny(call, None, error(libc::EPERM)));
        let found = item(&report, name);
        let text = found["text"].as_str().unwrap_or_default();
        assert_eq!(found["state"], "missing", "{report:#}");
        assert!(text.contains("refused: Operation not permitted"), "{found}");
        let join = item(&report, "a join of two children");
        assert_eq!((&join["state"], &report["verdict"]), (&"missing".into(), &"cannot run".into()));
        assert_eq!((run.code(), &report["engine"]), (Some(1), &Value::Null), "{report:#}");
    }
}

/// What the image itself needs: the probe cannot even start, and says why.
#[test]
fn calls_that_the_image_needs() {
    let no_memory = Some((3, (libc::MAP_NORESERVE | libc::MAP_PRIVATE) as u32));
    let cases = [
        (libc::SYS_memfd_create, None, libc::EPERM, "memfd_create is refused"),
        (libc::SYS_mmap, no_memory, libc::ENOMEM, "vm.overcommit_memory"),
    ];
    for (call, bits, errno, why) in cases {
        let (report, run) = report(deny(call, bits, error(errno)));
        let found = item(&report, "trying the calls");
        assert!(found["text"].as_str().is_some_and(|t| t.contains(why)), "{report:#}");
        assert_eq!((run.code(), &report["verdict"]), (Some(1), &"cannot run".into()));
    }
}

/// Calls that the engine does without.
#[test]
fn calls_that_are_useful() {
    let table = [
        (libc::SYS_ioctl, None, "PAGEMAP_SCAN", "changed pages are found by pagemap"),
        (libc::SYS_personality, None, "personality", ""),
        // MADV_COLLAPSE: no other advice has all three bits.
        (libc::SYS_madvise, Some((2, 25)), "MADV_COLLAPSE", ""),
    ];
    for (call, bits, name, join) in table {
        let (report, run) = report(deny(call, bits, error(libc::EPERM)));
        assert_eq!(item(&report, name)["state"], "limit", "{report:#}");
        let ran = item(&report, "a join of two children");
        assert!(ran["text"].as_str().is_some_and(|t| t.contains(join)), "{ran}");
        assert_eq!((run.code(), &report["verdict"]), (Some(0), &"ready with limits".into()));
    }
}

/// A profile that kills instead of refusing.
#[test]
fn calls_for_which_the_system_kills() {
    for (call, name) in [(libc::SYS_setpgid, "ties"), (libc::SYS_close_range, "close_range")] {
        let (report, run) = report(deny(call, None, libc::SECCOMP_RET_KILL_PROCESS));
        let found = item(&report, name);
        let text = found["text"].as_str().unwrap_or_default();
        assert!(text.contains(&format!("kills for it (signal {})", libc::SIGSYS)), "{report:#}");
        assert_eq!((run.code(), &found["state"]), (Some(1), &"missing".into()));
    }
}

fn limited(resource: u32, limit: u64) -> Program {
    doctor().before(move || {
        let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
        // SAFETY: the record is alive during the call.
        check(unsafe { libc::setrlimit(resource, &limit) })
    })
}

#[test]
fn limits() {
    let table = [
        (libc::RLIMIT_AS, 1 << 40, "address space", false),
        (libc::RLIMIT_FSIZE, 1 << 20, "file size", false),
        (libc::RLIMIT_NOFILE, 30, "open files", true),
    ];
    for (resource, limit, name, runs) in table {
        let (report, run) = report(limited(resource, limit));
        let found = item(&report, name);
        assert_eq!((&found["topic"], &found["state"]), (&"limits".into(), &"limit".into()));
        assert_eq!(run.code(), Some(i32::from(!runs)), "{report:#}");
        let verdict = if runs { "ready with limits" } else { "cannot run" };
        assert_eq!(report["verdict"], verdict, "{report:#}");
    }
}

/// What is wrong with the configuration stops a program, and so the join.
#[test]
fn configuration() {
    let (report, run) = report(doctor().env("DETPAR_SCAN", "never"));
    let join = item(&report, "a join of two children");
    assert!(join["text"].as_str().is_some_and(|t| t.contains("DETPAR_SCAN=never")), "{join}");
    assert_eq!((run.code(), &join["state"]), (Some(1), &"missing".into()));
    assert_eq!(item(&report, "DETPAR_SCAN")["state"], "note");
}

/// As `cargo run` leaves it in a clean clone: it builds one program of the two.
#[test]
fn alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("detpar");
    copy_program(env!("CARGO_BIN_EXE_detpar"), &copy);
    let run = std::process::Command::new(copy).arg("doctor").output().expect("doctor");
    let text = String::from_utf8_lossy(&run.stdout);
    assert_eq!(run.status.code(), Some(1), "{text}");
    assert!(text.contains("remedy: both programs") && text.contains("cargo build"), "{text}");
}

#[test]
fn command_line() {
    let detpar = || Program::new(env!("CARGO_BIN_EXE_detpar"));
    assert_eq!(run(doctor().arg("--jsn")).code(), Some(64));
    assert_eq!(detpar().run().code(), Some(64));
    let help = detpar().arg("--help").run().expect(0).text();
    assert!(help.contains("Exit codes:") && help.contains("NO_COLOR"), "{help}");
    for command in ["doctor", "lint"] {
        let help = detpar().arg(command).arg("--help").run().expect(0).text();
        assert!(help.contains("Examples:"), "{help}");
    }
    let probe = Program::new(env!("CARGO_BIN_EXE_detpar-probe")).run().expect(64);
    assert!(probe.err_text().contains("detpar doctor"), "{}", probe.err_text());
}
