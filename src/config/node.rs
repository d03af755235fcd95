//! What bounds a node.
use std::time::Duration;

use super::value;

/// How much one node takes on, and how long it waits.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct NodeSettings {
    /// Connections that write, each for its share of the rooms (1 to 64)
    #[arg(long, global = true, value_name = "COUNT", default_value = "2")]
    #[arg(value_parser = |text: &str| value::whole::<usize>(text, 1, 64))]
    pub writers: usize,

    /// Connections that read (2 to 200)
    #[arg(long, global = true, value_name = "COUNT", default_value = "8")]
    #[arg(value_parser = |text: &str| value::whole::<usize>(text, 2, 200))]
    pub pool_size: usize,

    /// Sockets open at one time (1 to 1000000)
    #[arg(long, global = true, value_name = "COUNT", default_value = "10000")]
    #[arg(value_parser = |text: &str| value::whole::<usize>(text, 1, 1_000_000))]
    pub max_sockets: usize,

    /// Connections open at one time, sockets included; never more than the system gives descriptors (1 to 1000000)
    #[arg(long, global = true, value_name = "COUNT", default_value = "12000")]
    #[arg(value_parser = |text: &str| value::whole::<usize>(text, 1, 1_000_000))]
    pub max_connections: usize,

    /// Connections open at one time from one address; 0 for any number, as behind a proxy (0 to 1000000)
    #[arg(long, global = true, value_name = "COUNT", default_value = "2000")]
    #[arg(value_parser = |text: &str| value::whole::<usize>(text, 0, 1_000_000))]
    pub max_connections_per_address: usize,

    /// Bytes that are held in memory for those who read or write slowly (16777216 to 1099511627776)
    #[arg(long, global = true, value_name = "BYTES", default_value = "67108864")]
    #[arg(value_parser = |text: &str| value::whole::<usize>(text, 16_777_216, 1_099_511_627_776))]
    pub max_held_bytes: usize,

    /// Seconds that a stop waits for writes and goodbyes (0 to 600)
    #[arg(long, global = true, value_name = "SECONDS", default_value = "10")]
    #[arg(value_parser = |text: &str| value::whole::<u64>(text, 0, 600))]
    pub drain_seconds: u64,

    /// Seconds that an empty room stays hosted (0 to 86400)
    #[arg(long, global = true, value_name = "SECONDS", default_value = "30")]
    #[arg(value_parser = |text: &str| value::whole::<u64>(text, 0, 86_400))]
    pub linger_seconds: u64,

    /// Days of history that every room keeps; 0 keeps all (0 to 36500)
    #[arg(long, global = true, value_name = "DAYS", default_value = "0")]
    #[arg(value_parser = |text: &str| value::whole::<i32>(text, 0, 36_500))]
    pub history_days: i32,

    /// Days that first answers are kept for those who repeat a batch; 0 keeps all (0 to 36500)
    #[arg(long, global = true, value_name = "DAYS", default_value = "30")]
    #[arg(value_parser = |text: &str| value::whole::<i32>(text, 0, 36_500))]
    pub answer_days: i32,

    /// Days that a picture is kept that no shape and no kept history names; 0 keeps all (0 to 36500)
    #[arg(long, global = true, value_name = "DAYS", default_value = "30")]
    #[arg(value_parser = |text: &str| value::whole::<i32>(text, 0, 36_500))]
    pub file_days: i32,

    /// Days that somebody who signs in stays so (1 to 3650)
    #[arg(long, global = true, value_name = "DAYS", default_value = "30")]
    #[arg(value_parser = |text: &str| value::whole::<i32>(text, 1, 3_650))]
    pub sign_in_days: i32,

    /// Largest picture that is taken in, bytes (1024 to 67108864)
    #[arg(long, global = true, value_name = "BYTES", default_value = "10485760")]
    #[arg(value_parser = |text: &str| value::whole::<usize>(text, 1024, 67_108_864))]
    pub max_file_bytes: usize,

    /// Where browsers load the page's files from: a CDN that takes them from this node's /assets/ [default: this node]
    #[arg(long, global = true, value_name = "URL", value_parser = value::asset_base)]
    pub asset_base: Option<String>,
}

impl NodeSettings {
    /// How long a stop waits for writes and goodbyes.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    /// How long an empty room stays hosted.
    pub fn linger(&self) -> Duration {
        Duration::from_secs(self.linger_seconds)
    }
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self {
            writers: 2,
            pool_size: 8,
            max_sockets: 10_000,
            max_connections: 12_000,
            max_connections_per_address: 2_000,
            max_held_bytes: 67_108_864,
            drain_seconds: 10,
            linger_seconds: 30,
            history_days: 0,
            answer_days: 30,
            file_days: 30,
            sign_in_days: 30,
            max_file_bytes: 10_485_760,
            asset_base: None,
        }
    }
}
