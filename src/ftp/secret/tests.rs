//! Lines of both speakers, and what is shown and learned of them.

use super::super::Verb;
use super::super::verb::{known, split};
use super::super::vocabulary::phrases;
use super::{Login, Said, credentials, in_fragment, masked, tell, without_echo};
use crate::redact::{Secrets, foreign};

/// The line as it is shown after these lines of a client, `<` for the server's replies.
fn shown(before: &[&str], line: &[u8]) -> String {
    let (told, _) = told(before, line);
    told
}

fn told(before: &[&str], line: &[u8]) -> (String, Secrets) {
    let mut login = Login::default();
    for earlier in before {
        if let Some(reply) = earlier.strip_prefix('<') {
            login.reply(reply[..3].parse().expect("a code"));
        } else {
            let (name, argument) = split(earlier.as_bytes());
            login.command(known(name), name, argument);
        }
    }
    let told = tell(line, true, &login);
    let mut secrets = Secrets::default();
    told.secrets.iter().for_each(|secret| secrets.learn(secret));
    let text = [&told.name[..], b" ", &told.argument].concat();
    (crate::text::printable(&text).trim_end().to_owned(), secrets)
}

/// What is left of a text after this line of a client.
fn later(before: &[&str], line: &[u8], text: &str) -> String {
    let (_, secrets) = told(before, line);
    let mut text = foreign(text);
    secrets.finish(&mut text);
    text
}

const IN: &[&str] = &["USER u", "PASS x", "<230"];
const ASKED: &[&str] = &["USER u", "<331"];

#[test]
fn pass_in_any_spelling() {
    let lines: [&[u8]; 16] = [
        b"PASS leakme",
        b"pass leakme",
        b" \tPaSs\tleakme ",
        b"PASSleakme",
        b"P\0A\x01SS leakme",
        b"PASSW leakme",
        b"PASSWORD: leakme",
        b"PAS leakme",
        b"PSAS leakme",
        b"PSS leakme",
        b"ACCT leakme",
        b"ACT leakme",
        b"\xef\xbb\xbfPASS leakme",
        b"P\0A\0S\0S\0 \0l\0e\0a\0k\0m\0e\0",
        b"\0P\0A\0S\0S\0 \0l\0e\0a\0k\0m\0e",
        b"QUOTE PASS leakme",
    ];
    for line in lines {
        for before in [&[][..], ASKED, IN] {
            let (told, secrets) = told(before, line);
            assert!(told.contains("***") && !told.contains("leakme") && !told.contains("l\\x00e"), "{told}");
            let mut reply = foreign("no leakme here");
            secrets.finish(&mut reply);
            assert_eq!(reply, "no *** here", "{line:?}");
        }
    }
}

#[test]
fn a_second_command_in_an_argument() {
    let shown = |line: &[u8]| shown(&[], line);
    assert_eq!(shown(b"USER u\rPASS leakme"), "USER u\\x0dPASS ***");
    assert_eq!(shown(b"SYST \rPASS leakme"), "SYST PASS ***");
    assert_eq!(shown(b"NOOP x\0PASS leakme"), "NOOP x\\x00PASS ***");
    assert_eq!(shown(b"NOOP x\x0bPASSleakme"), "NOOP x\\x0bPASS***");
    assert_eq!(shown(b"NOOP x\x0bPAS leakme"), "NOOP x\\x0bPAS ***");
    assert_eq!(shown(b"NOOP PASS leakme"), "NOOP PASS ***");
    assert_eq!(shown(b"TYPE I;PASS leakme"), "TYPE I;PASS ***");
    assert_eq!(shown(b"RETR a\rPASS leakme"), "RETR a\\x0dPASS ***");
    assert_eq!(shown(b"RETR my pass list"), "RETR my pass list", "a path may hold any word");
    assert_eq!(shown(b"HELP PASS"), "HELP PASS");
}

#[test]
fn before_a_login_an_unknown_line_may_be_a_password() {
    assert_eq!(shown(&[], b"SS leakme"), "SS ***");
    assert_eq!(shown(&[], b"leakme"), "***", "the end of a line");
    assert_eq!(shown(&["NOOP"], b"XFOO"), "XFOO");
    assert_eq!(shown(&["NOOP"], b"XFOO bar"), "XFOO ***");
    assert_eq!(shown(ASKED, b"leakme"), "***");
    assert_eq!(shown(&["USER u"], b"le ak me"), "*** ***");
    assert_eq!(later(ASKED, b"le ak me", "530 le ak me"), "530 ***");
    assert_eq!(shown(IN, b"XFOO bar"), "XFOO bar");
    assert_eq!(shown(&["USER u", "PASV"], b"XFOO bar"), "XFOO bar", "who asks for data is in");
    assert_eq!(shown(&["USER u", "PASS x", "<230", "REIN"], b"XFOO bar"), "XFOO ***");
    assert_eq!(shown(&[], b"GET / HTTP/1.1"), "GET / HTTP/1.1");
    assert_eq!(shown(&[], b"SSH-2.0-x"), "SSH-2.0-x");
    assert_eq!(shown(&["GET / HTTP/1.1"], b"Host: example.org"), "Host: example.org");
    let refused = ["USER u", "PASS x", "<530"];
    assert_eq!((shown(&refused, b"leakme"), shown(&refused, b"XFOO")), ("***".into(), "XFOO".into()));
}

#[test]
fn a_user_with_a_password() {
    let shown = |line: &[u8]| shown(&[], line);
    assert_eq!(shown(b"USER u:leakme"), "USER u:***");
    assert_eq!(shown(b"USER u:leakme@host"), "USER u:***@host");
    assert_eq!(shown(b"USER u leakme depot"), "USER u ***");
    assert_eq!(later(&[], b"USER u leakme depot", "depot leakme"), "*** ***");
    for line in ["USER anonymous", "USER u@host", "USER u@host:2121", "USER DOMAIN\\u"] {
        assert_eq!(shown(line.as_bytes()), line);
    }
}

#[test]
fn mechanisms_and_tokens() {
    for line in ["AUTH TLS", "AUTH TLS-C", "AUTH SSL", "AUTH GSSAPI", "AUTH KERBEROS_V4"] {
        assert_eq!(shown(&[], line.as_bytes()), line);
    }
    assert_eq!(shown(&[], b"ADAT bGVha21l"), "ADAT ***");
    assert_eq!(shown(&[], b"AUTH PLAIN AHUAbGVha21l"), "AUTH PLAIN ***");
    assert_eq!(later(&[], b"AUTH PLAIN AHUAbGVha21l", "leakme AHUAbGVha21l"), "*** ***");
    assert_eq!(shown(&[], b"AUTH bGVha21l"), "AUTH ***");
    assert_eq!(shown(&["AUTH LOGIN", "<334"], b"bGVha21l"), "***");
}

#[test]
fn other_protocols_on_a_followed_port() {
    let http = &["GET / HTTP/1.1"][..];
    assert_eq!(shown(http, b"Authorization: Basic dTpsZWFrbWU="), "Authorization: ***");
    assert_eq!(later(http, b"Authorization: Basic dTpsZWFrbWU=", "leakme basic or dTpsZWFrbWU="), "*** basic or ***");
    for line in ["Proxy-Authorization: x y", "Cookie: a=b; c=d", "X-Auth-Token: x", "X-API-Key: x"] {
        let name = line.split(' ').next().expect("a name");
        assert_eq!(shown(http, line.as_bytes()), format!("{name} ***"));
    }
    assert_eq!(shown(&[], b"GET /x?user=u&password=leakme&y=1 HTTP/1.1"), "GET /x?user=u&password=***&y=1 HTTP/1.1");
    assert_eq!(shown(http, b"{\"user\":\"u\",\"password\":\"leakme\"}"), "***");
    assert_eq!(shown(http, b"{\"user\":\"u\",\"pw\":\"leakme\"}"), "{\"user\":\"u\",\"pw\":\"***");
    for line in ["a1 LOGIN u leakme", "a1 AUTHENTICATE PLAIN bGVha21l"] {
        assert_eq!(shown(IN, line.as_bytes()), "a1 ***");
    }
    assert_eq!(shown(IN, b"AUTHINFO PASS leakme"), "AUTHINFO ***");
    assert_eq!(shown(IN, b"APOP u leakme"), "APOP ***");
}

#[test]
fn site_asks_for_passwords() {
    let shown = |text: &str| shown(IN, text.as_bytes());
    assert_eq!(shown("SITE PSWD old new"), "SITE PSWD ***");
    assert_eq!(shown("site chpass x"), "site chpass ***");
    assert_eq!(shown("SITE CPWD x"), "SITE CPWD ***");
    assert_eq!(shown("SITE ADDUSER u leakme"), "SITE ADDUSER ***");
    assert_eq!(
        shown("SITE EXEC backup -p leakme --password=leakme -pleakme -v -u me:leakme"),
        "SITE EXEC backup -p *** --password=*** -p*** -v -u me:***"
    );
    for line in
        ["SITE CHMOD 644 passwords.txt", "SITE HELP", "SITE EXEC ls -u me -p", "SITE UTIME 2024 a b", "SITE UMASK 022"]
    {
        assert_eq!(shown(line), line);
    }
    assert_eq!(later(IN, b"SITE PSWD older newer", "older or newer"), "*** or ***");
    assert_eq!(shown("OPEN host 21 u leakme"), "OPEN host 21 *** ***");
}

#[test]
fn credentials_in_any_argument() {
    let shown = |text: &str| shown(IN, text.as_bytes());
    let lines = [
        ("CWD ftp://u:leakme@host/x", "CWD ftp://u:***@host/x"),
        ("RETR ftp://u:le@k/me@host/x", "RETR ftp://u:***@host/x"),
        ("RETR ftp://u:leak me@host/x", "RETR ftp://u:***@host/x"),
        ("SITE ftp://u:leakme@h/", "SITE ftp://u:***@h/"),
        ("STOR ftp%3A%2F%2Fu%3Aleakme%40host/x", "STOR ftp%3A%2F%2Fu%3A***%40host/x"),
        ("OPEN u:leakme@host", "OPEN u:***@host"),
        ("ftp://u:leakme@host/", "ftp://u:***@host/"),
        ("RETR x?token=leakme", "RETR x?token=***"),
        ("STAT pw = leakme more", "STAT pw = ***"),
    ];
    for (line, expected) in lines {
        assert_eq!(shown(line), expected);
    }
    assert_eq!(later(IN, b"CWD ftp://u:leak%4De@host", "leakMe or leak%4De"), "*** or ***");
    let clear = [
        "RETR ftp://host:2121/a b@c",
        "RETR user@host.txt",
        "RETR passwords.txt",
        "RETR 12:30.log",
        "MKD a:b",
        "RETR spw=1",
        "CWD http://host/a",
        "OPTS UTF8 ON",
        "REST 100",
    ];
    for line in clear {
        assert_eq!(shown(line), line);
    }
}

#[test]
fn the_convention_of_visitors_is_no_secret() {
    for (user, password) in
        [("anonymous", "guest@example.org"), ("ftp", "x@"), ("Anonymous@host", "me@here"), ("ftp", "ftp")]
    {
        let (line, before) = (format!("PASS {password}"), format!("USER {user}"));
        assert_eq!(shown(&[&before], line.as_bytes()), "PASS ***");
        assert_eq!(later(&[&before], line.as_bytes(), password), password);
    }
    assert_eq!(later(&[], b"USER anonymous guest@example.org", "guest@example.org"), "guest@example.org");
    assert_eq!(later(&["USER anonymous"], b"PASS hunter2", "hunter2"), "***", "no address");
    assert_eq!(later(&["USER u"], b"PASS guest@example.org", "guest@example.org"), "***", "no visitor");
    assert_eq!(later(&["USER ftp"], b"ACCT guest@example.org", "guest@example.org"), "***");
}

#[test]
fn a_change_of_password_tells_both() {
    assert_eq!(later(ASKED, b"PASS older/newer/newer", "older, newer"), "***, ***");
    assert_eq!(later(ASKED, b"PASS older/newer/other", "older, newer"), "older, newer", "just a password");
}

#[test]
fn the_end_of_a_line_is_learned_from() {
    let hidden = |fragment: &str, text: &str| {
        let mut secrets = Secrets::default();
        for secret in in_fragment(fragment.as_bytes()) {
            secrets.learn(&secret);
        }
        let mut text = foreign(text);
        secrets.finish(&mut text);
        text
    };
    assert_eq!(hidden("SS leakme", "a leakme b"), "a *** b");
    assert_eq!(hidden("akme", "a leakme"), "a ***");
    assert_eq!(hidden("ab leakme", "x ab leakme"), "x ***");
}

#[test]
fn a_secret_that_a_reply_repeats_is_hidden() {
    let hidden = |text: &str, code, verb| String::from_utf8(without_echo(text.as_bytes(), code, verb)).unwrap();
    assert_eq!(hidden("'PASS  a'b': syntax error", 500, None), "'PASS ***");
    assert_eq!(hidden("'pass a b", 500, None), "'pass ***");
    assert_eq!(hidden("PASS a: not understood", 500, Some(Verb::Pass)), "PASS ***");
    assert_eq!(hidden("PASS a: not understood", 500, None), "PASS ***");
    assert_eq!(hidden("PASSW a: unknown", 500, None), "PASSW ***");
    assert_eq!(hidden("'PSAS a': unknown", 502, Some(Verb::Other)), "'PSAS ***");
    assert_eq!(hidden("PASS a: unknown", 500, Some(Verb::User)), "PASS ***", "typed in one go");
    assert_eq!(hidden("PASS a file", 500, Some(Verb::Other)), "PASS a file");
    assert_eq!(hidden("see ftp://u:a@host/", 331, None), "see ftp://u:***@host/");
    assert_eq!(hidden("your password: abc def", 230, Some(Verb::User)), "your password: ***");
    assert_eq!(hidden("ADAT=YIGU", 335, None), "ADAT=***");
    for text in [
        "Login with USER and PASS first",
        "Bypass x",
        "PASS",
        "'PASS'",
        "'PASV x'",
        "Passive mode: off",
        "Password required for u",
        "Mail admin@example.org or http://example.org:80/",
        "Contact:admin@example.org",
        "Past events are kept",
    ] {
        assert_eq!(hidden(text, 503, None), text);
    }
}

#[test]
fn what_replies_are_judged_by_is_never_hidden() {
    for phrase in phrases() {
        for text in [phrase.to_owned(), format!("x: {phrase} (y)")] {
            assert!(credentials::of_server(text.as_bytes()).is_empty(), "{text}");
        }
        for word in phrase.split(' ') {
            let said = Said::in_line(format!("PASS {word}").as_bytes()).expect("a password");
            assert!(
                !word.bytes().all(|byte| byte.is_ascii_alphabetic())
                    || said.hidden_in(phrase.as_bytes()) == phrase.as_bytes(),
                "{word}"
            );
        }
    }
}

#[test]
fn what_was_said_is_found_again() {
    let hidden = |line: &str, text: &str| {
        let said = Said::in_line(line.as_bytes()).map(|said| said.hidden_in(text.as_bytes()));
        said.map(|bytes| String::from_utf8(bytes).unwrap())
    };
    assert_eq!(hidden("PASS hunter2", "Login incorrect for hunter2.").unwrap(), "Login incorrect for ***.");
    assert_eq!(hidden(" pass  hunter2 ", "xhunter2x hunter2hunter2").unwrap(), "x***x ******");
    assert_eq!(hidden("ACCT ab", "ab: no account about ab").unwrap(), "***: no account about ***");
    assert_eq!(hidden("PASS b c", "bad b c").unwrap(), "bad ***");
    assert_eq!(hidden("PASS pässwörd", "no pässwörd").unwrap(), "no ***");
    assert_eq!(hidden("PASShunter2", "hunter2?").unwrap(), "***?");
    assert_eq!(hidden("PASS incorrect", "Login incorrect.").unwrap(), "Login incorrect.", "a word of every server");
    assert_eq!(hidden("PASS", "x"), None);
    assert_eq!(hidden("PASV", "x"), None);
}

#[test]
fn places_may_overlap() {
    assert_eq!(masked(b"abcdefg", vec![5..6, 1..3, 2..4, 3..3]), b"a***e***g");
    assert_eq!(masked(b"abcdef", vec![1..9, 2..3]), b"a***");
}

#[test]
fn no_line_costs_more_than_it_is_long() {
    // Each would take minutes if its cost grew with the square of its length.
    for part in ["pw=", "a://b:c ", "://", "\rPAS", "a:b@c ", ".", "PASS", "\0", "'", "@:", "%3A", "pass word "] {
        let line = [b"XFOO ".to_vec(), part.repeat(1 << 13).into_bytes()].concat();
        let told = tell(&line, true, &Login::default());
        assert!(told.argument.contains(&b'*'), "{part}");
        without_echo(&line, 500, None);
    }
}
