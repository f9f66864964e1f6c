//! The master takes records out of the ring and writes them as a Chrome trace: a JSON array of
//! events, complete after every time it was written to. Formatting goes through a fixed buffer.

use super::names::Names;
use super::{Event, RECORDS, end, kind};
use crate::exec::control::{MASTER_AREA, control, me, private, private_item};
use crate::image::layout::MAX_WORKERS;
use crate::sys::{self, cpu};
use core::fmt::{self, Write};
use core::sync::atomic::Ordering::*;

/// Bytes that are collected before they are written.
const BUFFER: usize = 64 << 10;
/// What ends the file each time, and is overwritten by what comes next.
const CLOSING: &str = "\n]\n";
/// Records in the ring from which on it is emptied.
const MANY: u64 = RECORDS / 8;
/// Cycles after which it is emptied, too.
const LONG: u64 = 300_000_000;

/// The file and what was written to it. In private memory of the master; all zeros: none.
#[repr(C)]
struct Writer {
    /// Descriptor plus one; 0: none.
    file: i32,
    /// The error that ended the writing, or 0.
    errno: i32,
    /// Where the next event goes.
    offset: usize,
    /// Records taken out.
    tail: u64,
    /// Dropped ones that were told of.
    lost: u64,
    /// When it was written to last, in cycles.
    last: u64,
    /// The same instant in cycles and in nanoseconds.
    start: (u64, u64),
    /// Nanoseconds and cycles between two instants.
    rate: (u64, u64),
    /// The master's path.
    root: u64,
    /// Tracks that have a name.
    tracks: [u64; MAX_WORKERS / 64 + 1],
    used: usize,
    buffer: [u8; BUFFER],
    names: Names,
}

fn writer() -> &'static mut Writer {
    // SAFETY: fits before the next part of private memory (asserted in `control`); any bytes are
    // valid, and zeros are a writer without a file. It is used by the master's one thread, which
    // holds no two references to it.
    unsafe { private_item::<Writer>(private::TIMELINE, 0) }
}

/// Bytes of the writer's state.
pub(in crate::exec) const SIZE: usize = size_of::<Writer>();

/// Begins a timeline in a file, which is the kernel's from here on.
pub(crate) fn open(file: i32) -> sys::Sys<()> {
    let file = sys::raise_fd(file);
    let w = writer();
    w.file = file + 1;
    w.root = me().path;
    w.start = (cpu::cycles(), sys::nanos());
    w.last = w.start.0;
    let named = w.text(format_args!(
        "[\n{{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"tid\":0,\
         \"args\":{{\"name\":\"detpar\",\"version\":1}}}}"
    ));
    let _ = named.and_then(|()| w.name_track(MASTER_AREA));
    w.close_array();
    if w.errno != 0 {
        return Err(w.errno);
    }
    control().told.timeline.store(1, Relaxed);
    Ok(())
}

/// Writes what there is, where it is much or has been there for long. `quiet`: no worker runs.
pub(crate) fn relieve(quiet: bool) {
    if !super::is_on() {
        return;
    }
    let ring = &control().timeline;
    let w = writer();
    let many = ring.head.load(Relaxed).wrapping_sub(w.tail) >= MANY;
    if many || cpu::cycles().wrapping_sub(w.last) > LONG {
        w.empty(quiet);
    }
}

/// Writes all that there is. By the master, whose workers have ended or do not matter any more.
pub(crate) fn finish() {
    if !super::is_on() {
        return;
    }
    let w = writer();
    w.empty(true);
    let (from, to) = (w.start.0, cpu::cycles());
    let _ = w
        .slice(MASTER_AREA, from, to, "space")
        .and_then(|()| w.write_str(",\"name\":\"main\",\"args\":{\"space\":\"main\"}}"));
    w.close_array();
    control().told.timeline.store(0, Relaxed);
    if w.errno != 0 {
        w.used = 0;
        let errno = w.errno;
        let _ = w.write_fmt(format_args!(
            "detpar: DETPAR_TRACE: the trace is not whole: writing to it failed (error {errno})\n"
        ));
        let _ = sys::write_all(2, &w.buffer[..w.used]);
    }
}

impl Write for Writer {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for part in s.as_bytes().chunks(BUFFER) {
            if self.used + part.len() > BUFFER {
                self.flush();
            }
            if let Some(to) = self.buffer.get_mut(self.used..self.used + part.len()) {
                to.copy_from_slice(part);
                self.used += part.len();
            }
        }
        Ok(())
    }
}

impl Writer {
    /// Writes what the buffer holds; after an error nothing is written any more.
    fn flush(&mut self) {
        if self.errno == 0 && self.file != 0 {
            let (from, len) = (self.buffer.as_ptr() as usize, self.used);
            // SAFETY: so much of the buffer is in use.
            match unsafe { sys::write_at(self.file - 1, from, len, self.offset) } {
                Ok(()) => self.offset += len,
                Err(e) => self.errno = e,
            }
        }
        self.used = 0;
    }

    /// Makes the file whole as it is.
    fn close_array(&mut self) {
        let _ = self.write_str(CLOSING);
        self.flush();
        self.offset = self.offset.saturating_sub(CLOSING.len());
    }

    fn text(&mut self, text: fmt::Arguments<'_>) -> fmt::Result {
        self.write_fmt(text)
    }

    /// Takes records out, as far as they are whole. Where no worker runs, one that is not will
    /// never be: its writer was killed.
    fn empty(&mut self, quiet: bool) {
        let ring = &control().timeline;
        if self.rate.1 == 0 {
            let now = (sys::nanos(), cpu::cycles());
            self.rate = (now.0 - self.start.1, now.1.saturating_sub(self.start.0).max(1));
        }
        let whole = ring.head.load(Acquire).wrapping_sub(self.tail).min(RECORDS);
        for _ in 0..whole {
            let place = ring.place(self.tail);
            if place.number.load(Acquire) == self.tail + 1 {
                // SAFETY: `control`: the record is whole; any bytes are a valid one.
                let event = unsafe { (&raw const place.event).read_volatile() };
                let _ = self.event(&event);
            } else if !quiet {
                break;
            }
            self.tail += 1;
            ring.tail.store(self.tail, Release);
        }
        let lost = ring.lost.load(Relaxed);
        if lost > self.lost {
            self.lost = lost;
            let at = cpu::cycles();
            let _ = self.begin("i", MASTER_AREA, at, "lost").and_then(|()| {
                write!(
                    self,
                    ",\"s\":\"g\",\"name\":\"records lost\",\"args\":{{\"records\":{lost}}}}}"
                )
            });
        }
        self.close_array();
        self.last = cpu::cycles();
    }

    /// Nanoseconds since the start.
    fn time(&self, cycles: u64) -> u64 {
        let since = u128::from(cycles.saturating_sub(self.start.0));
        (since * u128::from(self.rate.0) / u128::from(self.rate.1.max(1))) as u64
    }

    fn micros(&mut self, nanos: u64) -> fmt::Result {
        write!(self, "{}.{:03}", nanos / 1000, nanos % 1000)
    }

    fn name_track(&mut self, track: u32) -> fmt::Result {
        let track = track.min(MASTER_AREA);
        let (word, bit) = (track as usize / 64, 1 << (track % 64));
        if self.tracks[word] & bit != 0 {
            return Ok(());
        }
        self.tracks[word] |= bit;
        let tid = thread(track);
        write!(self, ",\n{{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":{tid},")?;
        match track {
            MASTER_AREA => self.text(format_args!("\"args\":{{\"name\":\"master\"}}}}")),
            _ => self.text(format_args!("\"args\":{{\"name\":\"worker {track}\"}}}}")),
        }
    }

    /// The first half of an event, up to its time.
    fn begin(&mut self, phase: &str, track: u32, at: u64, category: &str) -> fmt::Result {
        self.name_track(track)?;
        let (tid, at) = (thread(track), self.time(at));
        write!(self, ",\n{{\"ph\":\"{phase}\",\"pid\":1,\"tid\":{tid},\"cat\":\"{category}\",")?;
        write!(self, "\"ts\":")?;
        self.micros(at)
    }

    /// An event that lasts, up to its name.
    fn slice(&mut self, track: u32, from: u64, to: u64, category: &str) -> fmt::Result {
        self.begin("X", track, from, category)?;
        let lasted = self.time(to).saturating_sub(self.time(from));
        write!(self, ",\"dur\":")?;
        self.micros(lasted)
    }

    /// A name, and no numbers: the end of an event.
    fn named(&mut self, name: &str) -> fmt::Result {
        write!(self, ",\"name\":\"{name}\",\"args\":{{}}}}")
    }

    /// A step within something else, without numbers of its own.
    fn part(&mut self, track: u32, (from, to): (u64, u64), name: &str) -> fmt::Result {
        if from == 0 || to < from {
            return Ok(());
        }
        self.slice(track, from, to, "step")?;
        self.named(name)
    }

    fn path(&mut self, path: u64) -> fmt::Result {
        let root = self.root;
        // A name goes through a buffer of its own: the table is part of the writer.
        let mut name = Name { bytes: [0; NAME], used: 0 };
        let _ = self.names.write(path, root, &mut name);
        self.write_str(core::str::from_utf8(&name.bytes[..name.used]).unwrap_or("?"))
    }

    /// The space that an event is about, as its first argument.
    fn about(&mut self, path: u64) -> fmt::Result {
        write!(self, ",\"args\":{{\"space\":\"")?;
        self.path(path)?;
        write!(self, "\"")
    }

    fn event(&mut self, e: &Event) -> fmt::Result {
        let [from, entered, left, to] = e.at;
        let [a, b, c, d] = e.counts;
        let track = e.track.min(MASTER_AREA);
        match e.kind {
            kind::OPENED => {
                self.names.space(e.space, a, e.index);
                self.names.construct(e.construct, e.space, e.detail.into());
                Ok(())
            }
            kind::SPACE => {
                self.names.space(e.space, e.construct, e.index);
                self.slice(track, from, to, "space")?;
                write!(self, ",\"name\":\"")?;
                self.path(e.space)?;
                write!(self, "\"")?;
                self.about(e.space)?;
                let (how, again) = (ending(e.detail), e.detail & end::AGAIN != 0);
                write!(self, ",\"index\":{},\"end\":\"{how}\",\"again\":{again}", e.index)?;
                write!(self, ",\"dirty_pages\":{a},\"page_faults\":{b},\"output_bytes\":{d}")?;
                let scan = self.time(self.start.0.saturating_add(c));
                write!(self, ",\"scan_us\":")?;
                self.micros(scan)?;
                write!(self, "}}}}")?;
                self.part(track, (from, entered), "snapshot")?;
                self.part(track, (entered, left), "run")?;
                self.part(track, (left, to), "stage")?;
                if (end::PANIC..=end::LIMIT).contains(&(e.detail & 255)) {
                    self.begin("i", track, to, "fault")?;
                    write!(self, ",\"s\":\"t\",\"name\":\"{how}\"")?;
                    self.about(e.space)?;
                    write!(self, "}}}}")?;
                }
                Ok(())
            }
            kind::CLOSED => {
                self.slice(track, from, to, "construct")?;
                write!(self, ",\"name\":\"{a} children\"")?;
                self.about(e.space)?;
                write!(self, ",\"children\":{a},\"end\":\"{}\"}}}}", ending(e.detail))?;
                self.part(track, (from, entered), "seal")
            }
            kind::MERGE => {
                self.slice(track, from, to, "merge")?;
                write!(self, ",\"name\":\"merge\"")?;
                self.about(e.space)?;
                write!(self, ",\"children\":{a},\"end\":\"{}\"}}}}", ending(e.detail))?;
                if e.detail != end::WELL {
                    self.begin("i", track, to, "fault")?;
                    write!(self, ",\"s\":\"t\",\"name\":\"{}\"", ending(e.detail))?;
                    self.about(e.space)?;
                    write!(self, "}}}}")?;
                }
                Ok(())
            }
            kind::MERGED => {
                self.names.space(e.space, e.construct, e.index);
                self.begin("i", track, from, "merged")?;
                write!(self, ",\"s\":\"t\",\"name\":\"merged\"")?;
                self.about(e.space)?;
                write!(self, ",\"merged_pages\":{a},\"merged_bytes\":{b},\"freed_blocks\":{c}}}}}")
            }
            kind::STARTED | kind::WAITED => {
                let name = if e.kind == kind::STARTED { "start" } else { "wait" };
                self.slice(track, from, to, "step")?;
                write!(self, ",\"name\":\"{name}\"")?;
                self.about(e.space)?;
                write!(self, "}}}}")
            }
            kind::WORKER_ENDED => {
                self.begin("i", track, from, "worker")?;
                write!(self, ",\"s\":\"t\"")?;
                self.named("worker ended")
            }
            _ => Ok(()),
        }
    }
}

/// Longest name of a space, one part a level.
const NAME: usize = 8 << 10;

struct Name {
    bytes: [u8; NAME],
    used: usize,
}

impl Write for Name {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let to = self.bytes.get_mut(self.used..self.used + s.len()).ok_or(fmt::Error)?;
        to.copy_from_slice(s.as_bytes());
        self.used += s.len();
        Ok(())
    }
}

/// The master is the first track.
fn thread(track: u32) -> u32 {
    if track == MASTER_AREA { 0 } else { track + 1 }
}

fn ending(detail: u32) -> &'static str {
    match detail & 255 {
        end::WELL => "returned",
        end::STOPPED => "stopped",
        end::PANIC => "panic",
        end::FAULT => "fault",
        end::REFUSED => "refused call",
        end::LIMIT => "limit",
        end::CONFLICT => "conflict",
        _ => "killed",
    }
}
