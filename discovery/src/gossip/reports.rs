use std::time::Duration;

use membership::{Description, DescriptionTooLong, Membership, Time};
use protocol::nodes::{NodeLoad, NodeReport};

use super::WatcherId;
use super::inputs::OwnSettings;

/// A scheduler that lost its connection dials again within this time; after it the node takes no jobs.
const ABSENCE_MAX: Duration = Duration::from_secs(2);

/// Why a report is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadReport {
    #[error("service_time_ms must be a number of milliseconds from 0")]
    ServiceTime,
    #[error(transparent)]
    TooLong(#[from] DescriptionTooLong),
}

/// What is known of the own scheduler.
#[derive(Debug, Default)]
pub(super) struct Reports {
    last: Option<NodeReport>,
    reporter: Option<WatcherId>,
    absent_since: Option<Time>,
}

impl Reports {
    /// Takes a report; the latest counts, whichever connection it came by.
    pub(super) fn take(
        &mut self,
        from: WatcherId,
        report: NodeReport,
        own: &OwnSettings,
        core: &mut Membership,
        now: Time,
    ) -> Result<(), BadReport> {
        let service_time = match report.service_time_ms {
            None => None,
            Some(ms) => Some(Duration::try_from_secs_f32(ms / 1e3).map_err(|_| BadReport::ServiceTime)?),
        };
        let is_described = self
            .last
            .as_ref()
            .is_some_and(|last| last.slots == report.slots && last.functions == report.functions);
        if !is_described {
            core.describe(description(own, Some(&report)), now)?;
        }
        core.set_load(report.load, service_time, now);
        if self.reporter.replace(from).is_some_and(|before| before != from) {
            tracing::debug!("the scheduler reports by another connection");
        }
        self.absent_since = None;
        self.last = Some(report);
        Ok(())
    }

    /// A watcher is gone, perhaps the scheduler.
    pub(super) fn gone(&mut self, watcher: WatcherId, now: Time) {
        if self.reporter == Some(watcher) {
            self.absent_since = Some(now);
        }
    }

    /// When [`look`](Self::look) has something to do.
    pub(super) fn due_at(&self) -> Option<Time> {
        self.absent_since.map(|since| since + ABSENCE_MAX)
    }

    /// Says that the node takes no jobs once its scheduler has been away for too long.
    pub(super) fn look(&mut self, core: &mut Membership, now: Time) {
        if self.due_at().is_some_and(|at| at <= now) {
            tracing::warn!("the scheduler is away: this node is said to take no jobs");
            self.absent_since = None;
            self.reporter = None;
            core.set_load(NodeLoad { draining: true, ..NodeLoad::default() }, None, now);
        }
    }

    /// Says that the node takes no new jobs.
    pub(super) fn drain(&self, core: &mut Membership, now: Time) {
        let load = self.last.as_ref().map(|report| report.load).unwrap_or_default();
        core.set_load(NodeLoad { draining: true, ..load }, None, now);
    }

    /// Says anew what this node is, after its settings have changed.
    pub(super) fn describe(
        &self,
        own: &OwnSettings,
        core: &mut Membership,
        now: Time,
    ) -> Result<(), DescriptionTooLong> {
        core.describe(description(own, self.last.as_ref()), now)
    }
}

fn description(own: &OwnSettings, report: Option<&NodeReport>) -> Description {
    Description {
        name: own.name.clone(),
        group: own.group.clone(),
        cell: own.cell.clone(),
        ports: own.ports,
        architecture: std::env::consts::ARCH.to_owned(),
        version: service::VERSION.to_owned(),
        slots: report.map_or(0, |report| report.slots),
        functions: report.map(|report| report.functions.clone()).unwrap_or_default(),
    }
}
