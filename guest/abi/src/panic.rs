//! The panic handler.

use core::panic::PanicInfo;

/// Ends the instance with a trap: a component without `std` has nowhere to write a message.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
