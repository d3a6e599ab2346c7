//! Today.

use chrono::DateTime;
use web_time::{SystemTime, UNIX_EPOCH};

/// The day by universal time, `YYYY-MM-DD`.
pub(super) fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let now = DateTime::from_timestamp(seconds.cast_signed(), 0).unwrap_or_default();
    now.date_naive().to_string()
}
