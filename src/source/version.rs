//! The version of the libpcap this process runs with.

/// libpcap's version, such as `1.10.3`; `None` without it, or where neither the system nor the build tells.
///
/// The `pcap` crate has no safe call for it, so the name of the mapped library is read instead (Linux).
pub fn libpcap_version() -> Option<String> {
    if !cfg!(feature = "live") {
        return None;
    }
    let loaded = std::fs::read_to_string("/proc/self/maps").ok().and_then(|maps| version_in(&maps));
    // A static program has it within; whoever builds one says which (`packaging/static.sh`).
    loaded.or_else(|| option_env!("LIBPCAP_VER").map(str::to_owned))
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
