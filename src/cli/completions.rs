//! `ftpwhy completions`: print what a shell needs to complete the command line.

use clap::{Args, ValueEnum};
use clap_complete::{Shell, generate};

/// Print the completions of a shell
///
/// Put them where the shell looks: for bash /usr/share/bash-completion/completions/ftpwhy, for zsh _ftpwhy in a
/// directory of $fpath, for fish ~/.config/fish/completions/ftpwhy.fish.
#[derive(Args)]
pub(super) struct Completions {
    /// The shell
    shell: ShellName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ShellName {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    /// The script.
    pub(super) fn script(&self) -> Vec<u8> {
        let shell = match self.shell {
            ShellName::Bash => Shell::Bash,
            ShellName::Zsh => Shell::Zsh,
            ShellName::Fish => Shell::Fish,
        };
        let mut script: Vec<u8> = Vec::new();
        generate(shell, &mut super::command(), "ftpwhy", &mut script);
        script
    }
}
