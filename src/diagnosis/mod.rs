//! The diagnoses: one file each, a small pure function of a concluded case.
//!
//! To add one: copy the nearest file, state its rank among verdicts, add its line in `catalogue!`, write `fires` and
//! `silent` fixtures, bless, read the diff. The doc comment of the diagnosis is what `ftpwhy explain` prints: what it
//! means, what it needs, what helps, what refutes it, what to do. One diagnosis names another by the constant `NAME` of
//! its module, never by a string.

mod announced;
pub mod case;
pub mod contradiction;
mod crossing;
mod draft;
mod ending;
mod host_cause;
mod idle;
mod lines;
mod locus;
mod neighbours;
mod no_syn;
pub mod place;
pub mod replies;
pub mod selection;
pub mod siblings;
mod time_wait_tuple;
mod timers;
pub mod two_msl;
pub mod verdict;
pub mod views;
mod witnesses;

use crate::finding::{DiagnosisName, Finding, Severity};
use case::{CaptureCase, Case, NetworkCase, SessionCase};

pub use draft::Draft;
pub use locus::Remedied;
use verdict::Verdict;

/// What a diagnosis looks at.
#[derive(Clone, Copy)]
pub enum Check {
    /// One offer and the transfer it served or failed to serve.
    Transfer(fn(&Case<'_>) -> Option<Finding>),
    /// A failed transfer for which nothing else holds.
    Unexplained(fn(&Case<'_>) -> Option<Finding>),
    /// One control session.
    Session(fn(&SessionCase<'_>) -> Vec<Finding>),
    /// The hosts of a capture group, at its end.
    Network(fn(&NetworkCase<'_>) -> Vec<Finding>),
    /// The capture itself, at its end.
    Capture(fn(&CaptureCase<'_>) -> Vec<Finding>),
}

/// A named cause, with all that is said of it.
pub struct Diagnosis {
    /// Its name in the catalogue; never changes once released.
    pub name: DiagnosisName,
    /// Its severity where a case does not say otherwise.
    pub severity: Severity,
    /// One line.
    pub summary: &'static str,
    /// The whole explanation: its doc comment.
    pub explanation: &'static str,
    /// KB articles and RFC sections.
    pub references: &'static [&'static str],
    /// Whether it can be the verdict of a failed transfer, and which others it comes before.
    pub verdict: Verdict,
    /// What its remedy is about: by this its findings are grouped into causes.
    pub locus: Remedied,
    /// What else holds between it and other findings.
    pub relations: Relations,
    /// How it is recognised; several where it is a fact about hosts and may be the cause of a failure as well, none where
    /// only several capture points together show it.
    pub checks: &'static [Check],
}

/// What holds between a finding of a diagnosis and others.
pub struct Relations {
    /// Whether it is a fact about hosts or a session and is reported once: with the failure that it causes, or else with
    /// the session or at the end of the capture.
    pub reported_once: bool,
    /// Whether a session fails by it when such a fact holds: reported beside the fact, but not counted.
    pub is_symptom: bool,
    /// One event, one error: where one of these is said of the event, it merely belongs to that.
    pub part_of: &'static [DiagnosisName],
    /// What would decide for it where another cause of its rank is the verdict.
    pub would_decide: &'static str,
}

impl Relations {
    /// Of most diagnoses.
    pub const USUAL: Self = Self {
        reported_once: false,
        is_symptom: false,
        part_of: &[],
        would_decide: "a capture at the other side, of the same transfer",
    };
}

impl Diagnosis {
    /// The diagnosis of that name.
    pub fn named(name: DiagnosisName) -> Option<&'static Self> {
        ALL.iter().copied().find(|diagnosis| diagnosis.name == name)
    }

    /// What it says of a transfer or offer.
    pub fn of_transfer(&self, case: &Case<'_>) -> Option<Finding> {
        self.checks.iter().find_map(|check| match check {
            Check::Transfer(check) => check(case),
            Check::Unexplained(_) | Check::Session(_) | Check::Network(_) | Check::Capture(_) => None,
        })
    }

    /// What it says of a failed transfer of which nothing else explains the failure.
    pub fn of_unexplained(&self, case: &Case<'_>) -> Option<Finding> {
        self.checks.iter().find_map(|check| match check {
            Check::Unexplained(check) => check(case),
            Check::Transfer(_) | Check::Session(_) | Check::Network(_) | Check::Capture(_) => None,
        })
    }

    /// What it says of a session.
    pub fn of_session(&self, case: &SessionCase<'_>) -> Vec<Finding> {
        let all = self.checks.iter().map(|check| match check {
            Check::Session(check) => check(case),
            Check::Transfer(_) | Check::Unexplained(_) | Check::Network(_) | Check::Capture(_) => Vec::new(),
        });
        all.flatten().collect()
    }

    /// What it says of the hosts and of the capture, at its end.
    pub fn of_group(&self, hosts: &NetworkCase<'_>, capture: &CaptureCase<'_>) -> Vec<Finding> {
        let all = self.checks.iter().map(|check| match check {
            Check::Network(check) => check(hosts),
            Check::Capture(check) => check(capture),
            Check::Transfer(_) | Check::Unexplained(_) | Check::Session(_) => Vec::new(),
        });
        all.flatten().collect()
    }
}

/// Declares a diagnosis; its doc comment becomes its explanation. Its rank among the causes of a failure has to be stated
/// (`verdict: SynRejected`, or `verdict: never("why")`), and so has what its remedy is about (`locus: Server`); what of [`Relations`] differs from the usual follows the checks
/// behind a semicolon.
macro_rules! diagnosis {
    (
        $(#[doc = $doc:literal])+
        $name:literal, $severity:ident,
        $summary:literal,
        [$($reference:literal),* $(,)?],
        verdict: $rank:ident $(($never:literal))?,
        locus: $locus:ident
        $(, $kind:ident($check:path))*
        $(; $($relation:ident: $value:expr),+)?
    ) => {
        /// The name of this diagnosis.
        pub const NAME: $crate::finding::DiagnosisName = $crate::finding::DiagnosisName::declare($name);

        $(#[doc = $doc])+
        pub static DIAGNOSIS: $crate::diagnosis::Diagnosis = $crate::diagnosis::Diagnosis {
            name: NAME,
            severity: $crate::finding::Severity::$severity,
            summary: $summary,
            explanation: concat!($($doc, "\n"),+),
            references: &[$($reference),*],
            verdict: verdict!($rank $($never)?),
            locus: $crate::diagnosis::Remedied::$locus,
            relations: $crate::diagnosis::Relations {
                $($($relation: $value,)+)?
                ..$crate::diagnosis::Relations::USUAL
            },
            checks: &[$($crate::diagnosis::Check::$kind($check)),*],
        };
    };
}

/// `never` and a reason, or a rank.
macro_rules! verdict {
    (never $why:literal) => {
        $crate::diagnosis::verdict::Verdict::Never($why)
    };
    ($rank:ident) => {
        $crate::diagnosis::verdict::Verdict::Ranked($crate::diagnosis::verdict::Rank::$rank)
    };
}

macro_rules! catalogue {
    ($($module:ident),* $(,)?) => {
        $(pub mod $module;)*
        /// Every diagnosis, in the order of the catalogue.
        pub static ALL: &[&Diagnosis] = &[$(&$module::DIAGNOSIS),*];
    };
}

catalogue![
    // TIME-WAIT and the 5-tuple
    time_wait_collision,
    time_wait_default_port,
    time_wait_challenge,
    time_wait_silent_drop,
    time_wait_reuse_accepted,
    time_wait_passive_reuse,
    time_wait_middlebox,
    tuple_still_open,
    port_reused_within_2msl,
    // The data connection, active mode
    data_syn_never_sent,
    data_syn_not_seen,
    data_arp_unresolved,
    data_syn_unanswered,
    data_syn_refused,
    data_syn_icmp_rejected,
    data_syn_lost_in_transit,
    data_handshake_aborted,
    data_connection_broken,
    data_stalled,
    path_mtu_blackhole,
    rst_injected,
    data_wrong_destination,
    server_substituted_address,
    data_wrong_source_address,
    data_source_port_not_20,
    no_data_endpoint,
    abor_then_425,
    data_port_bind_contention,
    reply_by_middlebox,
    // What PORT and EPRT announced
    port_wrong_interface,
    port_address_unusable,
    port_nat_unrewritten,
    port_third_party,
    port_foreign_address,
    port_low_port,
    port_malformed,
    port_refused,
    eprt_protocol_mismatch,
    multihomed_single_address,
    alg_rewrote_port,
    alg_broken_rewrite,
    port_changed_mid_transfer,
    // Passive mode
    pasv_address_mismatch,
    pasv_connect_failed,
    pasv_client_never_connects,
    pasv_syn_not_seen,
    pasv_bad_peer,
    pasv_ports_exhausted,
    pasv_malformed,
    // Hosts, interfaces, MACs
    source_spoof_mismatch,
    antispoof_drop,
    asymmetric_path,
    mac_changed,
    mac_stale_peer,
    arp_conflict,
    virtual_mac,
    // The session
    control_unanswered,
    control_closed_early,
    control_lost,
    control_lost_during_transfer,
    transfer_failed_unexplained,
    control_stalled,
    control_idle_timeout,
    control_terminated_by_proxy,
    login_refused,
    command_refused,
    // TLS
    tls_session_reuse_required,
    tls_protection_mismatch,
    tls_handshake_failed,
    tls_closure_missing,
    tls_control_opaque,
    // The capture itself
    capture_truncated,
    capture_drops,
    capture_gap,
    capture_one_direction,
    capture_midstream,
    capture_snaplen,
    capture_control_only,
    capture_duplicates,
    capture_reordered,
    capture_clock_step,
    capture_no_mac,
    capture_fragments,
    capture_offload,
    capture_unsupported,
    capture_limit,
    control_overlap_conflict,
];
