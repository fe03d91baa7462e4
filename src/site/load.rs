//! Gathers a site: the file, what it includes, the templates and packs that it names, the variables over it. Each text goes
//! through the structural pass; only what passed is deserialized, and only a site whose every part passed is checked further.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::DeTable;

use super::check;
use super::env::Environment;
use super::files;
use super::layers;
use super::library::{self, Shelf};
use super::mistake::Mistakes;
use super::model::Site;
use super::raw::{RawPackFile, RawServices, RawSite, RawTemplate};
use super::secrets::Vault;
use super::shape::{self, Table};
use super::source::{FileId, Findings, Place, Sources, Spot};
use super::structure;
use super::suggest::did_you_mean;
use crate::model::limits::SITE_INCLUDES_MAX;

/// Everything that a site is made of, deserialized.
pub(super) struct Gathered {
    /// The site file itself.
    pub(super) main: FileId,
    /// Its single tables, with the environment over them.
    pub(super) services: RawServices,
    /// The site file and its includes.
    pub(super) parts: Vec<(FileId, RawSite)>,
    /// Device templates by name.
    pub(super) templates: BTreeMap<String, (FileId, RawTemplate)>,
    /// Rule packs by name.
    pub(super) packs: BTreeMap<String, (FileId, RawPackFile)>,
}

/// Loads the site of a file.
pub(super) fn load(path: &Path, env: &dyn Environment) -> Result<Site, Mistakes> {
    let base = path.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let mut loader = Loader::new(Some(base));
    let name = path.display().to_string();
    match files::read(path) {
        Ok(text) => loader.run(&name, Some(path), &text, env),
        Err(error) => {
            let file = loader.sources.add(&name, None);
            loader
                .findings
                .add(Place { file, path: String::new(), or: None }, format!("can't read `{name}`: {error}"));
            Err(loader.refuse())
        }
    }
}

/// Loads the site of a text that stands in no file.
pub(super) fn parse(name: &str, text: &str, env: &dyn Environment) -> Result<Site, Mistakes> {
    Loader::new(None).run(name, None, text, env)
}

struct Loader {
    sources: Sources,
    findings: Findings,
    /// The directory of the site file; none for a text that stands in no file.
    base: Option<PathBuf>,
    parts: Vec<(FileId, RawSite)>,
    /// Files drawn in so far, resolved: none is drawn in twice.
    seen: Vec<PathBuf>,
}

impl Loader {
    fn new(base: Option<PathBuf>) -> Self {
        let (sources, findings) = (Sources::default(), Findings::default());
        Self { sources, findings, base, parts: Vec::new(), seen: Vec::new() }
    }

    fn run(
        mut self,
        name: &str,
        path: Option<&Path>,
        text: &str,
        env: &dyn Environment,
    ) -> Result<Site, Mistakes> {
        let main = self.sources.add(name, Some(text));
        self.seen.extend(path.map(resolved));
        let shape = shape::table_of::<RawSite>();
        let raw: Option<RawSite> = self.read_text(main, text, &shape);
        if let Some(raw) = raw {
            self.take_part(main, path, raw);
        }
        let variables = env.with_prefix(layers::PREFIX);
        let services = self.services(text, &variables, &shape);
        let templates = self.templates();
        let packs = self.packs();
        let Some(services) = services.filter(|_| self.findings.is_empty()) else { return Err(self.refuse()) };
        let gathered = Gathered { main, services, parts: self.parts, templates, packs };
        let vault = Vault { env, base: self.base.as_deref() };
        let hash = self.sources.digest(&variables);
        let site = check::check(&gathered, &vault, hash, &mut self.findings);
        match self.findings.into_mistakes(&self.sources) {
            Some(mistakes) => Err(mistakes),
            None => Ok(site),
        }
    }

    fn refuse(self) -> Mistakes {
        self.findings.into_mistakes(&self.sources).expect("refused for a reason")
    }

    /// Parses, examines and deserializes a text; none, and mistakes, if it is not as it should be.
    fn read_text<T: DeserializeOwned>(&mut self, file: FileId, text: &str, shape: &Table) -> Option<T> {
        let (root, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            for error in errors {
                let span = error.span().unwrap_or(0..0);
                self.findings.add_at(file, "", span, format!("not TOML: {}", error.message()));
            }
            return None;
        }
        let before = self.findings.len();
        structure::examine(file, &root, shape, &mut self.findings);
        if self.findings.len() > before {
            return None;
        }
        self.deserialize(file, root)
    }

    fn deserialize<T: DeserializeOwned>(&mut self, file: FileId, root: Spanned<DeTable<'_>>) -> Option<T> {
        match T::deserialize(toml::de::Deserializer::from(root)) {
            Ok(raw) => Some(raw),
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                self.findings.add_at(file, "", span, error.message());
                None
            }
        }
    }

    fn take_part(&mut self, file: FileId, path: Option<&Path>, raw: RawSite) {
        let directory = path.map(|path| path.parent().unwrap_or(Path::new("")).to_path_buf());
        let includes = raw.include.clone();
        self.parts.push((file, raw));
        for (index, include) in includes.iter().enumerate() {
            let place = Spot::entry(file, "include", index).place();
            match &directory {
                Some(directory) => self.include(&directory.join(include), include, place),
                None => {
                    self.findings.add(place, format!("the built-in site can't include `{include}`"));
                }
            }
        }
    }

    fn include(&mut self, path: &Path, written: &str, place: Place) {
        let identity = resolved(path);
        if self.seen.contains(&identity) {
            self.findings
                .add(place, format!("`{written}` is already part of this site"))
                .hint("include each file once; a file can't include itself");
            return;
        }
        if self.seen.len() > SITE_INCLUDES_MAX {
            self.findings.add(place, format!("more than {SITE_INCLUDES_MAX} files are included"));
            return;
        }
        self.seen.push(identity);
        match files::read(path) {
            Ok(text) => {
                let file = self.sources.add(&path.display().to_string(), Some(&text));
                let shape = part_shape();
                if let Some(raw) = self.read_text::<RawSite>(file, &text, &shape) {
                    self.take_part(file, Some(path), raw);
                }
            }
            Err(error) => {
                self.findings.add(place, format!("can't read `{written}`: {error}"));
            }
        }
    }

    fn services(
        &mut self,
        text: &str,
        variables: &BTreeMap<String, String>,
        shape: &Table,
    ) -> Option<RawServices> {
        if !variables.is_empty() {
            return layers::overlay(text, variables, shape, &mut self.sources, &mut self.findings);
        }
        let (_, raw) = self.parts.first_mut()?;
        Some(RawServices {
            site: raw.site.take(),
            store: std::mem::take(&mut raw.store),
            console: std::mem::take(&mut raw.console),
            broker: raw.broker.take(),
        })
    }

    fn templates(&mut self) -> BTreeMap<String, (FileId, RawTemplate)> {
        let wanted = self.parts.iter().flat_map(|(file, raw)| {
            raw.device.iter().enumerate().filter_map(|(index, device)| {
                let name = device.template.as_ref()?.0.clone();
                Some((name, Spot::entry(*file, "device", index).key("template")))
            })
        });
        let wanted = wanted.collect();
        self.draw_in(Shelf::Devices, wanted, &template_shape())
    }

    fn packs(&mut self) -> BTreeMap<String, (FileId, RawPackFile)> {
        let wanted = self.parts.iter().flat_map(|(file, raw)| {
            let named = raw.pack.iter().enumerate();
            named.map(|(index, pack)| (pack.name.0.clone(), Spot::entry(*file, "pack", index).key("use")))
        });
        let wanted = wanted.collect();
        self.draw_in(Shelf::Packs, wanted, &shape::table_of::<RawPackFile>())
    }

    /// The files of a shelf that are wanted; a name that is not there is a mistake wherever it is used.
    fn draw_in<T: DeserializeOwned>(
        &mut self,
        kind: Shelf,
        wanted: Vec<(String, Place)>,
        shape: &Table,
    ) -> BTreeMap<String, (FileId, T)> {
        let mut found = BTreeMap::new();
        let mut tried: BTreeMap<String, bool> = BTreeMap::new();
        for (name, place) in wanted {
            if tried.get(&name) == Some(&true) {
                continue;
            }
            let volume = library::find(kind, &name, self.base.as_deref());
            tried.insert(name.clone(), volume.is_some());
            let Some(volume) = volume else {
                self.not_on(kind, &name, place);
                continue;
            };
            if let Some((file, raw)) = self.open(&volume, shape, place) {
                found.insert(name, (file, raw));
            }
        }
        found
    }

    fn open<T: DeserializeOwned>(
        &mut self,
        volume: &library::Volume,
        shape: &Table,
        place: Place,
    ) -> Option<(FileId, T)> {
        match &volume.text {
            Ok(text) => {
                let file = self.sources.add(&volume.name, Some(text));
                Some((file, self.read_text(file, text, shape)?))
            }
            Err(error) => {
                self.findings.add(place, format!("can't read `{}`: {error}", volume.name));
                None
            }
        }
    }

    fn not_on(&mut self, kind: Shelf, name: &str, place: Place) {
        let known = kind.names();
        let guess = did_you_mean(name, known.iter().map(String::as_str));
        let beside = format!("or put `{name}.toml` into `{}/` beside the site file", kind.directory());
        let hint = guess.unwrap_or_else(|| format!("built in: {}", known.join(", ")));
        let what = if kind == Shelf::Devices { "device template" } else { "rule pack" };
        self.findings.add(place, format!("there is no {what} `{name}`")).hint(format!("{hint}; {beside}"));
    }
}

/// A path by which a file is recognized however it was written.
fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// What an included file may hold.
fn part_shape() -> Table {
    shape::table_of::<RawSite>().without(&["version", "site", "store", "console", "broker"])
}

/// What a device template may hold: defaults, and nothing that belongs to one device.
pub(super) fn template_shape() -> Table {
    let mut shape = shape::table_of::<RawTemplate>();
    for field in &mut shape.fields {
        field.shape = match (field.name.as_str(), std::mem::replace(&mut field.shape, shape::Shape::Number)) {
            ("device", shape::Shape::Table(table)) => shape::Shape::Table(
                table
                    .without(&["id", "template", "address", "url", "username", "password", "hazard", "unit"]),
            ),
            ("point", shape::Shape::List { item, count }) => {
                let item = match *item {
                    shape::Shape::Table(table) => shape::Shape::Table(table.without(&["device", "hazard"])),
                    other => other,
                };
                shape::Shape::List { item: Box::new(item), count }
            }
            (_, shape) => shape,
        };
    }
    shape
}
