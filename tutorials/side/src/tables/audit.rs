//! What must hold in every system, whatever its fork.
use super::{Region, System};
use std::collections::BTreeMap;

/// Checks counts, and that nobody can write what another process sees.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn audit(system: &System) -> Result<(), String> {
    let mut owners: BTreeMap<usize, usize> = BTreeMap::new();
    for region in regions(system) {
        *owners.entry(region.table).or_default() += 1;
    }
    let mut mapped: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, table) in system.tables.iter().enumerate() {
        let (Some(table), counted) = (table, owners.get(&at).copied().unwrap_or(0)) else {
            if owners.contains_key(&at) {
                return Err(format!("table {at} was given back, and a process still has it"));
            }
            continue;
        };
        if counted == 0 {
            return Err(format!("no process has table {at}, and it was not given back"));
        }
        if table.count != counted {
            return Err(format!(
                "{counted} processes have table {at}, which counts {}",
                table.count
            ));
        }
        for page in table.pages.iter().flatten() {
            *mapped.entry(page.frame).or_default() += 1;
        }
    }
    for (at, frame) in system.frames.iter().enumerate() {
        match (frame, mapped.get(&at).copied()) {
            (None, None) => {}
            (None, Some(_)) => {
                return Err(format!("frame {at} was given back, and a table still has it"));
            }
            (Some(_), None) => {
                return Err(format!("no table has frame {at}, and it was not given back"));
            }
            (Some(frame), Some(tables)) if frame.count != tables => {
                return Err(format!(
                    "{tables} tables have frame {at}, which counts {}",
                    frame.count
                ));
            }
            _ => {}
        }
    }
    for region in regions(system).filter(|region| region.writable) {
        if owners[&region.table] > 1 {
            return Err(format!(
                "a process writes through table {}, which another one has, too",
                region.table
            ));
        }
        let table = system.tables[region.table].as_ref().expect("looked at above");
        if let Some(page) =
            table.pages.iter().flatten().find(|p| p.writable && mapped[&p.frame] > 1)
        {
            return Err(format!(
                "a process writes to frame {}, which another one sees, too",
                page.frame
            ));
        }
    }
    Ok(())
}

fn regions(system: &System) -> impl Iterator<Item = &Region> {
    system.processes.iter().flatten().flatten()
}
