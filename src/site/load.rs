//! Gathers a site: the file, what it includes, the templates and packs that it names, the variables over it. Each text goes
//! through the structural pass before it is deserialized; what can't be used is left out, so that the second stage
//! can still judge the rest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::DeTable;

use super::check;
use super::env::Environment;
use super::files;
use super::layers;
use super::library::{self, Shelf, Volume};
use super::mistake::Mistakes;
use super::model::Site;
use super::part::Part;
use super::raw::{RawPackFile, RawServices, RawSite, RawTemplate};
use super::repair::{self, Damage, Kept, Verdict};
use super::secrets::Vault;
use super::shape::{self, Table};
use super::source::{FileId, Findings, Place, Sources};
use super::structure;
use super::suggest::did_you_mean;
use crate::model::limits::SITE_INCLUDES_MAX;

/// Everything that a site is made of, deserialized.
pub(super) struct Gathered {
    /// The site file itself.
    pub(super) main: FileId,
    /// Its single tables, with the environment over them; none if that does not fit.
    pub(super) services: Option<RawServices>,
    /// The site file and its includes.
    pub(super) parts: Vec<Part>,
    /// Device templates by name.
    pub(super) templates: BTreeMap<String, (FileId, RawTemplate)>,
    /// Rule packs by name.
    pub(super) packs: BTreeMap<String, (FileId, RawPackFile)>,
    /// Digest of every text.
    pub(super) hash: String,
}

/// Loads the site of a file.
pub(super) fn load(path: &Path, env: &dyn Environment) -> Result<Site, Mistakes> {
    let mut loader = Loader::new(Some(path.parent().unwrap_or(Path::new("")).to_path_buf()));
    let name = path.display().to_string();
    match files::read(path) {
        Ok(text) => loader.run(&name, Some(path), &text, env),
        Err(error) => {
            let file = loader.sources.add(&name, None);
            loader.findings.add(Place::whole(file), format!("can't read `{name}`: {error}"));
            Err(loader.findings.into_mistakes(&loader.sources).expect("one was just added"))
        }
    }
}

/// Loads the site of a text that stands in no file.
pub(super) fn parse(name: &str, text: &str, env: &dyn Environment) -> Result<Site, Mistakes> {
    Loader::new(None).run(name, None, text, env)
}

#[derive(Default)]
struct Loader {
    sources: Sources,
    findings: Findings,
    damage: Damage,
    /// The directory of the site file; none for a text that stands in no file.
    base: Option<PathBuf>,
    parts: Vec<Part>,
    /// Files drawn in so far, resolved: none is drawn in twice.
    seen: Vec<PathBuf>,
}

impl Loader {
    fn new(base: Option<PathBuf>) -> Self {
        Self { base, ..Self::default() }
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
        self.take_in(main, path, text, &shape);
        let variables = env.with_prefix(layers::PREFIX);
        let services = self.services(text, &variables, &shape);
        let (templates, packs) = (self.templates(), self.packs());
        let hash = self.sources.digest(&variables);
        let gathered = Gathered { main, services, parts: self.parts, templates, packs, hash };
        let vault = Vault { env, base: self.base.as_deref() };
        let site = check::check(&gathered, &vault, &mut self.findings, &mut self.damage);
        match self.findings.into_mistakes(&self.sources) {
            Some(mistakes) => Err(mistakes),
            None => Ok(site.expect("a site without findings is whole")),
        }
    }

    /// Takes in a file and whatever it includes.
    fn take_in(&mut self, file: FileId, path: Option<&Path>, text: &str, shape: &Table) {
        let Some((mut root, verdict)) = self.parse(file, text, shape) else {
            self.damage.lose_all();
            return;
        };
        for stray in &verdict.strays {
            if let Some(meant) = &stray.meant {
                let dot = if stray.table.is_empty() { "" } else { "." };
                self.sources.alias(file, format!("{}{dot}{meant}", stray.table), &stray.key);
            }
        }
        let kept = repair::repair(&mut root, &verdict, &mut self.damage);
        match self.deserialize(file, root) {
            Some(raw) => self.take_part(file, path, raw, kept),
            None => self.damage.lose_all(),
        }
    }

    /// Parses and examines a text; none, and mistakes, if it is not TOML.
    fn parse<'t>(
        &mut self,
        file: FileId,
        text: &'t str,
        shape: &Table,
    ) -> Option<(Spanned<DeTable<'t>>, Verdict)> {
        let (root, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            let verdict = structure::examine(file, &root, shape, &mut self.findings);
            return Some((root, verdict));
        }
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            self.findings.add_at(file, "", span, format!("not TOML: {}", error.message()));
        }
        None
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

    fn take_part(&mut self, file: FileId, path: Option<&Path>, raw: RawSite, kept: Kept) {
        let directory = path.map(|path| path.parent().unwrap_or(Path::new("")).to_path_buf());
        let includes = raw.include.clone();
        let part = Part { file, raw, kept };
        let places: Vec<Place> =
            (0..includes.len()).map(|index| part.spot("include", index).place()).collect();
        self.parts.push(part);
        for (include, place) in includes.iter().zip(places) {
            if let Some(directory) = &directory {
                self.include(&directory.join(include), include, place);
            } else {
                self.findings.add(place, format!("the built-in site can't include `{include}`"));
                self.damage.lose_all();
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
            self.damage.lose_all();
            return;
        }
        self.seen.push(identity);
        match files::read(path) {
            Ok(text) => {
                let file = self.sources.add(&path.display().to_string(), Some(&text));
                self.take_in(file, Some(path), &text, &part_shape());
            }
            Err(error) => {
                self.findings.add(place, format!("can't read `{written}`: {error}"));
                self.damage.lose_all();
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
            let whole = self.findings.is_empty();
            return layers::overlay(text, whole, variables, shape, &mut self.sources, &mut self.findings);
        }
        let raw = &mut self.parts.first_mut()?.raw;
        Some(RawServices {
            site: raw.site.take(),
            clock: std::mem::take(&mut raw.clock),
            alarms: std::mem::take(&mut raw.alarms),
            calendar: std::mem::take(&mut raw.calendar),
            store: std::mem::take(&mut raw.store),
            console: std::mem::take(&mut raw.console),
            broker: raw.broker.take(),
        })
    }

    fn templates(&mut self) -> BTreeMap<String, (FileId, RawTemplate)> {
        let wanted = self.parts.iter().flat_map(|part| {
            part.raw.device.iter().enumerate().filter_map(|(index, device)| {
                let name = device.template.as_ref()?.0.clone();
                Some((name, part.spot("device", index).key("template")))
            })
        });
        let wanted = wanted.collect();
        self.draw_in(Shelf::Devices, wanted, &template_shape())
    }

    fn packs(&mut self) -> BTreeMap<String, (FileId, RawPackFile)> {
        let wanted = self.parts.iter().flat_map(|part| {
            let named = part.raw.pack.iter().enumerate();
            named.map(|(index, pack)| (pack.name.0.clone(), part.spot("pack", index).key("use")))
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
        let mut volumes: BTreeMap<String, Option<(FileId, T)>> = BTreeMap::new();
        for (name, place) in wanted {
            if volumes.contains_key(&name) {
                continue;
            }
            match library::find(kind, &name, self.base.as_deref()) {
                Some(volume) => {
                    let opened = self.open(&volume, shape, place);
                    volumes.insert(name, opened);
                }
                None => self.not_on(kind, &name, place),
            }
        }
        volumes.into_iter().filter_map(|(name, volume)| Some((name, volume?))).collect()
    }

    /// A template or pack, if nothing at all is wrong with it.
    fn open<T: DeserializeOwned>(
        &mut self,
        volume: &Volume,
        shape: &Table,
        place: Place,
    ) -> Option<(FileId, T)> {
        match &volume.text {
            Ok(text) => {
                let file = self.sources.add(&volume.name, Some(text));
                let (root, verdict) = self.parse(file, text, shape)?;
                let good = verdict.strays.is_empty() && verdict.unusable.is_empty();
                good.then(|| Some((file, self.deserialize(file, root)?)))?
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
    shape::table_of::<RawSite>()
        .without(&["version", "site", "clock", "alarms", "calendar", "store", "console", "broker"])
}

/// What a device template may hold: defaults, and nothing that belongs to one device.
pub(super) fn template_shape() -> Table {
    const OF_ONE_DEVICE: [&str; 14] = [
        "id",
        "name",
        "template",
        "address",
        "url",
        "username",
        "password",
        "hazard",
        "unit",
        "tls",
        "port",
        "baud",
        "parity",
        "stop_bits",
    ];
    shape::table_of::<RawTemplate>().narrow("device", &OF_ONE_DEVICE).narrow("point", &["device", "hazard"])
}
