//! How things stand: on a line for people, and in Prometheus' text format.

use std::fmt::Write as _;

use super::reported::{Found, Reported};
use crate::finding::CauseId;
use crate::pipeline::{Pipeline, Stats};
use crate::source::live::Arrivals;

/// Counts over the run.
pub(super) struct Counters {
    packets: u64,
    /// Name, received, dropped of each interface.
    interfaces: Vec<(String, u64, u64)>,
    stats: Stats,
    findings: Vec<(&'static str, u64)>,
    causes: Vec<(CauseId, Found)>,
    /// What could not be written, and how many.
    unwritten: Vec<(&'static str, u64)>,
}

impl Counters {
    pub(super) fn of(
        arrivals: &Arrivals,
        pipeline: &Pipeline,
        told: &Reported,
        unwritten: Vec<(&'static str, u64)>,
    ) -> Self {
        let interfaces = arrivals.captures().iter().flat_map(|capture| &capture.interfaces);
        let names = interfaces.map(|interface| interface.name.clone().unwrap_or_default());
        Self {
            packets: arrivals.captures().iter().map(|capture| capture.packets).sum(),
            interfaces: names.zip(arrivals.counts()).map(|(name, it)| (name, it.received, it.dropped)).collect(),
            stats: pipeline.stats(),
            findings: told.by_diagnosis().iter().map(|(diagnosis, count)| (diagnosis.as_str(), *count)).collect(),
            causes: told.by_cause(),
            unwritten,
        }
    }

    /// `1024 packets, 3 sessions (1 open), 7 transfers (2 failed), 2 findings, 0 dropped`
    pub(super) fn line(&self) -> String {
        let Stats { sessions, under_way, transfers, failed, .. } = self.stats;
        let findings: u64 = self.findings.iter().map(|(_, count)| count).sum();
        let dropped: u64 = self.interfaces.iter().map(|(_, _, dropped)| dropped).sum();
        format!(
            "{} packets, {sessions} sessions ({under_way} open), {transfers} transfers ({failed} failed), \
             {findings} findings, {dropped} dropped",
            self.packets
        )
    }

    pub(super) fn prometheus(&self) -> String {
        let Stats { sessions, under_way, transfers, failed, .. } = self.stats;
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, values: &[(String, u64)]| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP ftpwhy_{name} {help}\n# TYPE ftpwhy_{name} {kind}");
            for (labels, value) in values {
                let _ = writeln!(text, "ftpwhy_{name}{labels} {value}");
            }
        };
        let plain = |value: u64| [(String::new(), value)];
        let by = |label: &str, name: &str, value: u64| (format!("{{{label}=\"{}\"}}", escaped(name)), value);
        family("packets_total", "counter", "Packets judged.", &plain(self.packets));
        let received: Vec<_> =
            self.interfaces.iter().map(|(name, received, _)| by("interface", name, *received)).collect();
        family("received_packets_total", "counter", "Packets that passed the kernel filter.", &received);
        let dropped: Vec<_> =
            self.interfaces.iter().map(|(name, _, dropped)| by("interface", name, *dropped)).collect();
        family("dropped_packets_total", "counter", "Packets lost by this capture.", &dropped);
        family("sessions_total", "counter", "Control sessions seen.", &plain(sessions));
        family("sessions_open", "gauge", "Control sessions under way.", &plain(under_way));
        family("transfers_total", "counter", "Transfers of sessions that are over.", &plain(transfers));
        family("failed_transfers_total", "counter", "Failed ones among them.", &plain(failed));
        let findings: Vec<_> = self.findings.iter().map(|(name, count)| by("diagnosis", name, *count)).collect();
        family("findings_total", "counter", "Findings, early warnings and superseded ones too.", &findings);
        let of_cause = |(CauseId(id), Found { diagnosis, locus, count }): &(CauseId, Found)| {
            (format!("{{cause=\"{id}\",diagnosis=\"{diagnosis}\",about=\"{}\"}}", escaped(locus)), *count)
        };
        let causes: Vec<_> = self.causes.iter().map(of_cause).collect();
        family("cause_findings_total", "counter", "Findings of each cause, of the first 100 causes.", &causes);
        let let_go: Vec<_> = self.stats.let_go.iter().map(|(count, what)| by("what", what, *count)).collect();
        family("let_go_total", "counter", "What was forgotten because a table was full.", &let_go);
        let unwritten: Vec<_> = self.unwritten.iter().map(|(what, count)| by("what", what, *count)).collect();
        family("unwritten_total", "counter", "What is missing in the files that are written.", &unwritten);
        text
    }
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters() -> Counters {
        let stats = Stats { sessions: 3, under_way: 1, transfers: 7, failed: 2, let_go: vec![(4, "hosts")] };
        Counters {
            packets: 1024,
            interfaces: vec![("eth0".to_owned(), 1030, 6)],
            stats,
            findings: vec![("time-wait-collision", 2)],
            causes: vec![(
                CauseId(1),
                Found {
                    diagnosis: crate::diagnosis::time_wait_collision::NAME,
                    locus: "account \"x\" at server 10.2.0.20:21".to_owned(),
                    count: 2,
                },
            )],
            unwritten: vec![("packets", 9)],
        }
    }

    #[test]
    fn people_get_a_line() {
        let line = "1024 packets, 3 sessions (1 open), 7 transfers (2 failed), 2 findings, 6 dropped";
        assert_eq!(counters().line(), line);
    }

    #[test]
    fn prometheus_gets_families() {
        let text = counters().prometheus();
        for line in [
            "# TYPE ftpwhy_packets_total counter",
            "ftpwhy_packets_total 1024",
            "ftpwhy_dropped_packets_total{interface=\"eth0\"} 6",
            "ftpwhy_findings_total{diagnosis=\"time-wait-collision\"} 2",
            "ftpwhy_cause_findings_total{cause=\"1\",diagnosis=\"time-wait-collision\",about=\"account \\\"x\\\" at server 10.2.0.20:21\"} 2",
            "ftpwhy_let_go_total{what=\"hosts\"} 4",
            "ftpwhy_unwritten_total{what=\"packets\"} 9",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
        }
    }
}
