//! The panic handler.

use core::panic::PanicInfo;

/// Ends the instance with a trap. A component without `std` cannot print a message.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
