//! Every bound in the gateway that is not the site's to choose, in one place, with the relations between them
//! asserted. Units and the bound stand last in each name.

use std::time::Duration;

/// Points a site may have.
pub const POINTS_MAX: usize = 100_000;
/// Devices a site may have.
pub const DEVICES_MAX: usize = 10_000;
/// Feeders a site may have.
pub const FEEDERS_MAX: usize = 2_000;
/// Bytes of one site file, include, template or pack.
pub const SITE_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Files that one site file may include, directly or not.
pub const SITE_INCLUDES_MAX: usize = 256;

/// Bytes of one file of certificates or of a key.
pub const TLS_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Bytes of one expression of a rule.
pub const EXPRESSION_BYTES_MAX: usize = 2000;
/// Levels of brackets, signs and choices in one expression.
pub const EXPRESSION_DEPTH_MAX: usize = 32;
/// Points that one name in an expression of a rule pack may stand for.
pub const ROLE_POINTS_MAX: usize = 256;

/// Parts that the recent past of a point is kept in: a window moves on by one part at a time.
pub const WINDOW_BUCKETS: usize = 24;
/// Share of a window in which values must be known, in percent, before a mean, a sum, a rate or a forecast is worked out (our default).
pub const WINDOW_KNOWN_PERCENT_MIN: u32 = 75;
/// Windows that a forecast looks ahead: what is further off is not told apart.
pub const FORECAST_SPANS_MAX: f64 = 10.0;

/// Share of a stretch of the clock that two readings of a counter on either side of its end may be apart, in percent, for what lies
/// between to be shared out by time without doubt (our default).
pub const STRADDLE_PERCENT_MAX: i64 = 10;
/// Share of a stretch of the clock that may be missing, in percent, for what came together in it to be good (our default).
pub const AMOUNT_MISSING_PERCENT_MAX: i64 = 1;
/// Quarters of an hour in a day.
pub const BASELINE_SLOTS: usize = 96;
/// Days that what is ordinary for a feeder is learnt from (our default).
pub const BASELINE_DAYS_MAX: usize = 28;
/// Share of a day that must be known for it to be one of them, in percent (our default).
pub const BASELINE_KNOWN_PERCENT_MIN: usize = 75;
/// Quarters of an hour on either side whose loads are ordinary as well: shifts do not begin to the minute (our default).
pub const BASELINE_NEIGHBOURS: usize = 4;
/// What is drawn less than in so many percent of them is out of the ordinary (our default).
pub const BASELINE_LOW_PERCENT: usize = 2;
/// What is drawn more than in so many percent of them is out of the ordinary (our default).
pub const BASELINE_HIGH_PERCENT: usize = 95;
/// Share of the greatest of an ordinary day that is no matter, in percent (our default).
pub const BASELINE_FLOOR_PERCENT: f64 = 5.0;
/// So far the wall clock may be put back into a declared stop that is over, or before one that has begun, without its being told again (our default).
pub const STOP_STEP_MAX: Duration = Duration::from_secs(3600);
/// Steps of a load, an eighth of a doubling each, in which it is kept for how long it stood there.
pub const SPLIT_STEPS: usize = 320;
/// Days of known load after which a day is worth half as much where the modes of a load are learnt (our default).
pub const SPLIT_HALF_LIFE_DAYS: f32 = 28.0;
/// By how many doublings below the greatest load everything is the same: 1.6 % of it (our default).
pub const SPLIT_FLOOR_DOUBLINGS: f64 = 6.0;
/// Share of the time that a mode must have to be one (our default).
pub const SPLIT_SHARE_MIN: f64 = 0.02;
/// By how many doublings the means of two modes must be apart (our default).
pub const SPLIT_DOUBLINGS_MIN: f64 = 1.0;
/// Share of a load's variance, in its logarithm, that must be between the modes: an even spread has 0.75, a single mode less (our default).
pub const SPLIT_PARTED_MIN: f64 = 0.8;
/// For how long a reading stands at most where the modes of a load are learnt.
pub const SPLIT_STANDS_MAX: Duration = Duration::from_secs(3600);
/// From one putting out of what is learnt of a load's modes to the next.
pub const SPLIT_KEPT_INTERVAL: Duration = Duration::from_secs(3600);
/// Shifts in a day.
pub const SHIFTS_MAX: usize = 6;
/// How long the end of a stretch of the clock waits for a reading from beyond it; at most a quarter of the stretch (our default).
pub const CLOCKED_WAIT_MAX: Duration = Duration::from_secs(300);
/// From one telling of a figure of the present stretch of the clock to the next, where nothing but its value is new.
pub const CLOCKED_TOLD_INTERVAL: Duration = Duration::from_secs(10);
/// Shortest time from one putting out of what a derived point must know again after a restart to the next, within one stretch of the clock.
pub const KEPT_INTERVAL_MIN: Duration = Duration::from_secs(300);
/// Share of its modulus that a counter may go on by in one step back, in percent, to have rolled over (our default).
pub const ROLLOVER_PERCENT_MAX: f64 = 10.0;
/// Share of what a counter said before, in percent, below which a step back is a new beginning (our default).
pub const RESET_PERCENT_MAX: f64 = 1.0;
/// Age of a derived point beyond which it is stale: longer than the longest stretch of the clock, since what it rests on has an age of its own.
pub const DERIVED_AGE_MAX: Duration = Duration::from_secs(62 * 24 * 3600);
/// Bytes of one row of recorded data: enough for the header of a file with a column for every point of the largest site.
pub const RECORDED_ROW_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Mistakes of one file of recorded data, and names in it that the site does not know, that are told in full; the others are counted.
pub const RECORDED_MISTAKES_TOLD_MAX: usize = 20;

/// After local midnight, how long the report of the day waits for what comes late: longer than the end of a stretch of the clock does.
pub const REPORT_AFTER_MIDNIGHT: Duration = Duration::from_secs(360);
/// From one look at whether a report is due to the next.
pub const REPORT_LOOK_INTERVAL: Duration = Duration::from_secs(60);
/// Days that are over of which reports are made at once, the last of them: a gateway that was away makes up for a month at most.
pub const REPORT_DAYS_BACK_MAX: i32 = 31;
/// Reports that are kept; beyond that the oldest go.
pub const REPORTS_KEPT_MAX: u64 = 20_000;
/// Stored rows that are in memory at a time while a report is made.
pub const REPORT_ROWS_MAX: usize = 1024;
/// How long whoever makes reports in the background rests after so many rows, so that others have the disk and the processor.
pub const REPORT_REST: Duration = Duration::from_millis(2);
/// Stretches of one state in a report; where there were more, each twelfth of an hour has the state that it had for longest.
pub const REPORT_STRETCHES_MAX: usize = 300;
/// Anomalies of one line that a report tells in full; the others are counted.
pub const REPORT_ANOMALIES_MAX: usize = 20;
/// Instances of alarms that are remembered while the report of a day is made; the others are counted.
pub const REPORT_INSTANCES_MAX: usize = 5000;
/// How far evidence of an anomaly goes back before it, and on after it was raised.
pub const REPORT_EVIDENCE_AROUND: Duration = Duration::from_secs(900);
/// Parts of that evidence, of each of which the least and the greatest value are told.
pub const REPORT_EVIDENCE_PARTS: usize = 30;
/// Bytes of one message with the report of one line: what the bounds above come to, with room to spare.
pub const REPORT_BYTES_MAX: usize = 256 * 1024;

/// Events that are in memory at a time while a journal is read from outside.
pub const ARCHIVE_EVENTS_MAX: usize = 256;
/// Things wrong with one database that are told.
pub const DAMAGES_TOLD_MAX: usize = 100;

/// Stored rows of telemetry that a replay has in memory at a time.
pub const RECORDED_ROWS_MAX: usize = 256;
/// How far a stamp may lie before the one in front of it and still be the same moment to a replay: what stood in the inbox together is written in any
/// order. Further back than that, the clock was put back.
pub const RECORDED_DISORDER_MAX: Duration = Duration::from_secs(10);

/// Charts that a replay draws: the points whose alarms came most often.
pub const REPLAY_CHARTS_MAX: usize = 40;
/// Moments, each of the same length, that a chart tells apart: of each the least and the greatest value are kept.
pub const REPLAY_CHART_COLUMNS: usize = 960;
/// Alarms that one chart shows, each in a lane of its own.
pub const REPLAY_CHART_LANES_MAX: usize = 12;
/// Alarms that a replay's page lists, those that came most often.
pub const REPLAY_PAGE_ALARMS_MAX: usize = 500;

/// Alarms of the last ten minutes that are remembered to tell a flood.
pub const ANNUNCIATIONS_REMEMBERED_MAX: usize = 100_000;

/// Points of one device whose age one timer looks after: one look costs no more than some hundred nanoseconds.
pub const AGE_GROUP_LEN_MAX: usize = 64;

/// Messages waiting for the engine before senders wait.
pub const INBOX_LEN_MAX: usize = 1024;
/// Inputs that the engine takes in one turn before it commits.
pub const TURN_INPUTS_MAX: usize = 256;
/// Turns waiting for the disk in the store's queue.
pub const STORE_QUEUE_LEN_MAX: usize = 64;
/// How long the engine waits for a place in that queue. After that it goes on without, and what it decides waits in a backlog
/// until there is a place: a busy disk slows the gateway down, a stuck one must not silence it.
pub const STORE_WAIT_MAX: Duration = Duration::from_secs(1);
/// Readings in that backlog; beyond that the oldest are given up.
pub const BACKLOG_READINGS_MAX: usize = 100_000;
/// Alarm transitions in that backlog; beyond that the oldest are given up that a later one of the same alarm has overtaken.
pub const BACKLOG_TRANSITIONS_MAX: usize = 10_000;
/// Turns in that backlog that a change of the clock divides; further changes are not taken up.
pub const BACKLOG_TURNS_MAX: usize = 64;
/// Committed events that a slow listener of the console may lag behind before it is told to reload.
pub const EVENT_BROADCAST_LEN_MAX: usize = 1024;

/// Readings in one stored row, and so in one MQTT `data` message; a larger batch becomes several.
pub const ROW_READINGS_MAX: usize = 2000;
/// How long the disk may take for what it is given before it counts as one that does not answer.
pub const STORE_ANSWER_MAX: Duration = Duration::from_secs(3);
/// How long readings may wait for the disk: what a power cut may cost. A crash costs none.
pub const STORE_SYNC_AFTER_MAX: Duration = Duration::from_secs(1);
/// Rows of telemetry that an opening after a crash counts again, beside those of one group: what makes it take a bounded time.
pub const STORE_UNSAVED_ROWS_MAX: u64 = 10_000;
/// Spans of telemetry that one destination may owe beside the newest; more are joined, which sends some rows twice.
pub const FORWARD_GAPS_MAX: usize = 16;

/// From one look at the system's clock to the next: how long a step may go unnoticed.
pub const CLOCK_LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// A look at the clocks that took longer than this says nothing: the machine was busy between one clock and the other.
pub const CLOCK_LOOK_MAX: Duration = Duration::from_millis(100);
/// Difference between two looks beyond which the wall clock was set, and not steered: time servers steer by 0.05 % at
/// most, chrony by a tenth for a moment; they set what is off by more than this.
pub const CLOCK_STEP_MIN: Duration = Duration::from_millis(500);
/// Changes of the clock that wait for the loop; when there are more, the oldest is forgotten.
pub const CLOCK_CHANGES_LEN_MAX: usize = 16;
/// How often in one run stamps are put right that were made before anything vouched for the clock.
pub const CLOCK_RESTAMPS_MAX: usize = 64;
/// Steps of the clock that are remembered to tell how old an entry is.
pub const CLOCK_STEPS_LEN_MAX: usize = 64;
/// Stamps of neighbouring readings that are further apart than this make another stored row, and so another message.
pub const ROW_SPREAD_MAX: Duration = Duration::from_secs(1);
/// Names of an alarm's instances that are remembered so that none is given twice while the clock is put back.
pub const INSTANCES_REMEMBERED_MAX: usize = 16;

/// Registers that one Modbus read may ask for (Modbus Application Protocol V1.1b3, §6.3).
pub const MODBUS_REGISTERS_PER_READ_MAX: u16 = 125;
/// Coils or discrete inputs that one Modbus read may ask for (§6.1).
pub const MODBUS_BITS_PER_READ_MAX: u16 = 2000;
/// Registers that one text may take: two characters each.
pub const TEXT_REGISTERS_MAX: u8 = 32;
/// Decimal places that a register may give.
pub const RATIO_DECIMALS_MAX: i32 = 9;

/// Outputs that a site may have.
pub const OUTPUTS_MAX: usize = 256;
/// How long a command to switch an output may wait to be carried out. After that it is withdrawn: what was meant for a
/// moment must not happen later.
pub const OUTPUT_COMMAND_MAX: Duration = Duration::from_secs(10);
/// From one look at an output to the next while nothing is to be done about it.
pub const OUTPUT_LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// Longest wait for a connection to a field device.
pub const CONNECT_MAX: Duration = Duration::from_secs(2);
/// Silence on a connection to a field device after which the far end is asked whether it is still there.
pub const TCP_KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
/// From one such question to the next; the operating system gives up after nine.
pub const TCP_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// How long a far end may leave what it was sent unacknowledged before the connection counts as lost.
pub const TCP_UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);
/// Bytes of what a device that dials in says unasked: its registration, its heartbeat.
pub const DIAL_IN_PACKET_BYTES_MAX: usize = 128;
/// How long a caller may take to say who it is.
pub const DIAL_IN_REGISTER_MAX: Duration = Duration::from_secs(10);
/// Callers at one address that have not said yet who they are; further ones wait to be accepted.
pub const DIAL_IN_CALLERS_MAX: usize = 64;
/// Sessions in a row in which nothing is heard on a connection that a device made, after which it is ended.
pub const DIAL_IN_SILENT_MAX: usize = 24;
/// How long after a question on a line without question numbers its answer may still come; see `acquire::modbus::doubt`.
pub const LATE_ANSWER_MAX: Duration = Duration::from_secs(60);
/// Silence between an answer and the next question where Modbus RTU frames are used: slow units lose a question
/// that follows too closely, and what arrives in the meantime is seen before the question is asked.
pub const RTU_SILENCE_MIN: Duration = Duration::from_millis(2);
/// Unasked bytes that are thrown away before a question; a line that has more to say is closed.
pub const LINE_STRAY_BYTES_MAX: usize = 4096;
/// Questions of one poll that may stay without an answer before the rest of it is given up.
pub const POLL_MISSES_MAX: usize = 2;
/// Polls in a row without any answer after which a device is down.
pub const MISSED_POLLS_MAX: u32 = 2;
/// Extra questions that one poll may spend on finding addresses that a device refuses, and on asking again for those
/// that it has refused.
pub const POLL_SPLITS_MAX: usize = 32;
/// How long an address that a device refused for the first time is left alone: it may only be booting.
pub const REFUSED_FOR_MIN: Duration = Duration::from_secs(5);
/// How long an address that a device refuses again and again is left alone.
pub const REFUSED_FOR_MAX: Duration = Duration::from_secs(600);
/// After a device that is down has let a probe go unanswered, its bus belongs to the others for this many
/// times as long as the probe took: dead devices cost the living at most 4 % of a bus.
pub const PROBE_REST_FACTOR: u32 = 24;

/// How long a probe waits for a device whose answers were quick, at least.
pub const PROBE_PATIENCE_MIN: Duration = Duration::from_millis(100);
/// How many times as long as its slowest answer of late a device may take to answer a probe.
pub const PROBE_ROUND_TRIPS: u32 = 4;
/// One probe in so many waits as long as the device may take at all: it may have become slower.
pub const PROBES_PER_FULL: usize = 8;
/// With each further answer one part in so many of the slowest answer of late is forgotten.
pub const ROUND_TRIP_PARTS: u32 = 100;
/// Longest wait from one probe to the next, where its bus does not want a longer one.
pub const PROBE_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long one device may have its link in one turn while others wait for theirs; the question that it is at is
/// still answered.
pub const TURN_MAX: Duration = Duration::from_millis(100);
/// Addresses that one reading by hand may ask for.
pub const PROBE_ADDRESSES_MAX: u32 = 2000;
/// Questions that one reading by hand may take where the device refuses addresses.
pub const PROBE_QUESTIONS_MAX: usize = 512;
/// Answers whose times are remembered while a block is watched.
pub const PROBE_LATENCIES_MAX: usize = 1000;
/// Characters shown of each text by which a unit says who it is.
pub const PROBE_IDENTITY_CHARS_MAX: usize = 64;

/// Bytes of one MQTT message from the field or the centre.
pub const MQTT_PAYLOAD_BYTES_MAX: usize = 256 * 1024;
/// Bytes of one MQTT packet from the field; a longer one ends the connection before it is read.
pub const MQTT_FIELD_PACKET_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Samples, each of a moment of its own, in one MQTT message from the field.
pub const MQTT_SAMPLES_MAX: usize = 1000;
/// Values of one device's points in one MQTT message from the field.
pub const MQTT_VALUES_MAX: usize = 20_000;
/// Characters of a topic from the field that people are shown.
pub const TOPIC_SHOWN_CHARS_MAX: usize = 120;
/// Metrics in one Sparkplug message.
pub const SPARKPLUG_METRICS_MAX: usize = 20_000;
/// From one rebirth request to the same Sparkplug edge node to the next.
pub const SPARKPLUG_REBIRTH_INTERVAL_MIN: Duration = Duration::from_secs(10);
/// MQTT messages from the field that wait for their turn before the socket is left alone.
pub const MQTT_HANDOVER_LEN_MAX: usize = 32;
/// Complaints of one kind about one device: at most one line of log in this time.
pub const COMPLAINT_INTERVAL_MIN: Duration = Duration::from_secs(10);
/// Publishes sent to a broker and not yet acknowledged.
pub const MQTT_WINDOW_MAX: u16 = 100;
/// Bytes of the largest MQTT packet that is sent.
pub const MQTT_PACKET_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of the largest packet that a broker must take, or it is no broker for alarms.
pub const MQTT_PACKET_BYTES_MIN: usize = 2048;
/// How long a broker keeps commands for a gateway that is away (MQTT 5; with 3.1.1 it keeps them for ever).
pub const MQTT_SESSION_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long a broker waits before it says for a gateway that it is gone (MQTT 5): a connection that is made anew meanwhile is no news.
pub const MQTT_WILL_DELAY: Duration = Duration::from_secs(5);
/// How long an edge node waits at a broker for its primary host before it goes elsewhere.
pub const SPARKPLUG_HOST_WAIT_MAX: Duration = Duration::from_secs(30);
/// Rows that an edge node looks back over at its start for what its points last said.
pub const SPARKPLUG_PRIMING_ROWS_MAX: usize = 1000;
/// Brokers that may stand by for a centre's first.
pub const MQTT_STANDBYS_MAX: usize = 7;
/// From one attempt to return to the first of a centre's brokers to the next (our default).
pub const MQTT_RETURN_MIN: Duration = Duration::from_secs(60);
/// The same where the first was lost again and again soon after a return.
pub const MQTT_RETURN_MAX: Duration = Duration::from_secs(3600);
/// How long the first broker must last after a return to count as well again.
pub const MQTT_RETURN_PROVEN: Duration = Duration::from_secs(600);
/// A connection that a broker closes without a word within this time may have been taken over by another client.
pub const MQTT_ELBOWED_WITHIN: Duration = Duration::from_secs(60);
/// So many of them in a row are told as that.
pub const MQTT_ELBOWED_AFTER: u32 = 3;
/// Longest wait before a broker is gone back to at which another client goes by the gateway's name.
pub const MQTT_ELBOWED_WAIT_MAX: Duration = Duration::from_secs(300);
/// How often an event is sent to a broker that refuses it for what it is; then it is set aside.
pub const EVENT_TRIES_MAX: u32 = 5;
/// From one ping of an MQTT connection to the next; a dead peer is noticed after at most twice as long.
pub const MQTT_KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How long a broker may leave everything unacknowledged before the connection is made anew.
pub const MQTT_ACK_WAIT_MAX: Duration = Duration::from_secs(30);
/// Commands of one centre that are being carried out or answered; more are dropped, and said so in the log.
pub const MQTT_COMMANDS_MAX: usize = 64;
/// How long a command may wait for its effects to be on disk.
pub const COMMAND_WAIT_MAX: Duration = Duration::from_secs(10);
/// How long a destination that would not take a reading counts as failing, if it takes the others: long enough
/// for the alarm and for whoever looks after it.
pub const REFUSAL_TOLD_FOR: Duration = Duration::from_secs(600);
/// From one round to the next in which a destination is given again the events that it would not take.
pub const REFUSED_AGAIN_AFTER: Duration = Duration::from_secs(600);
/// How long a database may ask to be left alone (`Retry-After`): alarms wait as well.
pub const INFLUX_RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
/// Bytes of a database's answer that are looked at.
pub const INFLUX_ANSWER_BYTES_MAX: usize = 64 * 1024;
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
/// Reports that are made for requests at once.
pub const CONSOLE_REPORT_READS_MAX: usize = 1;
/// How long a request waits for the engine or the journal.
pub const CONSOLE_ANSWER_MAX: Duration = Duration::from_secs(10);
/// A connection on which nothing moves for so long is closed; a viewer who stops reading is one.
pub const CONSOLE_IDLE_MAX: Duration = Duration::from_secs(60);
/// From one heartbeat of the live stream to the next; the page calls the stream lost after three.
pub const CONSOLE_BEAT_INTERVAL: Duration = Duration::from_secs(2);
/// Shortest time from one frame of values to the next. Alarms are never held back.
pub const CONSOLE_VALUES_INTERVAL: Duration = Duration::from_secs(1);
/// Age of the last snapshot beyond which the gateway's loop counts as stuck and the console says no more that it lives.
pub const CONSOLE_SNAPSHOT_AGE_MAX: Duration = Duration::from_secs(5);

/// Characters of the name that a person signs a command with.
pub const OPERATOR_NAME_CHARS_MAX: usize = 64;
/// Characters of the reason given with a command.
pub const OPERATOR_REASON_CHARS_MAX: usize = 500;

/// Shortest time from one telling of a device's counters to the next, where nothing else is new of it.
pub const COUNTERS_INTERVAL_MIN: Duration = Duration::from_secs(60);

/// Longest on-delay, off-delay, poll interval or age that a site file may ask for.
pub const SITE_DURATION_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Shortest poll interval.
pub const POLL_INTERVAL_MIN: Duration = Duration::from_millis(50);
/// Longest wait for one Modbus answer that a site file may ask for.
pub const MODBUS_TIMEOUT_MAX: Duration = Duration::from_secs(60);
/// First wait after a lost connection.
pub const BACKOFF_MIN: Duration = Duration::from_millis(500);
/// Longest wait between attempts to connect.
pub const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// How long a restarted task must run before it counts as well again.
pub const TASK_STABLE_AFTER: Duration = Duration::from_secs(60);
/// Shortest time between two snapshots for the console.
pub const SNAPSHOT_INTERVAL: Duration = Duration::from_millis(250);
/// Longest time between two snapshots while the gateway's loop runs.
pub const SNAPSHOT_INTERVAL_MAX: Duration = Duration::from_secs(2);
/// How long an orderly stop may take.
pub const SHUTDOWN_MAX: Duration = Duration::from_secs(5);
/// Of that, for the links and the console to end.
pub const STOP_SOURCES_MAX: Duration = Duration::from_millis(800);
/// For the loop to empty its inbox.
pub const STOP_CORE_MAX: Duration = Duration::from_millis(400);
/// For the forwarders to take their leave.
pub const STOP_UPLINKS_MAX: Duration = Duration::from_millis(2600);
/// For the database to be closed.
pub const STOP_STORE_MAX: Duration = Duration::from_millis(800);
/// For the embedded broker to end.
pub const STOP_BROKER_MAX: Duration = Duration::from_millis(300);
/// An alarm or a reading that reaches its destination later than this after it happened is marked as
/// back-fill (our default).
pub const BACKFILL_AFTER: Duration = Duration::from_secs(10);

const _: () = assert!(CONSOLE_STREAMS_MAX < CONSOLE_CONNECTIONS_MAX, "viewers must leave room for requests");
const _: () =
    assert!(CONSOLE_BEAT_INTERVAL.as_secs() < CONSOLE_IDLE_MAX.as_secs(), "a live stream is never idle");
const _: () = assert!(CONSOLE_ANSWER_MAX.as_secs() < CONSOLE_IDLE_MAX.as_secs(), "waiting is not idling");
const _: () = assert!(TURN_INPUTS_MAX <= INBOX_LEN_MAX);
const _: () = assert!(REPORT_AFTER_MIDNIGHT.as_secs() > CLOCKED_WAIT_MAX.as_secs());
const _: () = assert!(REPORT_BYTES_MAX < MQTT_PACKET_BYTES_MAX);
const _: () = assert!(PROBE_WAIT_MAX.as_millis() <= BACKOFF_MAX.as_millis());
const _: () = assert!(
    STOP_SOURCES_MAX.as_millis()
        + STOP_CORE_MAX.as_millis()
        + STOP_UPLINKS_MAX.as_millis()
        + STOP_STORE_MAX.as_millis()
        + STOP_BROKER_MAX.as_millis()
        <= SHUTDOWN_MAX.as_millis()
);
const _: () = assert!(MQTT_PAYLOAD_BYTES_MAX < MQTT_PACKET_BYTES_MAX);
const _: () = assert!(MQTT_PACKET_BYTES_MIN < MQTT_PACKET_BYTES_MAX);
const _: () = assert!(MQTT_WILL_DELAY.as_secs() < MQTT_SESSION_MAX.as_secs(), "a will goes with its session");
