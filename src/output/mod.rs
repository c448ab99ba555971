//! What leaves the program as files: image grids (PNG), animations (GIF), arrays (NumPy), charts
//! (SVG), and the walks through latent space that `interpolate` and `explore` draw.
//!
//! Values become bytes in one place, [`Images::from_values`], with one fixed scaling, so that
//! pictures of different steps can be compared.

mod caption;
mod gif;
mod grid;
mod npy;
mod number;
mod picture;
pub mod plot;
mod save;
mod sheet;
pub mod walk;

pub use self::gif::AnimatedGif;
pub use caption::Caption;
pub use grid::{grid, grid_side};
pub use npy::{NpyWriter, write_npy};
pub use number::{grouped, size};
pub use picture::{Images, Picture};
pub use save::{ImageFiles, Overwrite, save_captioned, save_png, save_text};
pub(crate) use save::{TEMPORARY_PREFIX, folder_of, save_durably, save_png_durably};
pub use sheet::{Layout, SheetWriter};
