//! What kind of trouble a seed is about, and the world that has it.

use sim::{Faults, Network, Options, Rng};

/// What kind of trouble a seed is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mix {
    /// A rough network in which nothing fails: every byte must arrive.
    Faultless,
    /// Resets and silence strike connections; servers refuse, hang and come back.
    Broken,
    /// As `Faultless`, with reloads in between.
    Reloading,
    /// Hardly any buffers, descriptors or places.
    Scarce,
    /// Everything at once.
    Wild,
}

impl Mix {
    pub(crate) fn of(seed: u64) -> Mix {
        [Mix::Faultless, Mix::Broken, Mix::Reloading, Mix::Scarce, Mix::Wild][seed as usize % 5]
    }

    pub(crate) fn has_faults(self) -> bool {
        matches!(self, Mix::Broken | Mix::Wild)
    }

    pub(crate) fn has_reloads(self) -> bool {
        matches!(self, Mix::Reloading | Mix::Wild)
    }

    pub(crate) fn is_scarce(self) -> bool {
        matches!(self, Mix::Scarce | Mix::Wild)
    }

    /// The world of such a seed.
    pub(crate) fn options(self, rng: &mut Rng) -> Options {
        let mut faults = Faults::none();
        if self.has_faults() {
            faults = Faults {
                refuse_permille: rng.below(100) as u32,
                black_hole_permille: rng.below(60) as u32,
                reset_permille: rng.below(200) as u32,
                vanish_permille: rng.below(150) as u32,
                socket_permille: rng.below(30) as u32,
                abort_permille: rng.below(50) as u32,
                ..Faults::none()
            };
        }
        let mut options = Options { network: Network::rough(), faults, ..Options::default() };
        if self.is_scarce() {
            options.buffer_count = 1 + rng.below(4) as u32;
            options.faults.fds_max = 5 + rng.below(8);
        }
        options
    }
}
