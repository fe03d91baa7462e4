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

/// Points of one device whose age one timer looks after: one look costs no more than some hundred nanoseconds.
pub const AGE_GROUP_LEN_MAX: usize = 64;

/// Messages waiting for the engine before senders wait.
pub const INBOX_LEN_MAX: usize = 1024;
/// Inputs that the engine takes in one turn before it commits.
pub const TURN_INPUTS_MAX: usize = 256;
/// Turns waiting for the disk before the engine waits.
pub const STORE_QUEUE_LEN_MAX: usize = 64;
/// Committed events that a slow listener of the console may lag behind before it is told to reload.
pub const EVENT_BROADCAST_LEN_MAX: usize = 1024;

/// Registers that one Modbus read may ask for (Modbus Application Protocol V1.1b3, §6.3).
pub const MODBUS_REGISTERS_PER_READ_MAX: u16 = 125;
/// Coils or discrete inputs that one Modbus read may ask for (§6.1).
pub const MODBUS_BITS_PER_READ_MAX: u16 = 2000;

/// Bytes of one MQTT message from the field or the centre.
pub const MQTT_PAYLOAD_BYTES_MAX: usize = 256 * 1024;
/// Publishes sent to a broker and not yet acknowledged.
pub const MQTT_WINDOW_MAX: u16 = 100;
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
