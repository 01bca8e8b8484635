use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::*;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn token(token: Option<&str>) -> Credentials {
    Credentials::new(token, None)
}

async fn meet(
    ours: Option<&str>,
    theirs: Option<&str>,
) -> (Result<Connection, HandshakeError>, Result<(Role, Connection), HandshakeError>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let accepting = async { accept(listener.accept().await.unwrap().0, &token(theirs)).await };
    let ours = token(ours);
    tokio::join!(connect(&address, Role::Peer, &ours), accepting)
}

#[test]
fn the_token_must_match_where_one_is_demanded() {
    block_on(async {
        let (connected, accepted) = meet(None, None).await;
        assert_eq!(accepted.unwrap().0, Role::Peer);
        connected.unwrap();
        meet(Some("key"), Some("key")).await.0.unwrap();
        meet(Some("key"), None).await.0.unwrap();
        for wrong in [None, Some("lock")] {
            let error = meet(wrong, Some("key")).await.0.unwrap_err();
            assert_eq!(error.to_string(), "refused: the token is missing or wrong");
        }
    });
}

/// What an end that sends `bytes` is answered, and what the accepting end says of it.
async fn send_raw(bytes: &[u8]) -> (Vec<u8>, HandshakeError) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting =
        async { accept(listener.accept().await.unwrap().0, &token(None)).await.unwrap_err() };
    let sending = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // The other end may close hard, which is an answer as well.
        let _ = stream.read_to_end(&mut answer).await;
        answer
    };
    tokio::join!(sending, accepting)
}

#[test]
fn another_protocol_is_refused_with_both_numbers() {
    let mut greeting = vec![0, 0, 0, 12];
    greeting.extend_from_slice(b"REEL\x63\0\0\0\x037.0");
    let (answer, error) = block_on(send_raw(&greeting));
    assert!(error.to_string().contains("Taskreel 7.0 with protocol 99"), "{error}");
    let answer = String::from_utf8_lossy(&answer);
    let ours = format!("this is {VERSION} with protocol {PROTOCOL}");
    assert!(answer.contains("Taskreel 7.0 with protocol 99") && answer.contains(&ours), "{answer}");
}

#[test]
fn strangers_are_told_apart() {
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\0\0\0\x03abc", b"\0\0\0\x08KEEL\x01\0\0\0"] {
        let (_, error) = block_on(send_raw(bytes));
        assert!(matches!(error, HandshakeError::Foreign), "{error}");
    }
    let (_, error) = block_on(send_raw(b"\0\0\0\x0eREEL\x07\0\0\0\0\0\0\xff\xff\xff"));
    assert!(matches!(error, HandshakeError::Codec(_)), "{error}");
    for cut in [&b"\0\0\0\x08REEL\x07\0\0\0"[..], b"\0\0\0\x0bREEL\x07\0\0\0\0\xff\xff"] {
        let (_, error) = block_on(send_raw(cut));
        assert!(matches!(error, HandshakeError::Foreign), "{error}");
    }
    let (_, error) = block_on(send_raw(b"\0\0"));
    assert!(matches!(error, HandshakeError::Io(_)), "{error}");
}

/// A greeting without the token is refused before its role is looked at.
#[test]
fn nothing_behind_a_wrong_token_is_decoded() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = async {
            accept(listener.accept().await.unwrap().0, &token(Some("key"))).await.unwrap_err()
        };
        let sending = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let greeting = b"\0\0\0\x11REEL\x07\0\0\0\0\x03\0abc\xff\xff\xff";
            stream.write_all(greeting).await.unwrap();
            stream
        };
        let (_stream, error) = tokio::join!(sending, accepting);
        assert!(matches!(error, HandshakeError::Refused(_)), "{error}");
    });
}
