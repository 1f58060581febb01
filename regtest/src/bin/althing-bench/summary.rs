//! The figures of a run, as they are written and read.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::goals::Goal;
use crate::machine::{Machine, commit};

/// All figures of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) machine: Machine,
    pub(crate) commit: String,
    pub(crate) measures: Vec<Measure>,
}

/// One measure, over its runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Measure {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
    pub(crate) runs: usize,
    pub(crate) floor: Option<f64>,
    pub(crate) goal: Option<f64>,
    /// Whether the median keeps the floor; nothing where there is none.
    pub(crate) holds: Option<bool>,
}

impl Summary {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { machine: Machine::this(), commit: commit(), measures: Vec::new() })
    }

    /// The same, if it was measured here; else an empty one.
    pub(crate) fn of_this_machine(self) -> Result<Self> {
        let new = Self::new()?;
        Ok(if self.machine == new.machine { Self { commit: new.commit, ..self } } else { new })
    }

    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))
    }

    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(file, serde_json::to_string_pretty(self)? + "\n")
            .with_context(|| format!("writing {}", file.display()))
    }

    /// Takes in the runs of a measure; none of it when there is no run.
    pub(crate) fn put(&mut self, goal: &Goal, mut runs: Vec<f64>) {
        runs.retain(|run| run.is_finite());
        runs.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (runs.first().copied(), runs.last().copied()) else { return };
        let median = (runs[(runs.len() - 1) / 2] + runs[runs.len() / 2]) / 2.0;
        let holds = goal.floor.map(|floor| if goal.less { median <= floor } else { median >= floor });
        let measure = Measure {
            name: goal.name.to_owned(),
            unit: goal.unit.to_owned(),
            min,
            median,
            max,
            runs: runs.len(),
            floor: goal.floor,
            goal: goal.goal,
            holds,
        };
        eprintln!("{}", measure.line());
        match self.measures.iter_mut().find(|m| m.name == measure.name && m.unit == measure.unit) {
            Some(before) => *before = measure,
            None => self.measures.push(measure),
        }
    }

    /// The median of a measure that was taken.
    pub(crate) fn median(&self, goal: &Goal) -> Option<f64> {
        self.measures.iter().find(|m| m.name == goal.name && m.unit == goal.unit).map(|measure| measure.median)
    }

    pub(crate) fn print(&self) {
        println!(
            "{}, {} cores, {}; commit {}",
            self.machine.cpu,
            self.machine.cores,
            self.machine.features.join(" "),
            self.commit
        );
        self.measures.iter().for_each(|measure| println!("{}", measure.line()));
    }
}

impl Measure {
    fn line(&self) -> String {
        let wanted = match (self.floor, self.goal) {
            (Some(floor), Some(goal)) => format!("floor {floor}, goal {goal}"),
            _ => String::new(),
        };
        let holds = match self.holds {
            Some(true) => "holds",
            Some(false) => "MISSED",
            None => "",
        };
        let Self { name, unit, min, median, max, runs, .. } = self;
        format!("{name:<86} {min:>11.2} {median:>11.2} {max:>11.2} {unit:<14} {runs:>2} runs  {wanted} {holds}")
    }
}
