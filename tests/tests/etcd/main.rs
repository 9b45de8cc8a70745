//! Mirrors and leases with a real etcd.
