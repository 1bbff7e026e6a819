//! The words of the interface: one spelling of every enumeration, the same in JSON, in text and in expectations.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::{self, DiagnosisName};
use crate::record;

/// A limit of a finding, and the diagnosis that states it.
pub fn limit(why: &str, diagnosis: Option<DiagnosisName>) -> String {
    diagnosis.map_or_else(|| why.to_owned(), |name| format!("{why} ({name})"))
}

/// An enumeration of the edge that mirrors one of the domain, with its word for each variant.
macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident mirrors $domain:ty { $($(#[doc = $variant_doc:literal])* $variant:ident = $word:literal,)* }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[doc = $variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self { $(Self::$variant => $word,)* })
            }
        }

        impl From<$domain> for $name {
            fn from(value: $domain) -> Self {
                match value { $(<$domain>::$variant => Self::$variant,)* }
            }
        }

        impl From<$name> for $domain {
            fn from(word: $name) -> Self {
                match word { $($name::$variant => Self::$variant,)* }
            }
        }
    };
}

words! {
    /// How much a finding matters.
    Severity mirrors finding::Severity {
        /// Explains a failed transfer.
        Error = "error",
        /// Will or can fail, or is a security concern.
        Warning = "warning",
        /// Context, or refutes a suspicion.
        Info = "info",
        /// Limits what may be claimed from the capture.
        Quality = "quality",
    }
}

words! {
    /// How sure a finding is.
    Confidence mirrors finding::Confidence {
        /// What was seen admits no other reading.
        Proven = "proven",
        /// The best explanation of what was seen.
        Probable = "probable",
        /// Consistent with what was seen; so are other causes.
        Possible = "possible",
    }
}

words! {
    /// The part a finding plays.
    Role mirrors finding::Role {
        /// The one cause named for a failed transfer.
        Verdict = "verdict",
        /// Holds too for a failed transfer, beside its verdict.
        Related = "related",
        /// About a host, a session, the capture, or a transfer that worked.
        Context = "context",
    }
}

words! {
    /// Who has to act.
    Party mirrors finding::Party {
        /// The FTP client, its host or its user.
        Client = "client",
        /// The FTP server, its host or its admin.
        Server = "server",
        /// Whatever lies between.
        Network = "network",
    }
}

words! {
    /// Where the fault is, seen from the host that was captured on.
    Where mirrors finding::Where {
        /// On that host, not between it and the other one.
        ThisHost = "this-host",
        /// On the host at the other end.
        OtherHost = "other-host",
        /// In a filter of that host, or its queue of connections.
        ThisFilter = "this-filter",
        /// In a filter of the host at the other end.
        OtherFilter = "other-filter",
        /// Between the two.
        Path = "path",
    }
}

words! {
    /// How close to an endpoint the capture was taken.
    Nearness mirrors record::Nearness {
        /// On the host itself.
        At = "at",
        /// On its link.
        Adjacent = "adjacent",
        /// Closer to it than to the other end.
        Near = "near",
        /// Closer to the other end.
        Far = "far",
        /// Cannot be told.
        Unknown = "unknown",
    }
}

words! {
    /// Which side opens the data connection.
    Mode mirrors record::Mode {
        /// The server, to the client's PORT.
        Active = "active",
        /// The client, to the server's 227 or 229.
        Passive = "passive",
        /// The server, to the client's control port: no endpoint was ever announced.
        Default = "default",
        /// Cannot be told.
        Unknown = "unknown",
    }
}

words! {
    /// How a transfer ended.
    Outcome mirrors record::Outcome {
        /// The final reply was 2xx.
        Completed = "completed",
        /// The final reply was 4xx or 5xx, or the control connection was lost before it.
        Failed = "failed",
        /// The user asked for it (ABOR).
        Aborted = "aborted",
        /// The capture does not show it.
        Unknown = "unknown",
    }
}

words! {
    /// Which way data went.
    Heading mirrors record::Heading {
        /// To the server.
        Upload = "upload",
        /// To the client.
        Download = "download",
        /// None were sent.
        Nothing = "none",
    }
}

words! {
    /// How an attempt to open a data connection ended.
    AttemptOutcome mirrors record::AttemptOutcome {
        /// Handshake complete.
        Established = "established",
        /// RST.
        Refused = "refused",
        /// Nothing.
        Unanswered = "unanswered",
        /// ICMP error.
        Icmp = "icmp",
        /// A bare ACK with other numbers, and nothing better after it.
        Challenged = "challenged",
        /// SYN-ACK, but never a handshake.
        Aborted = "aborted",
        /// Cannot be told.
        Unknown = "unknown",
    }
}
