//! Cases that have failed once.

use localmap_engine::{Limits, Policy, Ttl::*};

use super::machine::{Case, Change::*, Datum::*, Operation, Operation::*, Scale, Setup};

fn replay(setup: Setup, operations: Vec<Operation>) {
    super::machine::run(&Case { setup, operations });
}
