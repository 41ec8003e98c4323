use std::time::Duration;

use protocol::PolicySpec;

use super::super::{parameters, ranking::FAN_OUT_MAX};
use super::ENTRY;
use crate::{JobView, Outcome, TASK_TYPES_MAX, Time};

/// The scale of time for a job without a deadline of its own or its type's.
const DEADLINE_ASSUMED: Duration = Duration::from_secs(1);

/// The parameters of the policy; all but the first may be left out.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// As they were given, to be shown again.
    pub(super) texts: Vec<String>,
    /// Types that the state tells apart.
    pub(super) task_types: usize,
    pub(super) fallback: PolicySpec,
    pub(super) mode: Mode,
    /// Peers that are probed for a job; 0 to go by what they said last.
    pub(super) probes: usize,
    /// By type; one for all types, or none.
    deadlines: Vec<Duration>,
    reward: Reward,
}

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The learner.
    Act,
    /// The fallback; the learner is asked, and learns.
    Shadow,
}

/// What a job that was answered is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reward {
    /// 1 within its deadline, else 0.
    Deadline,
    /// `exp(-time / deadline)`.
    Latency,
}

impl Options {
    pub(super) fn read(texts: &[String]) -> Result<Self, String> {
        let name = |index: usize| ENTRY.parameters[index];
        let text =
            |index: usize, default: &str| texts.get(index).map_or_else(|| default.to_owned(), Clone::clone);
        let task_types = parameters::whole(name(0), &text(0, ""), 1..=TASK_TYPES_MAX)?;
        let fallback: PolicySpec = text(3, "PowerOfNScheduler(2, 1, false, 1)")
            .parse()
            .map_err(|why| format!("{} is no policy: {why}", name(3)))?;
        if fallback.name == ENTRY.name {
            return Err(format!("{} is {fallback} where another policy is allowed", name(3)));
        }
        Ok(Self {
            texts: texts.to_vec(),
            task_types,
            deadlines: read_deadlines(name(1), &text(1, ""), task_types)?,
            reward: one_of(
                name(2),
                &text(2, "deadline"),
                [("deadline", Reward::Deadline), ("latency", Reward::Latency)],
            )?,
            fallback,
            mode: one_of(name(4), &text(4, "act"), [("act", Mode::Act), ("shadow", Mode::Shadow)])?,
            probes: parameters::whole(name(5), &text(5, "2"), 0..=FAN_OUT_MAX)?,
        })
    }

    /// Within which the job is wanted: by its own deadline, else by its type's.
    pub(super) fn deadline(&self, job: &JobView<'_>) -> Duration {
        let own = job.deadline.map(|deadline| deadline - job.arrived);
        let of_type = || match self.deadlines[..] {
            [all] => Some(all),
            ref each => each.get(job.task_type.index()).copied(),
        };
        own.or_else(of_type).unwrap_or(DEADLINE_ASSUMED)
    }

    /// The type of a job, 0 to 1.
    pub(super) fn kind(&self, job: &JobView<'_>) -> f64 {
        let last = (self.task_types - 1).max(1) as f64;
        (job.task_type.index() as f64 / last).min(1.0)
    }

    /// What a job was worth; none where nobody waited for it.
    pub(super) fn reward(&self, job: &JobView<'_>, outcome: Outcome, now: Time) -> Option<f64> {
        let time = now - job.arrived;
        let deadline = self.deadline(job);
        match outcome {
            Outcome::Cancelled => None,
            Outcome::Answered(200..=299) => Some(match self.reward {
                Reward::Deadline => f64::from(u8::from(time <= deadline)),
                Reward::Latency => (-time.as_secs_f64() / deadline.as_secs_f64().max(1e-9)).exp(),
            }),
            _ => Some(0.0),
        }
    }
}

fn read_deadlines(name: &str, text: &str, task_types: usize) -> Result<Vec<Duration>, String> {
    let wrong = || {
        format!(
            "{name} is {text:?} where nothing, one number of milliseconds, or {task_types} with commas between \
             them are allowed"
        )
    };
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let read = |part: &str| {
        let milliseconds = part.trim().parse::<u32>().ok().filter(|&ms| ms > 0)?;
        Some(Duration::from_millis(milliseconds.into()))
    };
    let deadlines: Option<Vec<Duration>> = text.split(',').map(read).collect();
    deadlines.filter(|all| all.len() == 1 || all.len() == task_types).ok_or_else(wrong)
}

fn one_of<T: Copy>(name: &str, text: &str, words: [(&str, T); 2]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    let [(one, _), (other, _)] = words;
    found.ok_or_else(|| format!("{name} is {text:?} where {one:?} or {other:?} is allowed"))
}
