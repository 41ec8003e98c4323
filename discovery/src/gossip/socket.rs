use std::io;
use std::net::{IpAddr, SocketAddr};

use membership::DATAGRAM_BYTES_MAX;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

/// What arrives while the node is stalled waits here: minutes of an idle cluster, seconds of a healing one.
/// The system may grant less.
const RECEIVE_BYTES: usize = 1024 * 1024;
/// With a port of the system's choice, TCP may find taken what UDP was given.
const PORTS_TRIED_MAX: usize = 32;
/// Exchanges that wait to be accepted.
const BACKLOG: i32 = 64;

/// The UDP socket of the gossip. Addresses are canonical on this side: an IPv4 address is never an IPv6 one.
pub(crate) struct GossipSocket {
    socket: UdpSocket,
    is_ipv6: bool,
    buffer: Box<[u8]>,
}

/// Opens UDP and TCP on one port. `::` takes IPv4 as well.
pub(crate) fn bind(ip: IpAddr, port: u16) -> io::Result<(GossipSocket, TcpListener, u16)> {
    let mut tries = if port == 0 { PORTS_TRIED_MAX } else { 1 };
    loop {
        tries -= 1;
        let udp = open(SocketAddr::new(ip, port), Type::DGRAM, Protocol::UDP)?;
        udp.set_recv_buffer_size(RECEIVE_BYTES)?;
        let udp = UdpSocket::from_std(udp.into())?;
        let port = udp.local_addr()?.port();
        let tcp = open(SocketAddr::new(ip, port), Type::STREAM, Protocol::TCP)
            .and_then(|tcp| tcp.listen(BACKLOG).map(|()| tcp))
            .and_then(|tcp| TcpListener::from_std(tcp.into()));
        match tcp {
            Ok(tcp) => {
                // One byte more, so that what is too long does not look as if it were not.
                let buffer = vec![0; DATAGRAM_BYTES_MAX + 1].into();
                return Ok((GossipSocket { socket: udp, is_ipv6: ip.is_ipv6(), buffer }, tcp, port));
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries > 0 => {}
            Err(error) => return Err(error),
        }
    }
}

fn open(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    if kind == Type::STREAM {
        // A restart finds connections of the last run still closing.
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

impl GossipSocket {
    /// Waits until the system says that a datagram can be sent; without it the first ones would be dropped.
    pub(crate) async fn ready(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    /// The next datagram and its sender.
    pub(crate) async fn receive(&mut self) -> io::Result<(SocketAddr, &[u8])> {
        let (length, from) = self.socket.recv_from(&mut self.buffer).await?;
        Ok((canonical(from), self.buffer.get(..length).unwrap_or_default()))
    }

    /// A datagram that has already arrived.
    pub(crate) fn receive_now(&mut self) -> io::Result<(SocketAddr, &[u8])> {
        let (length, from) = self.socket.try_recv_from(&mut self.buffer)?;
        Ok((canonical(from), self.buffer.get(..length).unwrap_or_default()))
    }

    /// Sends now or never: who waited for the network would keep everything else waiting.
    pub(crate) fn send_now(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        let to = match (self.is_ipv6, to) {
            (true, SocketAddr::V4(to)) => SocketAddr::new(to.ip().to_ipv6_mapped().into(), to.port()),
            _ => to,
        };
        self.socket.try_send_to(datagram, to).map(drop)
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn arrives(from: &str, to: &str, sent_to: &str) -> SocketAddr {
        let (sender, _listener, _) = bind(from.parse().unwrap(), 0).unwrap();
        let (mut receiver, _listener, port) = bind(to.parse().unwrap(), 0).unwrap();
        sender.ready().await.unwrap();
        sender.send_now(SocketAddr::new(sent_to.parse().unwrap(), port), b"hello").unwrap();
        let (seen_from, datagram) = receiver.receive().await.unwrap();
        assert_eq!(datagram, b"hello");
        seen_from
    }

    #[tokio::test]
    async fn both_families_meet_on_one_socket_and_stay_what_they_are() {
        assert!(arrives("127.0.0.1", "127.0.0.1", "127.0.0.1").await.is_ipv4());
        assert!(arrives("::", "0.0.0.0", "127.0.0.1").await.is_ipv4());
        assert!(arrives("0.0.0.0", "::", "127.0.0.1").await.is_ipv4());
        assert!(arrives("::", "::", "::1").await.is_ipv6());
    }

    #[tokio::test]
    async fn a_port_that_is_taken_for_either_protocol_is_an_error() {
        let ip = "127.0.0.1".parse().unwrap();
        let (_socket, _listener, port) = bind(ip, 0).unwrap();
        assert_eq!(bind(ip, port).err().unwrap().kind(), io::ErrorKind::AddrInUse);
    }
}
