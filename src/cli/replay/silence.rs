//! Whether devices answered, from what a gateway has kept of their points: a device that is lost leaves every point of it `bad:comm`, and is one
//! alarm, not one for each of them.

use hazgate::model::{DeviceId, Input, LinkCounters, LinkReport, LinkState, Reading, Reason, Sample, Text};
use hazgate::site::Site;

/// What was last said of each point, as far as it matters here.
#[derive(Debug)]
pub(super) struct Silence {
    /// Whether the point, by its id, said something else than that it could not be read.
    speaks: Vec<bool>,
    /// How many of a device's points do.
    speaking: Vec<usize>,
    lost: Vec<bool>,
}

impl Silence {
    pub(super) fn new(site: &Site) -> Self {
        Self {
            speaks: vec![false; site.points.len()],
            speaking: vec![0; site.devices.len()],
            lost: vec![false; site.devices.len()],
        }
    }

    /// Takes what a device has said; what that says of its link, if it is news.
    pub(super) fn hear(&mut self, device: DeviceId, readings: &[Reading]) -> Option<Input> {
        for reading in readings {
            let speaks = reading.sample != Sample::Bad(Reason::Comm);
            let spoke = std::mem::replace(&mut self.speaks[reading.point.index()], speaks);
            let speaking = &mut self.speaking[device.index()];
            *speaking = *speaking + usize::from(speaks) - usize::from(spoke);
        }
        let lost = self.speaking[device.index()] == 0;
        let was_lost = std::mem::replace(&mut self.lost[device.index()], lost);
        (lost != was_lost).then(|| if lost { is_lost(device) } else { answers(device) })
    }

    pub(super) fn is_lost(&self, device: DeviceId) -> bool {
        self.lost[device.index()]
    }
}

/// The device is there.
pub(super) fn answers(device: DeviceId) -> Input {
    Input::Link(LinkReport { device, state: LinkState::Up, error: None, counters: LinkCounters::default() })
}

fn is_lost(device: DeviceId) -> Input {
    let error = Some(Text::new("历史数据：设备无应答", "recorded: no answer"));
    Input::Link(LinkReport { device, state: LinkState::Down, error, counters: LinkCounters::default() })
}
