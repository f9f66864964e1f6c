//! Native code that attacks from a child: the master ends each attack by a result or a typed
//! error and goes on. `UNSAFE.md` says what such code can do all the same.
use detpar_tests::harness::{Numbers, Program, kill_workers};
use std::collections::BTreeSet;
use std::time::Duration;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_hostile")).limit(Duration::from_secs(120))
}

/// Name of an attack and the beginning of what the join says; `|` separates what may be.
const TABLE: &[(&str, &str)] = &[
    ("raw_syscall", "forbidden socket"),
    ("int_80", "forbidden "),
    ("int_80_execve", "forbidden "),
    ("sysenter", "fault |forbidden "),
    ("x32", "forbidden 1073741863"),
    ("x32_open", "forbidden 1073741826"),
    ("negative_number", "forbidden -1"),
    ("number_with_high_half", "forbidden 4294967335"),
    // Answered by the virtual clock, or not there.
    ("vsyscall_time", "ok|fault SIGSEGV"),
    ("vsyscall_getcpu", "ok|fault SIGSEGV"),
    ("compatibility_mode", "fault "),
    ("own_memory", "forbidden open"),
    ("own_maps", "forbidden open"),
    ("own_thread_memory", "forbidden open"),
    ("own_descriptors", "forbidden open"),
    ("parents_memory", "forbidden open"),
    ("memory_by_openat2", "forbidden openat2"),
    ("memory_by_creat", "forbidden creat"),
    ("memory_of_the_parent", "forbidden process_vm_writev"),
    ("trace_the_parent", "forbidden ptrace"),
    ("gate_rights_to_control_memory", "forbidden mprotect"),
    ("gate_rights_to_the_next_area", "forbidden mprotect"),
    ("gate_rights_across_a_gap", "forbidden mprotect"),
    ("gate_code_of_ones_own", "forbidden mprotect"),
    ("gate_executable_memory", "forbidden mmap"),
    ("gate_exchange_shared", "forbidden mmap"),
    ("gate_stack_of_the_parent_shared", "forbidden mmap"),
    ("gate_static_data_shared", "forbidden mmap"),
    ("gate_static_data_punched", "forbidden fallocate"),
    ("gate_area_of_the_master_punched", "forbidden fallocate"),
    ("gate_file_shortened", "forbidden ftruncate"),
    ("gate_unmapped", "forbidden munmap"),
    ("gate_covered", "fault |killed "),
    ("gate_protected", "fault |killed "),
    ("gate_private_memory_dropped", "killed |fault "),
    ("gate_left", "killed by nobody"),
    ("gate_clone", "forbidden clone"),
    ("gate_futex_of_another_kind", "forbidden futex"),
    ("gate_jump_to_its_call", "forbidden socket"),
    ("frame_to_the_gate", "forbidden openat|fault "),
    ("frame_that_blocks_signals", "killed SIGSYS"),
    ("frame_to_nowhere", "fault SIGSEGV"),
    ("frame_that_is_no_address", "fault SIGSEGV"),
    ("frame_without_stack", "killed |fault "),
    ("frame_with_another_segment", "killed |fault "),
    ("frame_with_a_kernel_segment", "killed |fault "),
    ("frame_that_steps", "fault SIGTRAP"),
    ("frame_with_another_signal_stack", "killed "),
    ("frame_of_garbage", "killed |fault "),
    ("claims_of_the_master", "fault SIGSEGV"),
    ("claims_of_the_masters_requests", "fault SIGSEGV"),
    ("claims_by_another_mailbox", "fault SIGSEGV"),
    ("claims_in_another_area", "fault SIGSEGV"),
    ("page_of_the_guard", FALSE),
    ("page_of_no_image", FALSE),
    ("page_of_private_memory", FALSE),
    ("page_of_control_memory", FALSE),
    ("page_of_code", FALSE),
    ("page_of_the_system", FALSE),
    ("page_that_is_none", FALSE),
    ("pages_in_no_order", FALSE),
    ("page_twice", FALSE),
    ("page_at_the_end", FALSE),
    ("page_of_its_own", "ok"),
    ("pages_without_end", FALSE),
    ("pages_past_the_area", FALSE),
    ("pages_of_another_area", FALSE),
    ("pages_in_private_memory", FALSE),
    ("free_of_nothing", FALSE),
    ("free_without_end", FALSE),
    ("frees_that_overlap", FALSE),
    // No block starts there: nothing is freed.
    ("free_in_the_middle_of_the_heap", "ok"),
    ("frees_past_the_area", FALSE),
    ("log_past_the_area", FALSE),
    ("log_longer_than_any", FALSE),
    ("result_elsewhere", FALSE),
    ("message_past_the_area", "panic false"),
    ("message_longer_than_any", "panic false"),
    ("location_longer_than_any", "panic false"),
    ("cause_that_is_none", FALSE),
    ("cause_of_a_conflict", FALSE),
    ("trace_past_the_area", "fault "),
    ("trace_of_garbage", "fault "),
    ("clock_at_its_end", "ok"),
    ("stage_nowhere", FALSE),
    ("stage_at_the_end", FALSE),
    ("stage_in_the_image", FALSE),
    ("stage_in_control_memory", FALSE),
    ("stage_that_is_crooked", FALSE),
    // It passes itself off as its sibling, with what that wrote.
    ("stage_in_another_area", FALSE),
    ("failed_without_stage", FALSE),
    ("failed_without_worker", "Unsupported"),
    ("stopped_where_nobody_stops", FALSE),
    ("evicted_to_nowhere", FALSE),
    ("status_that_is_none", FALSE),
    ("addresses_that_change", "ok|killed "),
    ("counts_that_change", "ok|killed "),
    ("all_are_taken", FALSE),
    ("nothing_is_wanted", "ok|killed "),
    ("all_is_wanted", "ok"),
    ("all_have_reported", "ok"),
    ("all_is_released", "ok"),
    ("claims_of_its_siblings", "killed |ok"),
    ("claims_by_nobody", "ok|killed "),
    ("reports_of_its_siblings", "killed |ok"),
    ("failed_and_goes_on", FALSE),
    ("idle_without_a_word", FALSE),
    ("parked_without_a_word", FALSE),
    ("asks_for_everything", "killed "),
    ("asks_for_children_of_nobody", "killed "),
    ("granted_everything", "panic true"),
    ("all_of_shared_memory", "ok"),
];

/// What the join says of a worker whose claims are false.
const FALSE: &str = "killed by nobody";

fn each(workers: usize, chaos: u64, wanted: impl Fn(&str) -> bool) {
    for (name, expected) in TABLE.iter().filter(|row| wanted(row.0)) {
        let run = program().workers(workers).chaos(chaos).arg(name).run().expect(0);
        let text = run.text();
        let said = text.trim_end().strip_prefix(&format!("{name}: "));
        let fits = said.is_some_and(|s| expected.split('|').any(|e| s.starts_with(e)));
        assert!(fits, "{workers} workers, chaos {chaos}: expected {expected}, got {text}");
    }
}

/// Those that the master notices after some seconds only.
const SLOW: [&str; 3] = ["idle_without_a_word", "parked_without_a_word", "claims_of_its_siblings"];

#[test]
fn each_attack() {
    each(2, 0, |name| !SLOW.contains(&name));
}

#[test]
fn each_attack_with_one_worker() {
    each(1, 0, |name| !SLOW.contains(&name));
}

#[test]
fn each_attack_under_a_perturbed_schedule() {
    each(3, 7, |name| !SLOW.contains(&name));
}

#[test]
fn waiting_in_vain_ends() {
    each(2, 0, |name| SLOW.contains(&name));
}

#[test]
fn all_in_one_master() {
    let names: Vec<&str> = TABLE.iter().map(|row| row.0).filter(|n| !SLOW.contains(n)).collect();
    let text = program().workers(2).args(&names).run().expect(0).text();
    assert_eq!(text.lines().count(), names.len(), "{text}");
}

#[test]
#[ignore = "long"]
fn all_in_one_master_and_those_that_wait_in_vain() {
    let text = program().workers(2).run().expect(0).text();
    assert_eq!(text.lines().count(), TABLE.len(), "{text}");
}

#[test]
fn every_call_by_the_gate() {
    let text = program().workers(2).arg("every_call").run().expect(0).text();
    let refused = text.trim_end().strip_suffix(" refused").and_then(|n| n.parse::<u32>().ok());
    assert!(refused.is_some_and(|n| n > 250), "{text}");
}

/// What UNSAFE.md names besides tests.
const INSTRUCTIONS: [&str; 2] = ["rdtsc", "rdpid"];

/// What such code can do all the same: the document names each of these, and no other.
#[test]
fn what_is_left_is_what_the_document_lists() {
    let text = program().workers(2).arg("left").run().expect(0).text();
    let done: BTreeSet<&str> = text.lines().filter_map(|l| l.strip_suffix(": can")).collect();
    assert!(!text.contains("cannot"), "the document lists what is not so:\n{text}");
    let document = include_str!("../../UNSAFE.md");
    let (_, list) = document.split_once("What such code can do all the same").expect("the list");
    let (list, _) = list.split_once("\nHolding such code").expect("the end of the list");
    // Tested by the table above, or as a fault.
    let elsewhere = |name: &str| TABLE.iter().any(|r| r.0 == name) || name == "computes_for_ever";
    let named: BTreeSet<&str> = list
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| !elsewhere(name) && !INSTRUCTIONS.contains(name) && !name.contains('/'))
        .collect();
    assert_eq!(named, done);
}

/// Random bytes in all that a worker may write. A child may wait for ever, so its workers are
/// killed now and then, by the test: that always helps.
fn fuzz(from: u64, to: u64, workers: usize) {
    let program = program().workers(workers).limit(Duration::from_secs(300));
    let mut running = program.args(&["fuzz", &from.to_string(), &to.to_string()]).start();
    let mut numbers = Numbers(from);
    while !running.ended() {
        kill_workers(&mut running, &mut numbers, Duration::from_millis(1), 1);
        std::thread::sleep(Duration::from_millis(300));
    }
    let text = running.wait().expect(0).text();
    assert_eq!(text.lines().count() as u64, to - from, "{text}");
}

#[test]
fn random_claims() {
    fuzz(0, 40, 2);
    fuzz(1000, 1020, 1);
    fuzz(2000, 2020, 3);
}

#[test]
#[ignore = "long"]
fn many_random_claims() {
    for seed in 0..10 {
        fuzz(10_000 + 500 * seed, 10_500 + 500 * seed, 1 + seed as usize % 4);
    }
}
