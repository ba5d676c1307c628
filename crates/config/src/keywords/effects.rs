//! The actions by which rules keep something, or tell it (configuration.txt §4.3).

/// They are known to rules on messages, on connections and on contents.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EffectName {
    Capture,
    SetDst,
    SetDstPort,
    SetLogLevel,
    SetSrc,
    SetSrcPort,
    SetVar,
    SetVarFmt,
    UnsetVar,
}
