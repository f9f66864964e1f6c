//! The report, as text and as JSON.
use super::{Item, State, Topic};
use crate::style::{Colours, Style};
use serde_json::json;
use std::fmt::Write as _;

/// All that was found.
pub(super) struct Report {
    /// Line by line.
    pub items: Vec<Item>,
    /// How many workers a program here gets.
    pub workers: usize,
    /// The engine that ran a join, if it could.
    pub engine: Option<String>,
}

impl Report {
    fn count(&self, state: State) -> usize {
        self.items.iter().filter(|i| i.state == state).count()
    }

    fn verdict(&self) -> &'static str {
        let limits = self.count(State::Limit) + self.count(State::Missing);
        match (self.engine.is_some(), limits) {
            (true, 0) => "ready",
            (true, _) => "ready with limits",
            (false, _) => "cannot run",
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let colours = Colours::of_stdout();
        let mut text = String::new();
        let topics = [
            (Topic::System, "System"),
            (Topic::Limits, "Limits"),
            (Topic::Calls, "Calls that the engine makes"),
            (Topic::Engine, "Engine"),
        ];
        for (topic, heading) in topics {
            if self.items.iter().all(|i| i.topic != topic) {
                continue;
            }
            let _ = writeln!(text, "{}", colours.paint(Style::Bold, heading));
            for item in self.items.iter().filter(|i| i.topic == topic) {
                let style = style(item.state);
                let state = colours.paint(style, &format!("{:<7}", word(item.state)));
                let _ = writeln!(text, "  {state} {}: {}", item.name, item.text);
                if let Some(remedy) = &item.remedy {
                    let _ = writeln!(text, "          remedy: {remedy}");
                }
            }
        }
        let style = if self.engine.is_some() { Style::Green } else { Style::Red };
        let names: Vec<_> = self.items.iter().filter(|i| i.remedy.is_some()).collect();
        let names: Vec<_> = names.iter().map(|i| i.name.as_str()).collect();
        let about =
            if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
        let _ = writeln!(text, "{}{about}", colours.paint(style, self.verdict()));
        text
    }

    /// For programs.
    pub fn json(&self) -> String {
        let items: Vec<_> = self
            .items
            .iter()
            .map(|i| {
                json!({
                    "topic": topic(i.topic),
                    "name": i.name,
                    "state": word(i.state),
                    "text": i.text,
                    "remedy": i.remedy,
                })
            })
            .collect();
        let report = json!({
            "verdict": self.verdict(),
            "engine": self.engine,
            "workers": self.workers,
            "items": items,
        });
        format!("{report:#}\n")
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Note => "note",
        State::Limit => "limit",
        State::Missing => "missing",
    }
}

fn style(state: State) -> Style {
    match state {
        State::Ok => Style::Green,
        State::Note => Style::Bold,
        State::Limit => Style::Yellow,
        State::Missing => Style::Red,
    }
}

fn topic(topic: Topic) -> &'static str {
    match topic {
        Topic::System => "system",
        Topic::Limits => "limits",
        Topic::Calls => "calls",
        Topic::Engine => "engine",
    }
}
