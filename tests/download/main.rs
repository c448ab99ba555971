//! Downloads from servers that behave and servers that do not, through the library and through the
//! program. All servers are here, on the loopback interface; nothing outside is asked.

#[path = "../common/mod.rs"]
mod common;
mod folders;
mod servers;
mod sets;
mod silence;
mod site;
mod tls;
mod verb;
