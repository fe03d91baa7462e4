//! What the reason codes of MQTT 5 (2.4) mean, in words. The return codes of 3.1.1 are told by those that mean the same.

use crate::model::Text;

pub(super) const NORMAL: u8 = 0x00;
pub(super) const VERSION: u8 = 0x84;
pub(super) const CLIENT_ID: u8 = 0x85;
pub(super) const PASSWORD: u8 = 0x86;
pub(super) const NOT_AUTHORISED: u8 = 0x87;
pub(super) const UNAVAILABLE: u8 = 0x88;
pub(super) const TAKEN_OVER: u8 = 0x8E;
pub(super) const TOPIC_NAME: u8 = 0x90;
pub(super) const QUOTA: u8 = 0x97;
pub(super) const PAYLOAD_FORMAT: u8 = 0x99;
pub(super) const RETAIN: u8 = 0x9A;
pub(super) const QOS: u8 = 0x9B;

/// What a reason code says.
pub(super) fn words(code: u8) -> Text {
    let (zh, en) = match code {
        NORMAL => ("代理正常关闭了连接", "the broker closed the connection"),
        0x81 | 0x82 => ("代理认为报文不符合协议", "the broker found a packet against the protocol"),
        VERSION => ("代理不支持此 MQTT 版本", "the broker does not speak this version of MQTT"),
        CLIENT_ID => ("代理不接受此客户端标识", "the broker does not take the client id"),
        PASSWORD => ("用户名或密码错误", "wrong user name or password"),
        NOT_AUTHORISED => ("没有权限", "not authorised"),
        UNAVAILABLE => ("代理服务不可用", "the broker is not available"),
        0x89 => ("代理繁忙", "the broker is busy"),
        0x8A => ("客户端已被代理禁止", "the broker has banned the client"),
        0x8B => ("代理正在关闭", "the broker is shutting down"),
        0x8D => ("代理在保活时间内未收到报文", "the broker heard nothing for the keep-alive time"),
        TAKEN_OVER => ("另一客户端以同一标识接入", "another client has connected under the same client id"),
        0x8F => ("代理不接受此主题过滤器", "the broker does not take the topic filter"),
        TOPIC_NAME => ("代理不接受此主题", "the broker does not take the topic"),
        0x93 => ("超过代理的接收上限", "more on its way than the broker receives at once"),
        0x95 => ("报文超过代理允许的长度", "the packet is larger than the broker takes"),
        0x96 => ("发送速率过高", "messages come too fast for the broker"),
        QUOTA => ("超出代理配额", "a quota of the broker is used up"),
        0x98 => ("代理管理员断开了连接", "the broker's administrator ended the connection"),
        PAYLOAD_FORMAT => ("代理认为载荷格式无效", "the broker finds the payload's format invalid"),
        RETAIN => ("代理不支持保留消息", "the broker keeps no retained messages"),
        QOS => ("代理不支持 QoS 1", "the broker does not take QoS 1"),
        0x9C => ("代理要求暂用另一台代理", "the broker wants another broker to be used for now"),
        0x9D => ("代理已迁移", "the broker has moved"),
        0x9F => ("连接过于频繁", "connections are made too often for the broker"),
        0xA0 => ("超过最长连接时间", "the connection has lasted as long as the broker allows"),
        other => {
            let (zh, en) = (format!("原因码 0x{other:02X}"), format!("reason code 0x{other:02X}"));
            return Text::new(zh, en);
        }
    };
    Text::new(zh, en)
}

/// Why a broker does not let us in. Many do not tell a wrong password from a missing right.
pub(super) fn at_the_door(code: u8, own: Option<&String>) -> Text {
    match code {
        PASSWORD | NOT_AUTHORISED => {
            Text::new("用户名或密码错误，或没有权限", "wrong user name or password, or not authorised")
        }
        _ => told(code, own),
    }
}

/// The same, with what the broker itself says of it.
pub(super) fn told(code: u8, own: Option<&String>) -> Text {
    const CHARS_MAX: usize = 200;
    match own {
        Some(own) if !own.is_empty() => {
            words(code).because(&Text::same(own.chars().take(CHARS_MAX).collect::<String>()))
        }
        _ => words(code),
    }
}
