//! `passgate standalone`.
mod folder;
