mod kit;
use std::collections::BTreeMap;
use std::path::Path;
use kit::run::analyse;
const PROGRAM: &str = env!("CARGO_BIN_EXE_ftpwhy");
type Said = BTreeMap<(String,String,String,String),String>;
fn said(path: &Path) -> Result<Said,String> {
    let a = analyse(Path::new(PROGRAM), path)?;
    let mut m = Said::new();
    for f in a.document["findings"].as_array().ok_or("no findings")? {
        let s=|k:&str| f[k].as_str().unwrap_or("").to_owned();
        m.insert((s("diagnosis"),s("severity"),s("role"),f["transfer"].to_string()),s("confidence"));
    }
    Ok(m)
}
#[test]
fn explore() {
    let folder = tempfile::tempdir().unwrap();
    let mut n=0;
    for source in kit::files_below(&kit::root().join("fixtures"), &[".script"]) {
        let name = source.strip_prefix(kit::root().join("fixtures")).unwrap().display().to_string();
        if !source.file_name().unwrap().to_string_lossy().starts_with("fires") || name.starts_with("_") { continue }
        let mut one = |transform: &str| -> Result<Said,String> {
            n+=1;
            let p = folder.path().join(format!("{n}.script"));
            std::fs::write(&p, format!("include {}\n{}\n", source.display(), transform)).unwrap();
            let r = kit::render(&p)?;
            let f = folder.path().join(format!("{n}.{}", r.extension));
            std::fs::write(&f, r.file).unwrap();
            said(&f)
        };
        let base = one("").unwrap();
        for t in ["split 1","split 3","duplicate 0.2ms","swap","renumber 4294967280","deaf 21 > 0","deaf 0 > 21"] {
            match one(&format!("transform {t}")) {
                Err(e) => println!("{name}\t{t}\tERR {}", e.lines().next().unwrap_or("")),
                Ok(got) => {
                    for (k,c) in &base { match got.get(k) { None => println!("{name}\t{t}\tLOST {k:?} {c}"), Some(d) if d!=c => println!("{name}\t{t}\tCONF {k:?} {c}->{d}"), _=>{} } }
                    for (k,c) in &got { if !base.contains_key(k) { println!("{name}\t{t}\tNEW {k:?} {c}"); } }
                }
            }
        }
    }
}
