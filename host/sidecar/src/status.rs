//! The errors of tenants and of their maps as statuses of gRPC.

use crate::options::SidecarOptions;
use localmap::{CheckoutError, CreateError, MapTerminated, RateLimited};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// The trailer with which gRPC says after how many milliseconds to retry (gRFC A6).
const RETRY_AFTER: &str = "grpc-retry-pushback-ms";

/// Returns the status of a call for whose tenant there is no map.
pub(crate) fn checkout(error: &CheckoutError) -> Status {
    match error {
        CheckoutError::Name(_) => Status::invalid_argument(error.to_string()),
        CheckoutError::NoClass => Status::permission_denied(
            "the tenant belongs to no class: use another name, or add a class for it to the sidecar",
        ),
        CheckoutError::TooManyTenants { max, .. } => Status::resource_exhausted(format!(
            "the sidecar has {max} maps, which is its limit: use a tenant that has one, wait until some \
             are idle, or raise --max-maps (max-tenants in the file of --tenants)"
        )),
        CheckoutError::NoBytes { max, .. } => Status::resource_exhausted(format!(
            "the maps of the sidecar may have {max} bytes, and too few are left for another map: wait \
             until some are idle, or raise --max-total-bytes (max-bytes in the file of --tenants)"
        )),
        CheckoutError::Cancelled => ending(),
        CheckoutError::Create(error) => create(error),
        other => Status::internal(chain(other)),
    }
}

fn create(error: &CreateError) -> Status {
    match error {
        CreateError::Cancelled => ending(),
        CreateError::TooManyMaps { .. }
        | CreateError::TooManyMappings { .. }
        | CreateError::PoolExhausted { .. } => Status::resource_exhausted(error.to_string()),
        other => Status::internal(chain(other)),
    }
}

/// Returns the status of a call for a tenant that has used up its rate.
pub(crate) fn rate_limited(error: &RateLimited) -> Status {
    let millis = error.retry_after.as_nanos().div_ceil(1_000_000);
    let mut metadata = MetadataMap::new();
    if let Ok(value) = MetadataValue::try_from(millis.to_string()) {
        metadata.insert(RETRY_AFTER, value);
    }
    Status::with_metadata(Code::ResourceExhausted, error.to_string(), metadata)
}

/// Returns the status of a call whose map has ended. The next call of the tenant gets another one.
pub(crate) fn terminated(error: &MapTerminated) -> Status {
    Status::unavailable(error.to_string())
}

/// Returns the status of calls and streams that the end of the sidecar has ended.
pub(crate) fn ending() -> Status {
    Status::unavailable("the sidecar is ending: try again")
}

/// Returns the status of calls on a connection for which there is no place.
pub(crate) fn too_many_connections(options: &SidecarOptions) -> Status {
    Status::resource_exhausted(format!(
        "all {} connections of the sidecar are in use: close some, or raise --max-connections",
        options.max_connections
    ))
}

/// Returns an error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use localmap::{Host, RateLimit, TenantClass, Tenants, TenantsOptions};

    fn tenants(class: TenantClass, max: u32) -> Tenants {
        let options = TenantsOptions::new().class(class).max_tenants(max);
        Tenants::new(&Host::new().expect("a host"), options).expect("tenants")
    }

    #[test]
    fn a_limit_of_the_sidecar_is_resource_exhausted_and_names_the_option() {
        let tenants = tenants(TenantClass::new("all"), 1);
        let _a = tenants.checkout(b"a").expect("a map");
        let status = checkout(&tenants.checkout(b"b").expect_err("one too many"));
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.message().contains("--max-maps"), "{status}");
    }

    #[test]
    fn a_tenant_of_no_class_is_denied() {
        let tenants = tenants(TenantClass::new("none").matching(|_| false), 1);
        let status = checkout(&tenants.checkout(b"a").expect_err("no class"));
        assert_eq!(status.code(), Code::PermissionDenied);
    }

    #[test]
    fn a_rate_says_in_whole_milliseconds_when_to_retry() {
        let class = TenantClass::new("all").rate_limit(RateLimit::per_second(2).burst(1));
        let map = tenants(class, 1).checkout(b"a").expect("a map");
        map.admit(1).expect("the first one");
        let status = rate_limited(&map.admit(1).expect_err("the second one"));
        assert_eq!(status.code(), Code::ResourceExhausted);
        let after = status.metadata().get(RETRY_AFTER).expect("a time");
        let after: u32 = after.to_str().expect("digits").parse().expect("a number");
        assert!((1..=500).contains(&after), "{after}");
    }

    #[test]
    fn the_end_of_a_map_is_unavailable() {
        let map = tenants(TenantClass::new("all"), 1)
            .checkout(b"a")
            .expect("a map");
        map.cancel_handle().cancel();
        let error = map.get(b"k").expect_err("it has ended");
        let localmap::TenantError::Map(localmap::Error::Terminated { source, .. }) = error else {
            panic!("{error:?}");
        };
        assert_eq!(terminated(&source).code(), Code::Unavailable);
    }
}
