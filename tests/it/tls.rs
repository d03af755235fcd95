//! TLS to the database (PS9).

use super::process::is_ready;
use super::support::program::{Program, refusal, run};
use super::support::server::{OwnCluster, connect, retried};
use nix::sys::signal::Signal;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

/// A server with a certificate for `localhost`, and the files of the authority that signed it and of one that did not.
struct SecureServer {
    cluster: OwnCluster,
    port: u16,
    signer: PathBuf,
    stranger: PathBuf,
}

impl SecureServer {
    /// Without TLS yet.
    async fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = OwnCluster::start_on(Some(port)).await?;
        let file = |name: &str| cluster.data_dir().join(name);
        let (signer, stranger) = (file("signer.pem"), file("stranger.pem"));
        Some(Self { cluster, port, signer, stranger })
    }

    /// From now on with TLS.
    async fn secure(&self) {
        let signer = authority();
        fs::write(&self.signer, signer.pem()).unwrap();
        fs::write(&self.stranger, authority().pem()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &signer).unwrap();
        let data = self.cluster.data_dir().join("cluster");
        for (name, text) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
            hand_over(&data.join(name), &text);
        }
        let owner = connect(&self.cluster.config()).await.unwrap();
        owner.batch_execute("alter system set ssl = on").await.unwrap();
        owner.batch_execute("select pg_reload_conf()").await.unwrap();
        let on = retried(Duration::from_secs(10), || async {
            let asked =
                connect(&self.cluster.config()).await.unwrap().query_one("show ssl", &[]).await.unwrap();
            if asked.get::<_, &str>(0) == "on" { Ok(()) } else { Err(()) }
        });
        on.await.expect("the server speaks TLS");
    }

    fn url(&self, host: &str, mode: &str, root: Option<&Path>) -> String {
        let password = fs::read_to_string(self.cluster.password_file()).unwrap();
        let root = root.map_or_else(String::new, |root| format!("&sslrootcert={}", root.display()));
        let (port, password) = (self.port, password.trim());
        format!("postgresql://pgcanvas:{password}@{host}:{port}/pgcanvas?sslmode={mode}{root}")
    }

    /// Serves, and tells whether all its connections over TCP are encrypted, or none is.
    async fn is_encrypted(&self, url: &str) -> bool {
        let node = Program::start(&["--migrate", "--database-url", url]).await;
        is_ready(&node).await;
        let owner = connect(&self.cluster.config()).await.unwrap();
        let sql = "select array_agg(distinct s.ssl) from pg_stat_ssl s join pg_stat_activity a using (pid) where a.client_addr is not null";
        let kinds: Vec<bool> = owner.query_one(sql, &[]).await.unwrap().get(0);
        assert_eq!(node.stop(Signal::SIGTERM).await.0, Some(0));
        assert_eq!(kinds.len(), 1, "all alike");
        kinds[0]
    }
}

/// Writes a file that is the server's alone, as it wants its key to be.
fn hand_over(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    let server = fs::metadata(path.parent().unwrap()).unwrap();
    chown(path, Some(server.uid()), Some(server.gid())).unwrap();
}

async fn refused(url: &str) -> String {
    let said = refusal(&run(&["check", "--database-url", url]).await);
    let password = url.split([':', '@']).nth(2).unwrap();
    assert!(!said.contains(password), "{said}");
    said
}

/// PS9
#[tokio::test]
async fn tls_to_the_database_is_as_sslmode_says() {
    let Some(server) = SecureServer::start().await else { return };
    assert!(!server.is_encrypted(&server.url("127.0.0.1", "prefer", None)).await);
    refused(&server.url("127.0.0.1", "require", None)).await;

    server.secure().await;
    let (signer, stranger) = (Some(server.signer.as_path()), Some(server.stranger.as_path()));
    assert!(!server.is_encrypted(&server.url("127.0.0.1", "disable", None)).await);
    assert!(server.is_encrypted(&server.url("127.0.0.1", "prefer", None)).await);
    assert!(server.is_encrypted(&server.url("127.0.0.1", "require", None)).await);
    assert!(server.is_encrypted(&server.url("127.0.0.1", "verify-ca", signer)).await);
    assert!(server.is_encrypted(&server.url("localhost", "verify-full", signer)).await);

    refused(&server.url("127.0.0.1", "verify-full", signer)).await;
    refused(&server.url("127.0.0.1", "verify-ca", stranger)).await;
    refused(&server.url("127.0.0.1", "require", stranger)).await; // with a root it means verify-ca
    refused(&server.url("localhost", "verify-full", stranger)).await;
    refused(&server.url("localhost", "verify-full", None)).await;
    let said = refused(&server.url("localhost", "verify-full", Some(Path::new("/nowhere.pem")))).await;
    assert!(said.contains("sslrootcert /nowhere.pem cannot be read"), "{said}");
}
