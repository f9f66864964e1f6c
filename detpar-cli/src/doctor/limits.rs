//! What the system grants: resource limits, control groups, sysctls.
use super::system::read;
use super::{Item, Topic};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Descriptors that a program needs besides one for each worker.
const DESCRIPTORS: u64 = 32;
/// Mappings that a program with many layers may have.
const MAPPINGS: u64 = 65_530;
/// Memory below which a worker may not even start.
const MEMORY: u64 = 256 << 20;

/// Adds the limits that matter to the engine.
pub(super) fn look(workers: usize, items: &mut Vec<Item>) {
    let workers = workers as u64;
    if let Some(text) = read("/proc/self/limits") {
        resources(&text, workers, items);
    }
    sysctls(items);
    let groups = read("/proc/self/cgroup").unwrap_or_default();
    groups_of(&groups, Path::new("/sys/fs/cgroup"), workers, items);
}

fn limits(name: &'static str, text: String, remedy: &str) -> Item {
    Item::limit(Topic::Limits, name, text, remedy)
}

fn fine(name: &'static str, text: String) -> Item {
    Item::ok(Topic::Limits, name, text)
}

/// The soft limit of a resource; `None`: there is none.
fn soft(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn shown(limit: Option<u64>) -> String {
    limit.map_or("unlimited".into(), |n| n.to_string())
}

fn resources(text: &str, workers: u64, items: &mut Vec<Item>) {
    let processes = soft(text, "Max processes");
    let used = own_processes();
    items.push(match processes {
        // The limit does not hold for root.
        Some(n) if !is_root() && n < used + workers + 1 => limits(
            "processes",
            format!("at most {n}, {used} run, {workers} workers want one each"),
            "raise the limit on processes (ulimit -u), or set DETPAR_WORKERS lower",
        ),
        n => fine("processes", format!("{} (ulimit -u)", shown(n))),
    });
    items.push(match soft(text, "Max open files") {
        Some(n) if n < DESCRIPTORS + workers => limits(
            "open files",
            format!("at most {n}: too few for {workers} workers and the program's own"),
            "raise the limit on open files (ulimit -n), or set DETPAR_WORKERS lower",
        ),
        n => fine("open files", format!("{} (ulimit -n)", shown(n))),
    });
    items.push(match soft(text, "Max address space") {
        None => fine("address space", "unlimited (ulimit -v)".into()),
        Some(n) => limits(
            "address space",
            format!(
                "at most {n} bytes; the image reserves 19 TiB, of which it uses what is written"
            ),
            "ulimit -v unlimited",
        ),
    });
    items.push(match soft(text, "Max file size") {
        None => fine("file size", "unlimited (ulimit -f)".into()),
        Some(n) => limits(
            "file size",
            format!("at most {n} bytes; the image is a file in memory of more than 19 TiB"),
            "ulimit -f unlimited",
        ),
    });
}

/// Processes of this user.
fn own_processes() -> u64 {
    let Some(user) = fs::metadata("/proc/self").ok().map(|m| m.uid()) else { return 0 };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes =
        entries.filter(|e| e.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()));
    processes.filter(|e| e.metadata().is_ok_and(|m| m.uid() == user)).count() as u64
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

fn sysctls(items: &mut Vec<Item>) {
    let number =
        |name: &str| -> Option<u64> { read(format!("/proc/sys/vm/{name}"))?.trim().parse().ok() };
    match number("overcommit_memory") {
        Some(2) => items.push(limits(
            "overcommit",
            "vm.overcommit_memory is 2: private memory counts in full when it is mapped".into(),
            "sysctl vm.overcommit_memory=0 (or 1)",
        )),
        Some(mode) => items.push(fine("overcommit", format!("vm.overcommit_memory is {mode}"))),
        None => {}
    }
    match number("max_map_count") {
        Some(n) if n < MAPPINGS => items.push(limits(
            "mappings",
            format!("vm.max_map_count is {n}: deep nesting with scattered changes may exceed it"),
            "sysctl vm.max_map_count=65530 (or more)",
        )),
        Some(n) => items.push(fine("mappings", format!("vm.max_map_count is {n}"))),
        None => {}
    }
}

/// The limits of this process's control groups, those of the groups around them included.
fn groups_of(text: &str, root: &Path, workers: u64, items: &mut Vec<Item>) {
    let smallest = |controller: &str, file_v2: &str, file_v1: &str| {
        let files = group_files(text, root, controller, file_v2, file_v1);
        let limit = |p: &PathBuf| -> Option<(u64, PathBuf)> {
            // "max" is no number.
            Some((read(p)?.trim().parse().ok()?, p.clone()))
        };
        files.iter().filter_map(limit).min()
    };
    if let Some((max, file)) = smallest("pids", "pids.max", "pids.max") {
        let now = read(file.with_file_name("pids.current")).and_then(|t| t.trim().parse().ok());
        let now: u64 = now.unwrap_or(0);
        let place = file.display();
        items.push(if max < now + workers + 1 {
            limits(
                "processes of the group",
                format!("at most {max}, {now} run, {workers} workers want one each ({place})"),
                "raise the container's limit on processes (docker run --pids-limit), or set \
                 DETPAR_WORKERS lower",
            )
        } else {
            fine("processes of the group", format!("at most {max}, {now} run"))
        });
    }
    if let Some((max, file)) = smallest("memory", "memory.max", "memory.limit_in_bytes") {
        let place = file.display();
        // Version 1 knows no "max": a number near the largest stands for it.
        let text = format!("at most {} MiB", max >> 20);
        if max < MEMORY {
            items.push(limits(
                "memory of the group",
                format!("{text}: workers may be killed while they start ({place})"),
                "raise the container's limit on memory (docker run --memory)",
            ));
        } else if max < 1 << 60 {
            items.push(fine("memory of the group", text));
        }
    }
}

/// Files that may hold a limit, from the process's own group to the root.
fn group_files(text: &str, root: &Path, controller: &str, v2: &str, v1: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in text.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(group)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (top, file) = if controllers.is_empty() {
            (root.to_path_buf(), v2)
        } else if controllers.split(',').any(|c| c == controller) {
            (root.join(controller), v1)
        } else {
            continue;
        };
        let own = top.join(group.trim_start_matches('/'));
        let around = own.ancestors().take_while(|dir| dir.starts_with(&top));
        files.extend(around.map(|dir| dir.join(file)));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units\n\
         Max file size             unlimited            unlimited            bytes\n\
         Max processes             95741                95741                processes\n\
         Max open files            40                   4096                 files\n\
         Max address space         1099511627776        unlimited            bytes\n";

    #[test]
    fn resources_are_judged() {
        let mut items = Vec::new();
        resources(LIMITS, 2, &mut items);
        let states: Vec<_> = items.iter().map(|i| (i.name.as_str(), i.state)).collect();
        assert_eq!(
            states,
            [
                ("processes", State::Ok),
                ("open files", State::Ok),
                ("address space", State::Limit),
                ("file size", State::Ok),
            ]
        );
        items.clear();
        resources(LIMITS, 64, &mut items);
        assert_eq!(items[1].state, State::Limit);
        assert!(items.iter().all(|i| (i.state == State::Limit) == i.remedy.is_some()));
    }

    #[test]
    fn groups_are_followed_up_to_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::write(dir.path().join("a/pids.max"), "10\n").unwrap();
        fs::write(dir.path().join("a/pids.current"), "4\n").unwrap();
        fs::write(inner.join("pids.max"), "max\n").unwrap();
        fs::write(inner.join("memory.max"), "1000000\n").unwrap();
        let state = |workers| {
            let mut items = Vec::new();
            groups_of("0::/a/b\n", dir.path(), workers, &mut items);
            items.iter().map(|i| i.state).collect::<Vec<_>>()
        };
        assert_eq!(state(2), [State::Ok, State::Limit]);
        assert_eq!(state(8), [State::Limit, State::Limit]);
        let v1 = group_files("3:cpu,pids:/x\n1:name=systemd:/", dir.path(), "pids", "n", "o");
        assert_eq!(v1, [dir.path().join("pids/x/o"), dir.path().join("pids/o")]);
        assert!(group_files("", dir.path(), "pids", "n", "o").is_empty());
    }
}
