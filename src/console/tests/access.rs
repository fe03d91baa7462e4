//! Who is answered: loopback names only, no other origin, and every answer with its security headers.

use reqwest::{Method, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Console, json};

#[tokio::test]
async fn a_rebound_name_is_refused_on_every_route() {
    let console = Console::start().await;
    for path in
        ["/", "/main.js", "/api/v1/site", "/api/v1/state", "/api/v1/stream", "/api/v1/events", "/healthz"]
    {
        let response =
            console.request(Method::GET, path).header("host", "rebound.example").send().await.expect(path);
        assert_eq!(response.status(), 421, "{path}");
        assert_eq!(json(response).await["type"], "urn:hazgate:problem:not-loopback");
    }
    for host in ["localhost:9", "127.0.0.1", "[::1]:8080"] {
        let response =
            console.request(Method::GET, "/healthz").header("host", host).send().await.expect(host);
        assert_eq!(response.status(), 200, "{host}");
    }
}

#[tokio::test]
async fn a_request_without_a_host_is_refused() {
    let console = Console::start().await;
    let mut socket = TcpStream::connect(&console.address).await.expect("a connection");
    socket.write_all(b"GET /api/v1/state HTTP/1.0\r\n\r\n").await.expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.0 421"), "{answer}");
}

#[tokio::test]
async fn another_origin_may_neither_act_nor_listen() {
    let console = Console::start().await;
    let routes = [(Method::POST, "/api/v1/alarms/gauge.level/acknowledge"), (Method::GET, "/api/v1/stream")];
    for (method, path) in routes {
        for origin in ["http://evil.example", "null", "http://localhost:1"] {
            let request = console.request(method.clone(), path).header("origin", origin);
            let response = request.header("content-type", "application/json").body(r#"{"by":"x"}"#).send();
            assert_eq!(response.await.expect(path).status(), 403, "{path} from {origin}");
        }
    }
    let own = format!("http://{}", console.address);
    let response =
        console.request(Method::GET, "/api/v1/state").header("origin", own).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let console = Console::start().await;
    assert_secured(&console.get("/").await);
    assert_secured(&console.get("/api/v1/site").await);
    assert_secured(&console.get("/api/v1/nothing").await);
    assert_secured(&console.stream().await.response);
    assert_secured(
        &console.request(Method::GET, "/").header("host", "evil").send().await.expect("an answer"),
    );
}

fn assert_secured(response: &Response) {
    let headers = response.headers();
    let policy = headers["content-security-policy"].to_str().expect("text");
    for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{part} in {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["referrer-policy"], "no-referrer");
    assert!(!headers.contains_key("access-control-allow-origin"));
}
