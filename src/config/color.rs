//! A colour of the screen, and how well two of them can be told apart (WCAG 2.2, section 1.4.3).
//! Called by `settings` and by whoever makes shades of it.

use std::fmt;

/// A colour, as `#rrggbb` writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(pub [u8; 3]);

impl Color {
    /// Where every colour leads that is to be darker.
    pub const BLACK: Self = Self([0; 3]);
    /// Where every colour leads that is to be lighter.
    pub const WHITE: Self = Self([255; 3]);

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let byte = |at: usize| u8::from_str_radix(digits?.get(at..at + 2)?, 16).ok();
        let bytes = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let color = bytes.and_then(|_| Some(Self([byte(0)?, byte(2)?, byte(4)?])));
        color.ok_or_else(|| {
            "no colour. Write # and six hexadecimal digits, like #0d7a5f (in a shell, in quotes)."
                .into()
        })
    }

    /// So much of another colour in it: none at 0, nothing else at 1.
    #[must_use]
    pub fn mixed(self, other: Self, part: f64) -> Self {
        let mix = |at: usize| {
            let (own, other) = (f64::from(self.0[at]), f64::from(other.0[at]));
            (own + (other - own) * part).round() as u8
        };
        Self([mix(0), mix(1), mix(2)])
    }

    /// The first colour on the way to another that is as wanted; the other one if none is.
    #[must_use]
    pub fn toward(self, other: Self, wanted: impl Fn(Self) -> bool) -> Self {
        const STEPS: u32 = 64;
        let way = (0..STEPS).map(|step| self.mixed(other, f64::from(step) / f64::from(STEPS)));
        way.into_iter().find(|color| wanted(*color)).unwrap_or(other)
    }

    /// How well text in one of two colours can be read on the other: from 1, not at all, to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    fn luminance(self) -> f64 {
        let linear = |byte: u8| {
            let part = f64::from(byte) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_read_and_written() {
        let color = Color::parse("#0D7a5f").expect("a colour");
        assert_eq!((color, &*color.to_string()), (Color([13, 122, 95]), "#0d7a5f"));
        for text in ["", "0d7a5f", "#fff", "#0d7a5f0", "#0d7a5g", "#+1+1+1", "#ñ7a5f", "green"] {
            assert!(Color::parse(text).expect_err(text).contains("six hexadecimal digits"));
        }
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        let grey = Color([0x76; 3]);
        assert_eq!(format!("{:.1}", Color::BLACK.contrast(Color::WHITE)), "21.0");
        assert_eq!(format!("{:.2}", Color::WHITE.contrast(grey)), "4.54");
        assert_eq!(grey.contrast(grey).to_bits(), 1.0_f64.to_bits());
    }

    #[test]
    fn a_way_ends_at_the_first_that_is_wanted() {
        let readable = |color: Color| color.contrast(Color::WHITE) >= 4.5;
        let yellow = Color([255, 220, 0]).toward(Color::BLACK, readable);
        assert!(readable(yellow) && yellow != Color::BLACK);
        assert_eq!(Color::BLACK.toward(Color::WHITE, readable), Color::BLACK);
        assert_eq!(Color::WHITE.toward(Color::BLACK, |_| false), Color::BLACK);
    }
}
