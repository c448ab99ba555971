//! Downloads from servers that behave and servers that do not, through the library and through the program. All servers are here, on
//! the loopback interface; nothing outside is asked.

mod folders;
#[path = "../common/program.rs"]
mod program;
mod servers;
mod sets;
mod silence;
mod site;
mod tls;
mod verb;
