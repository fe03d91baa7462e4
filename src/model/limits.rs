//! Every bound in the gateway that is not the site's to choose, in one place, with the relations between them
//! asserted. Units and the bound stand last in each name.

use std::time::Duration;

/// Points a site may have.
pub const POINTS_MAX: usize = 100_000;
/// Devices a site may have.
pub const DEVICES_MAX: usize = 10_000;
/// Bytes of one site file, include, template or pack.
pub const SITE_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Files that one site file may include, directly or not.
pub const SITE_INCLUDES_MAX: usize = 256;

/// Messages waiting for the engine before senders wait.
pub const INBOX_LEN_MAX: usize = 1024;
/// Inputs that the engine takes in one turn before it commits.
pub const TURN_INPUTS_MAX: usize = 256;
/// Turns waiting for the disk before the engine waits.
pub const STORE_QUEUE_LEN_MAX: usize = 64;
/// Committed events that a slow listener of the console may lag behind before it is told to reload.
pub const EVENT_BROADCAST_LEN_MAX: usize = 1024;

/// Readings in one stored row, and so in one MQTT `data` message; a larger batch becomes several.
pub const ROW_READINGS_MAX: usize = 2000;
/// How long readings may wait for the disk: what a power cut may cost. A crash costs none.
pub const STORE_SYNC_AFTER_MAX: Duration = Duration::from_secs(1);
/// Spans of telemetry that one destination may owe beside the newest; more are joined, which sends some rows twice.
pub const FORWARD_GAPS_MAX: usize = 16;

/// Registers that one Modbus read may ask for (Modbus Application Protocol V1.1b3, §6.3).
pub const MODBUS_REGISTERS_PER_READ_MAX: u16 = 125;
/// Coils or discrete inputs that one Modbus read may ask for (§6.1).
pub const MODBUS_BITS_PER_READ_MAX: u16 = 2000;

/// Bytes of one MQTT message from the field or the centre.
pub const MQTT_PAYLOAD_BYTES_MAX: usize = 256 * 1024;
/// Publishes sent to a broker and not yet acknowledged.
pub const MQTT_WINDOW_MAX: u16 = 100;
/// Bytes of the largest MQTT packet that is sent.
pub const MQTT_PACKET_BYTES_MAX: usize = 16 * 1024 * 1024;
/// From one ping of a quiet MQTT connection to the next; a dead peer is noticed after at most twice as long.
pub const MQTT_KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a broker may leave everything unacknowledged before the connection is made anew.
pub const MQTT_ACK_WAIT_MAX: Duration = Duration::from_secs(30);
/// Commands of one centre that are being carried out or answered; more are dropped, and said so in the log.
pub const MQTT_COMMANDS_MAX: usize = 64;
/// How long a command may wait for its effects to be on disk.
pub const COMMAND_WAIT_MAX: Duration = Duration::from_secs(10);
/// Readings in one line-protocol write.
pub const INFLUX_WRITE_POINTS_MAX: usize = 5000;

/// Longest on-delay, off-delay, poll interval or age that a site file may ask for.
pub const SITE_DURATION_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Shortest poll interval.
pub const POLL_INTERVAL_MIN: Duration = Duration::from_millis(50);
/// First wait after a lost connection.
pub const BACKOFF_MIN: Duration = Duration::from_millis(500);
/// Longest wait between attempts to connect.
pub const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// How long an orderly stop may take.
pub const SHUTDOWN_MAX: Duration = Duration::from_secs(5);
/// An alarm or a reading that reaches its destination later than this after it happened is marked as
/// back-fill (our default).
pub const BACKFILL_AFTER: Duration = Duration::from_secs(10);

const _: () = assert!(TURN_INPUTS_MAX <= INBOX_LEN_MAX);
