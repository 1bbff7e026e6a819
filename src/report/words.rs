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
        /// May make transfers fail, or is a security concern.
        Warning = "warning",
        /// Background, or a sign that something suspicious is harmless.
        Info = "info",
        /// Limits what can be concluded from the capture.
        Quality = "quality",
    }
}

words! {
    /// How sure a finding is.
    Confidence mirrors finding::Confidence {
        /// The packets allow no other explanation.
        Proven = "proven",
        /// The best explanation of the packets.
        Probable = "probable",
        /// Fits the packets, but other causes do, too.
        Possible = "possible",
    }
}

words! {
    /// The part a finding plays.
    Role mirrors finding::Role {
        /// The one diagnosis that explains a failed transfer.
        Verdict = "verdict",
        /// Also applies to a failed transfer, in addition to its verdict.
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
        /// The network between them.
        Network = "network",
    }
}

words! {
    /// Where the fault is, seen from the host where the capture was taken.
    Where mirrors finding::Where {
        /// On that host, not between it and the other host.
        ThisHost = "this-host",
        /// On the host at the other end.
        OtherHost = "other-host",
        /// In a packet filter or the connection queue of that host.
        ThisFilter = "this-filter",
        /// In a packet filter of the host at the other end.
        OtherFilter = "other-filter",
        /// Between the two hosts.
        Path = "path",
    }
}

words! {
    /// How close to an endpoint the capture was taken.
    Nearness mirrors record::Nearness {
        /// On the host itself.
        At = "at",
        /// On the same link.
        Adjacent = "adjacent",
        /// Closer to it than to the other end.
        Near = "near",
        /// Closer to the other end.
        Far = "far",
        /// Unknown.
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
        /// Unknown.
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
    /// The direction of data.
    Heading mirrors record::Heading {
        /// To the server.
        Upload = "upload",
        /// To the client.
        Download = "download",
        /// No data was sent.
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
        /// No answer.
        Unanswered = "unanswered",
        /// ICMP error.
        Icmp = "icmp",
        /// An ACK without SYN and with other numbers, and no better answer after it.
        Challenged = "challenged",
        /// SYN-ACK, but the handshake was never completed.
        Aborted = "aborted",
        /// Unknown.
        Unknown = "unknown",
    }
}
