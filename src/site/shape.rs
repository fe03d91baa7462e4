//! What a file may look like, as the structural pass and the reference read it: the JSON Schema that schemars makes from the
//! raw twin, compiled to a small closed type. Since both read the schema that editors get, the three can't disagree.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// What a value may look like.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// A table with these fields and no others.
    Table(Table),
    /// A table whose keys are free.
    Free(Box<Shape>),
    /// One of several tables, told apart by the word under `tag`.
    Tagged {
        /// The key that tells them apart.
        tag: String,
        /// The tables by their word.
        variants: Vec<(String, Table)>,
    },
    /// An array.
    List {
        /// Each element.
        item: Box<Shape>,
        /// How many, where the number is fixed.
        count: Option<u64>,
    },
    /// A text, of a format if it has one.
    Text(Option<String>),
    /// One of these words.
    Words(Vec<Word>),
    /// A whole number.
    Integer {
        /// Least.
        min: i64,
        /// Greatest.
        max: i64,
    },
    /// A finite number.
    Number,
    /// `true` or `false`.
    Switch,
    /// Any of these; no two are written as the same TOML type.
    Either(Vec<Shape>),
}

/// A table's fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    /// In the order of the reference.
    pub(super) fields: Vec<Field>,
}

/// One field of a table.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// Its key.
    pub(super) name: String,
    /// What it means.
    pub(super) about: String,
    /// Whether it must be there.
    pub(super) required: bool,
    /// What holds where it is not.
    pub(super) default: Option<Value>,
    /// The unit of its number.
    pub(super) unit: Option<String>,
    /// What to say to whoever writes something of another type.
    pub(super) hint: Option<String>,
    /// What it may look like.
    pub(super) shape: Shape,
}

/// One word of an enumeration.
#[derive(Debug, Clone)]
pub(super) struct Word {
    /// The word.
    pub(super) word: String,
    /// What it means.
    pub(super) about: String,
}

impl Table {
    /// The field with this key.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The same table without some fields.
    pub(super) fn without(mut self, names: &[&str]) -> Self {
        self.fields.retain(|field| !names.contains(&field.name.as_str()));
        self
    }
}

impl Table {
    /// The same table, one of whose tables (or arrays of tables) is without some fields.
    pub(super) fn narrow(mut self, name: &str, names: &[&str]) -> Self {
        for field in self.fields.iter_mut().filter(|field| field.name == name) {
            let table = match &mut field.shape {
                Shape::Table(table) => Some(table),
                Shape::List { item, .. } => item.as_table_mut(),
                _ => None,
            };
            if let Some(table) = table {
                *table = std::mem::take(table).without(names);
            }
        }
        self
    }
}

impl Shape {
    fn as_table_mut(&mut self) -> Option<&mut Table> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }
}

/// The shape of a table that has a raw twin.
pub(super) fn table_of<T: JsonSchema>() -> Table {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    drop_null(&mut schema);
    match compile(&schema) {
        Shape::Table(table) => table,
        other => unreachable!("a raw twin is a struct, not {other:?}"),
    }
}

/// Takes `null` out of a schema: TOML has none, and an absent key is not a null.
pub(super) fn drop_null(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            drop_null_type(object);
            object.values_mut().for_each(drop_null);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_null),
        _ => {}
    }
}

fn drop_null_type(object: &mut Map<String, Value>) {
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    if let Some(Value::Array(words)) = object.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(any)) = object.get_mut("anyOf") else { return };
    any.retain(|one| one.get("type").is_none_or(|name| name != "null"));
    if let [Value::Object(only)] = any.as_slice() {
        let only = only.clone();
        object.remove("anyOf");
        for (key, value) in only {
            object.entry(key).or_insert(value);
        }
        drop_null_type(object);
    }
}

fn compile(schema: &Value) -> Shape {
    if let Some(any) = schema["anyOf"].as_array() {
        return Shape::Either(any.iter().map(compile).collect());
    }
    if let Some(one) = schema["oneOf"].as_array() {
        return compile_one_of(one);
    }
    match schema["type"].as_str() {
        Some("object") => compile_object(schema),
        Some("array") => Shape::List {
            item: Box::new(compile(&schema["items"])),
            count: schema["minItems"].as_u64().filter(|_| schema["minItems"] == schema["maxItems"]),
        },
        Some("string") => match schema["enum"].as_array() {
            Some(words) => Shape::Words(words.iter().map(|word| plain_word(word, "")).collect()),
            None => Shape::Text(schema["format"].as_str().map(str::to_owned)),
        },
        Some("integer") => Shape::Integer {
            min: schema["minimum"].as_i64().unwrap_or(i64::MIN),
            max: schema["maximum"].as_i64().unwrap_or(i64::MAX),
        },
        Some("number") => Shape::Number,
        Some("boolean") => Shape::Switch,
        other => unreachable!("the raw twin has no {other:?}: {schema}"),
    }
}

fn compile_object(schema: &Value) -> Shape {
    match schema["properties"].as_object() {
        Some(properties) => Shape::Table(compile_table(schema, properties)),
        None => Shape::Free(Box::new(compile(&schema["additionalProperties"]))),
    }
}

fn compile_table(schema: &Value, properties: &Map<String, Value>) -> Table {
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|one| one == name));
    let fields = properties.iter().map(|(name, schema)| Field {
        name: name.clone(),
        about: text_of(schema, "description"),
        required: is_required(name),
        default: schema.get("default").cloned(),
        unit: schema["x-unit"].as_str().map(str::to_owned),
        hint: schema["x-hint"].as_str().map(str::to_owned),
        shape: compile(schema),
    });
    Table { fields: fields.collect() }
}

/// Either words, or tables told apart by a tag.
fn compile_one_of(one: &[Value]) -> Shape {
    let Some(tag) = one.iter().find_map(tag_of) else {
        return Shape::Words(one.iter().flat_map(words_of).collect());
    };
    let variants = one.iter().filter_map(|schema| {
        let word = schema["properties"][tag]["const"].as_str()?.to_owned();
        let table = compile_table(schema, schema["properties"].as_object()?);
        Some((word, table.without(&[tag])))
    });
    Shape::Tagged { tag: tag.to_owned(), variants: variants.collect() }
}

fn tag_of(schema: &Value) -> Option<&str> {
    let mut properties = schema["properties"].as_object()?.iter();
    properties.find(|(_, schema)| schema["const"].is_string()).map(|(name, _)| name.as_str())
}

fn words_of(schema: &Value) -> Vec<Word> {
    match schema["enum"].as_array() {
        Some(words) => words.iter().map(|word| plain_word(word, "")).collect(),
        None => vec![plain_word(&schema["const"], &text_of(schema, "description"))],
    }
}

fn plain_word(word: &Value, about: &str) -> Word {
    Word { word: word.as_str().unwrap_or_default().to_owned(), about: about.to_owned() }
}

/// A doc comment as one line.
fn text_of(schema: &Value, key: &str) -> String {
    schema[key].as_str().unwrap_or_default().replace('\n', " ")
}
