//! A run that a signal ended before its inputs did.

/// A signal that ends a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: ^C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
    HangUp,
}

impl Signal {
    /// As POSIX names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::HangUp => "SIGHUP",
        }
    }

    /// Its number, the same on every system (POSIX, `kill`).
    pub fn number(self) -> u8 {
        match self {
            Self::Interrupt => 2,
            Self::Terminate => 15,
            Self::HangUp => 1,
        }
    }

    /// The exit status of a program that it ended, as shells count.
    pub fn status(self) -> u8 {
        128 + self.number()
    }
}

/// What ended a run before its inputs did. The captures it was reading then are [`unread`].
///
/// [`unread`]: crate::source::Capture::unread
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// The signal.
    pub signal: Signal,
    /// Inputs that were not read at all; they are not among the captures.
    pub not_read: u64,
}
