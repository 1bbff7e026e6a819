//! Gives up what is not needed once the interfaces are open: capabilities, user, most of the file system.
//!
//! All of it is a property of the calling thread that threads started later inherit, so it comes before them.

use std::ffi::{CString, OsString};
use std::path::{Path, PathBuf};

use caps::{CapSet, Capability};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, Scope,
};
use nix::unistd::{Gid, Uid, User, getgrouplist, setgroups, setresgid, setresuid};

/// What the kernel made of the wish to be confined to some directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confined {
    /// It enforces all of it.
    Fully,
    /// It is too old for some of it.
    Partly,
    /// It has no Landlock.
    Not,
}

/// What may still be read: time zones.
const READABLE: [&str; 2] = ["/usr/share/zoneinfo", "/etc/localtime"];

/// The newest rules that are asked for; older kernels enforce what they know.
const RULES: ABI = ABI::V6;

/// Becomes `user`, if one is given; drops all capabilities; leaves itself the directories `writable` and the counters of
/// the `interfaces`. The error is a sentence part.
pub fn confine(user: Option<&str>, writable: &[PathBuf], interfaces: &[String]) -> Result<Confined, String> {
    // Only whoever holds CAP_SETPCAP may, so it comes before the rest; nobody else can gain by these once new
    // privileges are renounced.
    let _ = caps::clear(None, CapSet::Bounding);
    if let Some(name) = user {
        let failed = |error| format!("could not become user {name}: {error}");
        let user = User::from_name(name).map_err(failed)?.ok_or_else(|| format!("there is no user {name}"))?;
        become_user(&user, &[user.gid])?;
    }
    drop_capabilities()?;
    nix::sys::prctl::set_no_new_privs()
        .map_err(|error| format!("could not give up the right to new privileges: {error}"))?;
    restrict(writable, interfaces).map_err(|error| format!("could not enter the sandbox: {error}"))
}

/// Whether there is such a user.
pub fn user_exists(name: &str) -> bool {
    matches!(User::from_name(name), Ok(Some(_)))
}

/// What a program expects of its environment when a user runs it.
pub fn environment(name: &str) -> Vec<(&'static str, OsString)> {
    let Ok(Some(user)) = User::from_name(name) else { return Vec::new() };
    let name = OsString::from(&user.name);
    vec![("HOME", user.dir.into()), ("SHELL", user.shell.into()), ("USER", name.clone()), ("LOGNAME", name)]
}

/// Before another program is started, which is to get none of what this one was given: becomes `user` with all their
/// groups, if one is given, and drops all capabilities, unless this is root and stays so.
pub fn shed(user: Option<&str>) -> Result<(), String> {
    if let Some(name) = user {
        let _ = caps::clear(None, CapSet::Bounding);
        let failed = |error| format!("could not become user {name}: {error}");
        let account = User::from_name(name).map_err(failed)?.ok_or_else(|| format!("there is no user {name}"))?;
        let name = CString::new(account.name.as_str()).map_err(|_| format!("there is no user {name}"))?;
        become_user(&account, &getgrouplist(&name, account.gid).map_err(failed)?)?;
    }
    if Uid::effective().is_root() { Ok(()) } else { drop_capabilities() }
}

/// For a thread that looks whose sockets are whose and does nothing else: keeps what that takes of the capabilities, which
/// is nothing unless this is root.
pub fn keep_looking() -> Result<(), String> {
    let permitted = caps::read(None, CapSet::Permitted).unwrap_or_default();
    let looking: caps::CapsHashSet =
        [Capability::CAP_SYS_PTRACE].into_iter().filter(|one| permitted.contains(one)).collect();
    let _ = caps::clear(None, CapSet::Ambient);
    let none = caps::CapsHashSet::new();
    for (set, kept) in [(CapSet::Effective, &looking), (CapSet::Permitted, &looking), (CapSet::Inheritable, &none)] {
        caps::set(None, set, kept).map_err(|error| format!("could not drop capabilities: {error}"))?;
    }
    Ok(())
}

fn become_user(user: &User, groups: &[Gid]) -> Result<(), String> {
    let failed = |error| format!("could not become user {}: {error}", user.name);
    if user.uid == Uid::current() {
        return Ok(());
    }
    setgroups(groups).map_err(failed)?;
    setresgid(user.gid, user.gid, user.gid).map_err(failed)?;
    setresuid(user.uid, user.uid, user.uid).map_err(failed)
}

fn drop_capabilities() -> Result<(), String> {
    let _ = caps::clear(None, CapSet::Ambient);
    for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
        caps::clear(None, set).map_err(|error| format!("could not drop capabilities: {error}"))?;
    }
    Ok(())
}

/// What is done in directories that are written to: no more than this, and nothing is read there.
fn writing() -> BitFlags<AccessFs> {
    AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg | AccessFs::MakeDir | AccessFs::RemoveFile
}

fn restrict(writable: &[PathBuf], interfaces: &[String]) -> Result<Confined, RulesetError> {
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(RULES))?
        .handle_access(AccessNet::from_all(RULES))?
        .scope(Scope::from_all(RULES))?
        .create()?;
    for path in READABLE {
        rules = allow(rules, Path::new(path), AccessFs::from_read(RULES))?;
    }
    for interface in interfaces {
        // A card counts there what it drops; without that libpcap takes the count for 0.
        let statistics = Path::new("/sys/class/net").join(interface).join("statistics");
        rules = allow(rules, &statistics, AccessFs::from_read(RULES))?;
    }
    for path in writable {
        rules = allow(rules, path, writing())?;
    }
    Ok(match rules.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => Confined::Fully,
        RulesetStatus::PartiallyEnforced => Confined::Partly,
        RulesetStatus::NotEnforced => Confined::Not,
    })
}

/// A path that is not there needs no rule.
fn allow(
    rules: landlock::RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<landlock::RulesetCreated, RulesetError> {
    let Ok(opened) = PathFd::new(path) else { return Ok(rules) };
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(RULES) };
    rules.add_rule(PathBeneath::new(opened, access))
}
