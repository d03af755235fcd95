//! What an op sets, as values of columns, so that the database reads no JSON.

use super::shape::{PROPERTIES, Presence, Rule, find};

/// A value of a property.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of a number.
    Number(f64),
    /// Of a text or an id.
    Text(String),
    /// Of a flag.
    Flag(bool),
    /// Of points.
    Points(Points),
    /// Of a list of names.
    Names(Vec<String>),
    /// Of an object: JSON text.
    Object(String),
}

/// Points relative to the shape's place; all of one stroke have as many numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Points {
    /// `[dx,dy]` each.
    Flat(Vec<[f64; 2]>),
    /// `[dx,dy,pressure]` each.
    Pressed(Vec<[f64; 3]>),
}

/// Values of properties, each at the place that its property has in [`PROPERTIES`]. What is not there is not set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row(Vec<(usize, Value)>);

impl Row {
    /// An empty row with room for so many values.
    pub fn with_capacity(values: usize) -> Self {
        Self(Vec::with_capacity(values))
    }

    /// Sets the property at a place; no place is set twice.
    pub fn set(&mut self, place: usize, value: Value) {
        self.0.push((place, value));
    }

    /// The same with the property of this name set.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        if let Some((place, _)) = find(name) {
            self.set(place, value);
        }
        self
    }

    /// The values in the order of [`PROPERTIES`].
    pub fn values(&self) -> [Option<&Value>; PROPERTIES.len()] {
        let mut values = [None; PROPERTIES.len()];
        for (place, value) in &self.0 {
            if let Some(at) = values.get_mut(*place) {
                *at = Some(value);
            }
        }
        values
    }

    /// Sets what a shape cannot be without and this row leaves out, and tells name and JSON of each.
    pub fn fill_defaults(&mut self, mut tell: impl FnMut(&str, &str)) {
        let set = self.values().map(|value| value.is_some());
        let properties = PROPERTIES.iter().enumerate().zip(set);
        let missing =
            properties.filter(|((_, property), set)| property.presence == Presence::Defaulted && !set);
        for ((place, property), _) in missing {
            let (json, value) = match property.rule {
                Rule::Object => ("{}", Value::Object("{}".to_owned())),
                _ => ("0", Value::Number(0.0)),
            };
            tell(property.name, json);
            self.set(place, value);
        }
    }

    /// How many bytes its values take.
    pub fn bytes(&self) -> usize {
        let each = size_of::<(usize, Value)>();
        self.0.iter().map(|(_, value)| each + value.bytes()).sum()
    }
}

impl Value {
    /// How many bytes it takes beside itself.
    fn bytes(&self) -> usize {
        match self {
            Self::Number(_) | Self::Flag(_) => 0,
            Self::Names(names) => names.iter().map(|name| size_of::<String>() + name.len()).sum(),
            Self::Text(text) | Self::Object(text) => text.len(),
            Self::Points(Points::Flat(points)) => size_of_val(points.as_slice()),
            Self::Points(Points::Pressed(points)) => size_of_val(points.as_slice()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(row: &'a Row, name: &str) -> Option<&'a Value> {
        row.values()[find(name).unwrap().0]
    }

    #[test]
    fn a_row_is_filled_with_what_a_shape_cannot_be_without() {
        let id = Value::Text("a".to_owned());
        let mut row = Row::default().with("x", Value::Number(1.0)).with("id", id.clone());
        let mut told = Vec::new();
        row.fill_defaults(|name, json| told.push(format!("{name}:{json}")));
        assert_eq!(told, ["y:0", "width:0", "height:0", "angle:0", "props:{}"]);
        assert_eq!((value(&row, "id"), value(&row, "x")), (Some(&id), Some(&Value::Number(1.0))));
        assert_eq!(value(&row, "props"), Some(&Value::Object("{}".to_owned())));
        assert_eq!(row.values().iter().flatten().count(), 7);
    }

    #[test]
    fn the_bytes_of_a_row_count_its_texts_and_points() {
        let small = Row::default().with("text", Value::Text(String::new()));
        let large = Row::default().with("text", Value::Text("x".repeat(1000)));
        assert_eq!(large.bytes(), small.bytes() + 1000);
        let stroke = large.clone().with("points", Value::Points(Points::Pressed(vec![[0.0; 3]; 100])));
        assert!(stroke.bytes() >= large.bytes() + 2400);
    }
}
