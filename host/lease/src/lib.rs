//! Guards requests with leases by key: one writer or many readers at a time.
