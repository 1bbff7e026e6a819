//! The version of the libpcap this process runs with.

/// The version of a libpcap that is linked statically, as whoever built this says (`packaging/static.sh`).
const BUILT_IN: Option<&str> = option_env!("LIBPCAP_VER");

/// libpcap's version, such as `1.10.3`; `None` where the system does not tell.
///
/// The `pcap` crate has no safe call for it, so the name of the mapped library is read instead (Linux).
pub fn libpcap_version() -> Option<String> {
    let mapped = || version_in(&std::fs::read_to_string("/proc/self/maps").ok()?);
    cfg!(feature = "live").then(|| mapped().or_else(|| BUILT_IN.map(str::to_owned))).flatten()
}

/// `maps` is in the format of proc_pid_maps(5): the path is the last column, symbolic links resolved.
fn version_in(maps: &str) -> Option<String> {
    let version = maps.lines().find_map(|line| line.rsplit_once("/libpcap.so.")?.1.split_whitespace().next())?;
    version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn the_library_is_found_among_others() {
        let maps = "7f00-7f01 r-xp 0 08:01 12 /usr/lib/x86_64-linux-gnu/libc.so.6\n\
                    7f02-7f03 r-xp 0 08:01 13 /usr/lib/x86_64-linux-gnu/libpcap.so.1.10.3\n";
        assert_eq!(version_in(maps).as_deref(), Some("1.10.3"));
    }

    #[test]
    fn without_the_library_there_is_no_version() {
        assert_eq!(version_in("7f00-7f01 r-xp 0 08:01 12 /usr/lib/libc.so.6\n"), None);
        assert_eq!(version_in("7f00-7f01 r-xp 0 08:01 12 /tmp/libpcap.so.x\x1b[2J\n"), None);
    }
}
