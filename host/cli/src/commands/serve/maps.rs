//! The maps that requests are given, each as long as its lifetime says.

use super::lifetime::Lifetime;
use super::record::Record;
use super::tenants::{Name, Tenants};
use crate::args::cache::CacheArgs;
use crate::args::entry::{Given, preloads, refused_entry};
use crate::args::limits::max_memory;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, PROXY_AUTHORIZATION};
use localmap::{
    CreateError, Host, HostOptions, Limits, LinkedMap, LocalMap, MapOptions, Profile, Stats,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// A map that several requests may use at a time.
type Shared = Arc<Mutex<LocalMap>>;

/// Where a map is kept for the next request.
pub(super) type Kept = Mutex<Option<Shared>>;

/// The maps of the server.
pub(super) struct Maps {
    lifetime: Lifetime,
    idle: Duration,
    /// None: the guest asks for no map.
    maker: Option<Maker>,
    server: Kept,
    tenants: Mutex<Tenants<Shared>>,
    /// Whether there is an idle map where there was none.
    became_idle: Notify,
}

/// Makes maps.
pub(super) struct Maker {
    host: Host,
    options: MapOptions,
    entries: Vec<Given>,
}

/// Why a request gets no map.
#[derive(Debug)]
pub(super) enum NoMap {
    /// Its headers do not say which.
    Header(String),
    /// There are as many as there may be.
    TooMany,
    Failed(anyhow::Error),
}

/// The map of a request, for as long as its guest runs.
pub(super) struct Lease {
    maps: Arc<Maps>,
    /// The tenant, if it is one's.
    name: Option<Name>,
}

impl Maker {
    pub(super) fn new(
        limits: Limits,
        entries: Vec<Given>,
        max_maps: u32,
        short: bool,
        cache: CacheArgs,
    ) -> anyhow::Result<Self> {
        let profile = if short {
            Profile::Churn
        } else {
            Profile::Dense
        };
        let host = HostOptions::new()
            .profile(profile)
            .max_maps(max_maps)
            .cache(cache.wanted())
            .max_memory(max_memory(limits.max_bytes));
        Ok(Self {
            host: Host::with_options(&host)?,
            options: MapOptions::new().limits(limits),
            entries,
        })
    }

    fn make(&self) -> Result<LocalMap, NoMap> {
        let mut map = self.host.map(&self.options).map_err(|error| match error {
            CreateError::TooManyMaps { .. } => NoMap::TooMany,
            error => NoMap::Failed(error.into()),
        })?;
        let done = map.preload(&preloads(&self.entries));
        done.map_err(|refused| NoMap::Failed(refused_entry(&self.entries, refused)))?;
        Ok(map)
    }

    fn share(&self) -> Result<Shared, NoMap> {
        Ok(Arc::new(Mutex::new(self.make()?)))
    }
}

impl Maps {
    /// Tries whether a map can be made.
    pub(super) fn new(
        lifetime: Lifetime,
        idle: Duration,
        maker: Option<Maker>,
    ) -> anyhow::Result<Self> {
        let maps = Self {
            lifetime,
            idle,
            maker,
            server: Kept::default(),
            tenants: Mutex::default(),
            became_idle: Notify::new(),
        };
        if let Some(maker) = &maps.maker {
            let first = match maker.share() {
                Ok(map) => map,
                Err(NoMap::Failed(error)) => return Err(error),
                Err(other) => anyhow::bail!("cannot make a map: {other:?}"),
            };
            if maps.lifetime == Lifetime::Server {
                *lock(&maps.server) = Some(first);
            }
        }
        Ok(maps)
    }

    /// The map for a request of a connection. None: its guest asks for none.
    pub(super) fn lease(
        self: &Arc<Self>,
        headers: &HeaderMap,
        connection: &Kept,
        record: &Record,
    ) -> Result<(Option<LinkedMap>, Lease), NoMap> {
        let mut lease = Lease {
            maps: Arc::clone(self),
            name: None,
        };
        let Some(maker) = &self.maker else {
            record.map("none", None);
            return Ok((None, lease));
        };
        let map = match &self.lifetime {
            Lifetime::Request => {
                record.map("request", None);
                LinkedMap::new(maker.make()?)
            }
            Lifetime::Connection => {
                record.map("connection", None);
                LinkedMap::from_shared(keep(connection, maker)?)
            }
            Lifetime::Server => {
                record.map("server", None);
                LinkedMap::from_shared(keep(&self.server, maker)?)
            }
            Lifetime::Header(header) => {
                let value = only(headers, header)?;
                let secret = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(header);
                record.map(header.as_str(), Some(if secret { b"*" } else { value }));
                let mut tenants = lock(&self.tenants);
                let (name, map) = tenants.take(value, is_alive, || maker.share())?;
                drop(tenants);
                lease.name = Some(name);
                LinkedMap::from_shared(map)
            }
        };
        Ok((Some(map), lease))
    }

    /// Drops the maps of tenants that have been idle for long enough, for ever.
    pub(super) async fn drop_idle(self: Arc<Self>) {
        let due = |since: Instant| since.checked_add(self.idle);
        loop {
            let first = lock(&self.tenants).idle_since();
            match first.map(due) {
                None => self.became_idle.notified().await,
                // Later than time goes.
                Some(None) => return,
                Some(Some(due)) => tokio::time::sleep_until(due.into()).await,
            }
            let now = Instant::now();
            let over = |since| due(since).is_some_and(|due| due <= now);
            let ended = lock(&self.tenants).take_idle(over);
            // Without the lock.
            drop(ended);
        }
    }

    /// Those of the server's map, if there is one that lives.
    pub(super) fn stats(&self) -> Option<Stats> {
        let map = lock(&self.server).clone()?;
        lock(&map).stats().ok()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            lock(&self.maps.tenants).give_back(name, Instant::now());
            self.maps.became_idle.notify_one();
        }
    }
}

/// The one value of a header.
fn only<'a>(headers: &'a HeaderMap, header: &HeaderName) -> Result<&'a [u8], NoMap> {
    let mut values = headers.get_all(header).iter();
    let refused = |what| Err(NoMap::Header(format!("the header `{header}` {what}")));
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value.as_bytes()),
        (None, _) => refused("is missing: it chooses the map"),
        (Some(_), Some(_)) => refused("is there more than once: it chooses the map"),
    }
}

/// The map that is kept, or another one where that has died.
fn keep(place: &Kept, maker: &Maker) -> Result<Shared, NoMap> {
    let mut place = lock(place);
    if let Some(map) = place.as_ref().filter(|map| is_alive(map)) {
        return Ok(Arc::clone(map));
    }
    let map = maker.share()?;
    *place = Some(Arc::clone(&map));
    Ok(map)
}

/// One that is busy is taken to be: what it says is told to its guest.
fn is_alive(map: &Shared) -> bool {
    map.try_lock().map_or(true, |map| map.memory() > 0)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn told(headers: &HeaderMap) -> Result<&[u8], String> {
        let name = HeaderName::from_static("x-tenant");
        only(headers, &name).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn a_map_is_chosen_by_exactly_one_header() {
        let mut headers = HeaderMap::new();
        assert!(told(&headers).is_err_and(|error| error.contains("`x-tenant` is missing")));
        headers.append("X-Tenant", HeaderValue::from_static(""));
        assert_eq!(told(&headers), Ok(&b""[..]));
        headers.append("x-tenant", HeaderValue::from_static("b"));
        assert!(told(&headers).is_err_and(|error| error.contains("more than once")));
    }

    fn maps(lifetime: Lifetime, idle: Duration, max_maps: u32) -> Arc<Maps> {
        let maker = Maker {
            host: Host::with_options(&HostOptions::new().max_maps(max_maps)).expect("a host"),
            options: MapOptions::new(),
            entries: Vec::new(),
        };
        Arc::new(Maps::new(lifetime, idle, Some(maker)).expect("maps"))
    }

    fn tenant(maps: &Arc<Maps>, name: &'static str) -> Result<(Option<LinkedMap>, Lease), NoMap> {
        let mut headers = HeaderMap::new();
        headers.insert("x-tenant", HeaderValue::from_static(name));
        let request = hyper::Request::new(());
        let record = Record::new(None, ([127, 0, 0, 1], 1).into(), &request);
        maps.lease(&headers, &Kept::default(), &record)
    }

    fn live(maps: &Maps) -> usize {
        maps.maker
            .as_ref()
            .map_or(0, |maker| maker.host.live_maps())
    }

    #[test]
    fn a_map_that_has_died_is_made_anew() {
        let header = Lifetime::Header(HeaderName::from_static("x-tenant"));
        for lifetime in [Lifetime::Server, header] {
            let maps = maps(lifetime, Duration::MAX, 1);
            let (map, lease) = tenant(&maps, "a").expect("a map");
            let mut map = map.expect("a map");
            let set = map.map().set(b"k", b"v", localmap::Ttl::Never);
            set.expect("room");
            map.map().cancel_handle().cancel();
            let (anew, again) = tenant(&maps, "a").expect("another");
            let mut anew = anew.expect("another");
            assert_eq!(anew.map().get(b"k").expect("alive"), None);
            drop((lease, again));
        }
    }

    #[test]
    fn there_are_no_more_maps_than_there_may_be() {
        let header = Lifetime::Header(HeaderName::from_static("x-tenant"));
        let maps = maps(header, Duration::MAX, 2);
        let (_a, _b) = (tenant(&maps, "a"), tenant(&maps, "b"));
        assert!(matches!(tenant(&maps, "c"), Err(NoMap::TooMany)));
        assert!(tenant(&maps, "a").is_ok());
    }

    #[tokio::test]
    async fn idle_maps_are_dropped_and_those_in_use_are_not() {
        let header = Lifetime::Header(HeaderName::from_static("x-tenant"));
        let maps = maps(header, Duration::from_millis(1), 10);
        tokio::spawn(Arc::clone(&maps).drop_idle());
        let (a, b) = (tenant(&maps, "a"), tenant(&maps, "b"));
        let a_again = tenant(&maps, "a");
        assert_eq!(live(&maps), 2);
        drop((a, b));
        while live(&maps) > 1 {
            tokio::task::yield_now().await;
        }
        assert!(lock(&maps.tenants).idle_since().is_none());
        drop(a_again);
        while live(&maps) > 0 {
            tokio::task::yield_now().await;
        }
    }
}
