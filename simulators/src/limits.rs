//! Every bound of the simulators, in one place. Units and the bound stand last in each name.

use std::time::Duration;

/// Connections that one link serves at a time; the next one is closed at once, as a small device does.
pub(crate) const LINK_CONNECTIONS_MAX: usize = 64;
/// How long a connection may be silent before it is closed.
pub(crate) const CONNECTION_IDLE_MAX: Duration = Duration::from_secs(600);
/// Wait before a serial port that broke is opened again.
pub(crate) const LINE_RETRY: Duration = Duration::from_millis(500);
/// Longest wait for the name of a listening address to be resolved and bound.
pub(crate) const BIND_MAX: Duration = Duration::from_secs(5);
/// How long an orderly stop may take before tasks are aborted.
pub(crate) const STOP_MAX: Duration = Duration::from_secs(2);

/// Registers that one read may ask for (Modbus Application Protocol V1.1b3, §6.3).
pub(crate) const READ_REGISTERS_MAX: u16 = 125;
/// Coils or discrete inputs that one read may ask for (§6.1).
pub(crate) const READ_BITS_MAX: u16 = 2000;
/// Undefined registers between two defined ones that a unit still serves, as 0.
pub(crate) const IMAGE_GAP_MAX: u32 = 16;

/// Wall time between two samples of the plant.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// Fastest that a plant may run, in plant seconds per second.
pub(crate) const SPEED_MAX: f64 = 1000.0;

/// Lines of the story that a slow listener may lag behind before it misses some.
pub(crate) const JOURNAL_LEN_MAX: usize = 256;
/// Steps of one scenario.
pub(crate) const SCENARIO_STEPS_MAX: usize = 10_000;
/// Latest step of a scenario.
pub(crate) const SCENARIO_LENGTH_MAX: Duration = Duration::from_secs(31 * 24 * 3600);
/// Longest delay of a slow device's answers.
pub(crate) const SLOW_MAX: Duration = Duration::from_secs(60);
/// A slow device's delay where none is given.
pub(crate) const SLOW_DEFAULT: Duration = Duration::from_millis(1500);

/// Shortest period of a publisher.
pub(crate) const PUBLISH_PERIOD_MIN: Duration = Duration::from_millis(10);
/// Messages of one publisher that may wait for its broker.
pub(crate) const PUBLISH_QUEUE_LEN_MAX: usize = 16;
/// First wait after a lost broker.
pub(crate) const BACKOFF_MIN: Duration = Duration::from_millis(200);
/// Longest wait between two attempts to reach a broker.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// Longest wait for a broker to accept a connection.
pub(crate) const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Bytes that the proxy takes from a socket at a time.
pub(crate) const PROXY_READ_BYTES_MAX: usize = 1024;
/// Bytes that may wait in the proxy to become a frame; more are passed on as they are.
pub(crate) const PROXY_FRAME_BYTES_MAX: usize = 512;
/// Silence after which the proxy passes on what can't be a frame.
pub(crate) const PROXY_GAP: Duration = Duration::from_millis(20);
/// Answers that the proxy remembers, to say them again.
pub(crate) const PROXY_MEMORY_LEN_MAX: usize = 16;
/// Pieces of answers that wait for one connection of the proxy.
pub(crate) const PROXY_ACTS_LEN_MAX: usize = 64;
/// Answers that the proxy has under way on one connection, or on one bus; more are lost.
pub(crate) const PROXY_QUEUE_LEN_MAX: usize = 256;
/// Connections through one proxy at a time; the next one is closed at once.
pub(crate) const PROXY_CONNECTIONS_MAX: usize = 256;
/// How long an end may take what it is told.
pub(crate) const PROXY_WRITE_MAX: Duration = Duration::from_secs(5);
/// Wait before the proxy tries again to listen where it did.
pub(crate) const PROXY_LISTEN_RETRY: Duration = Duration::from_millis(50);
