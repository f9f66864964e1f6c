//! What a space has around its memory: output that goes up, signals that end waits.
use super::super::planted::Planted;
use super::Space;

impl Space {
    /// What a child printed comes after what this space has printed.
    pub(super) fn deliver(&mut self, id: u32) {
        let child = self.children.get_mut(&id).expect("found before");
        let mut printed = std::mem::take(&mut child.printed);
        if child.errs(Planted::OutputStays) {
            child.printed = printed.clone();
        }
        if self.errs(Planted::OutputBefore) {
            printed.append(&mut self.printed);
            self.printed = printed;
        } else {
            self.printed.append(&mut printed);
        }
    }

    /// Whether a wait that names signals ends by one. The other has come by then as well.
    pub(super) fn interrupted(&mut self) -> bool {
        let [named, other] = self.bells.get();
        let ends = named.is_some() && !self.held;
        if ends {
            self.bells.set([Some(true), other.map(|_| !self.errs(Planted::OtherSignalLost))]);
        }
        ends
    }
}
