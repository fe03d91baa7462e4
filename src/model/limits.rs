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

/// Connections that the console holds open; further ones wait to be accepted.
pub const CONSOLE_CONNECTIONS_MAX: usize = 256;
/// Live streams that the console feeds at once; a further viewer is refused and told so.
pub const CONSOLE_STREAMS_MAX: usize = 100;
/// Frames of the live stream that a slow viewer may lag behind before it is sent the whole state anew.
pub const CONSOLE_STREAM_LAG_LEN_MAX: usize = 64;
/// Bytes of one request's body.
pub const CONSOLE_BODY_BYTES_MAX: usize = 16 * 1024;
/// Events in one page of the journal.
pub const CONSOLE_EVENTS_PAGE_MAX: usize = 500;
/// Reads of the journal that run at once.
pub const CONSOLE_HISTORY_READS_MAX: usize = 4;
/// How long a request waits for the engine or the journal.
pub const CONSOLE_ANSWER_MAX: Duration = Duration::from_secs(10);
/// A connection on which nothing moves for so long is closed; a viewer who stops reading is one.
pub const CONSOLE_IDLE_MAX: Duration = Duration::from_secs(60);
/// From one heartbeat of the live stream to the next; the page calls the stream lost after three.
pub const CONSOLE_BEAT_INTERVAL: Duration = Duration::from_secs(2);
/// Shortest time from one frame of values to the next. Alarms are never held back.
pub const CONSOLE_VALUES_INTERVAL: Duration = Duration::from_secs(1);

/// Characters of the name that a person signs a command with.
pub const OPERATOR_NAME_CHARS_MAX: usize = 64;
/// Characters of the reason given with a command.
pub const OPERATOR_REASON_CHARS_MAX: usize = 500;

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

const _: () = assert!(CONSOLE_STREAMS_MAX < CONSOLE_CONNECTIONS_MAX, "viewers must leave room for requests");
const _: () =
    assert!(CONSOLE_BEAT_INTERVAL.as_secs() < CONSOLE_IDLE_MAX.as_secs(), "a live stream is never idle");
const _: () = assert!(CONSOLE_ANSWER_MAX.as_secs() < CONSOLE_IDLE_MAX.as_secs(), "waiting is not idling");
const _: () = assert!(TURN_INPUTS_MAX <= INBOX_LEN_MAX);
