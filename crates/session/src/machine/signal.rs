//! Whether a signal came that is to end prism, for those who wait for another program meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

static CAME: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Returns what is set when one comes.
pub fn flag() -> Arc<AtomicBool> {
    Arc::clone(&CAME)
}

/// Says whether one has come, and lets only what comes from here on count.
pub fn take() -> bool {
    CAME.swap(false, Ordering::Relaxed)
}
