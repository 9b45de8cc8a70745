//! The maps of a handler, each with the lifetime of its scope.

use crate::error::MapError;
use crate::instances::MapInstances;
use crate::map_factory::MapFactory;
use crate::map_scope::MapScope;
use hyper::header::{HeaderMap, HeaderName};
use localmap::{Checkout as Tenant, LinkedMap, LocalMap, Stats, TenantName, lock};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// A map that several requests may use at the same time, and the instances that use it if they are
/// reused.
#[derive(Clone)]
pub(crate) struct SharedMap {
    map: Arc<Mutex<LocalMap>>,
    instances: Option<Arc<MapInstances>>,
}

/// A place for a map that later requests use again.
pub(crate) type SharedSlot = Mutex<Option<SharedMap>>;

/// The maps of a handler.
pub(crate) struct Maps {
    scope: MapScope,
    /// The map factory, or `None` if the guest imports no map.
    factory: Option<MapFactory>,
    /// Whether instances are reused.
    reuse: bool,
    /// The instances of a guest that imports no map, if they are reused.
    without_map: Option<Arc<MapInstances>>,
    server: SharedSlot,
    became_idle: Notify,
}

/// The map of a request.
pub(crate) struct CheckedOut {
    /// The map, or `None` if the guest imports none.
    pub(crate) map: Option<LinkedMap>,
    /// The instances that use the map, if they are reused.
    pub(crate) instances: Option<Arc<MapInstances>>,
    pub(crate) checkout: Checkout,
}

/// Keeps a map checked out for as long as the guest of its request runs.
pub(crate) struct Checkout {
    maps: Arc<Maps>,
    /// The tenant, if the map belongs to one.
    tenant: Option<Tenant>,
}

impl Maps {
    /// Creates the maps of a handler. If `reuse`, each map has instances.
    pub(crate) fn new(
        scope: MapScope,
        factory: Option<MapFactory>,
        reuse: bool,
    ) -> Result<Self, MapError> {
        let without_map = (reuse && factory.is_none()).then(Arc::default);
        let maps = Self {
            scope,
            factory,
            reuse,
            without_map,
            server: SharedSlot::default(),
            became_idle: Notify::new(),
        };
        if let Some(factory) = &maps.factory
            && maps.scope == MapScope::Server
        {
            *lock(&maps.server) = Some(maps.share(factory)?);
        }
        Ok(maps)
    }

    /// Returns the scope of the maps, or `None` if the guest imports no map.
    pub(crate) fn scope(&self) -> Option<&MapScope> {
        self.factory.as_ref().map(|_| &self.scope)
    }

    /// Returns the map for a request on a connection.
    pub(crate) fn check_out(
        self: &Arc<Self>,
        headers: &HeaderMap,
        connection: &SharedSlot,
    ) -> Result<CheckedOut, MapError> {
        let mut checkout = Checkout {
            maps: Arc::clone(self),
            tenant: None,
        };
        let Some(factory) = &self.factory else {
            return Ok(CheckedOut {
                map: None,
                instances: self.without_map.clone(),
                checkout,
            });
        };
        let SharedMap { map, instances } = match &self.scope {
            MapScope::Request => {
                return Ok(CheckedOut {
                    map: Some(LinkedMap::new(factory.create()?)),
                    instances: None,
                    checkout,
                });
            }
            MapScope::Connection => self.kept(connection, factory)?,
            MapScope::Server => self.kept(&self.server, factory)?,
            MapScope::Header(header) => {
                let name = only_value(headers, header)?;
                let tenant = factory.checkout(name)?;
                let map = SharedMap {
                    map: tenant.shared().ok_or(MapError::SeveralShards)?,
                    instances: match self.reuse {
                        true => tenant.attached(MapInstances::default),
                        false => None,
                    },
                };
                checkout.tenant = Some(tenant);
                map
            }
        };
        Ok(CheckedOut {
            map: Some(LinkedMap::from_shared(map)),
            instances,
            checkout,
        })
    }

    /// Returns a map for an instance that is not called, or `None` if the guest imports none.
    pub(crate) fn for_trial(&self) -> Result<Option<LinkedMap>, MapError> {
        let Some(factory) = &self.factory else {
            return Ok(None);
        };
        // There may be no more than this one.
        let map = match &self.scope {
            MapScope::Server => LinkedMap::from_shared(self.kept(&self.server, factory)?.map),
            _ => LinkedMap::new(factory.create_for_trial()?),
        };
        Ok(Some(map))
    }

    fn share(&self, factory: &MapFactory) -> Result<SharedMap, MapError> {
        let map = Arc::new(Mutex::new(factory.create()?));
        if self.scope == MapScope::Server {
            factory.watch(&map);
        }
        Ok(SharedMap {
            map,
            instances: self.reuse.then(Arc::default),
        })
    }

    /// Returns the map in `slot`, or creates another one if the map has terminated. Its instances
    /// are replaced with it.
    fn kept(&self, slot: &SharedSlot, factory: &MapFactory) -> Result<SharedMap, MapError> {
        let mut slot = lock(slot);
        if let Some(map) = slot.as_ref().filter(|map| is_alive(map)) {
            return Ok(map.clone());
        }
        let map = self.share(factory)?;
        *slot = Some(map.clone());
        Ok(map)
    }

    /// Drops each map of a tenant once it has been idle for long enough. Never returns.
    pub(crate) async fn drop_idle(&self) -> std::convert::Infallible {
        let Some(factory) = &self.factory else {
            return std::future::pending().await;
        };
        let tenants = factory.tenants();
        loop {
            match tenants.next_sweep() {
                None => self.became_idle.notified().await,
                Some(after) => tokio::time::sleep(after).await,
            }
            drop(tenants.sweep());
        }
    }

    /// Returns the statistics of the handler's single map, if it has one that is alive.
    pub(crate) fn stats(&self) -> Option<Stats> {
        let map = lock(&self.server).clone()?;
        lock(&map.map).stats().ok()
    }

    /// Returns the number of live maps.
    pub(crate) fn live(&self) -> usize {
        self.factory.as_ref().map_or(0, MapFactory::live_maps)
    }
}

impl Checkout {
    /// Returns the name of the tenant, if the map belongs to one whose name is no secret.
    pub(crate) fn tenant(&self) -> Option<&TenantName> {
        let tenant = self
            .tenant
            .as_ref()
            .filter(|_| !self.maps.scope.is_secret());
        tenant.map(Tenant::name)
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        if let Some(tenant) = self.tenant.take() {
            drop(tenant);
            self.maps.became_idle.notify_one();
        }
    }
}

/// Returns the value of a header that occurs once.
pub(crate) fn only_value<'a>(
    headers: &'a HeaderMap,
    header: &HeaderName,
) -> Result<&'a [u8], MapError> {
    let mut values = headers.get_all(header).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value.as_bytes()),
        (None, _) => Err(MapError::HeaderMissing {
            header: header.clone(),
        }),
        (Some(_), Some(_)) => Err(MapError::HeaderRepeated {
            header: header.clone(),
        }),
    }
}

/// Returns `true` if the map is alive. A map in use counts as alive: if it is not, the guest's
/// calls will fail.
fn is_alive(map: &SharedMap) -> bool {
    map.map.try_lock().map_or(true, |map| map.memory() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;
    use localmap::{Host, HostOptions, MapOptions, TenantClass, TenantState, TenantsOptions};
    use std::time::Duration;

    #[test]
    fn a_map_is_chosen_by_exactly_one_header() {
        let name = HeaderName::from_static("x-tenant");
        let mut headers = HeaderMap::new();
        let missing = only_value(&headers, &name);
        assert!(matches!(missing, Err(MapError::HeaderMissing { .. })));
        headers.append("X-Tenant", HeaderValue::from_static(""));
        assert!(only_value(&headers, &name).is_ok_and(<[u8]>::is_empty));
        headers.append("x-tenant", HeaderValue::from_static("b"));
        let repeated = only_value(&headers, &name);
        assert!(matches!(repeated, Err(MapError::HeaderRepeated { .. })));
    }

    fn maps(scope: MapScope, idle_timeout: Duration, max_maps: u32) -> Arc<Maps> {
        let host = Host::with_options(&HostOptions::new().max_maps(max_maps)).expect("a host");
        let class = TenantClass::new("all").idle_timeout(idle_timeout);
        let tenants = TenantsOptions::new().class(class);
        let factory = MapFactory::new(host, MapOptions::new(), Vec::new(), tenants, false);
        let factory = factory.expect("the options are in their range");
        Arc::new(Maps::new(scope, Some(factory), false).expect("maps"))
    }

    fn tenant(
        maps: &Arc<Maps>,
        name: &'static str,
    ) -> Result<(Option<LinkedMap>, Checkout), MapError> {
        let mut headers = HeaderMap::new();
        headers.insert("x-tenant", HeaderValue::from_static(name));
        let checked_out = maps.check_out(&headers, &SharedSlot::default())?;
        Ok((checked_out.map, checked_out.checkout))
    }

    #[test]
    fn a_map_that_has_died_is_replaced() {
        let header = MapScope::Header(HeaderName::from_static("x-tenant"));
        for scope in [MapScope::Server, header] {
            let maps = maps(scope, Duration::MAX, 1);
            let (map, first) = tenant(&maps, "a").expect("a map");
            let mut map = map.expect("a map");
            let set = map.map().set(b"k", b"v", localmap::Ttl::Never);
            set.expect("room");
            map.map().cancel_handle().cancel();
            let (replaced, second) = tenant(&maps, "a").expect("another");
            let mut replaced = replaced.expect("another");
            assert_eq!(replaced.map().get(b"k").expect("alive"), None);
            drop((first, second));
        }
    }

    #[test]
    fn there_are_no_more_maps_than_allowed() {
        let header = MapScope::Header(HeaderName::from_static("x-tenant"));
        let maps = maps(header, Duration::MAX, 2);
        let (_a, _b) = (tenant(&maps, "a"), tenant(&maps, "b"));
        let third = tenant(&maps, "c").map(|_| ());
        assert!(matches!(third, Err(MapError::TooManyMaps { max: 2, .. })));
        assert!(tenant(&maps, "a").is_ok());
    }

    #[tokio::test]
    async fn idle_maps_are_dropped_and_those_in_use_are_not() {
        let header = MapScope::Header(HeaderName::from_static("x-tenant"));
        let maps = maps(header, Duration::from_millis(1), 10);
        let dropping = Arc::clone(&maps);
        tokio::spawn(async move { dropping.drop_idle().await });
        let (a, b) = (tenant(&maps, "a"), tenant(&maps, "b"));
        let a_again = tenant(&maps, "a");
        assert_eq!(maps.live(), 2);
        drop((a, b));
        while maps.live() > 1 {
            tokio::task::yield_now().await;
        }
        let factory = maps.factory.as_ref().expect("the guest has a map");
        let live = factory.tenants().list(None, 10).into_iter();
        let names: Vec<_> = live
            .filter(|tenant| tenant.state == TenantState::InUse)
            .map(|tenant| tenant.name.to_string())
            .collect();
        assert_eq!(names, ["a"]);
        drop(a_again);
        while maps.live() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
