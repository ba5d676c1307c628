//! `disable`, `enable`, `shutdown frontend`: which of them may be, in HAProxy's words.

use super::commands::Call;
use super::desk::Desk;
use table::{FrontendId, Standing};

/// The frontend that is to stand so from now on; or what there is to say against it.
pub(super) fn ordered(desk: &Desk<'_>, call: &Call<'_>, wanted: Standing) -> Result<FrontendId, &'static str> {
    let name = call.word(0);
    if name.is_empty() {
        return Err("A frontend name is expected.\n");
    }
    let id = desk.table.frontend_named(name).ok_or("No such frontend.\n")?;
    match (desk.table.frontend(id).state.standing(), wanted) {
        (Standing::Stopped, Standing::Stopped) => Err("Frontend was already shut down.\n"),
        (Standing::Stopped, Standing::Paused) => Err("Frontend was previously shut down, cannot disable.\n"),
        (Standing::Stopped, Standing::Open) => Err("Frontend was previously shut down, cannot enable.\n"),
        (Standing::Paused, Standing::Paused) => Err("All sockets are already disabled.\n"),
        (Standing::Open, Standing::Open) => Err("All sockets are already enabled.\n"),
        // The table that comes counts on the sockets that are there.
        (Standing::Open | Standing::Paused, Standing::Stopped) if desk.is_reloading => {
            Err("A reload is under way, try again.\n")
        }
        (Standing::Open, Standing::Paused | Standing::Stopped)
        | (Standing::Paused, Standing::Open | Standing::Stopped) => Ok(id),
    }
}
