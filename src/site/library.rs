//! Device templates and rule packs: those built into the program, and those beside a site file, which win.

use std::path::{Path, PathBuf};

use rust_embed::Embed;

use super::files;

#[derive(Embed)]
#[folder = "config/devices/"]
struct Devices;

#[derive(Embed)]
#[folder = "config/packs/"]
struct Packs;

/// A shelf of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    /// Device templates.
    Devices,
    /// Rule packs.
    Packs,
}

impl Shelf {
    /// The directory's name, beside a site file and in the repository.
    pub(super) const fn directory(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Packs => "packs",
        }
    }

    fn embedded(self, file: &str) -> Option<rust_embed::EmbeddedFile> {
        match self {
            Self::Devices => Devices::get(file),
            Self::Packs => Packs::get(file),
        }
    }

    /// The names of what is built in, sorted.
    pub(super) fn names(self) -> Vec<String> {
        let files: Vec<_> = match self {
            Self::Devices => Devices::iter().collect(),
            Self::Packs => Packs::iter().collect(),
        };
        let mut names: Vec<String> =
            files.iter().filter_map(|file| file.strip_suffix(".toml")).map(str::to_owned).collect();
        names.sort();
        names
    }
}

/// A file of the library.
#[derive(Debug)]
pub(super) struct Volume {
    /// Its name, as mistakes in it show it.
    pub(super) name: String,
    /// Its text, or why it could not be read.
    pub(super) text: Result<String, String>,
}

/// The file `name` of a shelf: from the directory beside the site file, else built in; none if there is neither.
pub(super) fn find(shelf: Shelf, name: &str, beside: Option<&Path>) -> Option<Volume> {
    let file = format!("{name}.toml");
    let own: Option<PathBuf> =
        beside.map(|directory| directory.join(shelf.directory()).join(&file)).filter(|path| path.exists());
    if let Some(path) = own {
        return Some(Volume { name: path.display().to_string(), text: files::read(&path) });
    }
    let embedded = shelf.embedded(&file)?;
    let text = String::from_utf8(embedded.data.into_owned()).map_err(|_| "it is not UTF-8".to_owned());
    Some(Volume { name: format!("built-in {}/{file}", shelf.directory()), text })
}
