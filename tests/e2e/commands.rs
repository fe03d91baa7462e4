//! What a centre may say, and how it is answered.

use serde_json::json;

use crate::rig::{ROOT, Rig};

const QUIET: &str = "seed = 1\nname = { zh = \"平稳\", en = \"Quiet\" }\n";

#[tokio::test(flavor = "multi_thread")]
async fn wrong_commands_are_refused_one_by_one_in_words_and_stop_nothing() {
    let mut rig = Rig::new(QUIET).await;
    let mut centre = rig.centre("centre");
    rig.start_gateway();
    centre
        .until("the gateway online", |heard| {
            (heard.topic == "status" && heard.payload["online"] == true).then_some(())
        })
        .await;
    let wrong = [
        (json!({"v": 0, "id": "old", "cmd": "ack", "alarm": "x", "by": "centre"}), "v"),
        (json!({"v": 1, "id": "verb", "cmd": "open_valve", "by": "centre"}), "open_valve"),
        (json!({"v": 1, "id": "name", "cmd": "ack", "alarm": "no.such", "by": "centre"}), "no.such"),
        (
            json!({"v": 1, "id": "idle", "cmd": "ack", "alarm": "tank_plc.lost", "by": "centre"}),
            "tank_plc.lost",
        ),
        (json!({"v": 1, "id": "nobody", "cmd": "ack", "alarm": "tank_plc.lost"}), "by"),
    ];
    for (command, word) in wrong {
        let reply = centre.command(command.clone()).await;
        assert_eq!(reply["ok"], false, "{command} was carried out: {reply}");
        assert!(reply["error"].as_str().is_some_and(|error| error.contains(word)), "no `{word}` in {reply}");
    }
    centre.publish(&format!("{ROOT}/cmd"), "no JSON at all").await;
    let junk = |heard: &crate::rig::Heard| {
        (heard.topic == "cmd/reply" && heard.payload["ok"] == false).then_some(())
    };
    centre.next("an answer to what is not JSON", junk).await;
    assert!(rig.gateway_runs(), "{}", rig.log());
}
