//! Secrets do not print: messages that carry one get a `Debug` that leaves it out, instead of the derived one.
//!
//! Which fields those are is said by their names, so that a new one is covered from its first day.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

/// A text or bytes field whose name ends in one of these words holds a secret …
const SECRETS: &[&str] = &["credential", "key", "password", "secret", "token"];
/// … unless it is one of these.
const HARMLESS: &[&str] = &["page_token", "next_page_token", "public_key"];

/// The messages whose `Debug` is ours.
pub struct Redacted(Vec<MessageDescriptor>);

impl Redacted {
    /// Finds them.
    pub fn of(set: &[u8]) -> Result<Self> {
        let pool = DescriptorPool::decode(set)?;
        let ours = pool.all_messages().filter(|message| message.full_name().starts_with("passgate."));
        Ok(Self(
            ours.filter(|message| !message.is_map_entry() && message.fields().any(|field| is_secret(&field))).collect(),
        ))
    }

    /// Their paths, as the generator wants them.
    pub fn paths(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|message| format!(".{}", message.full_name()))
    }

    /// The `Debug` of each, as Rust source.
    pub fn source(&self) -> Result<String> {
        let mut source = String::new();
        for message in &self.0 {
            // The generator leaves `Debug` out below a path as well.
            if message.child_messages().any(|child| !child.is_map_entry()) || message.child_enums().next().is_some() {
                bail!("{}: what holds a secret cannot hold other declarations: move them out", message.full_name());
            }
            write_message(&mut source, message)?;
            for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
                write_oneof(&mut source, message, &oneof)?;
            }
        }
        Ok(source)
    }

    /// For the walker that holds all this: each message's name, and what its `Debug` makes of its bytes.
    pub fn table(&self) -> Result<String> {
        let mut source = String::from("&[\n");
        for message in &self.0 {
            let (name, path) = (message.full_name(), path(message));
            writeln!(
                source,
                "    ({name:?}, |bytes| format!(\"{{:?}}\", <{path} as prost::Message>::decode(bytes).expect(\"its bytes\"))),"
            )?;
        }
        source.push(']');
        Ok(source)
    }
}

fn is_secret(field: &FieldDescriptor) -> bool {
    let last = field.name().rsplit('_').next().unwrap_or_default();
    matches!(field.kind(), Kind::String | Kind::Bytes) && SECRETS.contains(&last) && !HARMLESS.contains(&field.name())
}

fn write_message(source: &mut String, message: &MessageDescriptor) -> Result<()> {
    let name = message.name();
    writeln!(source, "impl std::fmt::Debug for {} {{", path(message))?;
    writeln!(source, "    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{")?;
    writeln!(source, "        out.debug_struct({name:?})")?;
    let in_oneof = |field: &FieldDescriptor| field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic());
    for field in message.fields().filter(|field| !in_oneof(field)) {
        if is_secret(&field) {
            writeln!(source, "            .field({:?}, &format_args!(\"..\"))", field.name())?;
        } else {
            writeln!(source, "            .field({0:?}, &self.r#{0})", field.name())?;
        }
    }
    for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        writeln!(source, "            .field({0:?}, &self.r#{0})", oneof.name())?;
    }
    writeln!(source, "            .finish()\n    }}\n}}")?;
    Ok(())
}

fn write_oneof(source: &mut String, message: &MessageDescriptor, oneof: &OneofDescriptor) -> Result<()> {
    let holder = path(message);
    let (module, _) = holder.rsplit_once("::").unwrap_or_default();
    let of = format!("{module}::{}::{}", snake(message.name()), camel(oneof.name()));
    writeln!(source, "impl std::fmt::Debug for {of} {{")?;
    writeln!(source, "    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{")?;
    writeln!(source, "        match self {{")?;
    for field in oneof.fields() {
        let variant = camel(field.name());
        if is_secret(&field) {
            writeln!(source, "            Self::{variant}(_) => out.write_str(\"{variant}(..)\"),")?;
        } else {
            writeln!(
                source,
                "            Self::{variant}(value) => out.debug_tuple({variant:?}).field(value).finish(),"
            )?;
        }
    }
    writeln!(source, "        }}\n    }}\n}}")?;
    Ok(())
}

/// `crate::token::v1::CreateTokenResponse`.
fn path(message: &MessageDescriptor) -> String {
    let mut path = String::from("crate");
    for part in message.package_name().split('.').skip(1) {
        path.push_str(if part == "type" { "::r#type" } else { "::" });
        path.push_str(if part == "type" { "" } else { part });
    }
    for part in message.full_name().trim_start_matches(message.package_name()).trim_start_matches('.').split('.') {
        path.push_str("::");
        path.push_str(if part == message.name() { part.to_owned() } else { snake(part) }.as_str());
    }
    path
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

fn camel(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        })
        .collect()
}
