//! Checkpoints of every version of the format, for ever: each is read, and gone on from. All hold
//! the same tensors.

use std::fs;

use super::common::golden;
use super::common::program::program;
use dcgan_gpu::model::checkpoint::Checkpoint;
use dcgan_gpu::run::files::CHECKPOINTS;
use sha2::{Digest, Sha256};

/// SHA-256 of the bytes of all tensors, in the order of their names.
const TENSORS: &str = "1ca25e10d086b2fdc0eab58a8d1fb4917800999781989f714567c34f27a9f623";

#[test]
fn every_version_is_read_and_gone_on_from() {
    let mut last = Vec::new();
    for version in [1, 2] {
        let bytes = golden(&format!("checkpoints/version-{version}.safetensors"));
        let checkpoint = Checkpoint::parse(&bytes).unwrap_or_else(|e| panic!("version {version}: {e}"));
        assert_eq!((checkpoint.metadata.step, checkpoint.metadata.config.seed), (20, 7), "version {version}");
        // What is written today has the same data behind its header.
        let written = checkpoint.to_bytes().unwrap();
        let header = u64::from_le_bytes(written[..8].try_into().unwrap()) as usize;
        let sum = Sha256::digest(&written[8 + header..]);
        assert_eq!(sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), TENSORS, "version {version}");

        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        fs::create_dir_all(run.join("checkpoints")).unwrap();
        fs::write(CHECKPOINTS.path(&run, 20), bytes).unwrap();
        let mut resume = program();
        resume.args(["train", "-q", "--device", "cpu", "--steps", "25", "--resume"]).arg(&run);
        let ended = resume.output().unwrap();
        assert!(ended.status.success(), "version {version}: {}", String::from_utf8_lossy(&ended.stderr));
        last.push(Checkpoint::load(&CHECKPOINTS.path(&run, 25)).unwrap().tensors);
    }
    assert!(last[0] == last[1], "the versions go on to different tensors");
}
