//! Ctrl-C and SIGTERM in commands with long work: the first asks them to stop, the second ends them at once.

use signal_hook::consts::{SIGINT, SIGTERM};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that the first signal sets.
pub fn flag() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: what is set by the first signal is found set by the second.
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, stop.clone())?;
        signal_hook::flag::register(signal, stop.clone())?;
    }
    Ok(stop)
}

/// Ends the program as an interrupt does, where it was stopped: a script that it is a part of must stop too.
pub fn end_if_stopped(stop: &AtomicBool) -> io::Result<()> {
    if stop.load(Ordering::Relaxed) {
        signal_hook::low_level::emulate_default_handler(SIGINT)?;
    }
    Ok(())
}
