//! Serves an admin address for tenants under a load that is made up, to look at its page:
//!
//! ```sh
//! cargo run -p localmap-telemetry --example admin -- 127.0.0.1:9090
//! ```
//!
//! A second argument is the number of seconds after which it ends, and a third one the number of tenants.

use localmap::{
    Host, Limits, MapOptions, Policy, TenantClass, Tenants, TenantsOptions, Ttl, WhenFull,
};
use localmap_telemetry::{AdminServer, Protocol, Telemetry, TelemetryOptions};
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

/// Names of tenants that nothing may take for anything but text.
const HOSTILE: [&[u8]; 9] = [
    b"<img src=x onerror=alert(1)>",
    b"\"><script>alert(2)</script>",
    "\u{202e}txt.exe \u{2066}hidden".as_bytes(),
    b"first line\nsecond line\ttab\x1b[31mred",
    b"\xff\xfe not UTF-8",
    b"",
    &[b'W'; 256],
    "Zürich 東京 مرحبا".as_bytes(),
    b"other",
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:9090".into());
    let seconds = arguments.next().map_or(Ok(u64::MAX), |text| text.parse())?;
    let tenants = arguments.next().map_or(Ok(60), |text| text.parse())?;

    let options = TelemetryOptions::new().metrics(true).trace_spans(10_000);
    let telemetry = Telemetry::new(options);
    let host = Host::new()?;
    let maps = create_tenants(&host, &telemetry)?;
    telemetry.watch_host(&host);
    telemetry.watch_tenants(&maps);
    let server = AdminServer::bind(&address.parse()?, &telemetry)?;
    let url = server.local_addr().url();
    println!("{}", url.unwrap_or(server.local_addr().to_string()));

    telemetry.set_ready(true);
    let start = Instant::now();
    let mut random = Random(1);
    while start.elapsed().as_secs() < seconds {
        // More and less load, in turns of 40 seconds.
        let load = 5 + (start.elapsed().as_secs() % 40).abs_diff(20) * 4;
        for _ in 0..load {
            request(&telemetry, &maps, &mut random, tenants)?;
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Creates tenants of two classes. Those that pay have more room.
fn create_tenants(host: &Host, telemetry: &Telemetry) -> Result<Tenants, Box<dyn Error>> {
    let limits = Limits::default().policy(Policy::S3Fifo);
    let paid = MapOptions::new().limits(limits.clone().max_entries(5_000).max_bytes(4 << 20));
    let free = MapOptions::new().limits(limits.max_entries(200).max_bytes(256 << 10));
    let options = TenantsOptions::new()
        .class(
            TenantClass::new("paid")
                .matching(|name| name.starts_with(b"paid-"))
                .map(paid),
        )
        .class(TenantClass::new("free").map(free))
        .max_tenants(50)
        .when_full(WhenFull::DropIdlest {
            idle_for: Duration::ZERO,
        })
        .observer(telemetry.tenants_observer());
    Ok(Tenants::new(host, options)?)
}

/// Does what a request to a server does: some operations on the map of its tenant.
fn request(
    telemetry: &Telemetry,
    maps: &Tenants,
    random: &mut Random,
    tenants: u64,
) -> Result<(), Box<dyn Error>> {
    let mut request = telemetry.begin_request(Protocol::Http, "GET", None);
    // Some tenants have more requests than others.
    let number = random.below(tenants).min(random.below(tenants));
    let name = match usize::try_from(number).ok().and_then(|at| HOSTILE.get(at)) {
        Some(name) => name.to_vec(),
        None if number.is_multiple_of(4) => format!("paid-{number}").into_bytes(),
        None => format!("free-{number}").into_bytes(),
    };
    request.set_tenant(&name);
    let tenant = maps.checkout(&name)?.with_caller(request.caller());
    for _ in 0..random.below(8) {
        let key = format!("key-{}", random.below(600).min(random.below(600)));
        match random.below(10) {
            0 => drop(tenant.delete(key.as_bytes())?),
            1 => drop(tenant.contains(key.as_bytes())?),
            _ if tenant.get(key.as_bytes())?.is_some() => {}
            _ => {
                let value = vec![b'v'; usize::try_from(random.below(900))?];
                tenant.set(key.as_bytes(), &value, Ttl::Default)?;
            }
        }
    }
    let status = if random.below(200) == 0 { 503 } else { 200 };
    request.end(status);
    Ok(())
}

/// Numbers that look random, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % end.max(1)
    }
}
