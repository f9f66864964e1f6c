//! What the system says of itself.
use super::{Item, Topic};
use std::fs;
use std::path::Path;

/// How many workers a program gets, as the engine decides it.
pub(super) fn workers() -> usize {
    let given = std::env::var("DETPAR_WORKERS").ok().and_then(|v| v.trim().parse().ok());
    given.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()))
}

/// Adds kernel, processor, /proc, container and the filters in force.
pub(super) fn look(items: &mut Vec<Item>) {
    let release = read("/proc/sys/kernel/osrelease").unwrap_or_else(|| "unknown".into());
    let kernel = format!("Linux {} on {}", release.trim(), std::env::consts::ARCH);
    items.push(Item::ok(Topic::System, "kernel", kernel));
    let maps = Path::new("/proc/self/maps");
    items.push(match fs::read(maps) {
        Ok(_) => Item::ok(Topic::System, "/proc", "mounted"),
        Err(e) => {
            let text = format!("{} cannot be read: {e}", maps.display());
            Item::missing(Topic::System, "/proc", text, "mount /proc")
        }
    });
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get());
    items.push(Item::ok(Topic::System, "processors", format!("{processors} may be used")));
    if let Some(container) = container(&release) {
        items.push(Item::note(Topic::System, "container", container));
    }
    if let Some(status) = read("/proc/self/status") {
        items.push(Item::note(Topic::System, "seccomp", seccomp(&status)));
    }
    for (name, value) in std::env::vars().filter(|(name, _)| name.starts_with("DETPAR_")) {
        items.push(Item::note(Topic::System, &name, value));
    }
}

pub(super) fn read(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// What kind of container this seems to be.
fn container(release: &str) -> Option<&'static str> {
    let has = |path: &str| Path::new(path).exists();
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        return Some("Kubernetes");
    }
    if has("/.dockerenv") {
        return Some("Docker");
    }
    if has("/run/.containerenv") {
        return Some("Podman");
    }
    if release.to_lowercase().contains("microsoft") {
        return Some("WSL");
    }
    let named = std::env::var_os("container").is_some();
    (named || has("/run/systemd/container")).then_some("of an unknown kind")
}

/// The filters that this process inherited.
fn seccomp(status: &str) -> String {
    let field = |name: &str| {
        status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    let privileges = match field("NoNewPrivs") {
        Some("1") => ", no new privileges",
        _ => "",
    };
    let mode = match field("Seccomp") {
        Some("0") => "no filter".into(),
        Some("1") => "strict mode".into(),
        Some("2") => match field("Seccomp_filters") {
            Some(n) => format!("{n} filter(s) in force: the calls below show what they deny"),
            None => "a filter is in force: the calls below show what it denies".into(),
        },
        _ => "unknown".into(),
    };
    mode + privileges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        let none = "Name:\tx\nNoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\n";
        assert_eq!(seccomp(none), "no filter");
        let two = "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t2\n";
        assert!(seccomp(two).starts_with("2 filter(s)") && seccomp(two).ends_with("privileges"));
        assert_eq!(seccomp(""), "unknown");
    }
}
