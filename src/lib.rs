//! ftpwhy reads packet captures and tells why FTP transfers failed. This page is the map of the code.
//!
//! # Bird's eye
//! Frames go in at one end, in capture order; concluded transfers come out of one shared model; each diagnosis is a
//! small pure function of such a case; each report renders the same findings.
//! ```text
//!  files, stdin, live ─ source ─► Frame ─ wire ─► segments, ARP, ICMP ─┬─ flow ──► connections, control bytes
//!                                                                      └─ network ─► who has which address
//!  control bytes ─ ftp ─► commands, replies, endpoints ─ transfer ─► sessions, offers, transfers
//!  a concluded transfer + vantage ─► Case ─ diagnosis ─► Finding ─ record::Sink ─► report, check, extract
//! ```
//! [`pipeline::Pipeline`] holds the stages together: `push` each frame, `tick` while none comes, `finish` at the end. It
//! runs the same for a saved file, a pipe and an interface; only [`app`] and [`source`] know which it is. It has three
//! parts, each a folder or file of [`pipeline`]:
//! - `model`: what was seen, by frames alone: connections, addresses, sessions, control connections. Its `analysis` is the
//!   only place that makes what diagnoses see ([`diagnosis::case`]).
//! - `schedule`: what is due when. One table of deadlines, set by the model and read before each frame.
//! - `judge`: what was said. It looks at the model, which it cannot change, runs the diagnoses and tells the sink what is
//!   new and what no longer holds.
//!
//! # The map
//! In the order of the path of data. A module uses only those above it here, never one on its own line.
//!
//! | modules | what they turn into what | outside crates |
//! |---|---|---|
//! | [`frame`], [`text`], [`decrypt`] | numbers, times, link types; bytes of strangers into printable text; key logs and TLS records into what the records hide | decrypt: aes, aes-gcm, cbc, ccm, chacha20poly1305, data-encoding, hkdf, hmac, sha1, sha2, zeroize |
//! | [`facts`], [`source`], [`wire`], [`finding`], [`redact`] | what the kernel of a host knows, as JSON and from the text of `/proc`; files of any format, pipes and interfaces into [`frame::Frame`]s, merged by time; frames into addressed segments: link layers, tunnels, fragments; what is said: evidence, confidence, caps, remedies; texts into texts without the secrets that were seen | facts: jiff, netlink-packet-core, netlink-packet-route, schemars, serde, serde_json; source: pcap, pcap-parser, flate2, zstd, ruzstd, lz4_flex, caps, landlock, nix, tempfile; wire: etherparse |
//! | [`flow`], [`network`], [`record`] | segments into connections and who holds TIME-WAIT; headers and ARP into who has which address; the values that reports get | network: indexmap, smallvec |
//! | [`ftp`], [`fingerprint`] | control bytes into commands, replies and endpoints; a finding into its identity | ftp: memchr, strsim, data-encoding |
//! | [`transfer`] | control events and connections into offers and transfers, each with the SYNs tried | |
//! | [`mod@vantage`] | where a session was captured, and so what may be claimed of what is not there | |
//! | [`diagnosis`] | a [`diagnosis::case::Case`] into findings, one of them the verdict | strsim |
//! | [`points`], [`pipeline`], [`causes`], [`report`] | names of inputs into timelines and capture points, and what several points told into one ([`points::joint`]); frames into findings; findings into the causes they have in common; findings into text | points: glob; report: anstyle, anstyle-hyperlink, comfy-table, csv, jiff, quick-junit, schemars, serde, serde_json |
//! | [`anonymize`], [`check`], [`extract`] | frames into frames of nobody; findings against expectations; which packets to hand on | anonymize: getrandom, siphasher; check: serde, toml |
//! | [`options`] | what a run is asked to do, as plain values | |
//! | [`cli`] | arguments, environment and `.ftpwhy.toml` into plain options | clap, clap_complete, anstream, indicatif, supports-hyperlinks, terminal_size, toml |
//! | [`app`] | options into all of the above: the only place that knows everything | rustix, sha2, signal-hook, tempfile |
//!
//! `tests/tidy.rs` reads the `use` lines and fails when an import points downwards, a crate comes in by a second door, or
//! files of one module use each other in a circle.
//!
//! # What always holds
//! - **Packet time is the only time.** The same capture gives the same findings at any speed, on any machine. Only
//!   [`source`] looks at a clock, `app/live` and `app/run` to stop in time, and `app/facts` not to ask the kernel too often. I/O is done by [`source`], [`points`] (which lists
//!   directories), [`cli`] and [`app`], and only the last two print.
//! - **Bad packets are data, not errors.** `Result` is for opening, reading and writing. Nothing panics on any input: no
//!   `unwrap`, no `unsafe`, no recursion deeper than four tunnels.
//! - **Every fact keeps the frame that shows it**, and a [`finding::Finding`] without primary evidence cannot be built.
//!   Absence is evidence too, but only between two frames, and only where the vantage lets one claim it.
//! - **Confidence is the lower of rule and caps**: what is wrong with the capture lowers every claim that touches it.
//! - **One failed transfer, one verdict.** What else holds is related; [`diagnosis::verdict::Rank`] is the order.
//! - **Everything kept is bounded** by a named constant with its reason. Reaching one gives `capture-limit`.
//! - **No output destroys an input.** `app/output` compares what is written with what is read, and puts a file in its
//!   place when it is whole.
//! - **Text from the wire is hostile.** It becomes printable in [`text`] and [`report`].
//! - **No output tells a secret.** `ftp/secret` knows where one can stand in a dialogue, and every sink has [`redact`] hide
//!   it wherever a stranger's words come again. What is judged stays as it was said.
//! - **A wrong accusation costs more than "cannot tell from here".** No detector knows a fixture.
//!
//! # Where to change what
//! - **A diagnosis**: copy the nearest file of [`diagnosis`], whose declaration states all of it: its rank among verdicts
//!   ([`diagnosis::verdict::Rank`]) or why it never is one, and what holds between it and others
//!   ([`diagnosis::Relations`]). Add its line in `catalogue!`, write `fixtures/NAME/fires.script` and `silent.script`
//!   (`fixtures/README.md`), bless, read the diff, write the manual anew (`tests/man.rs`). Others name it by the constant
//!   `NAME` of its module. What is forgotten does not compile, or fails `tests/registry.rs` or `tests/man.rs`. A check that
//!   needs a loop over flows is a sign that the model lacks a fact: add the fact.
//! - **What diagnoses see**: a field of [`diagnosis::case`], filled in `pipeline/model/analysis`.
//! - **When something is judged**: a `Deadline` of `pipeline/schedule`, set in `pipeline/model/sessions`, met in
//!   [`pipeline`] itself.
//! - **Where a fault is**, this host, the other one or the way between: a line in [`diagnosis::place`].
//! - **What a server means by a reply**: a line in [`ftp::texts`]; who the server is by its words: [`ftp::software`].
//! - **A command, or the form of an endpoint**: `ftp/command.rs`, [`ftp::endpoint`].
//! - **A link type**: a name in [`frame::LinkType`] and a line in [`wire::opening`], by which the decoder and the anonymiser
//!   take its header off; `report/link_type.rs` names it. A tunnel: `wire/layer.rs` and one file beside `wire/mpls.rs`. What is
//!   not decoded is counted in `wire/count.rs`.
//! - **What spares packets decoding**: `pipeline/model/fastpath` decides by the [`wire::Headers`] alone, with the same
//!   `relevance` that decoded segments are asked for; `tests/fastpath.rs` holds both ways to the same words.
//! - **What several capture points prove together**: one file of [`points::joint`]; how their packets are matched:
//!   `points/alike.rs`, `points/clock.rs`, `points/dialogue.rs`. Interfaces of one saved capture are points by the same code
//!   (`points/interfaces.rs`); those of one device are judged as its timeline, as live and in pipes, by what `flow/crossing` saw.
//! - **A capture format**: `source/sniff.rs` knows the magic; `source/file` opens it, and each format has its reader (`source/pcap.rs`, `source/pcapng.rs`).
//! - **A report format**: one file in [`report`], a variant of [`report::Format`], a line in [`report::sink`], and
//!   `report/hostile.rs` holds it to harmless text. One that streams hides secrets itself or is wrapped in [`record::Redacted`]. JSON has its own types in `report/shape`; fields may be added, and
//!   `ftpwhy schema` follows by itself.
//! - **A file that is written**: `app/output` notes, opens and finishes it. Nothing else creates files that users name, except
//!   `app/live`, which writes as long as it runs.
//! - **A place where a secret can stand**: `ftp/secret`, and a dialogue with it in `tests/secrets/places.rs`. A message
//!   that quotes the wire takes `line()` of a command or reply, which marks strangers' words; other quotes
//!   are marked by [`redact::foreign`].
//! - **The page in the browser**: `web/` is a crate of its own around [`app`] without feature `cli`; what it needs of the
//!   library beside the reports is [`source::give`] and `app/embedded`.
//! - **An option**: [`cli`]; then `cargo test --test man` says how the manual is written anew.
//! - **A cipher suite of TLS**: a line in `decrypt/suite.rs`; how a record of its kind is opened: `decrypt/cipher.rs`.
//! - **What a kernel tells**: `facts` parses and holds it (`facts/netlink` what its routing socket answers), `facts/ask` answers what diagnoses ask of it, `app/facts` reads.
//! - **Live capture**: `source/live` opens, filters and sandboxes; `app/live` rotates, records, reloads; `app/run` does
//!   so around a command.
//!
//! The tests that hold all this: `tests/fixtures.rs` (every script and recorded capture against its expectation),
//! `tests/wire_tshark.rs` and `tests/differential` (the same frames, times and lines as tshark), `tests/fuzz_corpus.rs`
//! (what `fuzz/` found, on the stable toolchain), `benches/cost` (time and memory), `tests/lab` (the servers themselves).

// Nothing in the library indexes, and nothing comes out in the order of a hash. Not in `Cargo.toml`, because what builds packets
// for tests and benchmarks may index: it fails where it indexes too far.
#![warn(clippy::indexing_slicing, clippy::iter_over_hash_type)]

// A lint that does not hold everywhere yet. No `_` over enumerations is wanted in all modules but those that match on verbs of
// FTP, of which most arms name a few, or on types of other crates.
pub mod anonymize;
pub mod app;
#[warn(clippy::wildcard_enum_match_arm)]
pub mod causes;
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod decrypt;
pub mod diagnosis;
#[warn(clippy::wildcard_enum_match_arm)]
pub mod extract;
pub mod facts;
#[warn(clippy::wildcard_enum_match_arm)]
pub mod finding;
#[warn(clippy::wildcard_enum_match_arm)]
pub mod fingerprint;
#[warn(clippy::wildcard_enum_match_arm)]
pub mod flow;
#[warn(clippy::wildcard_enum_match_arm)]
pub mod frame;
pub mod ftp;
pub mod network;
pub mod options;
pub mod pipeline;
#[warn(clippy::wildcard_enum_match_arm)]
pub mod points;
#[warn(clippy::wildcard_enum_match_arm)]
pub mod record;
#[warn(clippy::wildcard_enum_match_arm)]
pub mod redact;
pub mod report;
pub mod source;
#[warn(clippy::wildcard_enum_match_arm)]
pub mod text;
pub mod transfer;
#[warn(clippy::wildcard_enum_match_arm)]
pub mod vantage;
pub mod wire;
