//! What merges mean: of one child, of the children of a join, of forked ones.
use super::super::planted::Planted;
use super::super::program::{ARENA, PAGE, Place, Program};
use super::super::runner::{Answer, Progress, Refused, State, Stopped};
use super::{Space, Status};
use std::collections::BTreeSet;

impl Space {
    /// Which bytes a merge of this child would write; the conflict, if there is one.
    fn plan(&self, child: &Space, reference: &[u8]) -> (Vec<usize>, Option<usize>) {
        let mut changed = Vec::new();
        let mut conflicts = Vec::new();
        for (i, before) in reference.iter().enumerate() {
            let mut by_child = child.memory[i] != *before;
            if self.errs(Planted::RestoredByteChanges) {
                by_child |= child.written[i];
            }
            let last = Place::at(i).offset % PAGE == PAGE - 1;
            by_child &= !(last && self.errs(Planted::LastByteUnmerged));
            let by_parent = self.memory[i] != *before;
            let agree = self.errs(Planted::SameValueAgrees) && self.memory[i] == child.memory[i];
            if by_child {
                changed.push(i);
                if by_parent && !agree && !self.errs(Planted::ParentIgnored) {
                    conflicts.push(i);
                }
            }
        }
        if self.errs(Planted::WordsMerged) {
            changed = changed.iter().flat_map(|i| i / 8 * 8..i / 8 * 8 + 8).collect();
        }
        let conflict =
            if self.errs(Planted::HighestConflict) { conflicts.last() } else { conflicts.first() };
        (changed, conflict.copied())
    }

    pub(super) fn merge(&mut self, id: u32) -> Result<(), Refused> {
        let child = self.children.get(&id).expect("checked by get");
        let reference = child.reference.clone().ok_or(Refused::Invalid)?;
        let (changed, conflict) = self.plan(child, &reference);
        let open = |i: &usize| self.may_write(Place::at(*i));
        if !changed.iter().all(open) && !self.errs(Planted::MergeIgnoresPerm) {
            return Err(Refused::Fault);
        }
        let blocks = self.blocks.merged(&child.blocks, &child.old_blocks);
        let bytes = child.memory.clone();
        let twice = child.merged || child.of_parent != self.snaps;
        if twice && (child.books || !child.children.is_empty()) {
            child.vague.set(true);
        }
        for i in changed {
            if let Some(conflict) = conflict
                && (i >= conflict || !self.errs(Planted::ConflictHalfMerged))
            {
                return Err(Refused::Conflict(Place::at(conflict)));
            }
            self.set(i, bytes[i]);
            if let Some(own) = &mut self.reference
                && self.planted == Some(Planted::GrandchildForgotten)
            {
                own[i] = bytes[i];
            }
        }
        self.blocks = blocks?;
        self.books = true;
        let child = self.children.get_mut(&id).expect("found above");
        child.merged = true;
        if child.errs(Planted::MergeMovesReference) {
            child.reference = Some(bytes);
        }
        Ok(())
    }

    pub(super) fn try_join(&mut self, programs: &[Program]) -> Answer<()> {
        self.books = true;
        let mut children: Vec<Space> = Vec::new();
        let mut printed: Vec<Vec<u8>> = Vec::new();
        let mut failed = None;
        for (i, program) in programs.iter().enumerate() {
            let mut child = Space { unnamed: true, ..self.create() };
            child.task = Some((program.clone(), Progress::default()));
            child.start();
            match child.status {
                Status::Running => return Err(Stopped),
                Status::Stopped(State::Exception(how)) => {
                    failed = Some(Refused::Child(i as u32, how));
                    printed.push(child.printed);
                    break;
                }
                Status::Stopped(_) => {
                    assert!(child.blocks == self.blocks, "joined children have no blocks here");
                    printed.push(std::mem::take(&mut child.printed));
                    children.push(child);
                }
            }
        }
        // Who changed a byte first; the conflict of the lowest higher child.
        let mut writers: Vec<Option<usize>> = vec![None; ARENA];
        for (higher, child) in children.iter().enumerate() {
            let mut lowest = None;
            for i in (0..ARENA).filter(|i| child.memory[*i] != self.memory[*i]) {
                match writers[i] {
                    Some(lower) if self.errs(Planted::LastSiblingWins) => {
                        writers[i] = Some(lower.max(higher));
                    }
                    Some(lower) => lowest = lowest.or(Some((lower, i))),
                    None => writers[i] = Some(higher),
                }
            }
            if let Some((lower, i)) = lowest {
                let place = Place::at(i);
                self.printed.extend(printed[..=higher].concat());
                return Ok(Err(Refused::Siblings(lower as u32, higher as u32, place)));
            }
        }
        if let Some(failed) = failed
            && !self.errs(Planted::FailureMergesLower)
        {
            self.printed.extend(printed.concat());
            return Ok(Err(failed));
        }
        let open = |i: usize| writers[i].is_none() || self.may_write(Place::at(i));
        if !(0..ARENA).all(open) {
            return Ok(Err(Refused::Fault));
        }
        self.printed.extend(printed.concat());
        for (i, writer) in writers.iter().enumerate() {
            if let Some(writer) = writer {
                self.set(i, children[*writer].memory[i]);
            }
        }
        Ok(failed.map_or(Ok(()), Err))
    }

    pub(super) fn try_take(&mut self, ids: &[u32]) -> Answer<()> {
        let live = |id: &u32| self.children.contains_key(id);
        if !ids.iter().all(live) || ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
            return Ok(Err(Refused::NoChild));
        }
        self.books = true;
        let before = self.memory.clone();
        let mut answer = Ok(());
        for (i, id) in ids.iter().enumerate() {
            let i = i as u32;
            answer = match self.stopped(*id).expect("found above")? {
                State::Exception(how) => Err(Refused::Child(i, how)),
                _ => match self.merge(*id) {
                    Err(Refused::Conflict(place)) => Err(Refused::Late(i, place)),
                    merged => merged,
                },
            };
            self.deliver(*id);
            if answer.is_err() {
                if !self.errs(Planted::FailureMergesLower) {
                    self.memory = before;
                }
                break;
            }
        }
        ids.iter().for_each(|id| drop(self.children.remove(id)));
        Ok(answer)
    }
}
