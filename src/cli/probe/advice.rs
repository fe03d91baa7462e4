//! What to look at when no answer comes: the causes that commissioning meets most, the likeliest first.

use hazgate::acquire::modbus::probe::TroubleKind;
use hazgate::model::Text;
use hazgate::site::LinkKind;

/// The address of a link as a person would type it.
pub(super) fn address(link: &LinkKind) -> String {
    match link {
        LinkKind::ModbusTcp(address) => format!("tcp://{address}"),
        LinkKind::ModbusRtuOverTcp(address) => format!("rtu-over-tcp://{address}"),
        LinkKind::ModbusTls(target) => format!("tls://{}", target.address),
        LinkKind::ModbusSerial(serial) => format!("serial:{}", serial.port),
        LinkKind::ModbusDialIn(dial_in) => format!("{} @ {}", dial_in.registration, dial_in.listen),
        LinkKind::Mqtt(broker) => format!("mqtt://{}", broker.address),
    }
}

/// What may be the cause.
pub(super) fn hints(kind: TroubleKind, link: &LinkKind) -> Vec<Text> {
    match kind {
        TroubleKind::Silent => silent(link),
        TroubleKind::Garbled | TroubleKind::Lost => vec![framing(link)],
        TroubleKind::Unreachable if matches!(link, LinkKind::ModbusSerial(_)) => vec![Text::new(
            "检查转换器是否插好（ls /dev/ttyUSB* /dev/ttyS*），用户是否在 dialout 组，是否有其他程序（如正在运行的网关）占用串口",
            "is the adapter plugged in (ls /dev/ttyUSB* /dev/ttyS*), is the user in the group dialout, does another program, such as a running gateway, hold the port?",
        )],
        TroubleKind::Unreachable => vec![Text::new(
            "检查 IP 地址、端口、网线和防火墙；许多设备同时只接受一个连接：先停掉其他主站",
            "look at the IP address, the port, the cable, a firewall; many devices take one connection at a time: stop other masters first",
        )],
        TroubleKind::Refused(code) => refused(code),
    }
}

fn silent(link: &LinkKind) -> Vec<Text> {
    let unit = Text::new(
        "单元号是否正确？hazgate probe scan 可列出所有应答的单元",
        "is the unit id right? hazgate probe scan lists the units that answer",
    );
    let patience = Text::new("设备较慢时加大 --timeout", "a slow device may need a longer --timeout");
    vec![unit, framing(link), patience]
}

/// The other way of speaking may be the right one.
fn framing(link: &LinkKind) -> Text {
    match link {
        LinkKind::ModbusRtuOverTcp(_) => Text::new(
            "若串口服务器（网关）做协议转换，请用 tcp:// 代替 rtu-over-tcp://；并检查它的波特率、校验位及 A/B 线",
            "a gateway that converts protocols wants tcp:// instead of rtu-over-tcp://; look at its speed, its parity, and whether A and B are swapped",
        ),
        LinkKind::ModbusSerial(_) => Text::new(
            "检查波特率、校验位、停止位（hazgate probe scan 加 --baud 9600,19200 --parity none,even 可逐一尝试），A/B 线是否接反，终端电阻是否安装",
            "look at speed, parity and stop bits (hazgate probe scan with --baud 9600,19200 --parity none,even tries them), whether A and B are swapped, and at the termination",
        ),
        LinkKind::ModbusTls(_) => Text::new(
            "对端可能不接受本机的证书，或不是 Modbus/TCP Security",
            "the far end may not take this side's certificate, or speak no Modbus/TCP Security",
        ),
        LinkKind::ModbusTcp(_) | LinkKind::ModbusDialIn(_) | LinkKind::Mqtt(_) => Text::new(
            "若对端是透明传输的串口服务器，请用 rtu-over-tcp:// 代替 tcp://",
            "a serial server in transparent mode wants rtu-over-tcp:// instead of tcp://",
        ),
    }
}

fn refused(code: u8) -> Vec<Text> {
    match code {
        1 => vec![Text::new(
            "设备不支持该功能码：换一个表（holding 与 input，coil 与 discrete）",
            "the device does not know this function: try the other table (holding or input, coil or discrete)",
        )],
        2 | 3 => vec![Text::new(
            "设备没有这些地址：换一个表，或检查手册地址是否从 1 开始（--base 1）",
            "the device has none of these addresses: try the other table, or see whether the manual counts from 1 (--base 1)",
        )],
        10 | 11 => vec![Text::new(
            "网关在线，但其后的单元没有应答：检查单元号、波特率、校验位及 A/B 线",
            "the gateway is there, but the unit behind it does not answer: look at unit id, speed, parity, and whether A and B are swapped",
        )],
        _ => Vec::new(),
    }
}
