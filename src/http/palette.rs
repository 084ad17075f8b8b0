//! The shades of a colour that the page needs, for its light and its dark scheme, as the style
//! sheet `accent.css` that takes the place of the one in `web/static`.
//!
//! Invariant: whatever the colour, text in it and on it can be read: 4.5 to 1 or better (WCAG 2.2,
//! section 1.4.3). Called by `web`.

use crate::config::color::Color;

/// A little more than what text must have, so that rounding takes nothing away.
const READABLE: f64 = 4.6;

/// The page's own colours of one scheme, which those of a server stand beside; `style.css` has
/// them.
struct Scheme {
    /// What text stands on: `--panel`, `--paper`, `--raised`, `--sunk`.
    grounds: [Color; 4],
    text: Color,
    dim: Color,
    /// How much of the colour is in `--soft`, `--mine` and the selection.
    tints: [f64; 3],
    /// Where a colour goes to be read on the grounds.
    away: Color,
}

const LIGHT: Scheme = Scheme {
    grounds: [
        Color([0xff; 3]),
        Color([0xf2, 0xf1, 0xec]),
        Color([0xff; 3]),
        Color([0xf1, 0xf1, 0xec]),
    ],
    text: Color([0x1a, 0x20, 0x1d]),
    dim: Color([0x5b, 0x67, 0x62]),
    tints: [0.12, 0.18, 0.3],
    away: Color::BLACK,
};

const DARK: Scheme = Scheme {
    grounds: [
        Color([0x17, 0x1c, 0x1b]),
        Color([0x0e, 0x12, 0x11]),
        Color([0x1f, 0x26, 0x24]),
        Color([0x22, 0x29, 0x27]),
    ],
    text: Color([0xe7, 0xec, 0xe9]),
    dim: Color([0x98, 0xa5, 0x9f]),
    tints: [0.18, 0.4, 0.5],
    away: Color::WHITE,
};

/// What a scheme makes of a colour.
struct Shades {
    /// The colour as text.
    accent: Color,
    /// Behind what is chosen.
    soft: Color,
    /// Behind one's own messages.
    mine: Color,
    /// What is said there in passing.
    mine_dim: Color,
    /// Behind selected text.
    selected: Color,
}

impl Scheme {
    fn shades(&self, color: Color) -> Shades {
        let panel = self.grounds[0];
        let reads = |text: Color, on: Color| text.contrast(on) >= READABLE;
        let [soft, mine, selected] = self.tints.map(|part| panel.mixed(color, part));
        let soft = soft.toward(panel, |ground| reads(self.dim, ground));
        let mine = mine.toward(panel, |ground| reads(self.text, ground));
        let selected = selected.toward(panel, |ground| reads(self.text, ground));
        let grounds = self.grounds.into_iter().chain([soft, mine]);
        let accent = color.toward(self.away, |text| grounds.clone().all(|on| reads(text, on)));
        let mine_dim = self.dim.toward(self.text, |text| reads(text, mine));
        Shades { accent, soft, mine, mine_dim, selected }
    }
}

/// Behind white text.
pub(super) fn fill(color: Color) -> Color {
    color.toward(Color::BLACK, |ground| ground.contrast(Color::WHITE) >= READABLE)
}

/// The style sheet for a colour.
pub(super) fn style(color: Color) -> String {
    let (light, dark) = (LIGHT.shades(color), DARK.shades(color));
    let fill = fill(color);
    let strong = fill.mixed(Color::BLACK, 0.14);
    let rows = [
        ("accent", light.accent, dark.accent),
        ("fill", fill, fill),
        ("fill-strong", strong, strong),
        ("soft", light.soft, dark.soft),
        ("mine", light.mine, dark.mine),
        ("mine-dim", light.mine_dim, dark.mine_dim),
        ("selected", light.selected, dark.selected),
    ];
    let row = |(name, light, dark)| format!("    --{name}: light-dark({light}, {dark});\n");
    format!("@layer base {{\n  :root {{\n{}  }}\n}}\n", rows.map(row).concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Colours of every kind: six steps of red, of green and of blue.
    fn colors() -> impl Iterator<Item = Color> {
        let steps = [0x00, 0x33, 0x66, 0x99, 0xcc, 0xff];
        let pairs = steps.map(|red| steps.map(|green| (red, green)));
        pairs
            .into_iter()
            .flatten()
            .flat_map(move |(red, green)| steps.map(|blue| Color([red, green, blue])))
    }

    #[test]
    fn whatever_the_colour_text_can_be_read() {
        for color in colors() {
            let white = fill(color).contrast(Color::WHITE);
            assert!(white >= 4.5, "white on {} of {color}: {white}", fill(color));
            for scheme in [LIGHT, DARK] {
                let Shades { accent, soft, mine, mine_dim, selected } = scheme.shades(color);
                let on_grounds = scheme.grounds.map(|ground| (accent, ground));
                let others = [
                    (accent, soft),
                    (accent, mine),
                    (scheme.dim, soft),
                    (scheme.text, soft),
                    (scheme.text, mine),
                    (mine_dim, mine),
                    (scheme.text, selected),
                ];
                for (text, ground) in on_grounds.into_iter().chain(others) {
                    let contrast = text.contrast(ground);
                    assert!(contrast >= 4.5, "{color}: {text} on {ground}: {contrast:.2}");
                }
            }
        }
    }

    #[test]
    fn a_colour_that_can_be_read_stays_as_it_is() {
        let blue = Color([0x1a, 0x5f, 0xb4]);
        assert_eq!(fill(blue), blue);
        assert!(style(blue).contains("--accent: light-dark(#1a5fb4, #"), "{}", style(blue));
    }

    /// The tokens that a style sheet gives a value.
    fn tokens(css: &str) -> Vec<&str> {
        let lines = css.lines().filter_map(|line| line.trim().strip_prefix("--"));
        lines.filter_map(|line| Some(line.split_once(':')?.0)).collect()
    }

    #[test]
    fn a_servers_sheet_has_what_the_pages_own_has_and_knows_its_colours() {
        let own = include_str!("../../web/static/accent.css");
        assert_eq!(tokens(&style(Color::BLACK)), tokens(own));
        let page = include_str!("../../web/static/style.css");
        assert!(tokens(own).iter().all(|token| !page.contains(&format!("--{token}:"))));
        for (at, token) in ["panel", "paper", "raised", "sunk"].into_iter().enumerate() {
            let line =
                format!("--{token}: light-dark({}, {});", LIGHT.grounds[at], DARK.grounds[at]);
            assert!(page.contains(&line), "{line}");
        }
        for (token, light, dark) in [("text", LIGHT.text, DARK.text), ("dim", LIGHT.dim, DARK.dim)]
        {
            let line = format!("--{token}: light-dark({light}, {dark});");
            assert!(page.contains(&line), "{line}");
        }
    }
}
