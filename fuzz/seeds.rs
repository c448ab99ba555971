//! Writes the small valid files that `tests/mutations.rs` starts from into `corpus/`.

#[path = "../tests/common/makers.rs"]
mod makers;
#[path = "../tests/common/seeds.rs"]
mod seeds;

fn main() -> std::io::Result<()> {
    let corpora = [
        ("idx", seeds::idx_files()),
        ("gzip", seeds::gzip_files()),
        ("npy", [seeds::npy_files(), seeds::latents()].concat()),
        ("npz", seeds::archives()),
        ("table", seeds::pixel_tables()),
        ("labels", [seeds::label_tables(), seeds::label_numbers()].concat()),
        ("picture", seeds::pictures()),
        ("toml", seeds::configurations()),
    ];
    for (name, files) in corpora {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        std::fs::create_dir_all(&folder)?;
        for (number, file) in files.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), file)?;
        }
    }
    Ok(())
}
