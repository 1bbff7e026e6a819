//! What a live capture lacks limits what is said of that time, and of no other.

mod kit;

use std::io;

use ftpwhy::diagnosis::{capture_drops, data_syn_never_sent};
use ftpwhy::finding::{Confidence, DiagnosisName, Finding, SessionId};
use ftpwhy::frame::{CaptureId, Timestamp};
use ftpwhy::pipeline::{Judging, Pipeline, Settings};
use ftpwhy::record::{SessionRecord, Sink, Summary};
use ftpwhy::source::{Capture, Gap, Timeline};

/// The findings of a run.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Sink for Findings {
    fn secret(&mut self, _: &ftpwhy::redact::Secret) {}

    fn session(&mut self, _: &SessionRecord) -> io::Result<()> {
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.0.push(finding.clone());
        Ok(())
    }

    fn end(&mut self, _: &[Capture], _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

/// The confidence of a diagnosis that rests on absence, and what limits it, when a gap lies these seconds behind the
/// first frame; and whether the capture is said to lack packets.
fn judged(gap: Option<(f64, f64, u64, bool)>) -> (Confidence, Vec<DiagnosisName>, bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let rendered = kit::render(&kit::root().join("fixtures/data-syn-never-sent/fires.script")).expect("a script");
    let path = folder.path().join(format!("t.{}", rendered.extension));
    std::fs::write(&path, rendered.file).expect("written");
    let (mut timeline, errors) = Timeline::open(&[path], CaptureId(0), None);
    assert!(errors.is_empty());
    let settings = Settings { judging: Judging::Promptly, ..Settings::default() };
    let (mut pipeline, mut findings) = (Pipeline::new(settings, SessionId(1)), Findings::default());
    let mut begins: Option<Timestamp> = None;
    let lacking = |captures: &[Capture], begins: Timestamp| {
        let mut captures = captures.to_vec();
        if let Some((from, until, packets, away)) = gap {
            let (from, until) = (begins.plus_seconds(from), begins.plus_seconds(until));
            captures[0].gaps.push(Gap { from, until, packets, away });
            captures[0].interfaces[0].dropped = Some(packets);
        }
        captures
    };
    while timeline.step() {
        let frame = timeline.frame().expect("a frame");
        let begins = *begins.get_or_insert(frame.at.time);
        let captures = lacking(timeline.captures(), begins);
        pipeline.push(&frame, &captures, &mut findings).expect("a sink that takes all");
    }
    let captures = lacking(timeline.captures(), begins.expect("frames"));
    pipeline.finish(&captures, &mut findings).expect("a sink that takes all");
    let last =
        findings.0.iter().rev().find(|finding| finding.diagnosis == data_syn_never_sent::NAME).expect("it is found");
    let caps = last.caps.iter().filter_map(|cap| cap.diagnosis).collect();
    (last.confidence, caps, findings.0.iter().any(|finding| finding.diagnosis == capture_drops::NAME))
}

#[test]
fn packets_that_were_dropped_limit_what_is_claimed_of_their_time() {
    let (sure, caps, lacks) = judged(None);
    assert!(sure > Confidence::Possible && !caps.contains(&capture_drops::NAME) && !lacks, "{sure:?} {caps:?}");
    let (confidence, caps, lacks) = judged(Some((0.0, 60.0, 12, false)));
    assert!(
        confidence == Confidence::Possible && caps.contains(&capture_drops::NAME) && lacks,
        "{confidence:?} {caps:?}"
    );
    let (confidence, caps, lacks) = judged(Some((-3_600.0, -3_500.0, 12, false)));
    assert!(confidence == sure && !caps.contains(&capture_drops::NAME) && lacks, "{confidence:?} {caps:?}");
}

#[test]
fn so_does_an_interface_that_was_away() {
    let (sure, ..) = judged(None);
    let (confidence, caps, lacks) = judged(Some((0.0, 60.0, 0, true)));
    assert!(
        confidence == Confidence::Possible && caps.contains(&capture_drops::NAME) && lacks,
        "{confidence:?} {caps:?}"
    );
    let (confidence, caps, lacks) = judged(Some((-3_600.0, -3_500.0, 0, true)));
    assert!(confidence == sure && !caps.contains(&capture_drops::NAME) && lacks, "{confidence:?} {caps:?}");
}
