//! Addresses that a guest reaches only if they are named.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The reach of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Any machine on the internet.
    Public,
    /// The machines of a private network.
    Private,
    /// This machine and its link, such as a cloud's metadata service, and addresses that are not
    /// of a machine.
    Local,
}

/// Returns the reach of an address. An IPv6 address that stands for an IPv4 address has the reach
/// of that address.
pub(super) fn reach(address: IpAddr) -> Reach {
    match address.to_canonical() {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

/// After the registry of special-purpose addresses of IANA, RFC 6890.
fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        [10, ..] => Reach::Private,
        [172, 16..=31, ..] => Reach::Private,
        [192, 168, ..] => Reach::Private,
        // Carriers and clouds.
        [100, 64..=127, ..] => Reach::Private,
        // Measurements in a network.
        [198, 18..=19, ..] => Reach::Private,
        [0 | 127, ..] => Reach::Local,
        [169, 254, ..] => Reach::Local,
        // Protocols, examples in texts, and relays of 6to4.
        [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [192, 88, 99, _] => {
            Reach::Local
        }
        // Multicast, reserved, broadcast.
        [224..=255, ..] => Reach::Local,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        reach_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // NAT64.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        // NAT64 of a network.
        [0x64, 0xff9b, 1, ..] => Reach::Private,
        // 6to4.
        [0x2002, high, low, ..] => v4(high, low),
        [0xfc00..=0xfdff, ..] => Reach::Private,
        // Site-local.
        [0xfec0..=0xfeff, ..] => Reach::Private,
        // Protocols and tunnels, and examples in texts.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Local,
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Local,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reached: Reach, addresses: &[&str]) {
        for text in addresses {
            let address = text.parse().unwrap();
            assert_eq!(reach(address), reached, "{text}");
            if let IpAddr::V4(v4) = address {
                for same in [format!("::ffff:{v4}"), format!("64:ff9b::{v4}")] {
                    assert_eq!(reach(same.parse().unwrap()), reached, "{same}");
                }
            }
        }
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        check(
            Reach::Public,
            &[
                "1.1.1.1",
                "9.255.255.255",
                "11.0.0.0",
                "100.63.255.255",
                "100.128.0.0",
                "128.0.0.1",
                "172.15.255.255",
                "172.32.0.0",
                "192.0.1.0",
                "192.167.255.255",
                "192.169.0.0",
                "198.17.255.255",
                "198.20.0.0",
                "223.255.255.255",
                "2606:4700::1111",
                "2001:4860:4860::8888",
                "2002:101:101::1",
                "2003::1",
            ],
        );
    }

    #[test]
    fn addresses_of_networks_are_private() {
        check(
            Reach::Private,
            &[
                "10.0.0.0",
                "10.255.255.255",
                "100.64.0.1",
                "100.127.255.255",
                "172.16.0.1",
                "172.31.255.255",
                "192.168.0.1",
                "198.18.0.1",
                "fc00::1",
                "fdff::1",
                "fec0::1",
                "64:ff9b:1::1",
                "2002:a00:1::1",
            ],
        );
    }

    #[test]
    fn addresses_of_this_machine_its_link_and_of_no_machine_are_local() {
        check(
            Reach::Local,
            &[
                "0.0.0.0",
                "0.1.2.3",
                "127.0.0.1",
                "127.255.255.255",
                "169.254.169.254",
                "192.0.0.1",
                "192.0.2.1",
                "198.51.100.1",
                "203.0.113.1",
                "224.0.0.1",
                "239.255.255.255",
                "240.0.0.1",
                "255.255.255.255",
                "::",
                "::1",
                "::127.0.0.1",
                "::ffff:0:127.0.0.1",
                "100::1",
                "2001::1",
                "2001:db8::1",
                "3fff::1",
                "2002:7f00:1::1",
                "fe80::1",
                "febf::1",
                "ff02::1",
            ],
        );
    }
}
