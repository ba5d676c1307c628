//! Headers as they travel: read at every cut, written byte for byte.

mod decode;
mod encode;
mod notation;
mod properties;
