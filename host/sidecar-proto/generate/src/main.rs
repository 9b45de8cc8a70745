//! Writes `src/generated.rs` and `src/descriptor.bin` of the package around this one, from its .proto
//! file: `just proto`.

use prost::Message;
use std::error::Error;
use std::fs;
use std::path::Path;

/// The first lines of the generated file.
const HEADER: &str =
    "// Generated from proto/localmap/sidecar/v1/maps.proto by `just proto`. Do not edit.\n\n";

fn main() -> Result<(), Box<dyn Error>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut descriptors = protox::compile(
        ["localmap/sidecar/v1/maps.proto"],
        [package.join("proto")],
    )?;
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/code");
    fs::create_dir_all(&out)?;
    tonic_prost_build::configure()
        .bytes(".")
        .build_transport(false)
        .out_dir(&out)
        .compile_fds(descriptors.clone())?;
    let code = fs::read_to_string(out.join("localmap.sidecar.v1.rs"))?;
    fs::write(package.join("src/generated.rs"), format!("{HEADER}{code}"))?;
    // Reflection does not show comments.
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    fs::write(package.join("src/descriptor.bin"), descriptors.encode_to_vec())?;
    Ok(())
}
