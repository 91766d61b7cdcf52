//! Every problem is told at once, with line, key path, what was found and what is accepted.

use std::path::Path;

use sealock::config::{Config, ConfigErrors};

/// What a file must have.
const SOUND: &str = "[[listener]]\nbind = '127.0.0.1:6033'\n[[backend]]\nname = 'a'\naddress = 'db:3306'\n";

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    Config::parse(text, Path::new("/etc/sealock/s.toml"))
}

fn problems(text: &str) -> Vec<String> {
    let errors = parse(text).expect_err("is refused");
    errors.to_string().lines().map(|line| line.replace("/etc/sealock/", "")).collect()
}

/// The only problem of a sound file with `more` at its end, whose first line is line 6.
fn problem(more: &str) -> String {
    let all = problems(&format!("{SOUND}{more}"));
    assert_eq!(all.len(), 1, "one problem in:\n{more}\n{all:#?}");
    all.into_iter().next().unwrap()
}

#[test]
fn a_sound_file_is_accepted() {
    parse(SOUND).unwrap();
}

#[test]
fn problems_in_many_sections_are_all_told_by_line() {
    let found = problems(
        "[[listener]]
bind = ['127.0.0.1:6033', 'nowhere', 7]
tls.mode = 'sometimes'
[[backend]]
addres = 'db:3306'
connect_timeout = 5
[pool]
max_connections = 0
[limits]
max_handshake_packet = '64k'
[admin]
http = '0.0.0.0:6070'
[cache]
enabled = true
",
    );
    let places: Vec<&str> = found.iter().map(|line| line.split(" found ").next().unwrap()).collect();
    assert_eq!(
        places,
        [
            "s.toml:2: listener[0].bind[1]:",
            "s.toml:2: listener[0].bind[2]:",
            "s.toml:3: listener[0].tls.mode:",
            "s.toml:4: backend[0].address:",
            "s.toml:4: backend[0].name:",
            "s.toml:5: backend[0].addres:",
            "s.toml:6: backend[0].connect_timeout:",
            "s.toml:8: pool.max_connections:",
            "s.toml:10: limits.max_handshake_packet:",
            "s.toml:12: admin.http:",
            "s.toml:13: cache:",
        ],
        "{found:#?}"
    );
}

#[test]
fn a_problem_says_what_was_found_and_what_is_accepted() {
    assert_eq!(
        problem("[backend.tls]\nmode = 'verify-fall'"),
        "s.toml:7: backend[0].tls.mode: found \"verify-fall\"; accepted: \"disabled\", \"required\", \"verify-ca\" or \
         \"verify-full\" (did you mean \"verify-full\"?)"
    );
    assert_eq!(
        problem("[runtime]\nworker_threads = 5000"),
        "s.toml:7: runtime.worker_threads: found 5000; accepted: whole number from 1 to 1024"
    );
}

#[test]
fn a_second_group_is_refused_while_nothing_routes_between_groups() {
    let second =
        "[[backend]]\nname = 'db2'\naddress = '127.0.0.1:3307'\ngroup = 'reports'\ntls.mode = 'disabled'";
    let found = problem(second);
    assert!(found.contains("backend[1].group: found \"reports\" beside \"main\""), "{found}");
}

#[test]
fn syntax_errors_are_told_beside_the_problems_of_the_rest() {
    let found = problems(&format!("{SOUND}connect_timeout = 5s\ngroup = 'a b'\n[pool\nmode = 'x'"));
    assert!(found.iter().any(|line| line.starts_with("s.toml:6: found ")), "{found:#?}");
    assert!(found.iter().any(|line| line.starts_with("s.toml:7: backend[0].group: found")), "{found:#?}");
    assert!(found.iter().any(|line| line.starts_with("s.toml:8: found ")), "{found:#?}");
    assert!(!found.iter().any(|line| line.contains("nothing")), "{found:#?}");
}

#[test]
fn unknown_keys_come_with_what_was_meant() {
    assert!(problem("[pool]\naquire_timeout = '1s'").contains("(did you mean `acquire_timeout`?)"));
    assert!(problem("[[acount]]\nuser = 'x'").contains("(did you mean `account`?)"));
    assert!(problem("max_idle = 1").contains("([pool] has a key of that name)"));
    assert!(problem("[pool]\nzzz = 1").ends_with(
        "`idle_timeout`, `max_connections`, `max_idle`, `max_lifetime`, `max_statements`, `min_idle`, `mode`"
    ));
}

#[test]
fn an_empty_file_lacks_a_listener_and_a_backend() {
    assert_eq!(
        problems(""),
        [
            "s.toml: listener: found nothing; accepted: at least one [[listener]]",
            "s.toml: backend: found nothing; accepted: at least one [[backend]]",
        ]
    );
}

#[test]
fn sections_of_the_wrong_shape_are_told_once() {
    assert!(problem("[[pool]]\nmode = 'session'").contains("accepted: a [pool] section, once"));
    assert!(problem("[account]\nuser = 'x'").contains("accepted: [[account]] sections, in double brackets"));
    let found = problems("auth = 3\nlistener = 'x'\nbackend = [1]");
    assert_eq!(found.len(), 3, "{found:#?}");
}

#[test]
fn values_out_of_their_form_are_refused() {
    for (more, hint) in [
        ("[limits]\nhandshake_timeout = 10", "did you mean \"10s\"?"),
        ("[limits]\nhandshake_timeout = '0s'", "duration from \"1ms\""),
        ("[limits]\nwrite_timeout = '10 m'", "found \"10 m\""),
        ("[limits]\nwrite_timeout = '366d'", "found \"366d\""),
        ("[limits]\nmax_clients = -1", "found -1"),
        ("[limits]\nmax_clients = 4294967296", "found 4294967296"),
        ("[limits]\nmax_clients = 1.5", "found 1.5"),
        ("[limits]\nmax_handshake_packet = 100", "size from \"1KiB\" to \"1MiB\""),
        ("[log]\nlevel = 'infos'", "found \"infos\""),
        ("[log]\nformat = 1979-05-27", "found a datetime"),
        ("[auth]\nrelay = 'yes'", "`true` or `false`"),
        ("[auth]\ndefault_plugin = 'unix_socket'", "mysql_native_password"),
        ("[[listener]]\nbind = []", "at least one"),
        ("[[listener]]\nbind = '/run/x.sock'", "did you mean \"unix:/run/x.sock\"?"),
        ("[[listener]]\nbind = '::1:3306'", "did you mean \"[::1]:3306\"?"),
        ("[[listener]]\nbind = 'localhost'", "the port is missing"),
        ("[[listener]]\nbind = ':3306'", "\"0.0.0.0:3306\""),
        ("[[listener]]\nbind = 'a:1'\nunix_mode = 660", "did you mean \"0660\"?"),
        ("[[listener]]\nbind = 'a:1'\nunix_mode = '0999'", "found \"0999\""),
        ("[[listener]]\nbind = 'a:1'\nproxy_protocol_from = ['10.1.2.3/8']", "\"10.0.0.0/8\""),
        ("[[backend]]\nname = 'b c'\naddress = 'x:1'", "found \"b c\""),
        ("[[backend]]\nname = 'b'\naddress = 'x:0'", "found \"x:0\""),
    ] {
        let found = problem(more);
        assert!(found.contains(hint), "{found} should tell {hint}");
    }
}

#[test]
fn nothing_can_be_there_twice() {
    assert!(
        problem("[[backend]]\nname = 'a'\naddress = 'x:1'")
            .contains("backend[1].name: found \"a\" again, as in backend[0].name (line 4)")
    );
    assert!(problem("[[listener]]\nbind = ['x:1', '127.0.0.1:6033']").contains("listener[1].bind[1]: found"));
    assert!(problem("[admin]\nhttp = '127.0.0.1:6033'").contains("again, as in listener[0].bind"));
    let accounts = "[[account]]\nuser = 'x'\npassword = 'p'\n[[account]]\nuser = 'x'\npassword = 'q'";
    assert!(problem(accounts).contains("s.toml:10: account[1].user: found \"x\" again"));
}

#[test]
fn listeners_on_ports_of_the_kernels_choice_do_not_collide() {
    parse(&format!(
        "{SOUND}[[listener]]\nbind = ['127.0.0.1:0', '127.0.0.1:0']\n[admin]\nhttp = '127.0.0.1:0'"
    ))
    .unwrap();
}

#[test]
fn only_this_machine_reaches_the_admin_endpoint() {
    assert!(problem("[admin]\nhttp = 'admin.example.org:6070'").contains("loopback"));
    for address in ["127.0.0.1:1", "[::1]:1", "localhost:1", "unix:/run/a.sock"] {
        assert!(parse(&format!("{SOUND}[admin]\nhttp = '{address}'")).unwrap().admin.http.is_some());
    }
    assert!(parse(&format!("{SOUND}[admin]\nhttp = ''")).unwrap().admin.http.is_none());
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    for (more, told) in [
        ("[auth]\nrelay = false", "found false without any [[account]]"),
        ("[[account]]\nuser = 'x'", "account[0].password: found nothing; accepted: exactly one of"),
        (
            "[[account]]\nuser = 'x'\npassword = 'p'\npassword_env = 'PATH'",
            "found `password` and `password_env`; accepted: exactly one",
        ),
        (
            "[[account]]\nuser = 'x'\npassword = 'p'\nbackend_user = 'y'",
            "account[0].backend_password: found nothing",
        ),
        (
            "[[account]]\nuser = 'x'\npassword = 'p'\nbackend_password = 'y'",
            "account[0].backend_user: found nothing, though `backend_password` is given",
        ),
        (
            "[[account]]\nuser = 'x'\nplugin = 'client_ed25519'\npassword_hash = '*14E65567ABDB5135D0CFD9A70B3032C179A49EE7'",
            "account[0].plugin: found a plugin that `password_hash` cannot serve",
        ),
        ("[service]\nuser = 'x'", "service.password: found nothing"),
        ("[service]\npassword = 'x'", "service.user: found nothing"),
        (
            "[backend.tls]\ncertificate = '/dev/../etc/passwd'",
            "backend[0].tls.key: found nothing, though `certificate`",
        ),
        ("[backend.tls]\nmode = 'required'\nca = '/etc/passwd'", "which verifies nothing, with a `ca`"),
        (
            "[[backend]]\nname = 'u'\naddress = 'unix:/x'\ntls.ca = '/etc/passwd'",
            "backend[1].tls.mode: found nothing beside other TLS keys",
        ),
        (
            "[[backend]]\nname = 'u'\naddress = 'unix:/x'\ntls.mode = 'verify-full'",
            "backend[1].tls.server_name: found nothing; accepted: the name to verify",
        ),
    ] {
        let found = problem(more);
        assert!(found.contains(told), "{found} should tell {told}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let errors = Config::load(Path::new("/nowhere/sealock.toml")).unwrap_err();
    assert!(errors.to_string().starts_with("/nowhere/sealock.toml: found No such file"), "{errors}");
}

#[test]
fn relative_paths_start_at_the_directory_of_the_file() {
    let text = "[[listener]]\nbind = 'unix:run/s.sock'\n[[backend]]\nname = 'a'\naddress = 'unix:/x'\n";
    let config = parse(text).unwrap();
    assert_eq!(config.listeners[0].bind[0].to_string(), "unix:/etc/sealock/run/s.sock");
}

#[test]
fn a_file_cut_anywhere_is_read_without_panic() {
    let text = include_str!("../../config/sealock.toml");
    for end in (0..text.len()).step_by(11).filter(|end| text.is_char_boundary(*end)) {
        if let Err(errors) = parse(&text[..end]) {
            assert!(!errors.problems().is_empty(), "cut at {end}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn whatever_stands_in_a_file_is_accepted_or_explained(text in "([\\[\\]a-z.=\"'{}0-9, ]{0,12}\n?){0,20}") {
        if let Err(errors) = parse(&format!("[[listener]]\n{text}")) {
            proptest::prop_assert!(!errors.problems().is_empty());
        }
    }
}
