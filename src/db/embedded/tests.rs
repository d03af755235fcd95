//! The whole cluster against real server programs; each test is silent where there are none.
use std::{fs, path::PathBuf, time::Duration};

use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, NoTls};

use super::{folder::Folder, *};

/// Under /tmp and not TMPDIR, so that a root's test finds its folder reachable.
fn options() -> (TempDir, ClusterOptions) {
    let temp = tempfile::tempdir_in("/tmp").unwrap();
    let bin_dir = std::env::var_os("TEST_POSTGRES_BIN").map(PathBuf::from);
    let options = ClusterOptions { data_dir: temp.path().into(), bin_dir, tcp_port: None, fsync: false };
    (temp, options)
}

async fn started(options: &ClusterOptions) -> Option<Cluster> {
    match Cluster::start(options).await {
        Err(EmbeddedError::NoPrograms { .. }) => {
            println!("no PostgreSQL server programs here: nothing is tested");
            None
        }
        outcome => Some(outcome.unwrap()),
    }
}

async fn connected(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn number(url: &str, sql: &str) -> i32 {
    connected(url).await.query_one(sql, &[]).await.unwrap().get(0)
}

async fn is_gone(pid: i32) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if !postmaster::is_alive(pid) {
            return true;
        }
        sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn a_cluster_keeps_what_is_committed_over_kill_start_and_stop() {
    let (_temp, options) = options();
    let Some(mut cluster) = started(&options).await else { return };
    let client = connected(&cluster.url()).await;
    client.batch_execute("create table kept (n int); insert into kept values (7)").await.unwrap();

    cluster.kill().await.unwrap();
    assert_eq!(cluster.pid(), None);
    // A backend may outlive its postmaster for a moment.
    let deadline = Instant::now() + Duration::from_secs(10);
    while client.batch_execute("select").await.is_ok() {
        assert!(Instant::now() < deadline, "the backend did not end");
    }
    cluster.start_again().await.unwrap();
    assert_eq!(number(&cluster.url(), "select n from kept").await, 7);

    for mode in [StopMode::Fast, StopMode::Immediate, StopMode::Smart] {
        cluster.stop(mode).await.unwrap();
        cluster.start_again().await.unwrap();
        assert_eq!(number(&cluster.url(), "select n from kept").await, 7, "after {mode:?}");
    }
    let (pid, socket_dir) = (cluster.pid().unwrap(), cluster.socket_dir().to_path_buf());
    assert_eq!(running(&options.data_dir), Some(cluster.address()));
    drop(cluster);
    assert!(is_gone(pid).await, "a dropped cluster leaves no server");
    assert_eq!(running(&options.data_dir), None);
    assert!(socket_dir.exists());
}

#[tokio::test]
async fn a_second_start_on_the_same_folder_is_refused() {
    let (_temp, options) = options();
    let Some(mut cluster) = started(&options).await else { return };
    let sentence = Cluster::start(&options).await.unwrap_err().to_string();
    assert!(sentence.starts_with("another pgcanvas (process "), "{sentence}");
    cluster.stop(StopMode::Fast).await.unwrap();
    let sentence = Cluster::start(&options).await.unwrap_err().to_string();
    assert!(sentence.contains("already runs on"), "the lock outlives the server: {sentence}");
}

#[tokio::test]
async fn a_server_left_running_is_adopted_and_can_be_stopped() {
    let (_temp, options) = options();
    let Some(cluster) = started(&options).await else { return };
    let client = connected(&cluster.url()).await;
    let pid = cluster.abandon();
    let mut adopted = Cluster::start(&options).await.unwrap();
    assert_eq!(adopted.pid(), pid);
    client.batch_execute("select").await.unwrap();
    adopted.stop(StopMode::Fast).await.unwrap();
    assert!(is_gone(pid.unwrap()).await);
}

#[tokio::test]
async fn a_pid_file_that_names_a_stranger_and_old_socket_locks_do_not_stop_the_start() {
    let (_temp, options) = options();
    let Some(mut cluster) = started(&options).await else { return };
    let (pid_file, socket_dir) =
        (options.data_dir.join("cluster/postmaster.pid"), cluster.socket_dir().to_path_buf());
    let text = fs::read_to_string(&pid_file).unwrap();
    cluster.kill().await.unwrap();
    drop(cluster);
    // A process of the server's own user would be taken by PostgreSQL for a running server.
    let account = account::Account::for_server(&options.data_dir.join("cluster")).unwrap();
    let mut stranger = account::command("/bin/sleep".as_ref(), account.as_ref(), "/".as_ref());
    let mut stranger = stranger.arg("600").kill_on_drop(true).spawn().unwrap();
    let claimed =
        text.split_once('\n').map(|(_, rest)| format!("{}\n{rest}", stranger.id().unwrap())).unwrap();
    fs::write(&pid_file, &claimed).unwrap();
    fs::write(socket_dir.join(".s.PGSQL.5432.lock"), &claimed).unwrap();
    let cluster = Cluster::start(&options).await.unwrap();
    assert_eq!(number(&cluster.url(), "select 1").await, 1);
    stranger.kill().await.unwrap();
}

#[tokio::test]
async fn a_start_cut_short_during_initdb_begins_anew() {
    let (_temp, options) = options();
    drop(Folder::open(&options.data_dir).unwrap());
    fs::create_dir(options.data_dir.join("cluster.new")).unwrap();
    fs::write(options.data_dir.join("cluster.new/PG_VERSION"), "15").unwrap();
    let Some(cluster) = started(&options).await else { return };
    assert_eq!(number(&cluster.url(), "select 1").await, 1);
}

#[tokio::test]
async fn data_of_another_version_is_not_touched() {
    let (_temp, options) = options();
    let Some(cluster) = started(&options).await else { return };
    drop(cluster);
    fs::write(options.data_dir.join("cluster/PG_VERSION"), "9\n").unwrap();
    let sentence = Cluster::start(&options).await.unwrap_err().to_string();
    assert!(sentence.contains("was made by PostgreSQL 9"), "{sentence}");
}

#[tokio::test]
async fn a_server_that_cannot_start_shows_the_end_of_its_log() {
    let (_temp, options) = options();
    let Some(cluster) = started(&options).await else { return };
    drop(cluster);
    fs::write(options.data_dir.join("cluster/postgresql.auto.conf"), "no_such_setting = 1\n").unwrap();
    let sentence = Cluster::start(&options).await.unwrap_err().to_string();
    assert!(sentence.contains("no_such_setting") && sentence.contains("server.log"), "{sentence}");
}

#[tokio::test]
async fn a_tcp_port_is_served_to_who_has_the_password() {
    let (_temp, mut options) = options();
    let holder = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = holder.local_addr().unwrap().port();
    options.tcp_port = Some(port);
    match Cluster::start(&options).await {
        Err(EmbeddedError::NoPrograms { .. }) => return,
        outcome => assert!(outcome.unwrap_err().to_string().contains(&format!("127.0.0.1:{port}"))),
    }
    drop(holder);
    let cluster = Cluster::start(&options).await.unwrap();
    let url = cluster.tcp_url().unwrap();
    assert!(tokio_postgres::connect(&url, NoTls).await.is_err());
    let mut config: tokio_postgres::Config = url.parse().unwrap();
    config.password(fs::read_to_string(cluster.password_file()).unwrap().trim());
    let (_client, connection) = config.connect(NoTls).await.unwrap();
    drop(connection);
    assert!(cluster.psql_command().contains(&format!("-p {port} ")));
    // A server left running with another address is started anew.
    cluster.abandon();
    options.tcp_port = None;
    let cluster = Cluster::start(&options).await.unwrap();
    assert_eq!(number(&cluster.url(), "select 1").await, 1);
}

#[tokio::test]
async fn a_path_with_odd_characters_or_great_length_works() {
    let (temp, mut options) = options();
    options.data_dir = temp.path().join(format!("a, \"b\" %ü {}", "long".repeat(20)));
    fs::set_permissions(temp.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let Some(cluster) = started(&options).await else { return };
    assert!(!cluster.socket_dir().starts_with(temp.path()));
    assert_eq!(number(&cluster.url(), "select 1").await, 1);
    let socket_dir = cluster.socket_dir().to_path_buf();
    drop(cluster);
    fs::remove_dir_all(socket_dir).unwrap();
    options.data_dir = temp.path().join("a, \"b\" %ü");
    let cluster = started(&options).await.unwrap();
    assert!(cluster.socket_dir().starts_with(temp.path()));
    assert_eq!(number(&cluster.url(), "select 1").await, 1);
}
