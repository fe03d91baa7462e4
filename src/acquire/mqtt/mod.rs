//! MQTT links: one client of one broker, and the publishers that are heard through it.
//!
//! ```text
//! pump ──signals──▶ listener ──▶ topic (for whom?) ──▶ source ──▶ payload or sparkplug (what?), will (gone?)
//!  a connection                                          └──▶ order (of when?) ──▶ readings, news
//! ```

#[doc(hidden)]
pub mod fuzz;
mod listener;
mod malformed;
mod moment;
mod order;
mod path;
mod payload;
mod pump;
mod source;
mod sparkplug;
#[cfg(test)]
mod tests;
mod topic;
mod will;

use rumqttc::MqttOptions;

use self::listener::Listener;
use super::Context;
use crate::model::limits::{MQTT_FIELD_PACKET_BYTES_MAX, MQTT_KEEP_ALIVE};
use crate::site::{Broker, Identity};

/// Listens to the publishers of link number `link` through `broker`, for as long as it is polled.
pub(super) async fn run(link: usize, broker: &Broker, context: Context) {
    let options = options(link, broker, &context.site.identity);
    Listener::new(link, context).run(&options, broker).await;
}

fn options(link: usize, broker: &Broker, identity: &Identity) -> MqttOptions {
    let Identity { enterprise, gateway, .. } = identity;
    let (host, port) = broker.address.rsplit_once(':').unwrap_or((&broker.address, "1883"));
    let client = format!("hazgate-{enterprise}-{gateway}-in{link}");
    let mut options = MqttOptions::new(client, host, port.parse().unwrap_or(1883));
    options.set_keep_alive(MQTT_KEEP_ALIVE);
    // What was said while nobody listened is old: no session is kept for it.
    options.set_clean_session(true);
    options.set_max_packet_size(MQTT_FIELD_PACKET_BYTES_MAX, MQTT_FIELD_PACKET_BYTES_MAX);
    if let Some(username) = &broker.username {
        let password = broker.password.as_ref().map_or("", |password| password.expose());
        options.set_credentials(username, password);
    }
    options
}
