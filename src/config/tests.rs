use clap::error::ErrorKind;

use super::*;

fn settings(args: &[&str], env: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let args = std::iter::once("pgcanvas").chain(args.iter().copied()).map(OsString::from);
    Settings::from(args, env.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
}

fn refusal(args: &[&str], env: &[(&str, &str)]) -> String {
    match settings(args, env) {
        Err(ConfigError::Usage(sentence)) => {
            assert!(!sentence.contains('\n'), "one sentence: {sentence}");
            sentence
        }
        other => panic!("{args:?} {env:?} gave {other:?}"),
    }
}

#[test]
fn nothing_said_means_serve_with_the_defaults() {
    let plain = settings(&[], &[("HOME", "/h"), ("PGUSER", "x")]).unwrap();
    assert_eq!(plain.command(), Command::Serve);
    assert_eq!((plain.listen.to_string(), plain.log.as_str()), (DEFAULT_LISTEN.to_owned(), "info"));
    assert_eq!((plain.database_url(), plain.data_dir.clone(), plain.migrate), (None, None, false));
    assert_eq!(plain.node, NodeSettings::default());
}

#[test]
fn a_flag_wins_over_a_variable_before_and_after_the_command() {
    let env = [("PGCANVAS_LISTEN", "127.0.0.1:1000"), ("PGCANVAS_POOL_SIZE", "20")];
    for args in [
        &["--listen", "[::1]:2000", "serve"][..],
        &["serve", "--listen=[::1]:2000"],
        &["--listen=[::1]:2000"],
    ] {
        let both = settings(args, &env).unwrap();
        assert_eq!((both.listen.to_string().as_str(), both.node.pool_size), ("[::1]:2000", 20), "{args:?}");
    }
    assert_eq!(settings(&["check"], &env).unwrap().listen.port(), 1000);
}

#[test]
fn every_variable_is_its_flag() {
    let env = [
        ("PGCANVAS_LISTEN", "localhost:1"),
        ("PGCANVAS_DATABASE_URL", "postgres://h/d"),
        ("PGCANVAS_DATA_DIR", "/data"),
        ("PGCANVAS_LOG", "debug"),
        ("PGCANVAS_POSTGRES_BIN", "/pg"),
        ("PGCANVAS_POSTGRES_PORT", "5433"),
        ("PGCANVAS_MIGRATE", "true"),
        ("PGCANVAS_WRITERS", "5"),
        ("PGCANVAS_POOL_SIZE", "6"),
        ("PGCANVAS_MAX_SOCKETS", "7"),
        ("PGCANVAS_MAX_CONNECTIONS", "9"),
        ("PGCANVAS_MAX_CONNECTIONS_PER_ADDRESS", "10"),
        ("PGCANVAS_MAX_HELD_BYTES", "16777217"),
        ("PGCANVAS_DRAIN_SECONDS", "8"),
        ("PGCANVAS_LINGER_SECONDS", "9"),
        ("PGCANVAS_HISTORY_DAYS", "10"),
        ("PGCANVAS_ANSWER_DAYS", "11"),
        ("PGCANVAS_FILE_DAYS", "13"),
        ("PGCANVAS_SIGN_IN_DAYS", "12"),
        ("PGCANVAS_MAX_FILE_BYTES", "1024"),
        ("PGCANVAS_ASSET_BASE", "https://cdn.example.org/b/"),
    ];
    let all = settings(&["check"], &env).unwrap();
    assert_eq!((all.listen.to_string().as_str(), all.log.as_str()), ("127.0.0.1:1", "debug"));
    assert_eq!(all.database_url().map(DatabaseUrl::reveal), Some("postgres://h/d"));
    assert_eq!((all.data_dir, all.postgres_bin), (Some("/data".into()), Some("/pg".into())));
    assert_eq!((all.postgres_port, all.migrate), (Some(5433), true));
    let node = NodeSettings {
        writers: 5,
        pool_size: 6,
        max_connections: 9,
        max_connections_per_address: 10,
        max_held_bytes: 16_777_217,
        max_sockets: 7,
        drain_seconds: 8,
        linger_seconds: 9,
        history_days: 10,
        answer_days: 11,
        file_days: 13,
        sign_in_days: 12,
        max_file_bytes: 1024,
        asset_base: Some("https://cdn.example.org/b".into()),
    };
    assert_eq!(all.node, node);
}

#[test]
fn our_database_variable_wins_over_the_common_one_and_an_empty_flag_over_both() {
    let env = [("PGCANVAS_DATABASE_URL", "postgres://ours/d"), ("DATABASE_URL", "postgres://common/d")];
    let url = |args: &[&str], env: &[(&str, &str)]| {
        settings(args, env).unwrap().database_url().map(|url| url.reveal().to_owned())
    };
    assert_eq!(url(&[], &env).as_deref(), Some("postgres://ours/d"));
    assert_eq!(url(&[], &env[1..]).as_deref(), Some("postgres://common/d"));
    assert_eq!(url(&["--database-url", "postgres://flag/d"], &env).as_deref(), Some("postgres://flag/d"));
    assert_eq!(url(&["check", "--database-url="], &env), None);
    assert_eq!(url(&[], &[("PGCANVAS_DATABASE_URL", ""), env[1]]).as_deref(), Some("postgres://common/d"));
}

#[test]
fn unknown_settings_are_refused_by_name() {
    assert!(refusal(&[], &[("PGCANVAS_LISTE", "x")]).starts_with("unknown setting PGCANVAS_LISTE: "));
    let sentence = refusal(&["--liste", "x"], &[]);
    assert!(sentence.starts_with("unknown setting --liste (did you mean --listen?)"), "{sentence}");
    assert!(refusal(&["serv"], &[]).starts_with("unknown command serv (did you mean serve?)"));
    assert!(refusal(&["--history", "9"], &[]).starts_with("unknown setting --history"));
    refusal(&["serve", "extra"], &[]);
    refusal(&[], &[("PGCANVAS_", "x")]);
}

#[test]
fn a_bad_value_is_told_by_the_name_it_came_in() {
    assert_eq!(refusal(&["--writers", "65"], &[]), "--writers: '65' is not a whole number from 1 to 64");
    let sentence = refusal(&[], &[("PGCANVAS_POOL_SIZE", "many")]);
    assert_eq!(sentence, "PGCANVAS_POOL_SIZE: 'many' is not a whole number from 2 to 200");
    assert_eq!(refusal(&["serve", "--listen"], &[]), "--listen needs a value");
    assert!(refusal(&["--listen", "8080"], &[]).starts_with("--listen: '8080' is not"));
    assert!(refusal(&["--postgres-port", "0"], &[]).contains("from 1 to 65535"));
    assert!(refusal(&["serve", "--migrate=maybe"], &[]).starts_with("--migrate: 'maybe'"));
}

#[test]
fn a_bad_database_address_is_refused_without_showing_it() {
    for (args, env) in [
        (&["--database-url", "mysql://a:s3cret@h"][..], &[][..]),
        (&[], &[("DATABASE_URL", "mysql://a:s3cret@h")]),
        (&[], &[("PGCANVAS_DATABASE_URL", "mysql://a:s3cret@h")]),
    ] {
        let sentence = refusal(args, env);
        assert!(!sentence.contains("s3cret") && sentence.contains("postgresql://user@host"), "{sentence}");
        let name = env.first().map_or("--database-url", |(name, _)| *name);
        assert!(sentence.starts_with(&format!("{name}: ")), "{sentence}");
    }
    let shown = format!("{:?}", settings(&["--database-url", "postgres://a:s3cret@h"], &[]).unwrap());
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn migrate_is_a_switch_of_serve() {
    assert!(settings(&["serve", "--migrate"], &[]).unwrap().migrate);
    assert!(settings(&["--migrate"], &[]).unwrap().migrate);
    assert!(settings(&["--migrate", "serve"], &[]).unwrap().migrate);
    assert!(!settings(&["serve", "--migrate=no"], &[("PGCANVAS_MIGRATE", "1")]).unwrap().migrate);
    assert_eq!(refusal(&["check", "--migrate"], &[]), "--migrate belongs to serve");
    settings(&["check"], &[("PGCANVAS_MIGRATE", "yes")]).unwrap();
}

#[test]
fn psql_gets_what_follows_it() {
    let args = |all: &[&str]| match settings(all, &[]).unwrap().command() {
        Command::Psql { args } => args,
        other => panic!("{other:?}"),
    };
    assert_eq!(args(&["psql"]), Vec::<OsString>::new());
    assert_eq!(args(&["psql", "-c", "select 1", "--listen"]), ["-c", "select 1", "--listen"]);
    assert_eq!(args(&["psql", "--data-dir", "/d", "-X", "-c", "select 1"]), ["-X", "-c", "select 1"]);
    assert_eq!(args(&["psql", "--csv", "-c", "x"]), ["--csv", "-c", "x"]);
    assert_eq!(args(&["psql", "--", "--help"]), ["--help"]);
}

#[test]
fn help_names_every_variable_and_is_no_error() {
    for args in [&["--help"][..], &["serve", "--help"]] {
        let Err(ConfigError::Shown(help)) = settings(args, &[]) else { panic!("no help") };
        for name in ["PGCANVAS_LISTEN", "PGCANVAS_LINGER_SECONDS", "PGCANVAS_POSTGRES_BIN"] {
            assert!(help.contains(name), "{name} in {help}");
        }
        assert!(!help.contains("PGCANVAS_HELP"), "{help}");
    }
    assert!(matches!(settings(&["--version"], &[]), Err(ConfigError::Shown(_))));
    assert!(matches!(
        command_line().try_get_matches_from(["pgcanvas", "-h"]).unwrap_err().kind(),
        ErrorKind::DisplayHelp
    ));
}

#[test]
fn commands_take_what_is_theirs_alone() {
    let pruned =
        settings(&["prune", "design", "--keep-changes=5", "--database-url", "postgres://h/d"], &[]).unwrap();
    let prune = Command::Prune { room: Some("design".into()), older_than_days: None, keep_changes: Some(5) };
    assert_eq!((pruned.command(), pruned.database_url().is_some()), (prune, true));
    assert_eq!(
        settings(&["new-epoch", "--all"], &[]).unwrap().command(),
        Command::NewEpoch { room: None, all: true }
    );
    assert_eq!(
        settings(&["link", "design", "--role=viewer", "--days", "7"], &[]).unwrap().command(),
        Command::Link { room: "design".into(), role: "viewer".into(), days: Some(7) }
    );
    for (args, sentence) in [
        (&["link"][..], "what is missing: <ROOM>"),
        (&["link", "design", "--role=god"], "--role: must be one of viewer, editor, owner"),
        (&["link", "design", "--role"], "--role needs a value"),
        (&["link", "design", "--days=0"], "--days: '0' is not a whole number from 1 to 3650"),
        (&["password"], "what is missing: <LOGIN>"),
        (&["new-epoch"], "what is missing: <ROOM>"),
        (&["new-epoch", "a", "--all"], "[ROOM] does not go with --all"),
        (&["verify"], "what is missing: <ROOM>"),
        (&["prune", "design"], "what is missing: <--older-than-days <DAYS>|--keep-changes <COUNT>>"),
        (
            &["prune", "--keep-changes=-1"],
            "--keep-changes: '-1' is not a whole number from 0 to 9223372036854775807",
        ),
        (&["--all"], "unknown setting --all"),
        (
            &["draw"],
            "unknown command draw: the commands are serve, migrate, check, prune, verify, link, password, new-epoch, psql",
        ),
    ] {
        assert_eq!(refusal(args, &[]), sentence, "{args:?}");
    }
}

#[test]
fn the_command_line_is_sound() {
    command_line().debug_assert();
}
