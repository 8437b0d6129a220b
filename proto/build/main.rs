//! Compiles the contracts: the generated code, two descriptor sets with comments, the table of access rules, and a `Debug`
//! without the secret for each message that carries one.

mod redact;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, Value};

use self::redact::Redacted;

/// What a person with grpcurl may see.
const PUBLIC: &[&str] = &[
    "passgate/identity/v1/user_service.proto",
    "passgate/identity/v1/api_user_service.proto",
    "passgate/identity/v1/group_service.proto",
    "passgate/identity/v1/grant_service.proto",
    "passgate/identity/v1/session_service.proto",
    "passgate/identity/v1/audit_service.proto",
    "passgate/token/v1/token_service.proto",
    "passgate/token/v1/authorization_service.proto",
    "passgate/token/v1/key_service.proto",
    "passgate/token/v1/change_service.proto",
    "passgate/token/v1/audit_service.proto",
    "passgate/gateway/v1/endpoint_service.proto",
    "passgate/gateway/v1/api_service.proto",
    "passgate/gateway/v1/audit_service.proto",
];

/// What only Passgate's services say to each other: in no reflection answer.
const INTERNAL: &[&str] = &["passgate/identity/v1/directory_service.proto", "passgate/token/v1/issuing_service.proto"];

#[expect(clippy::print_stdout, reason = "how a build script talks to cargo")]
fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=passgate");
    println!("cargo::rerun-if-changed=build");
    let out = PathBuf::from(std::env::var("OUT_DIR").context("cargo sets OUT_DIR")?);

    // protox writes the sets itself: prost would drop the bytes of the access option.
    std::fs::write(out.join("public.bin"), compile(PUBLIC)?.encode_file_descriptor_set())?;
    let everything: Vec<&str> = PUBLIC.iter().chain(INTERNAL).copied().collect();
    let all = compile(&everything)?;
    let bytes = all.encode_file_descriptor_set();
    // Maps in order: the digest of a request must not depend on how a map happened to be laid out.
    let redacted = Redacted::of(&bytes)?;
    let generator = tonic_prost_build::configure().btree_map(".").skip_debug(redacted.paths());
    generator.compile_fds(all.file_descriptor_set())?;
    std::fs::write(out.join("redact.rs"), redacted.source()?)?;
    std::fs::write(out.join("redacted.rs"), redacted.table()?)?;

    std::fs::write(out.join("rules.rs"), rules(&bytes)?)?;
    std::fs::write(out.join("all.bin"), bytes)?;
    Ok(())
}

fn compile(files: &[&str]) -> Result<protox::Compiler> {
    let mut compiler = protox::Compiler::new([Path::new(".")])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(files)?;
    Ok(compiler)
}

/// The rules of every method, as Rust source: a slice sorted by path, for a binary search.
fn rules(set: &[u8]) -> Result<String> {
    let pool = DescriptorPool::decode(set)?;
    let extension = pool.get_extension_by_name("passgate.type.v1.access").context("the access option")?;
    let mut rows = BTreeMap::new();
    for service in pool.services().filter(|service| service.full_name().starts_with("passgate.")) {
        for method in service.methods() {
            let path = format!("/{}/{}", service.full_name(), method.name());
            let options = method.options();
            if !options.has_extension(&extension) {
                bail!("{path} has no access option: nobody could call it");
            }
            let Value::Message(rule) = options.get_extension(&extension).into_owned() else {
                bail!("{path}: the access option is not a message");
            };
            rows.insert(path.clone(), row(&path, &method, &rule)?);
        }
    }
    let mut source = String::from("&[\n");
    for row in rows.values() {
        writeln!(source, "    {row},")?;
    }
    source.push(']');
    Ok(source)
}

fn row(path: &str, method: &MethodDescriptor, rule: &DynamicMessage) -> Result<String> {
    let field =
        |name: &str| rule.get_field_by_name(name).map(std::borrow::Cow::into_owned).context("a field of AccessRule");
    let level = match field("level")? {
        Value::EnumNumber(1) => "Public",
        Value::EnumNumber(2) => "Internal",
        Value::EnumNumber(3) => "Granted",
        Value::EnumNumber(4) => "OwnOrGranted",
        other => bail!("{path}: level {other:?}"),
    };
    let Value::List(roles) = field("roles")? else { bail!("{path}: roles") };
    let roles = roles
        .iter()
        .map(|role| match role {
            Value::EnumNumber(1) => Ok("Role::Gateway"),
            Value::EnumNumber(2) => Ok("Role::Identity"),
            Value::EnumNumber(3) => Ok("Role::Token"),
            other => bail!("{path}: role {other:?}"),
        })
        .collect::<Result<Vec<_>>>()?
        .join(", ");
    let Value::Bool(on_itself) = field("token_on_itself")? else { bail!("{path}: token_on_itself") };
    // NO_SIDE_EFFECTS = 1 in google.protobuf.MethodOptions.IdempotencyLevel.
    let descriptor = method.method_descriptor_proto();
    let read = descriptor.options.as_ref().and_then(|options| options.idempotency_level) == Some(1);
    let action = if read { "Read" } else { "Write" };
    let (service, name) = (method.parent_service().full_name().to_owned(), method.name());
    Ok(format!(
        "Rule {{ path: {path:?}, service: {service:?}, method: {name:?}, level: Level::{level}, roles: &[{roles}], \
         token_on_itself: {on_itself}, action: Action::{action} }}"
    ))
}
