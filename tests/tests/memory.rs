//! How changed pages are found, and what memory costs: results do not depend on it.
use detpar_tests::harness::Program;
use std::time::Duration;

fn memory() -> Program {
    Program::new(env!("CARGO_BIN_EXE_memory"))
}

#[test]
fn the_way_that_is_asked_for_is_used() {
    for (wanted, used) in [("pagemap", "Pagemap"), ("ioctl", "Ioctl")] {
        let run = memory().env("DETPAR_SCAN", wanted).arg("in_use").run().expect(0);
        assert!(run.text().starts_with(&format!("{used}\n")), "{}", run.text());
    }
    let wrong = memory().env("DETPAR_SCAN", "guess").run().expect(78);
    assert!(wrong.err_text().contains("DETPAR_SCAN=guess"), "{}", wrong.err_text());
}

/// The same bytes by both ways to find changed pages.
#[test]
fn both_ways_find_the_same_changes() {
    let programs: [(&str, &[&str]); 3] = [
        (env!("CARGO_BIN_EXE_varied"), &[]),
        (env!("CARGO_BIN_EXE_nested"), &[]),
        (env!("CARGO_BIN_EXE_memory"), &["large", "scattered", "crowded"]),
    ];
    for (path, args) in programs {
        let run = |scan: &str, workers: usize, chaos: u64| {
            let p = Program::new(path).args(args).workers(workers).env("DETPAR_SCAN", scan);
            p.chaos(chaos).run().expect(0)
        };
        let reference = run("ioctl", 2, 0);
        for (workers, chaos) in [(1, 0), (2, 0), (8, 0), (3, 1), (3, 2)] {
            let other = run("pagemap", workers, chaos);
            assert_eq!(other.text(), reference.text(), "{path}: {workers} workers, chaos {chaos}");
        }
    }
}

#[test]
fn nothing_leaks_where_the_page_map_is_read() {
    for (case, rounds) in [("results", 200), ("boxes_moved", 100), ("nested", 50), ("panics", 30)] {
        let p = Program::new(env!("CARGO_BIN_EXE_leaks")).limit(Duration::from_secs(120));
        p.env("DETPAR_SCAN", "pagemap").arg(case).arg(rounds.to_string()).run().expect(0);
    }
}

/// Where children write differs from one to the next; perturbed runs compare what a worker
/// found where its last children wrote with everything.
#[test]
fn changes_in_unusual_places() {
    for seed in 0..10 {
        memory().chaos(seed).arg("scattered").workers(3).run().expect(0);
    }
}

#[test]
fn huge_pages_come_where_children_pay_for_small_ones() {
    let units = |run: &str| run.split(' ').next().and_then(|n| n.parse::<u32>().ok());
    let on = memory().arg("huge").run().expect(0).text();
    // A system without huge pages has no such directory.
    if std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
        assert!(units(&on).is_some_and(|n| n > 0), "{on}");
    }
    let off = memory().env("DETPAR_HUGE", "off").arg("huge").run().expect(0).text();
    assert_eq!(units(&off), Some(0), "{off}");
    for seed in [1, 2] {
        memory().chaos(seed).arg("huge").run().expect(0);
    }
}

#[test]
fn memory_that_children_read_a_lot() {
    memory().arg("crowded").run().expect(0);
}
