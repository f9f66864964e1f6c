//! Pictures of tables: as text what each step copied, as SVG who has what.
use super::classic::Classic;
use super::{Cost, ENTRIES, Forks, Pid, Region, System, Table};
use crate::solution::tables::Ours;
use std::fmt::{self, Write};

/// Regions of the process that forks.
const REGIONS: usize = 4;

/// A step of the story that is told, and the system after it.
pub struct Scene {
    /// What happened.
    pub title: &'static str,
    /// What it copied.
    pub cost: Cost,
    /// What is there now.
    pub system: System,
}

/// Tells what a fork and what comes after it do.
///
/// # Errors
///
/// A write failed.
pub fn story<F: Forks>() -> Result<Vec<Scene>, String> {
    let mut system = System::default();
    let parent = system.process(REGIONS);
    let mut scenes = Vec::new();
    let mut scene = |title, system: &mut System| {
        let cost = std::mem::take(&mut system.cost);
        scenes.push(Scene { title, cost, system: system.clone() });
    };
    let child = F::fork(&mut system, parent);
    scene("fork", &mut system);
    let page = ENTRIES + 7;
    system.write::<F>(child, page, 1)?;
    scene("the child writes a page", &mut system);
    system.write::<F>(child, page + 1, 1)?;
    scene("the child writes the page beside it", &mut system);
    system.write::<F>(parent, page, 2)?;
    scene("the parent writes the first one", &mut system);
    F::exit(&mut system, child);
    scene("the child ends", &mut system);
    system.write::<F>(parent, 2 * ENTRIES, 3)?;
    scene("the parent writes elsewhere", &mut system);
    Ok(scenes)
}

/// The story as a table.
pub fn text(name: &str, scenes: &[Scene]) -> String {
    let mut text = format!("{name:<38}faults  entries  pages  tables\n");
    for Scene { title, cost, system } in scenes {
        let tables = system.tables.iter().flatten().count();
        let Cost { faults, entries, pages } = cost;
        let _ = writeln!(text, "  {title:<36}{faults:>6}{entries:>9}{pages:>7}{tables:>8}");
    }
    text
}

/// Who has a table or an entry.
#[derive(Clone, Copy, PartialEq)]
enum Owner {
    Parent,
    Child,
    Both,
}

impl Owner {
    fn colour(self) -> &'static str {
        match self {
            Owner::Parent => "#1f6f8b",
            Owner::Child => "#c8553d",
            Owner::Both => "#7d6b91",
        }
    }
}

const WIDTH: usize = 340;
const ROW: usize = 46;
/// Left edges of the directories and between them of the tables.
const PARENT: usize = 16;
const TABLES: usize = 110;
const CHILD: usize = 292;
/// Cells that a table is drawn with.
const CELLS: usize = 16;

/// Three scenes side by side: after the classic fork, after ours, and after the child's first write.
///
/// # Errors
///
/// A write failed.
pub fn svg() -> Result<String, String> {
    let (classic, ours) = (story::<Classic>()?, story::<Ours>()?);
    let panels = [
        ("Classic fork", &classic[0]),
        ("Fork on demand", &ours[0]),
        ("... and the child's first write", &ours[1]),
    ];
    let height = 2 * REGIONS * ROW + 110;
    let mut out = String::new();
    let wide = WIDTH * panels.len();
    draw(&mut out, &panels, wide, height).map_err(|e| e.to_string())?;
    Ok(out)
}

fn draw(out: &mut String, panels: &[(&str, &Scene)], wide: usize, height: usize) -> fmt::Result {
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\" role=\"img\">"
    )?;
    writeln!(out, "<title>Page tables of two processes after a fork</title>")?;
    writeln!(out, "<rect width=\"{wide}\" height=\"{height}\" fill=\"#ffffff\"/>")?;
    for (at, (title, scene)) in panels.iter().enumerate() {
        writeln!(out, "<g transform=\"translate({} 0)\">", at * WIDTH)?;
        panel(out, title, scene, height)?;
        writeln!(out, "</g>")?;
    }
    writeln!(out, "</svg>")
}

fn panel(out: &mut String, title: &str, scene: &Scene, height: usize) -> fmt::Result {
    let system = &scene.system;
    writeln!(out, "<text x=\"{PARENT}\" y=\"22\" font-size=\"15\" fill=\"#222\">{title}</text>")?;
    label(out, PARENT, "parent", Owner::Parent)?;
    label(out, CHILD, "child", Owner::Child)?;
    writeln!(out, "<text x=\"{TABLES}\" y=\"48\" fill=\"#555\">tables of 512 entries</text>")?;
    let none = Vec::new();
    let directory = |process: Pid| system.processes[process].as_ref().unwrap_or(&none);
    // Tables in the order of their regions, the parent's before the child's.
    let mut rows: Vec<usize> = Vec::new();
    for (a, b) in directory(0).iter().zip(directory(1)) {
        for table in [a.table, b.table] {
            if !rows.contains(&table) {
                rows.push(table);
            }
        }
    }
    let row_of = |table| rows.iter().position(|t| *t == table).unwrap_or(0);
    let middle = |row: usize| 60 + row * ROW + ROW / 2;
    // A directory beside the middle of the tables.
    let entry = |i: usize| middle(0) + i * 24 + (rows.len() * ROW).saturating_sub(REGIONS * 24) / 2;
    for (process, x, side) in [(0, PARENT, TABLES), (1, CHILD, TABLES + CELLS * 10)] {
        for (i, region) in directory(process).iter().enumerate() {
            let from = if process == 0 { x + 32 } else { x };
            line(out, (from, entry(i)), (side, middle(row_of(region.table))), region)?;
            let owner = if process == 0 { Owner::Parent } else { Owner::Child };
            writeln!(
                out,
                "<rect x=\"{x}\" y=\"{}\" width=\"32\" height=\"20\" rx=\"3\" fill=\"{}\"/>",
                entry(i) - 10,
                owner.colour()
            )?;
        }
    }
    for (row, number) in rows.iter().enumerate() {
        if let Some(table) = &system.tables[*number] {
            let has = |p: Pid| directory(p).iter().any(|r| r.table == *number);
            let owner = match (has(0), has(1)) {
                (true, true) => Owner::Both,
                (true, false) => Owner::Parent,
                _ => Owner::Child,
            };
            strip(out, middle(row), owner, table, system)?;
        }
    }
    let Cost { entries, pages, .. } = scene.cost;
    writeln!(
        out,
        "<text x=\"{PARENT}\" y=\"{}\" fill=\"#222\">copied: {entries} entries, {pages} pages</text>",
        height - 14
    )
}

fn label(out: &mut String, x: usize, text: &str, owner: Owner) -> fmt::Result {
    writeln!(out, "<text x=\"{x}\" y=\"48\" fill=\"{}\">{text}</text>", owner.colour())
}

/// From an entry of a directory to its table; dashed where nothing may be written through it.
fn line(
    out: &mut String,
    from: (usize, usize),
    to: (usize, usize),
    region: &Region,
) -> fmt::Result {
    let dashes = if region.writable { "" } else { " stroke-dasharray=\"4 3\"" };
    writeln!(
        out,
        "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"#888\"{dashes}/>",
        from.0, from.1, to.0, to.1
    )
}

/// A table as cells of 32 entries each; dark where one of them has a page of its own that was
/// copied.
fn strip(out: &mut String, y: usize, owner: Owner, table: &Table, system: &System) -> fmt::Result {
    let shared =
        |page: &super::Page| system.frames[page.frame].as_ref().is_some_and(|f| f.count > 1);
    let some_shared = table.pages.iter().flatten().any(shared);
    for (i, cell) in table.pages.chunks(ENTRIES / CELLS).enumerate() {
        let copied = some_shared && !cell.iter().flatten().all(shared);
        let opacity = if copied { "1" } else { "0.35" };
        writeln!(
            out,
            "<rect x=\"{}\" y=\"{}\" width=\"9\" height=\"22\" fill=\"{}\" fill-opacity=\"{opacity}\"/>",
            TABLES + i * 10,
            y - 11,
            owner.colour()
        )?;
    }
    Ok(())
}
