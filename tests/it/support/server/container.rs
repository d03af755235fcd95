//! A server in a container.

use super::{MAX_CONNECTIONS, Running, Watchdog, connect, retried, variable};
use std::ffi::OsStr;
use std::time::Duration;
use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt, TestcontainersError};
use tokio_postgres::Config;

/// The images to try: the official one, then the one that `.ci/postgres-image` makes where no registry can be reached.
pub(super) const IMAGES: [&str; 2] = ["postgres:17-alpine", "pgcanvas-test-postgres:15"];

/// The variable that names the only image to try.
const IMAGE_VARIABLE: &str = "PGCANVAS_TEST_IMAGE";

/// The superuser's name and password, and the name of the database.
const NAME: &str = "pgcanvas";

/// Long enough to pull an image over a slow line.
const START_DEADLINE: Duration = Duration::from_mins(5);
const CONNECT_DEADLINE: Duration = Duration::from_secs(30);

/// Removes the container named `$1`, with its volumes.
const REMOVE: &str = "docker rm --force --volumes \"$1\"";

pub(super) async fn start() -> Result<Running, String> {
    let images =
        variable(IMAGE_VARIABLE).map_or_else(|| IMAGES.map(String::from).to_vec(), |image| vec![image]);
    let mut errors = Vec::new();
    for image in images {
        match start_image(&image).await {
            Ok(running) => return Ok(running),
            Err(error) => errors.push(format!("{image}: {error}")),
        }
    }
    Err(errors.join("; "))
}

async fn start_image(image: &str) -> Result<Running, String> {
    let name = format!("pgcanvas-test-{}-{:08x}", std::process::id(), rand::random::<u32>());
    // Before the container: there is no moment at which our end would leave it behind.
    let watchdog = Watchdog::promise(REMOVE, &[OsStr::new(&name)]).map_err(|error| error.to_string())?;
    let container = run(image, &name).await.map_err(|error| error.to_string())?;
    let config = config(&container).await.map_err(|error| error.to_string())?;
    // From here on the container is the watchdog's to remove.
    std::mem::forget(container);
    let connected = retried(CONNECT_DEADLINE, || connect(&config)).await;
    connected.map_err(|error| format!("the container does not answer: {error}"))?;
    Ok(Running { config, place: format!("a container of {image}"), watchdog: Some(watchdog) })
}

async fn run(image: &str, name: &str) -> Result<ContainerAsync<GenericImage>, TestcontainersError> {
    let (image, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
    GenericImage::new(image, tag)
        .with_exposed_port(5432.tcp())
        // The server of the initialisation says so on standard output.
        .with_wait_for(WaitFor::message_on_stderr("database system is ready to accept connections"))
        .with_startup_timeout(START_DEADLINE)
        .with_container_name(name)
        .with_env_var("POSTGRES_USER", NAME)
        .with_env_var("POSTGRES_PASSWORD", NAME)
        .with_env_var("POSTGRES_DB", NAME)
        .with_cmd([
            "postgres".to_owned(),
            "-cfsync=off".into(),
            format!("-cmax_connections={MAX_CONNECTIONS}"),
        ])
        // Parallel plans share their tables there.
        .with_shm_size(256 * 1024 * 1024)
        .start()
        .await
}

async fn config(container: &ContainerAsync<GenericImage>) -> Result<Config, TestcontainersError> {
    let host = container.get_host().await?.to_string();
    // The port is that of IPv4; on ::1 it may be another container's.
    let host = if host == "localhost" { "127.0.0.1".to_owned() } else { host };
    let mut config = Config::new();
    config
        .host(host)
        .port(container.get_host_port_ipv4(5432).await?)
        .user(NAME)
        .password(NAME)
        .dbname(NAME)
        .connect_timeout(CONNECT_DEADLINE);
    Ok(config)
}
